"""Reads formulas: pictures of one, and those of whole pages, displayed and inside lines of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.pipelines.documents import Block, Box, Notice, PageImage, PageResult, geometric_mean
from dsvl2.pipelines.formulas.answers import FormulaResult, parse_formula
from dsvl2.pipelines.formulas.dress import dress
from dsvl2.pipelines.formulas.grammar import constraint
from dsvl2.pipelines.formulas.inline import MOST_TOKENS as INLINE_TOKENS
from dsvl2.pipelines.formulas.inline import inline_formulas, latex_of
from dsvl2.pipelines.formulas.likely import is_likely, left_out
from dsvl2.pipelines.formulas.picture import X_HEIGHT, FormulaPicture, canvas, look
from dsvl2.pipelines.formulas.regions import FoundFormulas, find_formulas
from dsvl2.pipelines.formulas.task import SPEC

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines.tasks.base import Engine

MOST_TOKENS = 400  # of an answer; the longest formula that was trained on has 150 characters
#: Other sizes that a formula is shown at, as factors, when one look is not enough.
_SIZES = (1.0, 0.84, 1.19)
_SURE = 0.99  # confidence from which one look is enough


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A picture to be read, and where it came from; `order` sorts those of a page as it is read."""

    page: int
    box: Box
    pictures: tuple[Image, ...]
    inline: bool = False
    order: tuple[float, float] = (0.0, 0.0)


class FormulaTask:
    """Reads the formulas of pages; a page's result has a block of kind "formula" for each.

    `whole` says whether each page is a picture of one formula; None looks: a page of running text is searched for displayed
    formulas and, by a model that reads tiles, for those inside its lines, of which it gives those that it is sure of;
    anything else is one formula. What hardly is a formula is left out where it was not named as one. `looks` (1 to 3): a
    model that reads tiles and is not sure of what it read sees the formula again at other sizes; the answer it was surest
    of is kept. `results` gathers what was found, page after page.
    """

    name = "formula"

    def __init__(self, *, whole: bool | None = None, looks: int = 3) -> None:
        self.whole = whole
        self.looks = looks
        self.results: list[FormulaResult] = []

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageResult]:
        """Read the pages together; a page without ink or formula gives a result without blocks."""
        wanted = [item for page in pages for item in _wanted(page, engine, self.whole, self.looks)]
        first = iter(_ask([(item.pictures[0], item.inline) for item in wanted], engine))
        read = [[_result(item, next(first))] for item in wanted]
        unsure = [place for place, item in enumerate(wanted) if len(item.pictures) > 1 and not _is_sure(read[place][0])]
        more = iter(_ask([(image, False) for place in unsure for image in wanted[place].pictures[1:]], engine))
        for place in unsure:
            read[place] += [_result(wanted[place], next(more)) for _ in wanted[place].pictures[1:]]
        best = [result for result in map(_best, read) if result.latex]
        named = self.whole or engine.info.reading.mode != "bands"  # others are sure in other measures
        found = [result for result in best if named or result.inline or is_likely(result.latex, result.confidence)]
        self.results += found
        return [_page_result(page, found, _count(best, page) - _count(found, page)) for page in pages]


def read_formulas(
    pages: Sequence[PageImage], engine: Engine, *, whole: bool | None = None, looks: int = 3
) -> list[FormulaResult]:
    """Read the formulas of pages, in order; `whole` and `looks` as in `FormulaTask`."""
    task = FormulaTask(whole=whole, looks=looks)
    task.read(pages, engine)
    return task.results


def _count(results: Sequence[FormulaResult], page: PageImage) -> int:
    return sum(result.page == page.number for result in results)


def _page_result(page: PageImage, everything: Sequence[FormulaResult], unlikely: int) -> PageResult:
    found = [result for result in everything if result.page == page.number]
    blocks = tuple(Block("formula", result.latex, result.box, confidence=result.confidence) for result in found)
    faults = tuple(
        Notice("formula_invalid", f"formula {place}: {problem}")
        for place, result in enumerate(found, 1)
        for problem in result.problems
    )
    width, height = page.image.size
    return PageResult(
        page.number, blocks, width, height, page.dpi, warnings=(*page.notices, *faults, *left_out(unlikely))
    )


