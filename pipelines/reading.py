"""Read one page: look at it, ask the model, put the answers together. Knows nothing of files and formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dsvl2.model import GenerationRequest, GenerationResult, Message, ReadingProfile, SamplingParams
from dsvl2.pipelines.confidence import Calibration, believable, coverage, coverage_notices, score_page
from dsvl2.pipelines.documents import Block, Notice, PageImage, PageResult, geometric_mean, sum_usage
from dsvl2.pipelines.layout import BandText, PageLayout, analyse, assemble, line_notices, with_words
from dsvl2.pipelines.parsing import parse_markdown
from dsvl2.pipelines.tables.tight import with_tight_tables

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines.charts.in_page import ChartCut
    from dsvl2.pipelines.formulas.in_page import PageFormula
    from dsvl2.pipelines.formulas.inline import InlineFormula
    from dsvl2.pipelines.sideways import SidewaysLine

_DARK = 64  # mean grey, of 255
_MANY, _TINY = 20, 7.0  # pieces of ink as large as letters, of which blank paper has none; pixels of a letter's height
_INK_CONTRAST = 40
_INK_CELLS = 4
_CELL = 4


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A page ready for the model: what to ask, and what is known already. The page image itself is let go.

    `layout` is None for a page that is read whole. `requests` is empty for a blank page; behind those of its bands stand
    those of its `formulas`, of formulas `inline`, of `charts` and of lines that lie `sideways`. `over` makes the same page
    ready the other way up, where its ink did not say which is right.
    """

    result: PageResult
    requests: tuple[GenerationRequest, ...]
    layout: PageLayout | None = None
    formulas: tuple[PageFormula, ...] = ()
    charts: tuple[ChartCut, ...] = ()
    inline: tuple[InlineFormula, ...] = ()
    sideways: tuple[SidewaysLine, ...] = ()
    over: Callable[[], PreparedPage] | None = None

    @property
    def odd(self) -> bool:
        """Whether it should be looked at before it is read: there may be no print on it."""
        return self.layout is not None and self.layout.odd and bool(self.layout.bands)


def prepare(page: PageImage, profile: ReadingProfile) -> PreparedPage:
    """Look at the page and make the requests that read it, as the checkpoint's profile says: by bands or whole."""
    result = PageResult(page.number, (), page.image.width, page.image.height, page.dpi, warnings=page.notices)
    if profile.mode == "bands":
        return _prepare_bands(page, profile, result)
    if is_blank(page.image):
        return PreparedPage(_told_dark(replace(result, blank=True), page.image), ())
    return PreparedPage(result, (_request(page.image, profile, page.text_layer),))


def _prepare_bands(page: PageImage, profile: ReadingProfile, result: PageResult, *, over: bool = False) -> PreparedPage:
    layout = analyse(np.asarray(page.image.convert("L")), profile, over=over)
    known = result
    result = replace(result, rotation=layout.rotation, skew=layout.skew, blank=layout.blank)
    if layout.blank:
        return PreparedPage(_told_dark(_without_print(result, layout), page.image), (), layout)
    from dsvl2.pipelines.charts.in_page import page_charts  # charts and formulas build on tasks
    from dsvl2.pipelines.formulas.in_page import formula_requests, page_formulas
    from dsvl2.pipelines.formulas.inline import MOST_TOKENS, inline_formulas
    from dsvl2.pipelines.formulas.reading import formula_request
    from dsvl2.pipelines.sideways import sideways_lines

    requests = band_requests(layout, profile, page.text_layer)
    formulas = page_formulas(layout, page.image, profile)
    requests += formula_requests(formulas)
    inline = inline_formulas(layout, page.image, profile, [formula.box for formula in formulas])
    requests += [formula_request(formula.image, most=MOST_TOKENS) for formula in inline]
    charts = page_charts(layout, page.image, profile)
    requests += [request for chart in charts for request in chart.requests]
    sideways = sideways_lines(layout, page.image, profile)
    requests += [request for line in sideways for request in line.requests]
    again = partial(_prepare_bands, page, profile, known, over=True) if layout.tied and not over else None
    return PreparedPage(result, tuple(requests), layout, formulas, charts, inline, sideways, again)


def _without_print(result: PageResult, layout: PageLayout) -> PageResult:
    """Return the result of a page in which no line was found: it is blank, unless there is ink like many letters."""
    if layout.ink is None or int(layout.ink.letter.sum()) < _MANY:
        return result
    height = layout.ink.unit
    fact = "there is ink on this page, but no line of print that could be read: handwriting, a picture, or noise"
    if height < _TINY:
        fact = f"the letters on this page are some {height:.0f} pixels high, too small to be read: scan it more finely"
    return replace(result, blank=False, warnings=(*result.warnings, Notice("unreadable", fact)))


def _told_dark(result: PageResult, image: Image) -> PageResult:
    """Say that a page without writing is dark all over: a lid left open or a broken file, hardly an empty sheet."""
    if not result.blank or float(np.asarray(image.convert("L")).mean()) > _DARK:
        return result
    fact = "the page is dark all over and counts as blank: the scan may have failed"
    return replace(result, warnings=(*result.warnings, Notice("dark_page", fact)))


def band_requests(layout: PageLayout, profile: ReadingProfile, draft: str | None = None) -> list[GenerationRequest]:
    """Return what asks the model for the text of each band of a page."""
    return [_request(band.image, profile, draft) for band in layout.bands]


