"""A font without outlines, made for the characters that a document uses: it draws nothing and copies right.

Codes are two bytes, one for each distinct character in order of first use, and the ToUnicode map says what each one
means, so any character of Unicode survives copying. The TrueType program only exists because viewers want one; its
glyphs are empty and its line height is that of common text fonts, so that selections look as usual.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

NAME = "DsvlGlyphless"
UNITS = 1000
WIDTH, SPACE_WIDTH = 500, 250
ASCENT, DESCENT = 950, -250
"""Heights over and under the base line, in 1/1000 of the font size."""
_MOST_IN_MAP = 100  # entries that one section of a ToUnicode map may hold


class GlyphlessFont:
    """The font of one document. `encode` gives codes to characters as they come, `embed` writes what was used."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {" ": 1}

    def encode(self, text: str) -> str:
        """Return the text as a hexadecimal PDF string."""
        return "<" + "".join(f"{self._codes.setdefault(c, len(self._codes) + 1):04X}" for c in text) + ">"

    @staticmethod
    def width(text: str) -> float:
        """Return the width of a text at font size 1."""
        return sum(SPACE_WIDTH if c == " " else WIDTH for c in text) / UNITS

    def embed(self, document: Any, xref: int) -> None:
        """Write the font into an open PyMuPDF document, its dictionary to the object `xref`."""
        outlines = truetype(len(self._codes) + 1)
        program = _stream(document, outlines)
        document.xref_set_key(program, "Length1", str(len(outlines)))
        to_unicode = _stream(document, unicode_map(self._codes).encode("ascii"))
        descriptor, descendant = document.get_new_xref(), document.get_new_xref()
        document.update_object(
            descriptor,
            f"<< /Type /FontDescriptor /FontName /{NAME} /Flags 5 /FontBBox [0 {DESCENT} {WIDTH} {ASCENT}]"
            f" /ItalicAngle 0 /Ascent {ASCENT} /Descent {DESCENT} /CapHeight {ASCENT} /StemV 80"
            f" /FontFile2 {program} 0 R >>",
        )
        document.update_object(
            descendant,
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{NAME} /CIDToGIDMap /Identity"
            " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            f" /DW {WIDTH} /W [1 [{SPACE_WIDTH}]] /FontDescriptor {descriptor} 0 R >>",
        )
        document.update_object(
            xref,
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{NAME} /Encoding /Identity-H"
            f" /DescendantFonts [{descendant} 0 R] /ToUnicode {to_unicode} 0 R >>",
        )


def _stream(document: Any, data: bytes) -> int:
    xref = int(document.get_new_xref())
    document.update_object(xref, "<< >>")
    document.update_stream(xref, data, new=True, compress=True)
    return xref


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
