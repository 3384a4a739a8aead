"""Numbers as charts print them: thousands in groups, signs, currencies, per cent, magnitudes, several in one piece."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_MINUS = "-\u2212\u2013\u2012"
_CURRENCY = "$\u20ac\u00a3\u00a5"
_GROUPED = (
    r"\d{1,3}(?:[ ,'\u2019\u00a0\u202f]\d{3})+(?:[.]\d+)?|\d{1,3}(?:[.]\d{3}){2,}(?:,\d+)?|\d+(?:[.,]\d+)?|[.]\d+"
)
_MAGNITUDES = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "mio": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "t": 1e12,
    "trillion": 1e12,
}
_NUMBER = re.compile(
    rf"(?P<open>\()?(?:(?P<sign>[{_MINUS}+])\s?)?(?:(?P<before>[{_CURRENCY}])\s?)?(?P<sign2>[{_MINUS}])?(?P<digits>{_GROUPED})"
    rf"(?P<power>[eE][+-]?\d{{1,3}})?(?:\s?(?P<after>%|[{_CURRENCY}]|\u00b0C?))?"
    r"(?:\s?(?P<size>[kK]|[mM]n|[mM]io|M|[bB]n|B|T|thousand|million|billion|trillion)\b)?(?P<close>\))?"
)
_TRAILING = re.compile(r"^[\s*\u00b9\u00b2\u00b3\u2020\u2021\u00b0\u00ba.,]*$")


@dataclass(frozen=True, slots=True)
class Number:
    """A printed number: its value, the sign of its unit ("%", "$", ...) and the characters [start, end) it takes."""

    value: float
    unit: str
    start: int
    end: int


def parse_number(text: str) -> Number | None:
    """Return the number that the whole text is (footnote marks behind it aside), None if it is anything else."""
    match = _NUMBER.match(text.strip())
    if match is None or not _TRAILING.match(text.strip()[match.end() :]):
        return None
    number = _number(match)
    return number if math.isfinite(number.value) else None


def numbers_in(text: str) -> tuple[Number, ...]:
    """Return all numbers of a text that stand apart from letters, from left to right."""
    found = []
    for match in _NUMBER.finditer(text):
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        if not before.isalnum() and not after.isalpha():
            found.append(_number(match))
    return tuple(number for number in found if math.isfinite(number.value))


def only_numbers(text: str) -> tuple[Number, ...]:
    """Return the numbers of a text that consists of nothing else (`28.3%26.3%`, `75.1 70.97`); () for other texts."""
    found = tuple(_number(match) for match in _NUMBER.finditer(text))
    if not all(math.isfinite(number.value) for number in found):
        return ()
    rest = text
    for number in reversed(found):
        rest = rest[: number.start] + " " + rest[number.end :]
    return found if found and _TRAILING.match(rest) else ()


def split_apart(text: str) -> tuple[Number, ...]:
    """Return the numbers of a text taken apart at every space: what `90 100` is if it is not ninety thousand."""
    found = []
    for match in re.finditer(r"\S+", text):
        number = parse_number(match[0])
        if number is None:
            return ()
        found.append(Number(number.value, number.unit, match.start(), match.end()))
    return tuple(found)


def _number(match: re.Match[str]) -> Number:
    power = int((match["power"] or "e0")[1:])
    value = _value(match["digits"]) * (10.0**power if abs(power) <= 300 else math.inf)  # beyond floats: no number
    size = match["size"]
    if size:
        value *= _MAGNITUDES[size.lower()]
    negative = (match["sign"] or "") in _MINUS and match["sign"] is not None
    if negative or match["sign2"] or (match["open"] and match["close"]):
        value = -value
    return Number(value, match["after"] or match["before"] or "", match.start(), match.end())


def _value(digits: str) -> float:
    """Read digits with group and decimal signs; a lone comma is decimal unless three digits follow it."""
    plain = re.sub(r"[ '\u2019\u00a0\u202f]", "", digits)
    if "," in plain and "." in plain:
        last = max(plain.rfind(","), plain.rfind("."))
        plain = re.sub(r"[.,]", "", plain[:last]) + "." + plain[last + 1 :]
    elif plain.count(",") == 1 and len(plain) - plain.find(",") - 1 != 3:
        plain = plain.replace(",", ".")
    elif plain.count(".") > 1:
        plain = plain.replace(".", "")
    return float(plain.replace(",", ""))


def format_number(value: float) -> str:
    """Return a number in plain digits, at most 13 significant ones, without a needless fraction."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.13g}"
