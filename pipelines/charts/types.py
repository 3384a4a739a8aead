"""What is known of a chart: its series with their points, its axes, and the words that stand on it.

Plain frozen data. Boxes are in pixels of the picture, origin top left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dsvl2.pipelines.documents import Box, Notice

ChartKind = Literal["bar", "hbar", "line", "area", "scatter", "pie", "table", "none"]
Scale = Literal["linear", "log", "category", "date", "none"]
Origin = Literal["printed", "measured"]


@dataclass(frozen=True, slots=True)
class TextItem:
    """A piece of text on the chart. `angle` is its direction, degrees counter-clockwise; `confidence` 0..1."""

    text: str
    box: Box
    angle: int = 0
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its title, the unit found in title or tick labels, its kind of scale, and labels in order."""

    name: str = ""
    unit: str = ""
    scale: Scale = "none"
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One datum. `label` is its category, date or x as printed; `x` its place on a number axis, if that is one.

    `origin` says whether `value` was printed beside the mark or measured from it; a measured value is known to
    `uncertainty` (half the range, in units of the value), a printed one exactly as printed (0.0). `text` is the printed
    value as it stands. `box` is the mark's.
    """

    label: str
    value: float
    origin: Origin
    box: Box
    confidence: float
    uncertainty: float = 0.0
    x: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Data of one colour; the name is empty if the chart has no legend. `colour` is (r, g, b)."""

    name: str
    points: tuple[Point, ...]
    colour: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class ChartData:
    """A chart as data. `stacked` bars share a column or row.

    `kind` is "none" if no chart was found, and "table" if a whole-page model wrote the data without saying of what.

    `value_axis` carries the values, `label_axis` the categories, dates or numbers that they belong to (of a pie: the
    sectors). For horizontal bars the value axis is the level one. `texts` is everything that was read.
    """

    kind: ChartKind = "none"
    title: str = ""
    label_axis: Axis = Axis()
    value_axis: Axis = Axis()
    series: tuple[Series, ...] = ()
    notices: tuple[Notice, ...] = ()
    texts: tuple[TextItem, ...] = ()
    stacked: bool = False
    size: tuple[int, int] = (0, 0)

    @property
    def found(self) -> bool:
        """Whether there is a chart with at least one datum."""
        return self.kind != "none" and any(series.points for series in self.series)

    def points(self) -> Iterator[tuple[Series, Point]]:
        """Yield all points with their series."""
        for series in self.series:
            for point in series.points:
                yield series, point

    def labels(self) -> tuple[str, ...]:
        """Return the points' labels, each once, in order."""
        return tuple(dict.fromkeys(point.label for _, point in self.points()))


@dataclass(frozen=True, slots=True)
class PageChart:
    """The chart of one page; pages are counted from 1."""

    page: int
    chart: ChartData


@dataclass(frozen=True, slots=True)
class Charts:
    """The charts of a document's pages."""

    source: str
    charts: tuple[PageChart, ...]
