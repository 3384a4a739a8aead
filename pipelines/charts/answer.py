"""Answer a question from a chart's data: find the label and series it names, look up, compare or add."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import log

from dsvl2.pipelines.charts.export import shown
from dsvl2.pipelines.charts.numbers import format_number
from dsvl2.pipelines.charts.question import Asked, Deed, alike, understand_question, words_of
from dsvl2.pipelines.charts.types import ChartData, Point, Series
from dsvl2.pipelines.documents import Box

_NAMED = 0.5  # least score of a label or series that a question names
_ALIKE = 0.8  # of two words that are one but for a letter or a cut end
_MISREAD = 0.7  # likeness of a word to the name of a series that was misread
_WHOLE = frozenset({"total", "overall", "average", "all", "sum"})


@dataclass(frozen=True, slots=True)
class ChartAnswer:
    """An answer: its text (numbers in plain digits, without unit), the unit, how it was found, and the marks it rests on.

    `box` encloses the first of these marks. A computed answer rests on several points.
    """

    text: str
    unit: str
    how: Deed
    box: Box
    confidence: float
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """A label or series that a question names, and how well."""

    name: str
    score: float
    weight: float


def answer_chart(chart: ChartData, question: str) -> ChartAnswer | None:
    """Return the answer to a plain question about a chart, None if the chart does not hold it or it is not understood."""
    if not chart.found or not question.strip():
        return None
    values = frozenset(words_of(f"{chart.value_axis.name} {chart.title}"))
    asked = understand_question(question, values)
    series = _ranked([one.name for one in chart.series], asked)
    labels = _ranked(list(chart.labels()), asked)
    if asked.deed in ("difference", "ratio", "sum"):
        found = _of_two(chart, asked, series, labels)
        if found is not None or asked.deed != "sum":
            return found
    if asked.deed in ("highest", "lowest"):
        return _extreme(chart, asked, series, labels)
    if asked.deed == "count" and asked.limit:
        return _count(chart, asked, series)
    if asked.deed == "find":
        found = _find(chart, asked, question, series)
        if found is not None:
            return found
    if asked.deed == "average" and not labels:
        return _average(chart, asked, series)
    return _look(chart, asked, series, labels)


def _ranked(names: Sequence[str], asked: Asked) -> list[_Place]:
    """Return the names that the question's words cover, best first."""
    known = [name for name in dict.fromkeys(names) if name.strip()]
    parts = {name: [words_of(name), words_of(re.split(r"[(\[:;]", name)[0])] for name in known}
    spread = Counter(word for name in known for word in set(parts[name][0]))
    said, taken = _said(parts, asked.words)
    found = []
    for name in known:
        if said and name not in said and set(parts[name][0]) <= taken:
            continue  # its words are those of other names: "Very poor" in a question about "Very good" and "Poor"
        best = _Place(name, 0.0, 0.0)
        for words in parts[name]:
            if not words:
                continue
            # A word that few names share tells more.
            weights = {word: 0.3 + log(1 + len(known) / spread.get(word, 1)) for word in words}
            hit = sum(weight * _covered(word, asked) for word, weight in weights.items())
            score = hit / sum(weights.values())
            if (score, hit) > (best.score, best.weight):
                best = _Place(name, score, hit)
        if best.score >= _NAMED:
            found.append(best)
    return sorted(found, key=lambda place: (-round(place.score, 2) * min(1.0, place.weight), -place.weight))


