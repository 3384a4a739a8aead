"""Made-up charts as data, and questions about them with their answers. Nothing is drawn here.

Every chart comes from a seed alone. Words are everyday ones; no chart or question of any data set is in them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsvl2.pipelines.training.phrases import MONTHS

KINDS = ("bar", "hbar", "grouped", "stacked", "line", "lines", "pie", "scatter")

_PLACES = [
    "Norway",
    "Chile",
    "Kenya",
    "Japan",
    "Portugal",
    "Canada",
    "Vietnam",
    "Ghana",
    "Poland",
    "Mexico",
    "India",
    "Egypt",
    "Brazil",
    "Ireland",
    "Turkey",
    "Peru",
    "Iceland",
    "Greece",
    "Latvia",
    "Morocco",
    "Uruguay",
    "Belgium",
    "Nepal",
    "Cuba",
]
_THINGS = [
    "Apples",
    "Oats",
    "Rice",
    "Green tea",
    "Coffee",
    "Olive oil",
    "Wool",
    "Paper",
    "Timber",
    "Copper",
    "Salt",
    "Sugar",
    "Honey",
    "Cotton",
    "Cement",
    "Glass bottles",
    "Bicycles",
    "Radios",
    "Lamps",
    "Tractors",
    "Ferries",
    "Trams",
    "Buses",
    "Night trains",
    "Postcards",
    "Novels",
    "Maps",
    "Violins",
    "Toys",
    "Umbrellas",
]
_GROUPS = (
    "Under 18|18 to 29|30 to 49|50 to 64|65 and older",
    "Very good|Good|Fair|Poor|Very poor",
    "Primary school|Secondary school|College|University",
    "North|South|East|West|Central",
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
)
_MEASURES = (
    ("Sales", "million euros"),
    ("Exports", "thousand tonnes"),
    ("Visitors", "thousands"),
    ("Share of respondents", "%"),
    ("Revenue", "billion U.S. dollars"),
    ("Rainfall", "mm"),
    ("Average price", "dollars"),
    ("Energy use", "GWh"),
    ("Number of members", ""),
    ("Unemployment rate", "%"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer; `kind` is what it takes: look up, extreme, difference, sum, count, ratio, average."""

    text: str
    answer: str
    kind: str


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """A chart to draw. `values` is [series][label]; `x` holds numbers for a scatter plot."""

    seed: int
    kind: str
    title: str
    labels: tuple[str, ...]
    series: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    measure: str
    unit: str
    label_name: str
    printed: bool
    x: tuple[float, ...] = ()

    @property
    def value_name(self) -> str:
        """The value axis' title."""
        return f"{self.measure} in {self.unit}" if self.unit and self.unit != "%" else self.measure

    @property
    def suffix(self) -> str:
        """What stands behind every number."""
        return "%" if self.unit == "%" else ""


