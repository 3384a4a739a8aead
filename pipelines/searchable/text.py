"""The invisible text of a page as PDF operators: every word on its place, along the slant of its line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from statistics import median

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.syntax import number
from dsvl2.pipelines.words import Slant, slants_of, words_of

Matrix = tuple[float, float, float, float, float, float]
INVISIBLE = 3  # text rendering mode
_SAME_SIZE, _SAME_STRETCH, _SAME_PLACE = 0.03, 0.15, 0.12  # of a size, of a width, ems: not worth a number
_SAME_PERCENT = 2
_LIKE_MOST, _STEADY = 0.12, 0.08  # of the usual size, of the size: for the fewest bytes not worth a number
_SHIFTED, _SHIFT_STEP = 0.6, 20  # ems that a word of a line with moved words may be off; 1/1000 ems
_ASIDE = 0.5  # ems that a word of a line in one string may be off: boxes overlap by .02 to .05 less then
_STEP_BACK = 0.18  # ems; from 0.2 on pdf.js joins the words
_ONE_STRING = re.compile(r"\((?:[^()\\]|\\.)*\)|<[^<>]*>")
_CAPITALS, _SMALL, _BELOW = 0.72, 0.53, 0.21  # usual heights of letters, in ems
_FLAT = frozenset("acemnorsuvwxzgpqy.,;:-_~\u00ab\u00bb\u2022\u2013\u2014\u2026")
_HANGING = frozenset("gjpqy,;()[]{}|/Qç\u201e\u201a§\u00b5")


@dataclass(frozen=True, slots=True)
class Thrift:
    """How text is written where a file must not grow much.

    slack: how far words may be off, in usual measures: more needs fewer numbers. whole: a line is one string if no word
    is off by more than half its size. bare: single bytes are in a standard font, which a viewer has, and the file says
    nothing of itself. packed: what was there is packed harder, with the same pixels. named: of that font only its name.
    unit: points; every place and size is a whole number of these. steady: most lines have one size and one distance.
    """

    slack: float = 1.0
    whole: bool = False
    bare: bool = False
    packed: bool = False
    named: bool = False
    unit: float = 0.1
    steady: bool = False


PLAIN = Thrift()
_Coded = tuple[float, float, str, str, float]
"""A word's start and length in pixels, its font, codes, and width at size 1, that of the space behind it included."""


@dataclass(frozen=True, slots=True)
class Run:
    """A line to write: base-line start and font size in page pixels, and its words as (start, length, text) in pixels."""

    x: float
    y: float
    size: float
    words: tuple[tuple[float, float, str], ...]


def page_text(
    page: PageResult, to_pdf: Matrix, fonts: InvisibleFonts, names: Mapping[str, str], thrift: Thrift = PLAIN
) -> bytes:
    """Return the operators that write a page's words; empty for a page without text.

    `to_pdf` takes page-image pixels to PDF user space; `names` are those of the fonts among the page's resources.
    """
    written = b""
    for slant in slants_of(page):
        writer = _Writer(_frame(slant, to_pdf, thrift.unit), to_pdf, fonts, names, thrift)
        for run in _of_one_size(list(_runs(page, slant))) if thrift.steady else _runs(page, slant):
            writer.line(run)
        written += "".join([f"BT {INVISIBLE} Tr", *writer.parts, "\nET\n"] if writer.parts else "").encode("latin-1")
    return written


def fonts_in(text: bytes, names: Mapping[str, str]) -> list[str]:
    """Return which of the fonts the operators of a page use."""
    return [font for font, name in names.items() if f"\n/{name} ".encode("ascii") in text]


def word_lengths(page: PageResult) -> Iterator[list[tuple[str, float]]]:
    """Yield the words of every line with their lengths in page pixels."""
    for run in (run for slant in slants_of(page) for run in _runs(page, slant)):
        yield [(text, length) for _, length, text in run.words]


def _frame(slant: Slant, to_pdf: Matrix, unit: float) -> Matrix:
    """Return the map from a frame along the text, in units of `unit` points and y upwards, to PDF user space."""
    dx, dy = slant.direction
    a, b, c, d, _, _ = to_pdf
    scale = unit / math.hypot(a, b)
    along, up = (dx * a + dy * c, dx * b + dy * d), (dy * a - dx * c, dy * b - dx * d)
    return (along[0] * scale, along[1] * scale, up[0] * scale, up[1] * scale, 0.0, 0.0)


