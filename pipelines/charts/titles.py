"""The words around a chart: its title, the names of its axes, and the units they state."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsvl2.pipelines.charts.scene import Scene, middle
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box

_BRACKETS = re.compile(r"[(\[]\s*([^()\[\]]{1,40}?)\s*[)\]]\s*$")
_IN = re.compile(
    r"\b[Ii]n\s+((?:(?:hundreds?|thousands?|millions?|billions?|trillions?|percent|per cent|metric)\b.*)|%.*)$"
)


def title_above(scene: Scene, texts: Sequence[TextItem], top: float) -> tuple[str, tuple[TextItem, ...]]:
    """Return the chart's title: the largest text above the plot, with its further lines, and the pieces it is made of."""
    above = [item for item in texts if item.angle == 0 and item.box.y1 <= top + 0.5 * scene.unit and _wordy(item.text)]
    if not above:
        return "", ()
    tallest = max(above, key=lambda item: (round((item.box.y1 - item.box.y0) / scene.unit, 1), -item.box.y0))
    high = tallest.box.y1 - tallest.box.y0
    lines = [tallest]
    for item in sorted(above, key=lambda item: item.box.y0):
        same = 0.75 * high < item.box.y1 - item.box.y0 < 1.34 * high
        near = min(abs(item.box.y0 - line.box.y1) for line in lines) < 1.1 * high
        if item is not tallest and same and near and abs(item.box.x0 - tallest.box.x0) < 25 * scene.unit:
            lines.append(item)
    lines.sort(key=lambda item: (item.box.y0, item.box.x0))
    return " ".join(item.text for item in lines), tuple(lines)


def name_beside(scene: Scene, texts: Sequence[TextItem], plot: Box) -> tuple[str, tuple[TextItem, ...]]:
    """Return the name of an upright axis: upright text beside the plot, nearest the left first."""
    turned = [item for item in texts if abs(item.angle) == 90 and _wordy(item.text)]
    beside = [item for item in turned if plot.y0 - 4 * scene.unit <= middle(item.box)[1] <= plot.y1 + 4 * scene.unit]
    left = [item for item in beside if item.box.x1 <= plot.x0 + scene.unit]
    pool = left or [item for item in beside if item.box.x0 >= plot.x1 - scene.unit]
    if not pool:
        return "", ()
    column = min(middle(item.box)[0] for item in pool)
    lines = [item for item in pool if middle(item.box)[0] - column < 3.5 * scene.unit]
    # Lines side by side run from left to right; pieces of one line from bottom to top.
    lines.sort(key=lambda item: (round(middle(item.box)[0] / scene.unit), -item.box.y1))
    return " ".join(item.text for item in lines), tuple(lines)


def name_below(scene: Scene, texts: Sequence[TextItem], plot: Box, floor: float) -> tuple[str, tuple[TextItem, ...]]:
    """Return the name of a level axis: text below its labels (which end at row `floor`), centred under the plot."""
    found = []
    for item in texts:
        x, _ = middle(item.box)
        near = floor - 0.3 * scene.unit <= item.box.y0 <= floor + 3.2 * scene.unit
        if (
            item.angle == 0
            and near
            and _wordy(item.text)
            and abs(x - (plot.x0 + plot.x1) / 2) < 0.25 * (plot.x1 - plot.x0)
        ):
            found.append(item)
    if not found:
        return "", ()
    first = min(found, key=lambda item: item.box.y0)
    row = [item for item in found if abs(item.box.y0 - first.box.y0) < 0.8 * scene.unit]
    row.sort(key=lambda item: item.box.x0)
    return " ".join(item.text for item in row), tuple(row)


def unit_in(name: str) -> str:
    """Return the unit that an axis name states: `Revenue (million USD)`, `Sales in billion euros`; "" for none."""
    match = _BRACKETS.search(name) or _IN.search(name)
    return match[1].strip() if match else ""


def _wordy(text: str) -> bool:
    """Whether a text is words: mostly letters, two at least."""
    letters = sum(map(str.isalpha, text))
    return letters >= 1 and letters >= 0.4 * len(text.replace(" ", ""))
