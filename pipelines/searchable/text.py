"""The invisible text of a page as PDF operators: every word on its place, along the slant of its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.searchable.glyphless import GlyphlessFont
from dsvl2.pipelines.words import Slant, words_of

Matrix = tuple[float, float, float, float, float, float]
INVISIBLE = 3  # text rendering mode
_CAPITALS, _SMALL, _BELOW = 0.72, 0.53, 0.21  # usual heights of letters, in ems
_FLAT = frozenset("acemnorsuvwxzgpqy.,;:-_~\u00ab\u00bb\u2022\u2013\u2014\u2026")
_HANGING = frozenset("gjpqy,;()[]{}|/Qç\u201e\u201a§\u00b5")


@dataclass(frozen=True, slots=True)
class Run:
    """A line to write: base-line start and font size in page pixels, and its words as (start, length, text) in pixels."""

    x: float
    y: float
    size: float
    words: tuple[tuple[float, float, str], ...]


def page_text(page: PageResult, to_pdf: Matrix, font: GlyphlessFont, name: str) -> str:
    """Return the operators that write a page's words; empty for a page without text.

    `to_pdf` takes page-image pixels to PDF user space; `name` is the font's among the page's resources.
    """
    slant = Slant.of(page)
    lines = [_line(run, slant, to_pdf, font) for run in _runs(page, slant)]
    if not lines:
        return ""
    return "\n".join(["BT", f"/{name} 1 Tf {INVISIBLE} Tr", *lines, "ET"]) + "\n"


def _line(run: Run, slant: Slant, to_pdf: Matrix, font: GlyphlessFont) -> str:
    dx, dy = slant.direction
    em = (run.size * dx, run.size * dy, run.size * dy, -run.size * dx, run.x, run.y)
    parts = [" ".join(_number(value) for value in _times(em, to_pdf)) + " Tm"]
    here = 0.0
    for place, (start, length, text) in enumerate(run.words):
        stretch = 100 * length / run.size / font.width(text)
        if place:
            step = round((start - here) / run.size, 2)
            parts.append(f"{_number(step)} 0 Td")
            here += step * run.size  # so that rounding does not add up along the line
        more = " " if place < len(run.words) - 1 else ""
        parts.append(f"{_number(max(stretch, 1.0), 0)} Tz {font.encode(text + more)} Tj")
    return " ".join(parts)


def _runs(page: PageResult, slant: Slant) -> Iterator[Run]:
    for line in _lines(page):
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
    lines = list(lines)
    if not lines or page.rotation in (90, 270):
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


def _times(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix that applies `first` and then `then`."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def _number(value: float, digits: int = 3) -> str:
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return "0" if text in ("-0", "") else text
