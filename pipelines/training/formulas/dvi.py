"""Reads what TeX writes: pages of a DVI file as glyphs and rules in points.

Format: D. E. Knuth and D. R. Fuchs, "The format of TeX's DVI files" (TUGboat 3:2, 1982); character widths from the TFM files
("TeX font metric files", TUGboat 2:1, 1981). Virtual fonts must have been replaced before (`dvicopy`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_SP = 65536.0 * 1.0  # scaled points in a point


@dataclass(frozen=True, slots=True)
class FontUse:
    """A font as a document uses it: TFM name and size in points."""

    name: str
    size: float


@dataclass(slots=True)
class DviPage:
    """One page; x to the right, y down, of each glyph's origin and each rule's lower left corner, in points."""

    number: int
    glyphs: list[tuple[FontUse, int, float, float]] = field(default_factory=list)  # font, code, x, y
    rules: list[tuple[float, float, float, float]] = field(default_factory=list)  # x, y, width, height


def widths_of(tfm: bytes) -> dict[int, float]:
    """Character code -> width as a fraction of the font size."""
    lengths = struct.unpack(">12H", tfm[:24])
    header, first, last, count = lengths[1], lengths[2], lengths[3], lengths[4]
    table = 24 + 4 * header
    start = table + 4 * (last - first + 1)
    widths = [value / (1 << 20) for value in struct.unpack(f">{count}i", tfm[start : start + 4 * count])]
    return {
        code: widths[tfm[table + 4 * (code - first)]]
        for code in range(first, last + 1)
        if tfm[table + 4 * (code - first)]
    }


class DviReader:
    """Walks the commands of one file."""

    def __init__(self, data: bytes, widths: Callable[[str], dict[int, float]]) -> None:
        self.data = data
        self.widths = widths
        self.at = 0
        self.fonts: dict[int, FontUse] = {}
        self.font = FontUse("", 0.0)
        self.h = self.v = self.w = self.x = self.y = self.z = 0
        self.stack: list[tuple[int, int, int, int, int, int]] = []
        self.page = DviPage(0)

    def _int(self, size: int, *, signed: bool = True) -> int:
        value = int.from_bytes(self.data[self.at : self.at + size], "big", signed=signed)
        self.at += size
        return value

    def pages(self) -> Iterator[DviPage]:
        """Every page in order; raises ValueError for what is no DVI file."""
        if self.data[:2] != b"\xf7\x02":
            raise ValueError("not a DVI file: it does not begin with a version 2 preamble")
        while self.at < len(self.data):
            code = self._int(1, signed=False)
            if code == 140:  # eop
                yield self.page
            elif code == 248:  # post: all pages are read
                return
            elif code < 128:
                self._character(code, move=True)
            elif 171 <= code <= 234:
                self.font = self.fonts[code - 171]
            else:
                self._command(code)

    def _command(self, code: int) -> None:
        if code <= 131:
            self._character(self._int(code - 127, signed=False), move=True)
        elif code in (132, 137):
            self._rule(move=code == 132)
        elif 133 <= code <= 136:
            self._character(self._int(code - 132, signed=False), move=False)
        elif code == 139:
            self._begin_page()
        elif code == 141:
            self.stack.append((self.h, self.v, self.w, self.x, self.y, self.z))
        elif code == 142:
            self.h, self.v, self.w, self.x, self.y, self.z = self.stack.pop()
        elif 143 <= code <= 170:
            self._move(code)
        elif 235 <= code <= 238:
            self.font = self.fonts[self._int(code - 234, signed=False)]
        elif 239 <= code <= 242:  # special
            size = self._int(code - 238, signed=False)
            self.at += size
        elif 243 <= code <= 246:
            self._define_font(self._int(code - 242, signed=False))
        elif code == 247:
            self.at += 13
            comment = self._int(1, signed=False)
            self.at += comment
        elif code != 138:
            raise ValueError(f"unknown DVI command {code} at byte {self.at - 1}")

    def _begin_page(self) -> None:
        number = self._int(4)
        self.at += 40
        self.h = self.v = self.w = self.x = self.y = self.z = 0
        self.stack.clear()
        self.page = DviPage(number)

    def _move(self, code: int) -> None:
        if code <= 146:
            self.h += self._int(code - 142)
        elif code <= 151:
            self.w = self._int(code - 147) if code > 147 else self.w
            self.h += self.w
        elif code <= 156:
            self.x = self._int(code - 152) if code > 152 else self.x
            self.h += self.x
        elif code <= 160:
            self.v += self._int(code - 156)
        elif code <= 165:
            self.y = self._int(code - 161) if code > 161 else self.y
            self.v += self.y
        else:
            self.z = self._int(code - 166) if code > 166 else self.z
            self.v += self.z

    def _character(self, code: int, *, move: bool) -> None:
        self.page.glyphs.append((self.font, code, self.h / _SP, self.v / _SP))
        if move:
            self.h += round(self.widths(self.font.name).get(code, 0.0) * self.font.size * _SP)

    def _rule(self, *, move: bool) -> None:
        height, width = self._int(4), self._int(4)
        if height > 0 and width > 0:
            self.page.rules.append((self.h / _SP, self.v / _SP, width / _SP, height / _SP))
        if move:
            self.h += width

    def _define_font(self, number: int) -> None:
        self.at += 4  # checksum
        scaled = self._int(4, signed=False)
        self.at += 4  # design size
        area, length = self._int(1, signed=False), self._int(1, signed=False)
        name = self.data[self.at + area : self.at + area + length].decode("ascii")
        self.at += area + length
        self.fonts[number] = FontUse(name, scaled / _SP)
