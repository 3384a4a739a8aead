"""Formulas inside lines of running text: found by raised, lowered and stacked ink, read beside the page's bands.

A formula takes the place of the words that were read there as `\\(...\\)` only if the model is sure of it, it can be
typeset and holds what a line of text cannot say (scripts, fractions, roots). Ordinals, notes and degrees stay text; the
lines of the block keep what was read. Pages without such ink cost nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Block, Box, Line, geometric_mean
from dsvl2.pipelines.formats.latex_math import compiles
from dsvl2.pipelines.formulas.answers import parse_formula
from dsvl2.pipelines.formulas.dress import dress
from dsvl2.pipelines.formulas.picture import X_HEIGHT, canvas, look
from dsvl2.pipelines.layout import InkLine, PageInk, PageLayout, straightened
from dsvl2.pipelines.layout.assemble import join_lines

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.model import GenerationResult, ReadingProfile

# Lengths in heights of the line's small letters.
_SCRIPT = 0.62  # height of the smallest script; commas, quotation marks and dots are lower
_LOW = 0.7  # height of a lowered one: commas of small print and what comes loose from a g are lower
_LOWERED, _RAISED = 0.14, 0.35  # below the base line, and above it, at least
_NEXT, _LOOSE = 0.45, 0.62  # between a sign and its script, at most; before a raised one after a slanting letter
_SPACE = 0.42  # between words, and around relations
_RELATION = (1.15, 2.7)  # width of a sign of relation; a lone letter a is narrower
_PLUS, _ON_AXIS = 0.3, 0.16  # share of its box that a plus inks, at most; its middle from the axis
_AXIS = 0.58  # above the base line
_WIDEST = 22.0  # of a formula in a line
_MOST, MOST_TOKENS = 16, 40  # formulas of a page that are asked for, tokens of each
_MOST_OF_LINES = 0.6  # share of a page's lines with such ink; more is print that is not level, or no print
_SURE = 0.97  # mean probability of a formula's tokens
_STRUCTURE = re.compile(r"[_^]|\\(?:frac|sqrt|sum|int|prod)(?![a-zA-Z])")
_OPEN = re.compile(r"[-+=<>]\s*(?:\}|$)|\\(?:pm|mp|times|cdot|in|leq|geq|neq)\s*(?:\}|$)")  # something followed
_TEXTUAL = re.compile(
    r"(?<![\\a-zA-Z])[a-zA-Z]{2,}(?![a-zA-Z])|\\(?:text|mathrm|mathbf|mathit|mathsf|mathtt)(?![a-zA-Z])"
    r"|\^\{?(?:\\circ|\\prime|1|st|nd|rd|th|\\ast|\\dagger|\*)\}?(?![\d])|(?<![\d.])(?!10\^)\d+\^\{?\d"
)


@dataclass(frozen=True, slots=True)
class InlineFormula:
    """A part of a line that may be a formula: the line's ink and the part's box, upright pixels, and its canvas."""

    line: InkLine
    box: Box
    image: Image


def inline_formulas(
    layout: PageLayout, image: Image, profile: ReadingProfile, displayed: Sequence[Box] = (), *, every: bool = False
) -> tuple[InlineFormula, ...]:
    """Return the parts of a page's lines of text that may be formulas, in reading order.

    Lines in the boxes of `displayed` formulas (upright pixels) are none of running text. `every`: however many there are,
    for who wants the formulas; else only some, and none of a page that is full of them, as a page askew may seem to be.
    """
    ink = layout.ink
    if ink is None or layout.blank:
        return ()
    lines = [line for region in layout.regions if region.kind == "text" for band in region.bands for line in band.lines]
    lines = [
        line
        for line in lines
        if not any(k.y0 < line.middle < k.y1 and k.x0 < line.x1 and line.x0 < k.x1 for k in displayed)
    ]
    places = [(line, box) for line in lines for box in _parts(line, ink)]
    full = len({id(line) for line, _ in places}) > max(3, _MOST_OF_LINES * len(lines))
    if not places or (full and not every):
        return ()
    page = straightened(image, layout)
    found = []
    for line, box in places if every else places[:_MOST]:
        part = page.crop((int(box.x0) - 1, int(box.y0) - 1, math.ceil(box.x1) + 1, math.ceil(box.y1) + 1))
        picture = look(part)
        if picture is not None:
            found.append(InlineFormula(line, box, canvas(picture, profile.tile, profile.max_columns, X_HEIGHT)))
    return tuple(found)


def _parts(line: InkLine, ink: PageInk) -> list[Box]:
    """Return the boxes of the words of a line that hold scripts or stacks, joined over relations."""
    unit = line.base - line.top
    x0, y0, x1, y1 = ink.boxes.T
    middle = (y0 + y1) / 2
    inside = (
        (middle > line.top - 1.2 * unit) & (middle < line.base + 0.9 * unit) & (x1 > line.x0 - 1) & (x0 < line.x1 + 1)
    )
    inside &= (y1 - y0 < 3.5 * unit) & (y1 > line.y0 - 0.3 * unit) & (y0 < line.y1 + 0.3 * unit)
    own = inside & (unit > 0)
    if not own.any():
        return []
    bars = _bars(ink.boxes[own], line, ink, unit)
    boxes = np.concatenate([ink.boxes[own], bars])
    area = np.concatenate([ink.area[own], np.zeros(len(bars), np.float32)])
    share = area / np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1)
    order = np.argsort(boxes[:, 0], kind="stable")
    boxes, share = boxes[order], share[order]
    raised = (boxes[:, 3] < line.base - _RAISED * unit) & (boxes[:, 3] - boxes[:, 1] > _SCRIPT * unit)
    words = _words(boxes, np.where(raised, _LOOSE, _SPACE) * unit)
    marked = [_is_marked(word, line, unit) for word in words]
    starts = np.cumsum([0, *(len(word) for word in words)])
    relation = [
        _is_relation(word, unit) or (len(word) == 1 and _is_plus(word[0], float(share[at]), line, unit))
        for word, at in zip(words, starts, strict=False)
    ]
    found: list[Box] = []
    k = 0
    while k < len(words):
        if not marked[k]:
            k += 1
            continue
        first = last = k
        while first > 1 and relation[first - 1]:
            first -= 2
        while last + 2 < len(words) and relation[last + 1]:
            last += 2
        whole = np.concatenate(words[first : last + 1])
        left, top, right, bottom = whole[:, 0].min(), whole[:, 1].min(), whole[:, 2].max(), whole[:, 3].max()
        if (
            right - left < _WIDEST * unit
            and not _is_cut(ink, left, top, right, bottom, unit)
            and (not found or left > found[-1].x1)
        ):
            found.append(Box(float(left), float(top), float(right), float(bottom)))
        k = last + 1
    return found


def _is_cut(ink: PageInk, left: float, top: float, right: float, bottom: float, unit: float) -> bool:
    """Say whether a straight line (of a root or a fraction) goes on beyond a part of a line."""
    x0, y0, x1, y1 = ink.rules.T
    over = (x0 < right) & (x1 > left) & (y0 > top - 0.6 * unit) & (y1 < bottom + 0.6 * unit)
    return bool((over & ((x0 < left - 0.3 * unit) | (x1 > right + 0.3 * unit))).any())


def _bars(boxes: NDArray[np.float32], line: InkLine, ink: PageInk, unit: float) -> NDArray[np.float32]:
    """Return the long bars of a line's roots and fractions [B, 4]: what stands under or over one is one word with it.

    Short ones are among the line's own `boxes`. A root may be one piece with its bar, or a sign that ends where a
    straight line begins; without such a sign a line so high is one below the words above.
    """
    both = np.concatenate([ink.rules, ink.art])
    x0, y0, x1, y1 = both.T
    near = (x1 > line.x0 - 1) & (x0 < line.x1 + 1) & (x1 - x0 > 0.8 * unit) & (y1 < line.base + 0.9 * unit)
    near &= (y0 > line.top - 2.2 * unit) & (y0 < line.base - 0.35 * unit) & (y1 - y0 < 3.5 * unit)
    for k in np.flatnonzero(near[: len(ink.rules)] & (y0[: len(ink.rules)] < line.top - 0.3 * unit)).tolist():
        hook = (np.abs(boxes[:, 2] - x0[k]) < 0.4 * unit) & (np.abs(boxes[:, 1] - y0[k]) < 0.3 * unit)
        near[k] = hook.any()
    kept: NDArray[np.float32] = both[near]
    return kept


def _words(boxes: NDArray[np.float32], space: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    reach = np.maximum.accumulate(boxes[:, 2])
    cuts = np.flatnonzero(boxes[1:, 0] - reach[:-1] > space[1:]) + 1
    return np.split(boxes, cuts)


def _is_marked(word: NDArray[np.float32], line: InkLine, unit: float) -> bool:
    """Say whether a word holds a lowered or raised sign beside a full one, or signs above and below a bar."""
    x0, y0, x1, y1 = word.T
    high, wide = y1 - y0, x1 - x0
    letter = (high > _SCRIPT * unit) & (high < 1.5 * unit) & (wide > 0.2 * unit)
    lowered = (
        letter
        & (high > _LOW * unit)
        & (wide > 0.35 * unit)
        & (y1 > line.base + _LOWERED * unit)
        & (y0 > line.top + 0.3 * unit)
    )
    raised = letter & (y1 < line.base - _RAISED * unit) & (y0 < line.top - 0.1 * unit)
    full = (y1 > line.base - 0.3 * unit) & (y0 < line.top + 0.3 * unit) & (high < 2.6 * unit)
    for script in np.flatnonzero(lowered | raised).tolist():
        gap = x0[script] - x1  # a full sign stands right before the script
        if (full & (gap > -0.6 * unit) & (gap < _NEXT * unit)).any():
            return True
    bars = (wide > 0.8 * unit) & (high < 0.3 * unit)
    for bar in np.flatnonzero(bars).tolist():
        beside = (x0 < x1[bar]) & (x1 > x0[bar]) & ~bars
        over, under = beside & (y1 <= y0[bar] + 1), beside & (y0 >= y1[bar] - 1)
        if (over & (high > _SCRIPT * unit)).any() and (under & (high > _SCRIPT * unit)).any():
            return True
    return False


def _is_relation(word: NDArray[np.float32], unit: float) -> bool:
    """Say whether a word is one sign like = or <: wider than a letter, its parts one above the other, on the axis."""
    x0, y0, x1, y1 = word.T
    wide, high = float(x1.max() - x0.min()), float(y1.max() - y0.min())
    one = len(word) <= 3 and bool(((x1 - x0) > 0.6 * wide).all())
    return one and _RELATION[0] * unit < wide < _RELATION[1] * unit and high < (1.4 if len(word) < 3 else 2.2) * unit


def _is_plus(box: NDArray[np.float32], share: float, line: InkLine, unit: float) -> bool:
    """Say whether a sign is a plus: as high as wide, in the middle of the axis, with little ink in its box."""
    x0, y0, x1, y1 = box.tolist()
    off = abs(line.base - _AXIS * unit - (y0 + y1) / 2)
    sized = unit < x1 - x0 < 2.0 * unit and abs((x1 - x0) - (y1 - y0)) < 0.15 * (x1 - x0)
    return sized and share < _PLUS and off < max(1.5, _ON_AXIS * unit)


def with_inline(
    blocks: Sequence[Block], formulas: Sequence[InlineFormula], answers: Sequence[GenerationResult], layout: PageLayout
) -> tuple[Block, ...]:
    """Return the blocks with sure formulas in their text, `\\(...\\)` in place of what was read there."""
    sure: dict[Box, list[tuple[Box, str]]] = {}
    for formula, answer in zip(formulas, answers, strict=True):
        latex = latex_of(answer)
        if latex:
            sure.setdefault(layout.to_page(formula.line.box), []).append((formula.box, latex))
    if not sure:
        return tuple(blocks)
    return tuple(_in_block(block, sure, layout) for block in blocks)


def latex_of(answer: GenerationResult) -> str:
    """Return a formula that is sure, sound and says what plain text cannot; else nothing."""
    parsed = parse_formula(answer.text)
    if answer.truncated or parsed.dropped or (geometric_mean(answer.logprobs) or 0.0) < _SURE:
        return ""
    latex = dress(parsed.value).rstrip(" .,;:")
    even = all(latex.count(left) == latex.count(right) for left, right in ("()", "[]"))
    if not even or _OPEN.search(latex) or not _STRUCTURE.search(latex) or _TEXTUAL.search(latex) or not compiles(latex):
        return ""
    written = re.sub(r"\\[a-zA-Z]+", "", latex)
    figures = "^" not in latex and not re.search(r"[a-zA-Z]", written) and re.search(r"\d\d", written)
    return "" if figures else latex


def _in_block(block: Block, sure: dict[Box, list[tuple[Box, str]]], layout: PageLayout) -> Block:
    if block.kind not in ("paragraph", "list_item") or not any(line.box in sure for line in block.lines if line.box):
        return block
    if join_lines([line.text for line in block.lines]) != block.text:
        return block
    texts = [_in_line(line, sure.get(line.box, []) if line.box else [], layout) for line in block.lines]
    return replace(block, text=join_lines(texts))


def _in_line(line: Line, formulas: Sequence[tuple[Box, str]], layout: PageLayout) -> str:
    """Return a line's text with formulas in place of the words that stand where they do, last first."""
    text = line.text
    for box, latex in sorted(formulas, key=lambda item: -item[0].x0):
        found = [k for k, word in enumerate(line.words) if _covers(box, layout.to_upright(word.box))]
        if not found or found != list(range(found[0], found[-1] + 1)):
            continue
        span = _span(text, [word.text for word in line.words], found[0], found[-1])
        if span is None:
            continue
        start, stop = span
        old = text[start:stop]
        head = old[: len(old) - len(old.lstrip("([\u201c\"'"))] if not latex.startswith(("(", "[", "\\left")) else ""
        closed = latex.endswith((")", "]", "\\}"))
        tail = old[len(old.rstrip(".,;:" if closed else ".,;:)]\u201d\"'")) :]
        text = f"{text[:start]}{head}\\({latex}\\){tail}{text[stop:]}"
    return text


def _covers(box: Box, word: Box) -> bool:
    shared = min(box.x1, word.x1) - max(box.x0, word.x0)
    return shared > 0.5 * (word.x1 - word.x0)


def _span(text: str, words: Sequence[str], first: int, last: int) -> tuple[int, int] | None:
    """Return where words first..last stand in a text that begins with these words in this order."""
    at = 0
    start = 0
    for k, word in enumerate(words[: last + 1]):
        place = text.find(word, at)
        if place < 0:
            return None
        if k == first:
            start = place
        at = place + len(word)
    return start, at
