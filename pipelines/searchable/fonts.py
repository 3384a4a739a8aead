"""The invisible fonts of one document: one of single bytes for WinAnsi text, one of two bytes for all other characters.

Most documents need the first alone: its codes are those of Windows 1252, which every reader turns back into characters
without a ToUnicode map, and its letters are as wide as those of the printed face or of the likest of three, so that a
line mostly needs no number but its place. Both share one TrueType program without outlines (`glyphless`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from dsvl2.pipelines.searchable.glyphless import ASCENT, DESCENT, NAME, truetype, unicode_map
from dsvl2.pipelines.searchable.objects import Objects

WIDE = 500
"""Width of every character of the second font, in 1/1000 of the font size."""
FACES = {"helv": "Helvetica", "tiro": "Times-Roman", "cour": "Courier"}
"""PyMuPDF's names of standard fonts, and those of PDF."""
_ODD = frozenset(range(32)) | {0x7F, 0xA0, 0xAD}  # no characters of their own in WinAnsi (PDF 32000-1, D.2)
_NEVER = frozenset(map(ord, "\0\t\n\f\r ()\\"))  # codes that mean something else in strings
# Codes of standard fonts where nothing is said of an encoding (PDF 32000-1, D.2), beside those that are ASCII's.
_STANDARD = dict(
    zip(
        "\u2018\u2019'`\u201c\u201d\u2013\u2014\u2022\u2026\xa3\xa7",
        b"\x60\x27\xa9\xc1\xaa\xba\xb1\xd0\xb7\xbc\xa3\xa7",
        strict=True,
    )
)
_STANDARD |= {chr(code): code for code in range(0x20, 0x7F) if code not in (0x27, 0x60)}
_ESCAPED = str.maketrans({"(": "\\(", ")": "\\)", "\\": "\\\\"})


class InvisibleFonts:
    """Gives codes to words as they come and writes the fonts that were used.

    `plain` and `wide` are the names of the two fonts in content streams. bare: the first one is not embedded, which
    text that is never painted need not be (ISO 19005-2, 6.2.11.4.1): 280 bytes less. named: nor are its widths written,
    which every viewer has of PDF's standard fonts, and of its shape the heights alone: 150 bytes less.
    """

    plain, wide = "DsvlText", "DsvlMore"

    def __init__(
        self, face: str = "helv", *, bare: bool = False, named: bool = False, letters: Mapping[str, int] | None = None
    ) -> None:
        """`letters`: how often the text has each; a bare font then gives codes to those that Windows 1252 has not."""
        self._face, self._bare, self._named = face, bare, named
        self._widths = face_widths(face)
        self.space = self._widths[0x20] / 1000  # ems, in both fonts
        self._plain: set[int] = set()
        self._codes: dict[str, int] = {}
        self._lent = _lent(letters or {}) if bare else {}
        self._standard = named and bool(letters) and _STANDARD.keys() >= set(letters or {})

    def encode(self, text: str) -> tuple[str, str, float]:
        """Return a font's name, the text as the inside of its PDF string with delimiters, and its width at size 1."""
        codes = _single_bytes(text, self._lent)
        if codes is not None:
            self._plain.update(codes)
            width = sum(map(self._width, codes)) / 1000
            codes = bytes(_STANDARD[letter] for letter in text) if self._standard else codes
            return self.plain, "(" + codes.decode("latin-1").translate(_ESCAPED) + ")", width
        self._codes.setdefault(" ", 1)
        digits = "".join(f"{self._codes.setdefault(c, len(self._codes) + 1):04X}" for c in text)
        return self.wide, f"<{digits}>", sum(self._widths[0x20] if c == " " else WIDE for c in text) / 1000

    def _width(self, code: int) -> int:
        return WIDE if code in self._lent.values() else self._widths[code]

    def embed(self, objects: Objects, places: Mapping[str, int]) -> None:
        """Write the fonts that were used, each to the object that `places` gives by its name."""
        descriptor = ""
        if self._codes or not self._bare:
            outlines = truetype(len(self._codes) + 1)
            program = objects.put_stream(outlines, f"/Length1 {len(outlines)}")
            number = objects.reserve()
            objects.put(number, _descriptor(NAME, f"/FontFile2 {program} 0 R"))
            descriptor = f"{number} 0 R"
        if self._plain:
            objects.put(places[self.plain], self._single(descriptor))
        if self._codes:
            to_unicode = objects.put_stream(unicode_map(self._codes).encode("ascii"))
            objects.put(
                places[self.wide],
                f"<</Type/Font/Subtype/Type0/BaseFont/{NAME}/Encoding/Identity-H/ToUnicode {to_unicode} 0 R"
                f"/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/{NAME}/CIDToGIDMap/Identity"
                "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
                f"/DW {WIDE}/W[1[{self._widths[0x20]}]]/FontDescriptor {descriptor}>>]>>",
            )

    def direct(self) -> str:
        """Return the one font of the text as it can stand among a page's resources; empty if it needs more objects."""
        return self._single("") if self._bare and self._plain and not self._codes else ""

    def _single(self, descriptor: str) -> str:
        """The font of single bytes."""
        first, last = min(self._plain), max(self._plain)
        used = [self._width(code) if code in self._plain else 0 for code in range(first, last + 1)]
        widths = f"/FirstChar {first}/LastChar {last}/Widths[{' '.join(map(str, used))}]"
        kind, name = "TrueType", NAME
        if self._bare:
            kind, name = "Type1", FACES[self._face]
            # Without it PyMuPDF's boxes of words are a third too high.
            descriptor = _descriptor(name, short=self._named)
        encoding = "/Encoding/WinAnsiEncoding"
        if self._lent:  # names that say which character it is (Adobe Glyph List specification, 2)
            names = " ".join(f"{code}/uni{ord(letter):04X}" for letter, code in self._lent.items())
            encoding = f"/Encoding<</BaseEncoding/WinAnsiEncoding/Differences[{names}]>>"
        elif self._standard:
            encoding = ""
        return (
            f"<</Type/Font/Subtype/{kind}/BaseFont/{name}{encoding}"
            f"{'' if self._named and not self._lent else widths}/FontDescriptor{'' if self._bare else ' '}{descriptor}>>"
        )