def _request(image: Image, profile: ReadingProfile, draft: str | None = None) -> GenerationRequest:
    message = Message(role="user", content=profile.prompt, images=(image,))
    return GenerationRequest((message,), SamplingParams(max_new_tokens=profile.max_new_tokens), draft=draft or None)


def finish(
    prepared: PreparedPage, answers: Sequence[GenerationResult], calibration: Calibration | None = None
) -> PageResult:
    """Make the page's result from the model's answers, one for each of `prepared.requests`, in that order."""
    page = believable(score_page(gather(prepared, answers), calibration), odd=prepared.odd)
    if calibration is not None and not page.calibrated:
        page = replace(page, confidence=None)  # not one line, say a chart alone: no words to be right or wrong
    if prepared.layout is None or page.blank:
        return page
    found = coverage(page, prepared.layout)
    notices = () if page.let_go else coverage_notices(found)  # that says already that all of its text is missing
    return replace(page, coverage=found, warnings=page.warnings + notices)


def gather(prepared: PreparedPage, answers: Sequence[GenerationResult]) -> PageResult:
    """Put the answers together as `finish` does, with raw confidences and the letters' probabilities still there."""
    if len(answers) != len(prepared.requests):
        raise RuntimeError(f"the model gave {len(answers)} answers to {len(prepared.requests)} requests")
    result = prepared.result
    if result.blank:
        return result
    notices = _answer_notices(answers[: len(prepared.layout.bands)] if prepared.layout else answers)
    if prepared.layout is None:
        blocks = _parsed(answers[0])
    else:
        bands = len(prepared.layout.bands)
        texts = [BandText(answer.text, answer.pieces, answer.logprobs) for answer in answers[:bands]]
        blocks = with_words(prepared.layout, assemble(prepared.layout, texts, opening=result.number == 1))
        notices += line_notices(prepared.layout, texts)
        behind = len(answers) - sum(len(line.requests) for line in prepared.sideways)
        blocks, unsure = _in_place(prepared, blocks, answers[bands:behind])
        if prepared.sideways:
            from dsvl2.pipelines.sideways import with_sideways

            blocks = with_sideways(blocks, prepared.sideways, answers[behind:], prepared.layout)
        blocks = with_tight_tables(replace(result, blocks=blocks)).blocks
        notices += unsure
    return replace(
        result,
        blocks=blocks,
        warnings=result.warnings + notices,
        usage=sum_usage(answer.usage for answer in answers),
        confidence=geometric_mean([logprob for answer in answers for logprob in answer.logprobs]),
    )


def _in_place(
    prepared: PreparedPage, blocks: tuple[Block, ...], answers: Sequence[GenerationResult]
) -> tuple[tuple[Block, ...], tuple[Notice, ...]]:
    """Put formulas and charts where they stand among the blocks, from the answers behind those of the bands."""
    notices: tuple[Notice, ...] = ()
    if prepared.formulas:
        from dsvl2.pipelines.formulas.in_page import with_formulas

        blocks, notices = with_formulas(blocks, prepared.formulas, answers, prepared.layout)
    if prepared.inline and prepared.layout:
        from dsvl2.pipelines.formulas.inline import with_inline

        behind = sum(len(chart.requests) for chart in prepared.charts)
        own = answers[len(answers) - behind - len(prepared.inline) : len(answers) - behind]
        blocks = with_inline(blocks, prepared.inline, own, prepared.layout)
    if prepared.charts:
        from dsvl2.pipelines.charts.in_page import with_charts

        count = sum(len(chart.requests) for chart in prepared.charts)
        blocks = with_charts(blocks, prepared.charts, answers[len(answers) - count :], prepared.layout)
    return blocks, notices


def _answer_notices(answers: Sequence[GenerationResult]) -> tuple[Notice, ...]:
    notices = []
    cut: dict[str, list[int]] = {}
    for place, answer in enumerate(answers, 1):
        if answer.truncated:
            cut.setdefault(answer.ending, []).append(place)
    for ending, places in cut.items():
        where = "the page" if len(answers) == 1 else f"part {', '.join(map(str, places))} of {len(answers)}"
        notices.append(Notice("truncated", f"the model {ending} in {where}: text may be missing"))
    loops = sum(answer.loops_recovered for answer in answers)
    if loops:
        notices.append(Notice("loop_recovered", f"the model began to repeat itself and was set right {loops} time(s)"))
    return tuple(notices)


def _parsed(answer: GenerationResult) -> tuple[Block, ...]:
    """Parse a whole page's Markdown and give each block the confidence of the tokens it came from."""
    ends = np.cumsum([len(piece) for piece in answer.pieces])
    matched = bool(len(ends)) and int(ends[-1]) == len(answer.text) and len(answer.logprobs) == len(ends)
    blocks = []
    for parsed in parse_markdown(answer.text):
        confidence = None
        if matched:
            first, last = np.searchsorted(ends, [parsed.start, parsed.end - 1], side="right")
            confidence = geometric_mean(answer.logprobs[int(first) : int(last) + 1])
        blocks.append(replace(parsed.block, confidence=confidence))
    return tuple(blocks)


def is_blank(image: Image) -> bool:
    """Say whether a page holds nothing but paper and specks.

    Darkness is averaged over 4 x 4 pixels; a page with fewer than 4 cells that stand out from the paper is blank.
    A lone page number at 100 dpi has about ten.
    """
    grey = image.convert("L").reduce(_CELL) if min(image.size) >= _CELL else image.convert("L")
    cells = np.asarray(grey, dtype=np.int16)
    paper = int(np.median(cells))
    return int((np.abs(cells - paper) > _INK_CONTRAST).sum()) < _INK_CELLS
