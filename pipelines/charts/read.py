"""Read a chart: find its words, have the model read them, measure its marks. A picture without a chart is "none"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dsvl2.model import GenerationRequest, Message, SamplingParams
from dsvl2.pipelines.charts.answers_of_models import parse_chart
from dsvl2.pipelines.charts.barchart import read_bars
from dsvl2.pipelines.charts.bars import find_bars, stand_out
from dsvl2.pipelines.charts.ground import Ground, look
from dsvl2.pipelines.charts.legend import find_legend
from dsvl2.pipelines.charts.linechart import read_lines
from dsvl2.pipelines.charts.piechart import read_pie
from dsvl2.pipelines.charts.scatter import read_scatter
from dsvl2.pipelines.charts.scene import Scene, make_scene
from dsvl2.pipelines.charts.spots import Spot, find_spots
from dsvl2.pipelines.charts.strips import Canvas, collect, pack, requests
from dsvl2.pipelines.charts.task import PAGE_PROMPT
from dsvl2.pipelines.charts.types import ChartData, TextItem
from dsvl2.pipelines.documents import Notice, PageResult

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.model import GenerationResult, ReadingProfile
    from dsvl2.pipelines.tasks import Engine

NO_CHART = Notice("no_chart", "no chart was found: no bars, lines, points or sectors with an axis or printed values")
_LEAST_DATA = 2
MOST_SPOTS = 600  # a page of text has more; a chart does not


@dataclass(frozen=True, slots=True)
class PreparedChart:
    """A picture ready for the model: where its words are and what to ask."""

    ground: Ground
    spots: tuple[Spot, ...]
    canvases: tuple[Canvas, ...]
    requests: tuple[GenerationRequest, ...]
    notices: tuple[Notice, ...] = ()


def read_chart(image: Image, engine: Engine) -> ChartData:
    """Return the data of the chart on a picture; `found` is false, with a notice, if there is none."""
    prepared = prepare_chart(image, engine.info.reading)
    answers = engine.generate(list(prepared.requests)) if prepared.requests else []
    return finish_chart(prepared, answers, engine.info.reading)


def read_page(image: Image, engine: Engine) -> ChartData:
    """Return the chart of a page by any model: bands are measured (`read_chart`), a whole-page model is asked for a table."""
    if engine.info.reading.mode == "bands":
        return read_chart(image, engine)
    message = Message(role="user", content=PAGE_PROMPT, images=(image.convert("RGB"),))
    sampling = SamplingParams(max_new_tokens=engine.info.reading.max_new_tokens)
    (answer,) = engine.generate([GenerationRequest((message,), sampling)])
    parsed = parse_chart(answer.text)
    cut = (Notice("truncated", f"the model {answer.ending}: data may be missing"),)
    notices = parsed.dropped + (cut if answer.truncated else ())
    return replace(parsed.value, notices=notices, size=image.size)


def prepare_chart(image: Image, profile: ReadingProfile) -> PreparedChart:
    """Find the words of a chart and make the requests that read them."""
    ground = look(np.asarray(image.convert("RGB")))
    spots = find_spots(ground)
    notices: tuple[Notice, ...] = ()
    if len(spots) > MOST_SPOTS:
        notices = (Notice("too_much_text", f"{len(spots)} pieces of text: a page rather than a chart"),)
        spots = ()
    canvases = pack(ground, spots, profile)
    return PreparedChart(ground, spots, canvases, tuple(requests(canvases, profile)), notices)


def finish_chart(prepared: PreparedChart, answers: Sequence[GenerationResult], profile: ReadingProfile) -> ChartData:
    """Make the chart's data from the model's answers, one for each request, in order."""
    texts = collect(prepared.ground, prepared.spots, prepared.canvases, answers, profile)
    height, width = prepared.ground.strokes.shape
    data = understand(prepared.ground, texts)
    return replace(data, notices=prepared.notices + data.notices, size=(width, height))


def shows_chart(image: Image, page: PageResult) -> bool:
    """Say whether a page that was read is a picture of a chart, from its marks and its words; no model is asked.

    Two data at least, each with a value: a logo or a ruled form has none.
    """
    lines = [line for block in page.blocks for line in block.lines if line.box is not None and line.text.strip()]
    texts = [TextItem(line.text, line.box, 0, line.confidence or 0.5) for line in lines if line.box is not None]
    data = understand(look(np.asarray(image.convert("RGB"))), texts)
    return data.found and sum(1 for _ in data.points()) >= _LEAST_DATA


def understand(ground: Ground, texts: Sequence[TextItem]) -> ChartData:
    """Return the chart that a picture with these words shows."""
    scene = make_scene(ground, texts)
    best = _best(scene)
    if best is None or not best.found or _says_nothing(best):
        return ChartData(notices=(NO_CHART,), texts=scene.texts)
    return replace(best, texts=scene.texts)


def _says_nothing(data: ChartData) -> bool:
    """Say whether there is neither a label nor a scale: lines of a table with figures beside them, no chart."""
    axis = data.value_axis
    return not any(point.label.strip() for _, point in data.points()) and not (axis.labels or axis.name)


def _best(scene: Scene) -> ChartData | None:
    """Return the first reading that finds data: a pie, bars, lines, points."""
    legend = find_legend(scene)
    pie = read_pie(scene, legend)
    if pie is not None:
        return pie
    bars = find_bars(scene, legend)
    if bars is not None and not stand_out(bars, scene.unit):  # marks of curves make bars of a kind
        lines = read_lines(scene, legend)
        if lines is not None and lines.found:
            return lines
    if bars is not None and (len(bars.bars) > 1 or bars.bars[0].stop != bars.bars[0].start):
        data = read_bars(scene, bars, find_legend(scene, {bar.colour for bar in bars.bars}))
        if data.found:
            return data
    lines = read_lines(scene, legend)
    if lines is not None and lines.found:
        return lines
    return read_scatter(scene, legend)
