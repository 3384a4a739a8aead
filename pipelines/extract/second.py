"""The second look: a field that is in doubt is asked for alone, and a value that is not on the page becomes null."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.asking import Asker, evidence_of
from dsvl2.pipelines.extract.grammar import shortest
from dsvl2.pipelines.extract.leaves import Path, replaced, shown, value_at
from dsvl2.pipelines.extract.printed import dates_in, number_in, numbers_in
from dsvl2.pipelines.extract.schema import validation_errors
from dsvl2.pipelines.extract.shapes import Form, listed_at, options_at
from dsvl2.pipelines.extract.support import support_of
from dsvl2.pipelines.extract.types import FieldEvidence, Reading, View

MOST_LOOKS = 40  # fields of one page that are asked for again


def look_again(asker: Asker, views: Sequence[View], readings: Sequence[Reading]) -> list[Reading]:
    """Ask again for what is in doubt, and take back what the page does not say.

    Only of a model that answers from the page's text: one that sees may know more than that text.
    """
    if not asker.reads_text:
        return list(readings)
    looks = [
        (number, path)
        for number, (view, reading) in enumerate(zip(views, readings, strict=True))
        if view.text is not None
        for path in _doubtful(asker, reading)[:MOST_LOOKS]
    ]
    said = asker.ask([(views[number], path) for number, path in looks])
    result = list(readings)
    for (number, path), (answer, confidence) in zip(looks, said, strict=True):
        result[number] = _weighed(asker, views[number], result[number], path, answer, confidence)
    return [
        reading if view.text is None else without_guesses(asker.form, view, reading)
        for view, reading in zip(views, result, strict=True)
    ]


def _doubtful(asker: Asker, reading: Reading) -> list[Path]:
    """The single fields that are unsure, or stand nowhere on the page though they could be looked for."""
    return [
        path
        for path, evidence in reading.evidence.items()
        if path
        and not any(isinstance(part, int) for part in path)
        and not isinstance(value_at(reading.data, path), bool)
        and (
            (evidence.confidence is not None and evidence.confidence < asker.options.sure)
            or (
                evidence.quote is None
                and value_at(reading.data, path) is not None
                and not _chosen(asker.form, reading.data, path)
            )
        )
    ]


def _weighed(asker: Asker, view: View, reading: Reading, path: Path, answer: str, confidence: float | None) -> Reading:
    """Decide between what was said first and what was said to the question alone."""
    first, before = value_at(reading.data, path), reading.evidence[path]
    second = typed(asker.form, reading.data, path, answer) if answer else None
    if second is None and answer:
        return reading  # it cannot stand here; what was said first is judged by the page alone
    after = evidence_of(view, second, confidence)
    if second == first:
        known = [where.confidence for where in (before, after) if where.confidence is not None]
        return with_value(reading, path, first, replace(before, confidence=max(known, default=None)))
    better = (after.quote is not None, after.confidence or 0.0) > (before.quote is not None, before.confidence or 0.0)
    if first is None and (second is None or after.quote is None):
        return reading
    if second is None and (before.quote is not None or _chosen(asker.form, reading.data, path)):
        return reading
    if not better and second is not None:
        return reading
    if second is None and not allowed(asker.form, reading.data, path, None):
        return reading
    told = "null" if second is None else repr(second)
    fact = f"page {reading.page}: {shown(path)} was {first!r}; asked for alone it is {told}"
    return with_value(reading, path, second, after, Notice("second_look", fact))


def without_guesses(form: Form, view: View, reading: Reading) -> Reading:
    """Make null of texts, numbers and dates that the page does not hold; what may not be null stays, and that is said."""
    for path, evidence in list(reading.evidence.items()):
        value = value_at(reading.data, path)
        if evidence.quote is not None or value is None or isinstance(value, bool) or _chosen(form, reading.data, path):
            continue
        whole = _with_thousands(form, view, reading, path)
        if whole is not None:
            reading = whole
        elif allowed(form, reading.data, path, None):
            fact = f"page {reading.page}: {shown(path)}: {value!r} does not stand on the page, so it is null"
            nothing = FieldEvidence(reading.page, None, None, evidence.confidence)
            reading = with_value(reading, path, None, nothing, Notice("not_on_page", fact))
        else:
            fact = (
                f"page {reading.page}: {shown(path)}: {value!r} does not stand on the page; null is not allowed there"
            )
            least = _least_number(form, reading.data, path)
            if least is not None and least != value:
                reading, fact = with_value(reading, path, least, evidence), f"{fact}, so it is {least}"
            reading = replace(reading, notices=(*reading.notices, Notice("unsupported", fact)))
    return reading


def _with_thousands(form: Form, view: View, reading: Reading, path: Path) -> Reading | None:
    """Take a number's sign of thousands for what it is: where 8,640 stands alone, a model writes 8.64 into its JSON."""
    value = value_at(reading.data, path)
    if view.text is None or isinstance(value, str):
        return None
    meant = set()
    for printed in (number for segment in view.text.segments for number in numbers_in(segment.text)):
        parts = re.fullmatch(r"\D*(\d{1,3})[.,](\d{3})\D*", printed)
        number = number_in(printed)
        if parts and number is not None and abs(number) >= 1000 and float(f"{parts[1]}.{parts[2]}") == abs(value):
            meant.add(int(number))
    if len(meant) != 1:
        return None
    number = meant.pop()
    place = support_of(view.text, number)
    if place is None or not allowed(form, reading.data, path, number):
        return None
    evidence = replace(reading.evidence[path], page=reading.page, box=place.box, quote=place.quote)
    fact = f"page {reading.page}: {shown(path)} was {value!r}; on the page stands {place.quote!r}"
    return with_value(reading, path, number, evidence, Notice("second_look", fact))