class _Writer:
    """Writes lines one after the other in whole numbers of the frame, and leaves out what did not change."""

    def __init__(
        self, frame: Matrix, to_pdf: Matrix, fonts: InvisibleFonts, names: Mapping[str, str], thrift: Thrift
    ) -> None:
        self.parts: list[str] = []
        self._whole, self._digits = thrift.whole, 1 if thrift.steady else 2
        self._steady = _STEADY if thrift.steady else 0.0
        self._same_stretch, self._same_place = thrift.slack * _SAME_STRETCH, thrift.slack * _SAME_PLACE
        self._frame, self._to_pdf, self._fonts, self._names = frame, to_pdf, fonts, names
        self._per_pixel = math.hypot(to_pdf[0], to_pdf[1]) / thrift.unit
        self._font, self._size, self._stretch = "", 0, 100
        self._x, self._y, self._step = 0, 0, (0, 0)  # where the last line began, and from the one before

    def line(self, run: Run) -> None:
        """Write a line: its words with the gaps between them where those are not what a space is wide."""
        size = max(round(run.size * self._per_pixel), 1)
        if abs(size - self._size) <= _SAME_SIZE * self._size:
            size = self._size
        self._place(run, max(round(self._steady * size), 1))
        em = size / self._per_pixel
        blanks = [" "] * (len(run.words) - 1) + [""]
        words = [
            (*word[:2], *self._fonts.encode(word[2] + blank)) for word, blank in zip(run.words, blanks, strict=True)
        ]
        if self._whole and (stretch := _one_stretch(words, em)):
            percent = round(100 * stretch)
            percent = self._stretch if abs(percent - self._stretch) <= _SAME_PERCENT else percent
            self._string(words, size, percent, [""] * len(words))
            return
        if self._steady and (moved := _shifted(words, em, self._fonts.space)):
            self._string(words, size, round(100 * moved[0]), moved[1])
            return
        natural = sum(width for *_, width in words) - self._fonts.space * (len(words) - 1)
        usual = sum(length for _, length, *_ in words) / em / natural
        nexts = [start for start, *_ in words[1:]] + [math.inf]
        here, shown = 0.0, ""
        for (start, length, font, codes, width), after in zip(words, nexts, strict=True):
            at = start if abs(start - here) > self._same_place * em else here
            own, room = length / em / (width - self._fonts.space * (after < math.inf)), (after - at) / em / width
            fits = abs(usual / own - 1) <= self._same_stretch and (usual - room) * width <= _STEP_BACK
            percent = max(round(100 * (usual if fits else min(own, room))), 1)
            if fits and abs(percent - self._stretch) <= _SAME_PERCENT:
                percent = self._stretch
            if (font, size, percent) != (self._font, self._size, self._stretch):
                shown = self._end(shown)
                self._set(font, size, percent)
            if at != here:
                shown += ("" if shown else "[") + f"{-round(1000 * (at - here) / em / (percent / 100))}"
            shown = _joined(shown or "[", codes)
            here = at + width * em * percent / 100
        self._end(shown)

    def _string(self, words: list[_Coded], size: int, percent: int, shifts: list[str]) -> None:
        """Write a line as one string, moved within it."""
        self._set(words[0][2], size, percent)
        parts = (part for shift, word in zip(shifts, words, strict=True) for part in (shift, word[3]) if part)
        self._end(reduce(_joined, parts, "["))

    def _set(self, font: str, size: int, percent: int) -> None:
        """Write what is new of font, size and stretch."""
        if (font, size) != (self._font, self._size):
            self.parts.append(f"\n/{self._names[font]} {size} Tf")
        if percent != self._stretch:
            self.parts.append(f" {percent} Tz")
        self._font, self._size, self._stretch = font, size, percent

    def _place(self, run: Run, same: int) -> None:
        x, y = _apply(self._to_pdf, run.x, run.y)
        if not self.parts:  # the frame begins where the first line does
            a, b, c, d, _, _ = self._frame
            self._frame = (a, b, c, d, x, y)
            numbers = [
                *(number(value, 6) for value in (a, b, c, d)),
                number(x, self._digits),
                number(y, self._digits),
            ]
            self.parts.append(" " + " ".join(numbers) + " Tm")
            return
        a, b, c, d, e, f = self._frame
        determinant = a * d - b * c
        across, up = ((x - e) * d - (y - f) * c) / determinant, ((y - f) * a - (x - e) * b) / determinant
        step = (round(across) - self._x, round(up) - self._y)
        if max(abs(step[0] - self._step[0]), abs(step[1] - self._step[1])) <= same:
            step = self._step  # lines come at even distances: the same numbers pack better
        self.parts.append(f"\n{step[0]} {step[1]} Td")
        self._x, self._y, self._step = self._x + step[0], self._y + step[1], step

    def _end(self, shown: str) -> str:
        """Show what was gathered; return the empty beginning of what comes next."""
        if shown:
            single = shown[1:] if shown[1:2] in ("(", "<") and _ONE_STRING.fullmatch(shown, 1) else ""
            self.parts.append(f"{single}Tj" if single else f"{shown}]TJ")
        return ""


