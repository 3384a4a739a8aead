"""Category labels: which words name which place along an axis; wrapped, slanted and left-out labels included."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsvl2.pipelines.charts.numbers import format_number, parse_number
from dsvl2.pipelines.charts.scene import Scene, middle
from dsvl2.pipelines.charts.types import TextItem


@dataclass(frozen=True, slots=True)
class Label:
    """A category label: its place along the axis in pixels, its text and the pieces it was read from."""

    place: float
    text: str
    items: tuple[TextItem, ...]


def anchor(item: TextItem, unit: float) -> float:
    """Return the column that a label below an axis points at: its middle, or its end if it is slanted."""
    if item.angle in (0, 90):
        return middle(item.box)[0]
    return item.box.x1 - 0.5 * unit if item.angle > 0 else item.box.x0 + 0.5 * unit


def labels_below(
    scene: Scene, texts: Sequence[TextItem], bottom: float, left: float, right: float, places: Sequence[float] = ()
) -> list[Label]:
    """Return the labels of a level axis: the first row of texts below `bottom` between two columns, wraps joined.

    Values printed under bars that hang down are no labels: if `places` are given, the first row is one that names more
    than half of them, where there is such a row.
    """
    unit = scene.unit
    below = [item for item in texts if item.box.y0 >= bottom - 0.6 * unit and left <= anchor(item, unit) <= right]
    below = [item for item in below if any(map(str.isalnum, item.text))]
    if not below:
        return []
    rows = _rows(below, unit)
    start = 0 if len(rows) == 1 or len(rows[0]) > 1 or len(rows[1]) <= 1 else 1
    named = [len(_named(row, places, unit)) for row in rows]
    if places and named[start] <= 0.67 * len(places) < max(named):
        start = named.index(max(named))
    first, *more = rows[start:]
    joined = [[item] for item in first]
    floor = max(item.box.y1 for item in first)
    slanted = any(item.angle != 0 for item in first)
    for row in more:
        gap = min(item.box.y0 for item in row) - floor
        if slanted or gap > 0.9 * unit or (len(first) > 2 and gap > 0.2 * unit and _is_title(row, first)):
            break
        for item in row:
            nearest = min(joined, key=lambda lines: abs(anchor(lines[0], unit) - anchor(item, unit)))
            nearest.append(item)
        floor = max(item.box.y1 for item in row)
    found = [Label(anchor(lines[0], unit), _joined(lines), tuple(lines)) for lines in joined]
    return sorted(found, key=lambda label: label.place)


def _named(row: Sequence[TextItem], places: Sequence[float], unit: float) -> set[int]:
    """Return the places that texts of a row stand at."""
    if len(places) < 2:
        return set()
    pitch = float(np.median(np.diff(sorted(places))))
    nearest = [(int(np.argmin(np.abs(np.array(places) - anchor(item, unit)))), item) for item in row]
    return {k for k, item in nearest if abs(places[k] - anchor(item, unit)) <= 0.4 * pitch}


def _is_title(row: Sequence[TextItem], first: Sequence[TextItem]) -> bool:
    """Whether a second row is the axis' name: few pieces, together in the middle of the labels."""
    left, right = min(item.box.x0 for item in first), max(item.box.x1 for item in first)
    centre = (min(item.box.x0 for item in row) + max(item.box.x1 for item in row)) / 2
    return len(row) < max(2.0, 0.5 * len(first)) and abs(centre - (left + right) / 2) < 0.08 * (right - left)


def _rows(items: Sequence[TextItem], unit: float) -> list[list[TextItem]]:
    """Group texts by the height of their upper edge."""
    rows: list[list[TextItem]] = []
    for item in sorted(items, key=lambda item: item.box.y0):
        if rows and item.box.y0 - rows[-1][0].box.y0 <= 0.8 * unit:
            rows[-1].append(item)
        else:
            rows.append([item])
    return rows


def _joined(lines: Sequence[TextItem]) -> str:
    return " ".join(item.text for item in sorted(lines, key=lambda item: item.box.y0))