def _least_number(form: Form, data: Any, path: Path) -> int | float | None:
    """The shortest number that may stand in the place of a made-up one; None for texts and for a number from a list.

    Where a number has to come and the page has none, a model held to digits writes digits until something stops it.
    """
    value = value_at(data, path)
    if isinstance(value, str) or value in listed_at(form, path):
        return None
    if allowed(form, data, path, 0):
        return 0
    spelt = [shortest(replace(form, root=shape)) for shape in options_at(form, path)]
    numbers = [json.loads(text) for text in spelt if text is not None and text[:1] in "-0123456789"]
    return next(
        (number for number in sorted(numbers, key=lambda one: len(str(one))) if allowed(form, data, path, number)), None
    )


def _chosen(form: Form, data: Any, path: Path) -> bool:
    """Whether a value was chosen from a list (an enum): such a word need not stand on the page."""
    value = value_at(data, path)
    probe = f"{value}\u2003x" if isinstance(value, str) else value
    return isinstance(value, str) and not allowed(form, data, path, probe) and not _looks_formatted(value)


def _looks_formatted(value: str) -> bool:
    """Dates, times and the like: of a form, but not from a list."""
    return any(char.isdigit() for char in value)


def with_value(reading: Reading, path: Path, value: Any, evidence: FieldEvidence, *notices: Notice) -> Reading:
    """Return a reading with another value and its evidence at a path, and what is to be said of it."""
    return replace(
        reading,
        data=replaced(reading.data, path, value),
        evidence={**reading.evidence, path: evidence},
        notices=(*reading.notices, *notices),
    )


def allowed(form: Form, data: Any, path: Path, value: Any) -> bool:
    """Whether the data stays valid with another value at a path."""
    return not validation_errors(form, replaced(data, path, value))


def typed(form: Form, data: Any, path: Path, answer: str) -> Any:
    """What an answer in words is as a value that may stand at a path; None if it is none."""
    for value in _meanings(answer):
        if allowed(form, data, path, value):
            return value
    return None


def _meanings(answer: str) -> Iterable[Any]:
    yield answer
    for _, meant in dates_in(answer):
        if len(meant) == 1:
            yield from meant
    number = number_in(answer)
    if number is not None:
        yield int(number) if number == int(number) else number
    folded = answer.strip().casefold()
    yield folded
    yield from {"yes": (True,), "true": (True,), "no": (False,), "false": (False,)}.get(folded, ())