def _descriptor(name: str, more: str = "", *, short: bool = False) -> str:
    heights = f"/Ascent {ASCENT}/Descent {DESCENT}"
    if short:
        return f"<<{heights}>>"
    return (
        f"<</Type/FontDescriptor/FontName/{name}/Flags 32/FontBBox[0 {DESCENT} 1000 {ASCENT}]"
        f"{heights}/ItalicAngle 0/CapHeight {ASCENT}/StemV 80{more}>>"
    )


def _lent(letters: Mapping[str, int]) -> dict[str, int]:
    """Return codes that the text does not use for the usual of its letters that have none, in order of the codes."""
    free = set(range(256)) - _NEVER
    homeless = []
    for letter in letters:
        own = _windows(letter)
        free -= set(own or b"")
        homeless += [letter] if own is None and " " <= letter <= "\uffff" else []
    usual = sorted(homeless, key=lambda letter: (-letters[letter], letter))[: len(free)]
    return dict(zip(sorted(usual), sorted(free, reverse=True), strict=False))


def _single_bytes(text: str, lent: Mapping[str, int]) -> bytes | None:
    if not lent:
        return _windows(text)
    found = bytearray()
    for letter in text:
        own = bytes([lent[letter]]) if letter in lent else _windows(letter)
        if own is None:
            return None
        found += own
    return bytes(found)


def _windows(text: str) -> bytes | None:
    try:
        codes = text.encode("cp1252")
    except UnicodeEncodeError:
        return None
    return None if _ODD.intersection(codes) else codes


@cache
def face_widths(face: str) -> tuple[int, ...]:
    """Return the widths of the characters of Windows 1252 in one of PDF's standard fonts, in 1/1000 of its size."""
    import pymupdf

    make: Any = pymupdf.Font
    font = make(face)
    letters = [bytes([code]).decode("cp1252", "replace") for code in range(256)]
    return tuple(round(1000 * font.glyph_advance(ord(letter))) if letter >= " " else 0 for letter in letters)


def likest_face(lines: Iterable[Sequence[tuple[str, float]]]) -> str:
    """Return the face in which words, given with their printed lengths line by line, differ least from their line."""
    off = dict.fromkeys(FACES, 0.0)
    for line in lines:
        words = [(codes, length) for text, length in line if length > 0 and (codes := _windows(text))]
        for face in FACES:
            widths = face_widths(face)
            natural = [sum(widths[code] for code in codes) / 1000 for codes, _ in words]
            scale = sum(length for _, length in words) / (sum(natural) or 1.0)
            off[face] += sum(abs(length - scale * own) for (_, length), own in zip(words, natural, strict=True))
    return min(FACES, key=off.__getitem__)