def number_text(value: float) -> str:
    """Return a value without a needless fraction."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def make_spec(seed: int, kind: str | None = None, printed: bool | None = None) -> ChartSpec:
    """Return the chart of a seed."""
    rng = random.Random(seed)
    chosen = kind or rng.choice(KINDS)
    labels, label_name = _labels(rng, chosen)
    measure, unit = rng.choice(_MEASURES)
    if chosen == "pie":
        measure, unit = "Share", "%"
    count = rng.randint(2, 4) if chosen in ("grouped", "stacked", "lines") else 1
    series = tuple(rng.sample(_PLACES if labels[0] not in _PLACES else _THINGS, count)) if count > 1 else ("",)
    top = rng.choice((20, 90, 100, 500, 4000, 60000)) if unit != "%" else rng.choice((12, 60, 95))
    digits = rng.choice((0, 1, 2)) if top <= 100 else 0
    values = tuple(_values(rng, chosen, len(labels), top, digits) for _ in series)
    title = f"{measure} by {label_name.lower()}" if rng.random() < 0.7 else f"{measure} {rng.randint(1990, 2020)}"
    x = tuple(sorted(round(rng.uniform(0, 50), 1) for _ in labels)) if chosen == "scatter" else ()
    shown = (rng.random() < 0.6 and chosen != "scatter") if printed is None else printed
    return ChartSpec(
        seed, chosen, title, labels, series, values, measure, unit, label_name, shown or chosen == "pie", x
    )


def _labels(rng: random.Random, kind: str) -> tuple[tuple[str, ...], str]:
    count = rng.randint(3, 6) if kind in ("grouped", "pie") else rng.randint(4, 9)
    choice = rng.random()
    if kind in ("line", "lines", "scatter") or choice < 0.3:
        start = rng.randint(1960, 2012)
        return tuple(str(start + k) for k in range(count + 3 * (kind in ("line", "lines")))), "Year"
    if choice < 0.4 and kind != "pie":
        start = rng.randint(0, 5)
        return tuple(MONTHS[start : start + min(count, 6)]), "Month"
    if choice < 0.6:
        return tuple(rng.sample(_PLACES, count)), "Country"
    if choice < 0.85:
        return tuple(rng.sample(_THINGS, count)), "Product"
    return tuple(rng.choice(_GROUPS).split("|")), "Group"


def _values(rng: random.Random, kind: str, count: int, top: float, digits: int) -> tuple[float, ...]:
    if kind == "pie":
        cuts = sorted(rng.sample(range(6, 94), count - 1))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
        return tuple(float(max(2, part)) for part in parts)
    if kind in ("line", "lines"):
        level, found = rng.uniform(0.3, 0.7) * top, []
        for _ in range(count):
            level = min(top, max(0.08 * top, level + rng.uniform(-0.15, 0.17) * top))
            found.append(round(level, digits))
        return tuple(found)
    return tuple(round(rng.uniform(0.06, 1.0) * top, digits) for _ in range(count))


def questions_of(spec: ChartSpec, count: int = 4) -> tuple[Question, ...]:
    """Return questions about a chart, drawn by its seed; answers that ties leave open are not asked for."""
    if spec.kind == "scatter":
        return ()
    rng = random.Random(spec.seed * 7919 + 1)
    makers: list[Callable[[random.Random, ChartSpec], Question | None]] = [_look_up, _look_up, _extreme]
    makers += [_difference, _total, _lookup_by_rank]
    found: list[Question] = []
    for _ in range(8 * count):
        question = rng.choice(makers)(rng, spec)
        if question is not None and all(question.text != other.text for other in found):
            found.append(question)
        if len(found) == count:
            break
    return tuple(found)


def _row(rng: random.Random, spec: ChartSpec) -> tuple[str, Sequence[float]]:
    k = rng.randrange(len(spec.series))
    return spec.series[k], spec.values[k]


def _of(series: str) -> str:
    return f" of {series}" if series else ""


def _in(spec: ChartSpec, label: str) -> str:
    return f"in {label}" if spec.label_name in ("Year", "Month", "Country") else f"for {label}"


def _look_up(rng: random.Random, spec: ChartSpec) -> Question:
    series, values = _row(rng, spec)
    k = rng.randrange(len(values))
    what = spec.measure.lower()
    text = rng.choice(
        (
            f"What was the {what}{_of(series)} {_in(spec, spec.labels[k])}?",
            f"How high was the {what}{_of(series)} {_in(spec, spec.labels[k])}?",
            f"What is the value{_of(series)} {_in(spec, spec.labels[k])}?",
        )
    )
    return Question(text, number_text(values[k]), "look up")


def _extreme(rng: random.Random, spec: ChartSpec) -> Question | None:
    series, values = _row(rng, spec)
    high = rng.random() < 0.5
    best = max(values) if high else min(values)
    others = sorted(values)
    apart = abs(best - (others[-2] if high else others[1]))
    if apart < 0.03 * (max(values) or 1):
        return None
    word = rng.choice(("highest", "largest") if high else ("lowest", "smallest"))
    noun = spec.label_name.lower()
    text = f"Which {noun} had the {word} {spec.measure.lower()}{_of(series)}?"
    return Question(text, spec.labels[list(values).index(best)], "extreme")


def _lookup_by_rank(rng: random.Random, spec: ChartSpec) -> Question:
    series, values = _row(rng, spec)
    high = rng.random() < 0.5
    word = "highest" if high else "lowest"
    text = f"What was the {word} {spec.measure.lower()}{_of(series)}?"
    return Question(text, number_text(max(values) if high else min(values)), "extreme value")


def _difference(rng: random.Random, spec: ChartSpec) -> Question | None:
    series, values = _row(rng, spec)
    a, b = rng.sample(range(len(values)), 2)
    gap = abs(values[a] - values[b])
    if gap < 0.1 * max(values):
        return None
    join = f"{spec.labels[a]} and {spec.labels[b]}"
    text = f"What is the difference in {spec.measure.lower()}{_of(series)} between {join}?"
    return Question(text, number_text(round(gap, 2)), "difference")


def _total(rng: random.Random, spec: ChartSpec) -> Question:
    series, values = _row(rng, spec)
    if rng.random() < 0.5:
        a, b = rng.sample(range(len(values)), 2)
        text = f"What is the sum of {spec.measure.lower()}{_of(series)} for {spec.labels[a]} and {spec.labels[b]}?"
        return Question(text, number_text(round(values[a] + values[b], 2)), "sum")
    text = f"What is the average {spec.measure.lower()}{_of(series)}?"
    return Question(text, number_text(round(sum(values) / len(values), 3)), "average")
