"""The third look: what stands at a field's label is its value, whatever a model made of it; dates that may be two are told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from dsvl2.pipelines.documents import Box, Notice
from dsvl2.pipelines.extract.labelled import DATE, NUMBER, TRUTH, WORDS, Labelled, labelled, stands
from dsvl2.pipelines.extract.leaves import Path, shown, value_at
from dsvl2.pipelines.extract.printed import dates_in, day_first
from dsvl2.pipelines.extract.second import allowed, with_value
from dsvl2.pipelines.extract.shapes import Form, Numeral, listed_at, options_at
from dsvl2.pipelines.extract.types import FieldEvidence, Reading, View
from dsvl2.pipelines.spatial import Segment

_DIRECT, _FAR = 0.95, 0.9  # how sure a value beside its label is, and one further on in a sentence
_EVEN = 0.5  # a date that may as well be another
_THE_DATE = frozenset({"date", "dated", "datum", "fecha", "data"})
_SOME_TEXT = "\u2003x"


def look_at_labels(form: Form, views: Sequence[View], readings: Sequence[Reading]) -> list[Reading]:
    """Put in the values that stand at the labels of single fields, and take out those that stand at another's."""
    first = day_first(segment.text for view in views if view.text for segment in view.text.segments)
    return [
        reading if view.text is None else _Look(form, view.text.segments, first).of(reading)
        for view, reading in zip(views, readings, strict=True)
    ]


