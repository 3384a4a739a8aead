"""Values as documents print them: dates and numbers in their many forms, read back into one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_MONTHS = (
    ("january", "janvier", "januar", "enero", "gennaio", "janeiro", "januari"),
    ("february", "février", "februar", "febrero", "febbraio", "fevereiro", "februari"),
    ("march", "mars", "märz", "marzo", "março", "maart"),
    ("april", "avril", "abril", "aprile"),
    ("may", "mai", "mayo", "maggio", "maio", "mei"),
    ("june", "juin", "juni", "junio", "giugno", "junho"),
    ("july", "juillet", "juli", "julio", "luglio", "julho"),
    ("august", "août", "agosto", "augustus"),
    ("september", "septembre", "septiembre", "settembre", "setembro"),
    ("october", "octobre", "oktober", "octubre", "ottobre", "outubro"),
    ("november", "novembre", "noviembre", "novembro"),
    ("december", "décembre", "dezember", "diciembre", "dicembre", "dezembro"),
)
_SHORT = 3
_NAME = r"(?P<month>[^\W\d_]{3,10})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?"
_YEAR = r"(?P<year>\d{4}|'?\d{2})"
_WORDED = (
    re.compile(rf"(?<!\w){_DAY}[\s\-/]*(?:of\s+|de\s+)?{_NAME},?[\s\-/]*(?:de\s+)?{_YEAR}(?!\w)"),
    re.compile(rf"(?<!\w){_NAME}\s*{_DAY}(?:,\s*|\s+){_YEAR}(?!\w)"),
    re.compile(rf"(?<!\w)(?P<year>\d{{4}})[\s\-/]{_NAME}[\s\-/]{_DAY}(?!\w)"),
)
_NUMERIC = re.compile(r"(?<![\d.,/-])(\d{1,4})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{1,4})(?![\d/-]|[.,]\d)")
_NUMBER = re.compile(r"[-+(−]?\s*(?:[^\W\d_]{3}\b|[$€£¥])?\s*[-−]?(\d(?:[\d.,' \u00a0\u202f]*\d)?)")


def dates_in(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield (text as printed, ISO dates that it may mean); 3/4/2020 may mean two."""
    for pattern in _WORDED:
        for match in pattern.finditer(text):
            month = _month(match["month"])
            found = month and _iso(match["year"].lstrip("'"), month, match["day"])
            if found:
                yield match[0], frozenset({found})
    for match in _NUMERIC.finditer(text):
        first, _, second, third = match.groups()
        orders = ((first, second, third),) if len(first) == 4 else ((third, second, first), (third, first, second))
        known = [_iso(year, int(month), day) for year, month, day in orders if len(year) in (2, 4)]
        meant = frozenset(iso for iso in known if iso)
        if meant:
            yield match[0], meant


def _month(name: str) -> int:
    """The number of a month by its name or the first letters of it; 0 for other words."""
    folded = name.casefold().rstrip(".")
    for number, names in enumerate(_MONTHS, 1):
        if any(known == folded or (len(folded) >= _SHORT and known.startswith(folded)) for known in names):
            return number
    return 0


def _iso(year: str, month: int, day: str) -> str:
    whole = int(year) if len(year) == 4 else 2000 + int(year) if int(year) < 70 else 1900 + int(year)
    try:
        return date(whole, month, int(day)).isoformat()
    except ValueError:
        return ""


def number_in(text: str) -> float | None:
    """Return the one number that a text holds, whatever its separators, sign and unit; None for none or several."""
    found = [match for match in _NUMBER.finditer(text) if match[1]]
    if len(found) != 1:
        return None
    digits = re.sub(r"[' \u00a0\u202f]", "", found[0][1])
    marks = [sign for sign in digits if sign in ".,"]
    if marks:
        last = marks[-1]
        tail = len(digits) - digits.rindex(last) - 1
        decimal = marks.count(last) == 1 and (tail != 3 or len(set(marks)) > 1 or digits.startswith("0"))
        head, _, end = digits.rpartition(last)
        digits = re.sub(r"[.,]", "", head) + ("." + end if decimal else end)
    negative = found[0][0].lstrip()[:1] in "-−(" or re.search(r"\d\s*[-−]$", text.strip()) is not None
    try:
        return -float(digits) if negative else float(digits)
    except ValueError:
        return None
