"""Displayed formulas of a page that is read as text: found on its layout, read beside its bands, put in their lines' place.

A formula counts only where the model is sure of it and what was read there as text is no sentence; elsewhere the lines
stay as they were read, and a notice says so. Pages without anything set in between lines of text cost nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsvl2.pipelines.documents import Block, Box, Line, Notice, geometric_mean
from dsvl2.pipelines.formulas.answers import parse_formula
from dsvl2.pipelines.formulas.dress import dress
from dsvl2.pipelines.formulas.likely import NAME
from dsvl2.pipelines.formulas.picture import X_HEIGHT, canvas, look
from dsvl2.pipelines.formulas.reading import formula_request
from dsvl2.pipelines.formulas.regions import centred_formulas
from dsvl2.pipelines.layout import PageLayout, straightened
from dsvl2.pipelines.layout.assemble import join_lines

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.model import GenerationRequest, GenerationResult, ReadingProfile

_SURE = 0.97  # mean probability of a formula's tokens; of 100 surer ones 87 were right to the sign, 99 nearly
_WORD = re.compile(r"[^\W\d_]{3,}")
_MOST_WORDS, _WORDY = (
    2,
    0.25,
)  # words of a sentence in a formula, and their share of its letters; not "where" and the like
_NUMBER = re.compile(r"[(\[]\s*([A-Z]?[\d.]{1,6}[a-z]?)\s*[)\]]\s*$")


@dataclass(frozen=True, slots=True)
class PageFormula:
    """A formula that may be on a page: where, in upright pixels, and the canvases of it and of its number."""

    box: Box
    image: Image
    number: Image | None = None


def page_formulas(layout: PageLayout, image: Image, profile: ReadingProfile) -> tuple[PageFormula, ...]:
    """Return the displayed formulas of a page as its layout shows them, top down by column."""
    found = []
    places = centred_formulas(layout)
    image = straightened(image, layout) if places else image
    for place in places:
        shown = _canvas(image, place.box, profile)
        number = _canvas(image, place.number, profile) if place.number else None
        if shown is not None:
            found.append(PageFormula(place.box, shown, number))
    return tuple(found)


def _canvas(image: Image, box: Box, profile: ReadingProfile) -> Image | None:
    part = image.crop((int(box.x0) - 1, int(box.y0) - 1, math.ceil(box.x1) + 1, math.ceil(box.y1) + 1))
    picture = look(part)
    return None if picture is None else canvas(picture, profile.tile, profile.max_columns, X_HEIGHT)


def formula_requests(formulas: Sequence[PageFormula]) -> tuple[GenerationRequest, ...]:
    """Return what reads the formulas, each followed by its number."""
    requests = []
    for formula in formulas:
        requests.append(formula_request(formula.image))
        if formula.number is not None:
            requests.append(formula_request(formula.number))
    return tuple(requests)


def with_formulas(
    blocks: Sequence[Block],
    formulas: Sequence[PageFormula],
    answers: Sequence[GenerationResult],
    layout: PageLayout | None = None,
) -> tuple[tuple[Block, ...], tuple[Notice, ...]]:
    """Return the blocks with formulas in the place of the lines that stand where they do, and what was not read surely.

    `answers` are those to `formula_requests`. `layout` leads from the page to the upright page; without it they are one.
    """
    result = tuple(blocks)
    turn = _Turn(layout)
    unsure = nameless = 0
    waiting = iter(answers)
    for formula in formulas:
        answer = next(waiting)
        number = next(waiting).text if formula.number is not None else ""
        lines = _lines_in(result, formula.box, turn)
        if is_sentence(" ".join(line.text for line in lines if line.box)):
            continue
        latex, sure = _latex(answer)
        cut = formula.number is None and any(_goes_beyond(turn.upright(line), formula.box) for line in lines)
        if cut or sure < _SURE:
            unsure += 1
            continue
        if formula.number is not None:
            found = next((f for text in (number, *(k.text for k in lines)) if (f := _NUMBER.search(text))), None)
            latex += f" \\tag{{{found[1]}}}" if found else ""
            nameless += found is None
        block = Block("formula", latex, turn.page(formula.box), 0, lines, sure)
        result = _put(result, block) if lines else _insert(result, block)
    return result, _notices(unsure, nameless)


def _notices(unsure: int, nameless: int) -> tuple[Notice, ...]:
    notices = []
    if unsure:
        many = "1 formula was" if unsure == 1 else f"{unsure} formulas were"
        notices.append(Notice("formula_unsure", f"{many} not read surely; the plain text stands there instead"))
    if nameless:
        many = "1 formula" if nameless == 1 else f"{nameless} formulas"
        notices.append(Notice("formula_number", f"the number beside {many} could not be read"))
    return tuple(notices)


def _latex(answer: GenerationResult) -> tuple[str, float]:
    """Return a formula and how sure it is; 0 where it is cut off or cannot be typeset."""
    parsed = parse_formula(answer.text)
    if answer.truncated or parsed.dropped or not parsed.value:
        return "", 0.0
    return dress(parsed.value), geometric_mean(answer.logprobs) or 0.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """The way between boxes on the page and on the upright page."""

    layout: PageLayout | None

    def upright(self, line: Line) -> Box | None:
        return self.layout.to_upright(line.box) if self.layout and line.box else line.box

    def page(self, box: Box) -> Box:
        return self.layout.to_page(box) if self.layout else box


def _lines_in(blocks: Sequence[Block], box: Box, turn: _Turn) -> tuple[Line, ...]:
    """Return the lines that stand in a box, and those without a place that were read between or right after them."""
    found: list[Line] = []
    for block in blocks:
        before = False
        for line in block.lines if block.kind != "table" else ():
            before = (before and line.box is None) or _stands_in(turn.upright(line), box)
            if before:
                found.append(line)
    return tuple(found)


def is_sentence(text: str) -> bool:
    """Say whether a text has more words of a language than a formula has."""
    words = [word for word in _WORD.findall(text) if not NAME.fullmatch(word)]
    return len(words) > _MOST_WORDS or sum(map(len, words)) > _WORDY * len(re.sub(r"\s", "", text))


def _stands_in(line: Box | None, box: Box) -> bool:
    """Say whether a line's middle is at a formula's height and at least a part of it in the formula."""
    if line is None:
        return False
    middle = (line.y0 + line.y1) / 2
    return box.y0 < middle < box.y1 and min(line.x1, box.x1) > max(line.x0, box.x0)


def _goes_beyond(line: Box | None, box: Box) -> bool:
    """Say whether a line has text beside the formula that stands in it."""
    if line is None:
        return False
    slack = 0.5 * (line.y1 - line.y0)
    return line.x0 < box.x0 - slack or line.x1 > box.x1 + slack


def _put(blocks: Sequence[Block], formula: Block) -> tuple[Block, ...]:
    """Return the blocks with the formula where the first of its lines stood; the rest of a block stays on both sides."""
    taken = {id(line) for line in formula.lines}
    result: list[Block] = []
    done = False
    for block in blocks:
        if block.kind == "table" or not any(id(line) in taken for line in block.lines):
            result.append(block)
            continue
        first = next(k for k, line in enumerate(block.lines) if id(line) in taken)
        before, after = block.lines[:first], [line for line in block.lines[first:] if id(line) not in taken]
        result += _part(block, before)
        if not done:
            result.append(formula)
            done = True
        result += _part(replace(block, kind="paragraph", level=0) if before else block, after)
    return tuple(result)


def _insert(blocks: Sequence[Block], formula: Block) -> tuple[Block, ...]:
    """Return the blocks with a formula of which no line was read, before the first block that stands below it."""
    box = formula.box
    assert box is not None
    known = [(k, block.box) for k, block in enumerate(blocks) if block.box]
    apart = [(k, b, b.x1 <= box.x0 or b.x0 >= box.x1) for k, b in known]
    columns = any(aside and b.y0 < box.y1 and b.y1 > box.y0 for _, b, aside in apart)
    places = (k for k, b, aside in apart if b.y0 > (box.y0 + box.y1) / 2 and not (columns and aside))
    place = next(places, len(blocks))
    return (*blocks[:place], formula, *blocks[place:])


def _part(block: Block, lines: Sequence[Line]) -> list[Block]:
    """Return the block with only these lines, none without lines."""
    boxes = [line.box for line in lines if line.box]
    if not lines:
        return []
    around = Box(*(float(f(getattr(b, side) for b in boxes)) for f, side in _SIDES)) if boxes else None
    return [replace(block, text=join_lines([line.text for line in lines]), box=around, lines=tuple(lines))]


_SIDES = ((min, "x0"), (min, "y0"), (max, "x1"), (max, "y1"))
