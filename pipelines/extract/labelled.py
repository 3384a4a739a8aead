"""Values that stand at their label: dates, numbers, ticks and codes that a model left out, or took from another line.

A label is the words of a field's name, in their order and side by side. Its value is what follows it in the line; where
nothing does, what stands to the right of it, and where nothing does there either, what stands below it. Only what is one
date, one number or one tick counts, so a label is never worth a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract.printed import dates_in, number_in, numbers_in, ticked
from dsvl2.pipelines.spatial import Segment
from dsvl2.pipelines.words import text_width

NUMBER, DATE, TRUTH, WORDS = "number", "date", "truth", "words"
_NUMBER_WORDS = "no|nr|num|number|numero|n\u00ba|n\u00b0|\u2116|#"
_BEHIND = " \t:=.\u2026_-\u2013\u2014"
_LONGEST = 60  # characters of a value in words
_BELOW, _ASIDE = 2.2, 1.5  # line heights that a value may be below its label, and further left or right
_MOSTLY = 0.5  # of the characters beside or below a label that are its value


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value at its label: as printed, what it means (two dates, where they may be two), and where."""

    printed: str
    meant: tuple[Any, ...]
    box: Box
    reading: float | None
    direct: bool
    """Nothing but a mark stands between label and value, and no other words before the label."""


@dataclass(frozen=True, slots=True)
class _Label:
    segment: int
    start: int
    stop: int
    bare: bool  # no words before it


def labelled(segments: Sequence[Segment], name: Sequence[str], kind: str) -> Labelled | None:
    """Return the value at the one label that has one; None if none has, or several have different ones."""
    labels = list(_labels(segments, name))
    labels = [label for label in labels if label.bare] or labels
    found = [value for label in labels if (value := _value(segments, label, kind)) is not None]
    meant = {value.meant for value in found}
    return found[0] if len(meant) == 1 else None


def stands(segments: Sequence[Segment], name: Sequence[str]) -> bool:
    """Whether a label is on the page at all."""
    return any(True for _ in _labels(segments, name))


def _labels(segments: Sequence[Segment], name: Sequence[str]) -> Iterator[_Label]:
    if not name or not all(name):
        return
    words = [rf"(?:{_NUMBER_WORDS})\.?" if word in _NUMBER_WORDS.split("|") else re.escape(word) for word in name]
    pattern = re.compile(rf"(?<!\w){'[ _./-]*'.join(words)}(?!\w)", re.IGNORECASE)
    for number, segment in enumerate(segments):
        for match in pattern.finditer(segment.text):
            before = segment.text[: match.start()].strip()
            bare = not before or before[-1] in ".:;|)]" or ticked(before) is not None
            yield _Label(number, match.start(), match.end(), bare)


def _value(segments: Sequence[Segment], label: _Label, kind: str) -> Labelled | None:
    segment = segments[label.segment]
    behind = segment.text[label.stop :]
    rest = behind.lstrip(_BEHIND if kind != NUMBER else _BEHIND.replace("-", ""))
    before = segment.text[: label.start]
    if kind == TRUTH and ticked(before) is not None and not behind.lstrip().startswith(":"):
        rest, behind = before, ""
    if rest.strip():
        start = segment.text.index(rest, label.stop) if behind else 0
        return _inside(segment, start, rest, kind, direct=label.bare and (":" in behind[:3] or kind == TRUTH))
    for near in (_right_of(segments, label.segment), _below(segments, label.segment)):
        if near is not None:
            found = _inside(near, 0, near.text, kind, direct=label.bare)
            return found if found and len(found.printed) >= _MOSTLY * len(near.text.strip()) else None
    return None


def _inside(segment: Segment, start: int, rest: str, kind: str, *, direct: bool) -> Labelled | None:
    """The one value of a kind in the rest of a segment, up to the end of its sentence."""
    if kind == TRUTH:
        truth = ticked(rest)
        return None if truth is None else _found(segment, start, rest.strip(), (truth,), direct=direct)
    if kind == WORDS:
        whole = rest.strip()
        told = direct and 0 < len(whole) <= _LONGEST and re.search(r"\w", whole)
        return _found(segment, start, whole, (whole,), direct=True) if told else None
    rest = re.split(r"(?<=[^\W\d]{3})\. (?=\W*[A-Z])", rest)[0]
    if kind == DATE:
        dates = dict(dates_in(rest))
        if len(dates) != 1:
            return None
        printed, meant = next(iter(dates.items()))
        at = rest.index(printed)
        return _found(segment, start + at, printed, tuple(sorted(meant)), direct=direct and not at)
    if any(True for _ in dates_in(rest)):
        return None
    numbers = list(numbers_in(rest))
    if len(numbers) != 1:
        return None
    printed = numbers[0]
    value = number_in(printed)
    assert value is not None
    at = rest.index(printed)
    near = direct and len(rest[:at].strip()) <= 3  # a sign of money
    return _found(segment, start + at, printed, (int(value) if value == int(value) else value,), direct=near)


def _found(segment: Segment, start: int, printed: str, meant: tuple[Any, ...], *, direct: bool) -> Labelled:
    at = segment.text.find(printed, start)
    whole = text_width(segment.text) or 1.0
    left, right = (text_width(segment.text[:place]) / whole for place in (at, at + len(printed)))
    box, wide = segment.box, segment.box.x1 - segment.box.x0
    if box.y1 - box.y0 <= wide:
        box = Box(box.x0 + left * wide, box.y0, box.x0 + right * wide, box.y1)
    return Labelled(printed, meant, box, segment.confidence, direct)


def _right_of(segments: Sequence[Segment], number: int) -> Segment | None:
    own = segments[number].box
    middle, tall = (own.y0 + own.y1) / 2, own.y1 - own.y0
    row = [
        other
        for other in segments
        if other.box.x0 >= own.x1 - tall / 2 and abs((other.box.y0 + other.box.y1) / 2 - middle) <= tall / 2
    ]
    return min(row, key=lambda other: other.box.x0, default=None)


def _below(segments: Sequence[Segment], number: int) -> Segment | None:
    own = segments[number].box
    tall = own.y1 - own.y0
    under = [
        other
        for other in segments
        if 0 < (other.box.y0 + other.box.y1 - own.y0 - own.y1) / 2 <= _BELOW * tall
        and other.box.x0 < own.x1 + _ASIDE * tall
        and other.box.x1 > own.x0 - _ASIDE * tall
        and abs(other.box.x0 - own.x0) <= _ASIDE * tall
    ]
    return min(under, key=lambda other: other.box.y0, default=None)