def labels_beside(
    texts: Sequence[TextItem], places: Sequence[float], edge: float, unit: float, *, right: bool = False
) -> list[Label]:
    """Return the labels of an upright axis, one for each place (row) that has one; texts end left of column `edge`.

    With `right` they begin right of it. Lines go to the nearest place, at most half the pitch away.
    """
    pitch = float(np.median(np.diff(sorted(places)))) if len(places) > 1 else 6 * unit
    lines: dict[int, list[TextItem]] = {}
    for item in texts:
        outside = item.box.x0 >= edge - 0.3 * unit if right else item.box.x1 <= edge + 0.3 * unit
        if item.angle != 0 or not outside or not any(map(str.isalnum, item.text)):
            continue
        row = middle(item.box)[1]
        nearest = int(np.argmin([abs(row - place) for place in places]))
        if abs(row - places[nearest]) <= 0.55 * pitch + 0.2 * unit:
            lines.setdefault(nearest, []).append(item)
    found = []
    for number, members in sorted(lines.items()):
        rows = _rows(members, unit)
        text = " ".join(" ".join(i.text for i in sorted(row, key=lambda i: i.box.x0)) for row in rows)
        place = float(np.mean([middle(item.box)[1] for item in members]))
        del number
        found.append(Label(place, text, tuple(members)))
    return found


def parted(texts: Iterable[TextItem], places: Sequence[float]) -> list[TextItem]:
    """Return the texts, level ones that run over several places cut between them: labels that almost touch are one text.

    A cut is made at a space, or where a capital follows a small letter; without enough of these the text stays whole.
    """
    found: list[TextItem] = []
    for item in texts:
        inside = sorted(place for place in places if item.box.x0 < place < item.box.x1)
        cuts = _cuts(item, inside) if item.angle == 0 and len(inside) > 1 else []
        if not cuts:
            found.append(item)
            continue
        wide = (item.box.x1 - item.box.x0) / len(item.text)
        for begin, end in itertools.pairwise([0, *cuts, len(item.text)]):
            x0, x1 = item.box.x0 + begin * wide, item.box.x0 + end * wide
            found.append(replace(item, text=item.text[begin:end].strip(), box=replace(item.box, x0=x0, x1=x1)))
    return found


def _cuts(item: TextItem, places: Sequence[float]) -> list[int]:
    """Return where to cut a text so that each place has one piece; [] if it does not say."""
    possible = [k.start() for k in re.finditer(r"(?<=\w) (?=\w)|(?<=[^\W\dA-Z_])(?=[A-Z])", item.text)]
    wide = (item.box.x1 - item.box.x0) / max(1, len(item.text))
    wanted = [((a + b) / 2 - item.box.x0) / wide for a, b in itertools.pairwise(places)]
    chosen = [min(possible, key=lambda k: abs(k - place), default=-1) for place in wanted]
    near = all(k >= 0 and abs(k - place) <= 0.25 * len(item.text) for k, place in zip(chosen, wanted, strict=True))
    return chosen if near and len(set(chosen)) == len(chosen) else []


def name_places(places: Sequence[float], labels: Sequence[Label]) -> list[str]:
    """Return a name for every place: the nearest label, or for number labels that leave some out, the number between."""
    if not labels:
        return [""] * len(places)
    gap = float(np.median(np.diff(places))) if len(places) > 1 else float("inf")
    names = [""] * len(places)
    for label in sorted(labels, key=lambda label: label.place):
        nearest = int(np.argmin([abs(label.place - place) for place in places]))
        if abs(label.place - places[nearest]) <= 0.62 * gap:  # pieces of one label stand side by side
            names[nearest] = f"{names[nearest]} {label.text}".strip()
    known = [(k, parse_number(name)) for k, name in enumerate(names) if name]
    numbers = [(k, number.value) for k, number in known if number is not None]
    if len(numbers) >= 2 and len(numbers) == len(known) and len(known) < len(places):
        slope, offset = (float(v) for v in np.polyfit([k for k, _ in numbers], [v for _, v in numbers], 1))
        step = float(np.abs([slope * k + offset - v for k, v in numbers]).max())
        if step < 0.3 * abs(slope):
            for k in range(len(places)):
                if not names[k]:
                    value = slope * k + offset
                    names[k] = format_number(float(round(value)) if abs(slope) >= 0.9 else round(value, 4))
    return names
