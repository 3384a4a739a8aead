"""Printed values: numbers that stand on or beside a mark, matched to marks so that the whole fits best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsvl2.pipelines.charts.bars import Bar
from dsvl2.pipelines.charts.numbers import Number, format_number, only_numbers, parse_number
from dsvl2.pipelines.charts.scales import ValueScale
from dsvl2.pipelines.charts.scene import middle
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box

_FAR = 3.0  # cost above which a number belongs to nothing
_FITS, _MENDED = 12.0, 3.0  # pixels that a printed value may be off its mark as read, and after a correction
_SHARP = 1.6  # the same after a digit was exchanged
_ALIKE = {
    "0": "689",
    "1": "7",
    "2": "7",
    "3": "589",
    "4": "19",
    "5": "369",
    "6": "058",
    "7": "12",
    "8": "03569",
    "9": "03584",
}
_OFF = 8.0  # pixels between a printed value and the end of its bar that cost as much as one letter height of distance


@dataclass(frozen=True, slots=True)
class Printed:
    """A number printed on the plot: where, what it says, and the text it is part of."""

    number: Number
    box: Box
    text: str
    item: TextItem


def printed_numbers(texts: Iterable[TextItem]) -> list[Printed]:
    """Return the numbers among texts; texts of several numbers are divided in proportion."""
    found: list[Printed] = []
    for item in texts:
        whole = parse_number(item.text)
        if whole is not None:
            found.append(Printed(whole, item.box, item.text, item))
            continue
        length = max(1, len(item.text))
        box = item.box
        close = parse_number(item.text.replace(" ", ""))
        if close is not None and _one_number(item.text):
            found.append(Printed(close, box, item.text.replace(" ", ""), item))
            continue
        for number in only_numbers(item.text):
            x0, x1 = (box.x0 + (box.x1 - box.x0) * k / length for k in (number.start, number.end))
            y0, y1 = box.y0, box.y1
            if item.angle == 90:
                y0, y1 = (box.y1 - (box.y1 - box.y0) * k / length for k in (number.end, number.start))
                x0, x1 = box.x0, box.x1
            text = item.text[number.start : number.end].strip()
            found.append(Printed(number, Box(x0, y0, x1, y1), text, item))
    return found


def _one_number(text: str) -> bool:
    """Whether a number was read with a space that is none: `3 7%`, whose first part lacks the unit of the second."""
    pieces = text.split()
    return (len(pieces) == 2 and pieces[0].lstrip("-\u2212\u2013").isdigit()) or pieces[0] in ("-", "\u2212", "\u2013")


def mended(number: Number, expected: float, step: float, unit: str, *, sharp: bool = False) -> Number | None:
    """Return the number that was printed if one of the usual misreadings explains it, None if none does.

    Usual are a per cent sign read as digits, a lost or an invented minus, a lost or an invented decimal point, and a
    digit taken for one of its like; the last only if marks are measured sharply, as other printed values show.
    """
    value = number.value
    digits = format_number(abs(value))
    if sharp and _MENDED * step < abs(value - expected) <= _FITS * step:
        close = min(_lookalikes(digits), key=lambda other: abs(other - abs(expected)), default=0.0)
        if abs(close - abs(expected)) <= _SHARP * step:
            return Number(close if value > 0 else -close, number.unit or unit, number.start, number.end)
    tries = [value, -value]
    if unit == "%" and digits.endswith(("96", "9", "6")):
        tries += [float(digits[:-2] or 0), float(digits[:-1] or 0)]
    tries += [sign * value * factor for factor in (10.0, 0.1, 100.0, 0.01) for sign in (1.0, -1.0)]
    for k, candidate in enumerate(tries):
        if abs(candidate - expected) <= (_FITS if k == 0 else _MENDED) * step:
            return Number(candidate, number.unit or unit, number.start, number.end)
    return None


def _lookalikes(digits: str) -> list[float]:
    """Return the numbers that differ from one in a digit that looks like another."""
    return [float(digits[:k] + other + digits[k + 1 :]) for k, d in enumerate(digits) for other in _ALIKE.get(d, "")]


def match_to_bars(
    bars: Sequence[Bar], numbers: Sequence[Printed], scale: ValueScale | None, unit: float, *, upright: bool
) -> dict[int, Printed]:
    """Return the printed number of each bar (by its index) that has one; every number is used once, best fits first."""
    pairs = []
    for k, bar in enumerate(bars):
        for n, printed in enumerate(numbers):
            cost = _bar_cost(bar, printed, unit, upright=upright)
            if cost <= _FAR:
                pairs.append((cost + _misfit(bar, printed, scale), k, n))
    return {k: numbers[n] for k, n in assign(pairs)}


def assign(pairs: Iterable[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """Return (mark, number) pairs, each mark and number once, in order of growing cost."""
    marks: set[int] = set()
    numbers: set[int] = set()
    chosen = []
    for _, mark, number in sorted(pairs):
        if mark not in marks and number not in numbers:
            marks.add(mark)
            numbers.add(number)
            chosen.append((mark, number))
    return chosen


def _bar_cost(bar: Bar, printed: Printed, unit: float, *, upright: bool) -> float:
    """Return how far a number is from where the value of a bar is printed, in letter heights."""
    x, y = middle(printed.box)
    if upright:
        across, near, far = x, -printed.box.y1, -printed.box.y0
    else:
        across, near, far = y, printed.box.x0, printed.box.x1
    half = (bar.a1 - bar.a0) / 2
    aside = max(0.0, abs(across - bar.centre) - (0.3 if bar.stacked else 0.5) * half)
    if aside > half + (1.2 if upright else 0.6) * unit:
        return _FAR + 1
    low, high = min(bar.start, bar.stop), max(bar.start, bar.stop)
    if low - 1 <= (near + far) / 2 <= high + 1 and low - 0.8 * unit <= near and far <= high + 0.8 * unit:
        at_end = min(abs(high - far), abs(near - low), abs((near + far - high - low) / 2))
        return aside / unit + 0.4 + 0.15 * at_end / unit  # inside, at an end or in the middle
    if bar.stacked:
        return _FAR + 1
    gap = near - bar.stop if bar.stop >= bar.start else bar.stop - far
    if -0.9 * unit <= gap <= 2.6 * unit:
        return aside / unit + abs(gap - 0.4 * unit) / unit
    return _FAR + 1


def _misfit(bar: Bar, printed: Printed, scale: ValueScale | None) -> float:
    """Return how badly a number fits the length of a bar, at most 2."""
    if scale is None:
        return 0.0
    sign = -1.0 if scale.upright else 1.0
    expected = scale.value(sign * bar.stop) - (scale.value(sign * bar.start) if bar.stacked else 0.0)
    step = scale.per_pixel(sign * bar.stop) or 1.0
    return min(2.0, abs(printed.number.value - expected) / step / _OFF)