def _said(parts: Mapping[str, Sequence[Sequence[str]]], words: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the names that stand in the question word for word, longer ones first, and the words they take."""
    free = list(words)
    said: set[str] = set()
    taken: set[str] = set()
    for name, (phrase, *_) in sorted(parts.items(), key=lambda item: -len(item[1][0])):
        size = len(phrase)
        spans = range(len(free) - size + 1) if size else range(0)
        places = [k for k in spans if all(map(_same, phrase, free[k : k + size]))]
        for k in places:
            free[k : k + size] = [""] * size
        if places:
            said.add(name)
            taken |= set(phrase)
    return said, taken


def _same(word: str, other: str) -> bool:
    return word == other or (bool(other) and alike(word, other) >= _ALIKE)


def _covered(word: str, asked: Asked) -> float:
    best = max((alike(word, other) for other in asked.words), default=0.0)
    letters = word.rstrip("0123456789")
    return max(best, 0.9 if len(letters) >= 2 and letters in asked.initials else 0.0)


def _series(chart: ChartData, series: Sequence[_Place], asked: Asked) -> tuple[Series, float]:
    """Return the series that is asked about and how sure that is; unnamed it is the one of the whole, or the first."""
    if len(chart.series) == 1:
        return chart.series[0], 1.0
    if series:
        return next(one for one in chart.series if one.name == series[0].name), series[0].score
    near = [
        (SequenceMatcher(None, one.name.lower(), word).ratio(), k)
        for k, one in enumerate(chart.series)
        for word in asked.words
        if one.name
    ]
    if near and max(near)[0] >= _MISREAD:
        return chart.series[max(near)[1]], max(near)[0]
    whole = [one for one in chart.series if set(words_of(one.name)) & _WHOLE or one.name.lower() in _WHOLE]
    return (whole[0], 0.7) if whole else (chart.series[0], 0.4)


def _point(series: Series, label: str) -> Point | None:
    return next((point for point in series.points if point.label == label), None)


def _answer(text: str, chart: ChartData, how: Deed, points: Sequence[Point], sure: float) -> ChartAnswer:
    confidence = sure * min(point.confidence for point in points)
    return ChartAnswer(text, chart.value_axis.unit, how, points[0].box, round(confidence, 4), tuple(points))


def _look(chart: ChartData, asked: Asked, series: Sequence[_Place], labels: Sequence[_Place]) -> ChartAnswer | None:
    chosen, sure = _series(chart, series, asked)
    if not labels:
        every = list(chart.points())
        if len(every) == 1:
            return _answer(shown(every[0][1]), chart, "look", [every[0][1]], 0.7)
        if series and len(chosen.points) == 1:
            return _answer(shown(chosen.points[0]), chart, "look", chosen.points, sure)
        return None
    ties = [
        place for place in labels if place.score >= labels[0].score - 0.01 and place.weight >= labels[0].weight - 0.01
    ]
    for place in labels:
        point = _point(chosen, place.name)
        if point is not None:
            return _answer(shown(point), chart, "look", [point], sure * place.score / len(ties))
    return None


def _extreme(chart: ChartData, asked: Asked, series: Sequence[_Place], labels: Sequence[_Place]) -> ChartAnswer | None:
    """Return the highest or lowest: over the labels of a series, or over the series at a label that is named."""
    place = labels[0] if labels and len(chart.series) > 1 and not series and labels[0].score > 0.85 else None
    pool: list[tuple[Series, Point]]
    if place is not None:
        pool = [(one, point) for one in chart.series if (point := _point(one, place.name)) is not None]
        ranked = sorted(pool, key=lambda pair: pair[1].value, reverse=asked.deed == "highest")
        names = [one.name for one, _ in ranked]
    elif chart.stacked and not series:
        return _highest_stack(chart, asked)
    else:
        chosen, _ = _series(chart, series, asked)
        every = list(chart.points()) if len(chart.series) > 1 and not series else [(chosen, p) for p in chosen.points]
        ranked = sorted(every, key=lambda pair: pair[1].value, reverse=asked.deed == "highest")
        names = [point.label for _, point in ranked]
    if len(ranked) < asked.rank:
        return None
    point = ranked[asked.rank - 1][1]
    text = names[asked.rank - 1] if asked.wants == "label" else shown(point)
    if not text:
        return None
    return _answer(text, chart, asked.deed, [point], 0.9)


def _highest_stack(chart: ChartData, asked: Asked) -> ChartAnswer | None:
    sums = {label: [point for _, point in chart.points() if point.label == label] for label in chart.labels()}
    ranked = sorted(sums.items(), key=lambda item: sum(p.value for p in item[1]), reverse=asked.deed == "highest")
    if len(ranked) < asked.rank:
        return None
    label, points = ranked[asked.rank - 1]
    text = label if asked.wants == "label" else format_number(round(sum(point.value for point in points), 6))
    return _answer(text, chart, asked.deed, points, 0.8) if text else None


def _of_two(chart: ChartData, asked: Asked, series: Sequence[_Place], labels: Sequence[_Place]) -> ChartAnswer | None:
    """Return difference, ratio or sum of two labels in one series, or of two series at one label."""
    chosen, sure = _series(chart, series, asked)
    points: list[Point | None]
    strong = [place for place in labels if place.score > 0.7]
    if len(strong) >= 2:
        points = [_point(chosen, place.name) for place in strong[:2]]
    elif len(series) >= 2 and strong:
        both = [next(one for one in chart.series if one.name == place.name) for place in series[:2]]
        points = [_point(one, strong[0].name) for one in both]
    elif asked.deed == "sum" and len(series) <= 1 and not strong:
        points = list(chosen.points)
    elif asked.deed == "difference" and {"highest", "lowest"} <= set(asked.words):
        ordered = sorted(chosen.points, key=lambda point: -point.value)
        points = [ordered[0], ordered[-1]]
    else:
        return None
    known = [point for point in points if point is not None]
    if len(known) < 2 or len(known) < len(points):
        return None
    first, second = known[0].value, known[1].value
    if asked.deed == "difference":
        value = abs(first - second)
    elif asked.deed == "ratio":
        if not second:
            return None
        value = first / second
    else:
        value = sum(point.value for point in known)
    return _answer(format_number(round(value, 4)), chart, asked.deed, known, 0.8 * sure)


def _average(chart: ChartData, asked: Asked, series: Sequence[_Place]) -> ChartAnswer | None:
    chosen, sure = _series(chart, series, asked)
    if not chosen.points:
        return None
    mean = sum(point.value for point in chosen.points) / len(chosen.points)
    return _answer(format_number(round(mean, 4)), chart, "average", chosen.points, 0.8 * sure)


def _count(chart: ChartData, asked: Asked, series: Sequence[_Place]) -> ChartAnswer | None:
    assert asked.limit is not None
    chosen, sure = _series(chart, series, asked)
    sign, bound = asked.limit
    hits = [point for point in chosen.points if (point.value > bound if sign == ">" else point.value < bound)]
    return _answer(str(len(hits)), chart, "count", hits or chosen.points[:1], 0.7 * sure) if chosen.points else None


def _find(chart: ChartData, asked: Asked, question: str, series: Sequence[_Place]) -> ChartAnswer | None:
    """Return the label at which a series has the value that the question gives."""
    chosen, sure = _series(chart, series, asked)
    given = [float(text.replace(",", "")) for text in re.findall(r"\d[\d,]*\.?\d*", question) if text.strip(",.")]
    for value in given:
        near = [
            point for point in chosen.points if abs(point.value - value) <= max(0.005 * abs(value), point.uncertainty)
        ]
        if len(near) == 1 and near[0].label:
            return _answer(near[0].label, chart, "find", near, 0.8 * sure)
    return None
