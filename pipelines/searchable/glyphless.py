"""A TrueType program whose glyphs are empty, and the map that says which characters codes stand for.

The program only exists because viewers want one. Its heights are those of the ink of common text fonts, capitals to
descenders: a viewer's box of a word then is the word's, not that of the line's spacing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

NAME = "DsvlGlyphless"
UNITS = 1000
WIDTH = 500
ASCENT, DESCENT = 770, -230
"""Heights over and under the base line, in 1/1000 of the font size; together no less than 1: where a font is lower,
PyMuPDF 1 makes boxes of its own, three times as high where words are stretched."""
_MOST_IN_MAP = 100  # entries that one section of a ToUnicode map may hold


def unicode_map(codes: Mapping[str, int]) -> str:
    """Return the ToUnicode CMap (PDF 32000-1, 9.10.3) of characters and their codes."""
    entries = [f"<{code:04X}> <{char.encode('utf-16-be', 'replace').hex().upper()}>" for char, code in codes.items()]
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    for start in range(0, len(entries), _MOST_IN_MAP):
        part = entries[start : start + _MOST_IN_MAP]
        lines += [f"{len(part)} beginbfchar", *part, "endbfchar"]
    return "\n".join([*lines, "endcmap CMapName currentdict /CMap defineresource pop end end"]) + "\n"


def truetype(glyphs: int) -> bytes:
    """Return a TrueType program of `glyphs` empty glyphs: the tables that PDF asks for (OpenType 1.9), no more."""
    head = struct.pack(
        ">IIIIHHqqhhhhHHhhh",
        0x00010000, 0x00010000, 0, 0x5F0F3CF5, 3, UNITS, 0, 0, 0, DESCENT, WIDTH, ASCENT, 0, 8, 2, 0, 0,
    )  # fmt: skip
    hhea = struct.pack(">IhhhHhhhhhhhhhhhH", 0x00010000, ASCENT, DESCENT, 0, WIDTH, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    maxp = struct.pack(">IH13H", 0x00010000, glyphs, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    hmtx = struct.pack(">Hh", WIDTH, 0) + bytes(2 * (glyphs - 1))
    cmap = struct.pack(">HHHHIHHHHHHHHHHHH", 0, 1, 3, 1, 12, 4, 24, 0, 2, 2, 0, 0, 0xFFFF, 0, 0xFFFF, 1, 0)
    tables = {
        b"cmap": cmap, b"glyf": bytes(4), b"head": head, b"hhea": hhea, b"hmtx": hmtx,
        b"loca": bytes(2 * (glyphs + 1)), b"maxp": maxp,
    }  # fmt: skip
    return _assemble(tables)


def _assemble(tables: Mapping[bytes, bytes]) -> bytes:
    count = len(tables)
    power = count.bit_length() - 1
    header = struct.pack(">IHHHH", 0x00010000, count, 16 << power, power, 16 * count - (16 << power))
    offset = len(header) + 16 * count
    directory, body = b"", b""
    for tag, data in sorted(tables.items()):
        padded = data + bytes(-len(data) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", tag, checksum, offset + len(body), len(data))
        body += padded
    program = header + directory + body
    adjustment = (0xB1B0AFBA - sum(struct.unpack(f">{len(program) // 4}I", program))) & 0xFFFFFFFF
    (place,) = struct.unpack_from(">I", directory, directory.index(b"head") + 8)
    return program[: place + 8] + struct.pack(">I", adjustment) + program[place + 12 :]
