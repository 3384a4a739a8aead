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

from dsvl2.pipelines.documents import Block, Box, Line, geometric_mean
from dsvl2.pipelines.formats.latex_math import compiles
from dsvl2.pipelines.formulas.answers import parse_formula
from dsvl2.pipelines.formulas.dress import dress
from dsvl2.pipelines.formulas.inline_ink import formula_parts
from dsvl2.pipelines.formulas.picture import X_HEIGHT, canvas, look
from dsvl2.pipelines.layout import InkLine, PageLayout, straightened
from dsvl2.pipelines.layout.assemble import join_lines

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.model import GenerationResult, ReadingProfile

_MOST, MOST_TOKENS = 64, 40  # formulas of a page that are asked for, tokens of each
_MOST_OF_LINES, _MOST_OF_LONG, _LONG = (
    0.6,
    0.8,
    45,
)  # share of a page's lines with such ink; more is print that is not level, or no print
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
    places = [(line, box) for line in lines for box in formula_parts(line, ink)]
    full = len({id(line) for line, _ in places}) > max(3, _most_of(lines) * len(lines))
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


def _most_of(lines: Sequence[InkLine]) -> float:
    """Return the share of lines that may have such ink: more where they are long, as those of papers are."""
    long = sum(line.x1 - line.x0 > _LONG * (line.base - line.top) for line in lines)
    return _MOST_OF_LONG if 2 * long > len(lines) else _MOST_OF_LINES


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