def _wanted(page: PageImage, engine: Engine, whole: bool | None, looks: int) -> list[_Wanted]:
    width, height = page.image.size
    everything = (Box(0, 0, width, height),)
    displayed = None if whole else find_formulas(page.image)
    image, boxes = (displayed.image, displayed.boxes) if displayed else (page.image, everything)
    if displayed is None and whole is False:
        boxes = ()
    found = []
    for place in boxes:
        part = image.crop((int(place.x0), int(place.y0), math.ceil(place.x1), math.ceil(place.y1)))
        picture = look(part)
        if picture is not None:
            box = _moved(picture.box, place.x0, place.y0)
            box = displayed.layout.to_page(box) if displayed else box
            order = (_place_of(place, displayed), place.x0) if displayed else (0.0, 0.0)
            found.append(_Wanted(page.number, box, _pictures(picture, part, engine, looks), order=order))
    if displayed and engine.info.reading.mode == "bands":
        found += _inside_lines(page, displayed, engine)
    return sorted(found, key=lambda item: item.order)


def _inside_lines(page: PageImage, displayed: FoundFormulas, engine: Engine) -> list[_Wanted]:
    layout = displayed.layout
    parts = inline_formulas(layout, page.image, engine.info.reading, displayed.boxes, every=True)
    number = {id(line): place for place, line in enumerate(displayed.lines)}
    return [
        _Wanted(page.number, layout.to_page(part.box), (part.image,), True, (number[id(part.line)], part.box.x0))
        for part in parts
    ]


def _place_of(box: Box, displayed: FoundFormulas) -> float:
    """Return the place in reading order of a displayed formula: of its first line, or behind the line above."""
    across = [(k, line) for k, line in enumerate(displayed.lines) if line.x0 < box.x1 and box.x0 < line.x1]
    inside = [k for k, line in across if box.y0 < line.middle < box.y1]
    above = [(line.middle, k + 0.5) for k, line in across if line.middle <= box.y0]
    return inside[0] if inside else max(above, default=(0.0, -1.0))[1]


def _pictures(picture: FormulaPicture, part: Image, engine: Engine, looks: int) -> tuple[Image, ...]:
    profile = engine.info.reading
    if profile.mode != "bands":
        return (part,)
    sizes = _SIZES[: max(1, looks)]
    return tuple(canvas(picture, profile.tile, profile.max_columns, X_HEIGHT * size) for size in sizes)


def _ask(pictures: Sequence[tuple[Image, bool]], engine: Engine) -> list[GenerationResult]:
    """Return the answers to pictures, with each whether it stands in a line."""
    bands = engine.info.reading.mode == "bands"
    requests = [
        formula_request(image, bands=bands, most=INLINE_TOKENS if inline else MOST_TOKENS) for image, inline in pictures
    ]
    return engine.generate(requests) if requests else []


def _is_sure(result: FormulaResult) -> bool:
    return result.valid and bool(result.latex) and (result.confidence or 0.0) >= _SURE


def formula_request(image: Image, *, bands: bool = True, most: int = MOST_TOKENS) -> GenerationRequest:
    """Return the request that reads one formula; `bands`: of a model that reads tiles, `image` is a canvas then."""
    message = Message(role="user", content=SPEC.prompts.nano if bands else SPEC.prompts.page, images=(image,))
    form = constraint() if bands else None  # whole-page checkpoints write sentences and dollars around it
    return GenerationRequest((message,), SamplingParams(max_new_tokens=most, constraint=form))


def _result(item: _Wanted, answer: GenerationResult) -> FormulaResult:
    if item.inline:  # nothing unless it is sure: words with notes and ordinals look alike
        sure = geometric_mean(answer.logprobs)
        return FormulaResult(latex_of(answer), True, (), sure, item.page, item.box, inline=True)
    parsed = parse_formula(answer.text)
    problems = [notice.message for notice in parsed.dropped]
    if answer.truncated:
        problems.append(f"the model {answer.ending} (limit {MOST_TOKENS} tokens)")
    return FormulaResult(
        dress(parsed.value), not problems, tuple(problems), geometric_mean(answer.logprobs), item.page, item.box
    )


def _best(results: Sequence[FormulaResult]) -> FormulaResult:
    return max(results, key=lambda result: (bool(result.latex), result.valid, result.confidence or 0.0))


def _moved(box: Box, x: float, y: float) -> Box:
    return Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)