class _Look:
    """One page's segments; `first` says whether days come first in its dates, as far as they tell."""

    def __init__(self, form: Form, segments: Sequence[Segment], first: bool | None) -> None:
        self.form, self.segments, self.first = form, segments, first

    def of(self, reading: Reading) -> Reading:
        kinds = dict(self._kinds(reading))
        found = {path: labelled(self.segments, _words(path), kind) for path, kind in kinds.items()}
        for path, kind in kinds.items():
            value = found[path]
            if value is None and kind == DATE and list(kinds.values()).count(DATE) == 1:
                value = self._only_date(path)
            if value is not None:
                others = [one for other, one in found.items() if one is not None and other != path]
                reading = self._put_in(reading, path, kind, value, others)
        for path in kinds:
            reading = self._taken_back(reading, path, found)
        for path, kind in kinds.items():
            if kind == DATE:
                reading = self._settled(reading, path)
        return reading

    def _kinds(self, reading: Reading) -> Iterator[tuple[Path, str]]:
        for path in reading.evidence:
            if path and all(isinstance(part, str) for part in path):
                kind = _kind(self.form, reading.data, path)
                if kind is not None:
                    yield path, kind

    def _put_in(self, reading: Reading, path: Path, kind: str, found: Labelled, others: Sequence[Labelled]) -> Reading:
        before, where = value_at(reading.data, path), reading.evidence[path]
        sure = (_DIRECT if found.direct else _FAR) * (1.0 if found.reading is None else found.reading)
        if before is not None and (kind == WORDS or _meets(where.box, found.box)):
            agreed = _meets(where.box, found.box) and self._meant(found.printed, found.meant) == before
            if not agreed or where.confidence is None or where.confidence >= sure:
                return reading
            return with_value(reading, path, before, replace(where, confidence=sure, reading=found.reading))
        if before is not None and not found.direct and not any(_meets(where.box, one.box) for one in others):
            return reading
        value = self._meant(found.printed, found.meant)
        if value == before or not allowed(self.form, reading.data, path, value):
            return reading
        if kind == WORDS and any(_spelt(found.printed) == _words(other) for other in reading.evidence if other):
            return reading  # the label of another field
        evidence = FieldEvidence(reading.page, found.box, found.printed, sure, reading=found.reading)
        had = "was not found at first" if before is None else f"was {before!r}"
        fact = f"page {reading.page}: {shown(path)} {had}; at its place stands {found.printed!r}"
        return with_value(reading, path, value, evidence, Notice("at_label", fact))

    def _taken_back(self, reading: Reading, path: Path, found: dict[Path, Labelled | None]) -> Reading:
        """Make null of a value that stands at the label of another field, where its own is not on the page."""
        value, where = value_at(reading.data, path), reading.evidence[path]
        if value is None or where.box is None or isinstance(value, bool) or stands(self.segments, _words(path)):
            return reading
        owner = next(
            (other for other, one in found.items() if other != path and one and _meets(one.box, where.box)),
            None,
        )
        label = _spelt(str(value)) if isinstance(value, str) else ()
        owner = owner or next((other for other in found if other != path and label == _words(other)), None)
        if owner is None or not allowed(self.form, reading.data, path, None):
            return reading
        fact = f"page {reading.page}: {shown(path)}: {where.quote!r} belongs to {shown(owner)}, so it is null"
        return with_value(reading, path, None, FieldEvidence(reading.page), Notice("of_another", fact))

    def _only_date(self, path: Path) -> Labelled | None:
        """The date of a letter: the one that stands alone in its line, for a field that asks for nothing but the date."""
        if not _THE_DATE.issuperset(_words(path)):
            return None
        alone = []
        for segment in self.segments:
            dates = dict(dates_in(segment.text))
            if len(dates) == 1 and len(next(iter(dates))) >= len(segment.text.strip(" .,;")):
                printed, meant = next(iter(dates.items()))
                alone.append(Labelled(printed, tuple(sorted(meant)), segment.box, segment.confidence, direct=False))
        return alone[0] if len({one.meant for one in alone}) == 1 else None

    def _meant(self, printed: str, meant: Sequence[Any]) -> Any:
        """Of the two days that figures may mean, that of the order of other dates of the document; else day before month."""
        if len(meant) < 2:
            return meant[0]
        first = int(re.findall(r"\d+", printed)[0])
        return next(iso for iso in meant if (int(iso[-2:]) == first) == (self.first is not False))

    def _settled(self, reading: Reading, path: Path) -> Reading:
        """Say what was assumed where a date may be two."""
        value, where = value_at(reading.data, path), reading.evidence[path]
        meant = next((days for printed, days in dates_in(where.quote or "") if printed == where.quote), frozenset())
        if len(meant) < 2 or value not in meant:
            return reading
        chosen = self._meant(where.quote or "", sorted(meant))
        if not allowed(self.form, reading.data, path, chosen):
            return reading
        (other,) = meant - {chosen}
        lead = f"page {reading.page}: {shown(path)}: {where.quote!r} was read as {chosen}"
        if self.first is None:
            fact = f"{lead}, the day first; it may be {other}, as no other date of the document tells"
            sure = None if where.confidence is None else min(where.confidence, _EVEN)
            evidence = replace(where, confidence=sure)
        else:
            order = "day" if self.first else "month"
            fact, evidence = f"{lead}, the {order} first, as in other dates of the document", where
        return with_value(reading, path, chosen, evidence, Notice("two_dates", fact))


def _kind(form: Form, data: Any, path: Path) -> str | None:
    """What a field takes: one of the kinds of `labelled`; None for choices and for what is none of them."""
    listed = listed_at(form, path)
    if any(value is True or value is False for value in listed):
        return TRUTH
    if any(isinstance(value, str | int | float) for value in listed):
        return None
    if any(isinstance(shape, Numeral) for shape in options_at(form, path)):
        return NUMBER
    if allowed(form, data, path, _SOME_TEXT):
        return WORDS
    return DATE if allowed(form, data, path, "1987-03-14") else None


def _words(path: Path) -> tuple[str, ...]:
    """The words of a field's name, as a label has them."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-./]+", " ", str(path[-1]))
    return _spelt(name)


def _spelt(text: str) -> tuple[str, ...]:
    return tuple(text.strip(" :.").casefold().split())


def _meets(one: Box | None, other: Box | None) -> bool:
    """Whether the middle of a box lies in the other."""
    if one is None or other is None:
        return False
    return any(
        b.x0 <= (a.x0 + a.x1) / 2 <= b.x1 and b.y0 <= (a.y0 + a.y1) / 2 <= b.y1 for a, b in ((one, other), (other, one))
    )