def _shifted(words: list[_Coded], em: float, space: float) -> tuple[float, list[str]] | None:
    """Return a stretch for a line in one string and what moves its words; None if they would be too far off all the same."""
    ends = list(accumulate(width for *_, width in words))
    fitted = sum(end * (word[0] + word[1]) for end, word in zip(ends, words, strict=True)) / em
    stretch = max(round(100 * fitted / sum(end * end for end in ends)), 1) / 100
    done, shifts = 0.0, list[str]()
    for start, length, font, _, width in words:
        off, shift = start / em - done * stretch, 0
        if abs(off) > _ASIDE:
            shift = _SHIFT_STEP * round(1000 * max(off, -_STEP_BACK) / stretch / _SHIFT_STEP)
        done += shift / 1000
        wrong = max(abs(start / em - done * stretch), abs(length / em - (width - space) * stretch))
        if font != words[0][2] or wrong > _SHIFTED:
            return None
        done += width
        shifts.append(f"{-shift}" if shift else "")
    return stretch, shifts


def _joined(shown: str, string: str) -> str:
    """Put a string behind what is shown, into the string that this ends with if it is of the same kind."""
    both = shown[-1] + string[0]
    return shown[:-1] + string[1:] if both in (")(", "><") else shown + string


def _one_stretch(words: list[_Coded], em: float) -> float | None:
    """Return how a line has to be stretched to be one string; None if a word would be too far from its place."""
    stretch = (words[-1][0] + words[-1][1]) / em / sum(width for *_, width in words)
    done = 0.0
    for start, _, font, _, width in words:
        if font != words[0][2] or abs(done * stretch - start / em) > _ASIDE:
            return None
        done += width
    return stretch


def _of_one_size(runs: list[Run]) -> list[Run]:
    usual = median(run.size for run in runs) if runs else 0.0
    return [replace(run, size=usual) if abs(run.size - usual) <= _LIKE_MOST * usual else run for run in runs]


def _runs(page: PageResult, slant: Slant) -> Iterator[Run]:
    usual = Slant.of(page)
    for line in (line for line in _lines(page) if usual.of_line(line) == slant):
        words = [word for word in words_of(line, slant) if word.text]
        if line.box is None or not words:
            continue
        x, y, _length, height = slant.upright(line.box)
        above, below = _heights(line.text)
        size = height / (above + below)
        dx, dy = slant.direction
        down = height / 2 - below * size  # from the middle of the line to its base line
        placed = []
        for word in words:
            wx, wy, along, _ = slant.upright(word.box)
            placed.append(((wx - x) * dx + (wy - y) * dy - along / 2, along, word.text))
        first = placed[0][0]
        start_x, start_y = x + first * dx - down * dy, y + first * dy + down * dx
        yield Run(start_x, start_y, size, tuple((start - first, along, text) for start, along, text in placed))


def _lines(page: PageResult) -> Iterator[Line]:
    """Yield all lines with boxes; what has none shares the box of its block, or the page, from top to bottom."""
    whole = Box(0.05 * page.width_px, 0.05 * page.height_px, 0.95 * page.width_px, 0.95 * page.height_px)
    homeless: list[Line] = []
    for block in page.blocks:
        lines = block.lines or tuple(Line(text) for text in _texts(block))
        placed = [line for line in lines if line.box is not None]
        yield from placed
        rest = [line for line in lines if line.box is None and line.text.strip()]
        if block.box is not None and not placed:
            yield from _shared(rest, block.box, page)
        else:
            homeless += rest
    yield from _shared(homeless, whole, page)


def _texts(block: Block) -> list[str]:
    return [text for text in block.text.split("\n") if text.strip()]


def _shared(lines: Iterable[Line], box: Box, page: PageResult) -> Iterator[Line]:
    if not (lines := list(lines)) or page.rotation in (90, 270):
        yield from (replace(line, box=box) for line in lines)
        return
    step = (box.y1 - box.y0) / len(lines)
    tall = min(step, page.dpi / 6 or step)
    for place, line in enumerate(lines):
        top = box.y0 + place * step
        yield replace(line, box=Box(box.x0, top, box.x1, top + tall))


def _heights(text: str) -> tuple[float, float]:
    """Return how far the ink of a text reaches over and under its base line, in ems, for usual fonts."""
    letters = set(text) - {" ", "\t"}
    return (_SMALL if letters <= _FLAT else _CAPITALS), (_BELOW if letters & _HANGING else 0.01)


def _apply(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
