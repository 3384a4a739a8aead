"""Numbers with check digits: IBANs, ISBNs, payment cards and VAT numbers of the European Union.

A field of such a format (`formats.CHECKED`) takes a number of the page whose check digits are right (ISO 7064, ISO 2108,
ISO/IEC 7812, the countries' own), printed with blanks, dots or dashes or without. A letter that a scan made of a digit, as
O of 0, is read back where the check digits then are right; a digit is never exchanged for another digit, as one of a
hundred wrong numbers would pass so. A value with wrong check digits is known to be misread, so nothing of it is sure.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import Box, Notice
from dsvl2.pipelines.extract.formats import CHECKED
from dsvl2.pipelines.extract.leaves import Path, shown, value_at
from dsvl2.pipelines.extract.second import allowed, with_value
from dsvl2.pipelines.extract.shapes import Form, Words, options_at
from dsvl2.pipelines.extract.support import support_of
from dsvl2.pipelines.extract.types import FieldEvidence, Reading, View
from dsvl2.pipelines.spatial import SpatialText

_MODULES = {"iban": "stdnum.iban", "isbn": "stdnum.isbn", "payment-card": "stdnum.luhn", "vat": "stdnum.eu.vat"}
_NAMES = {"iban": "an IBAN", "isbn": "an ISBN", "payment-card": "a payment card", "vat": "a VAT number"}
_COUNTRY = frozenset({"iban", "vat"})  # begin with two letters
_TO_DIGITS = str.maketrans("OQDILSBZG", "000115826")
_TO_LETTERS = str.maketrans("01582", "OISBZ")
_GROUP = re.compile(r"[0-9A-Za-z]+")
_MOST_GROUPS = 12
_SURE = 0.97  # of the one number on a page whose check digits are right
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Checked:
    """A number with right check digits: its canonical form, as printed, and where (image pixels)."""

    number: str
    quote: str
    box: Box


def look_at_check_digits(form: Form, views: Sequence[View], readings: Sequence[Reading]) -> list[Reading]:
    """Put numbers whose check digits are right into the fields of their formats, and make the others unsure."""
    result = []
    if not views:
        return list(readings)
    for view, reading in zip(views, readings, strict=True):
        for path in list(reading.evidence):
            kind = _format(form, path)
            if kind is not None:
                reading = _settled(form, view, reading, path, kind)
        result.append(reading)
    return result


def right_number(kind: str, printed: str) -> str | None:
    """Return the canonical form of a printed number of a format of `CHECKED`; None where its check digits are wrong."""
    module = importlib.import_module(_MODULES[kind])
    compact = re.sub(r"[\s.\-\u2010-\u2013]", "", printed).upper()
    for number in dict.fromkeys((compact, *_read_back(kind, compact))):
        if re.search(CHECKED[kind], number) and module.is_valid(number):
            return number
    return None


def numbers_on(text: SpatialText, kind: str) -> list[Checked]:
    """Return the different numbers of a format on a page, in reading order; of overlapping ones the longest."""
    found: dict[str, Checked] = {}
    for segment in text.segments:
        groups = list(_GROUP.finditer(segment.text))
        start = 0
        while start < len(groups):
            run = _longest(segment.text, groups, start, kind)
            if run is None:
                start += 1
                continue
            number, end = run
            printed = segment.text[groups[start].start() : groups[end - 1].end()]
            place = support_of(text, printed)
            found.setdefault(number, Checked(number, printed, place.box if place else segment.box))
            start = end
    return list(found.values())


def _longest(text: str, groups: Sequence[re.Match[str]], start: int, kind: str) -> tuple[str, int] | None:
    """The longest run of groups from `start` that is a number: its canonical form, and one past its last group."""
    last = start + 1
    while last < min(len(groups), start + _MOST_GROUPS) and re.fullmatch(
        r"[ .\-\u2010-\u2013]", text[groups[last - 1].end() : groups[last].start()]
    ):
        last += 1
    for end in range(last, start, -1):
        number = right_number(kind, text[groups[start].start() : groups[end - 1].end()])
        if number is not None:
            return number, end
    return None


def _read_back(kind: str, compact: str) -> Iterator[str]:
    """The number with letters that can only be digits read as such, and figures in its country as letters."""
    if kind not in _COUNTRY:
        yield (
            compact[:-1].translate(_TO_DIGITS) + compact[-1:]
            if compact.endswith("X")
            else compact.translate(_TO_DIGITS)
        )
        return
    country = compact[:2].translate(_TO_LETTERS)
    yield country + compact[2:4].translate(_TO_DIGITS) + compact[4:]
    yield country + compact[2:].translate(_TO_DIGITS)


def _format(form: Form, path: Path) -> str | None:
    patterns = {pattern for shape in options_at(form, path) if isinstance(shape, Words) for pattern in shape.patterns}
    return next((kind for kind, pattern in CHECKED.items() if pattern in patterns), None)


def _settled(form: Form, view: View, reading: Reading, path: Path, kind: str) -> Reading:
    value, where = value_at(reading.data, path), reading.evidence[path]
    said = right_number(kind, value) if isinstance(value, str) else None
    found = [] if view.text is None else numbers_on(view.text, kind)
    own = next((one for one in found if one.number == said), None)
    if own is None and found and not any(isinstance(part, int) for part in path):
        own = found[0]
    if own is not None:
        sure = _SURE if own.number == said or len(found) == 1 else _SURE / len(found)
        return _put_in(form, reading, path, own, max(sure, where.confidence or 0.0) if own.number == said else sure)
    if value is None or said is not None:
        return reading
    fact = (
        f"page {reading.page}: {shown(path)}: {str(value)[:_MOST_SHOWN]!r} has not the check digits of {_NAMES[kind]}"
    )
    evidence = {**reading.evidence, path: replace(where, confidence=0.0)}
    return replace(reading, evidence=evidence, notices=(*reading.notices, Notice("check_digits", fact)))


def _put_in(form: Form, reading: Reading, path: Path, own: Checked, sure: float) -> Reading:
    before = value_at(reading.data, path)
    evidence = FieldEvidence(reading.page, own.box, own.quote, sure)
    if own.number == before:
        return with_value(reading, path, before, evidence)
    if not allowed(form, reading.data, path, own.number):
        return reading
    had = "was not found at first" if before is None else f"was {str(before)[:_MOST_SHOWN]!r}"
    fact = f"page {reading.page}: {shown(path)} {had}; {own.quote!r} has the right check digits"
    return with_value(reading, path, own.number, evidence, Notice("check_digits", fact))
