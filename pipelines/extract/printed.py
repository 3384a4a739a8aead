"""Values as documents print them: dates and numbers in their many forms, read back into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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

_WHOLE_NUMBER = re.compile(
    r"(?<![\w.,/-])(?<!\d:)(?:\(\s?)?(?:[-−+](?=[\d$€£¥]))?(?:[$€£¥]\s?)?[-−]?"
    r"(?:\d{1,3}(?:[ '\u2019\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?|\d(?:[\d.,']*\d)?)(?![\w]|[-/:]\d)(?:\s?[-−](?!\w)|\))?"
)
_MARK = re.compile(
    r"(?P<full>[\[(]\s?[xX\u2713\u2714]\s?[\])]|[\u2611\u2612\u2713\u2714])|(?P<empty>\[\s*\]|\(\s+\)|[\u2610\u25a1])"
)
_YES = frozenset({"yes", "true", "ja", "oui", "s\u00ed", "si", "s\u00ec", "sim", "tak", "y"})
_NO = frozenset({"no", "false", "nein", "non", "n\u00e3o", "nee", "nej", "nie", "n"})


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
        day_first, month_first = (third, second, first), (third, first, second)
        orders = ((first, second, third),) if len(first) == 4 else (day_first, month_first)
        orders = (day_first,) if match[2] == "." and len(first) < 4 else orders  # nobody puts the month first with dots
        known = [_iso(year, int(month), day) for year, month, day in orders if len(year) in (2, 4)]
        meant = frozenset(iso for iso in known if iso)
        if meant:
            yield match[0], meant


def day_first(texts: Iterable[str]) -> bool | None:
    """Return whether the dates in figures of some texts put the day first; None if none of them tells, or they differ."""
    told = set()
    for match in (match for text in texts for match in _NUMERIC.finditer(text)):
        first, sign, second, third = match.groups()
        if sign != "." and len(first) <= 2 and len(third) in (2, 4) and (int(first) > 12) != (int(second) > 12):
            told.add(int(first) > 12)
    return told.pop() if len(told) == 1 else None


def numbers_in(text: str) -> Iterator[str]:
    """Yield the numbers of a text as printed, with sign, brackets and sign of money; codes and times hold none."""
    for match in _WHOLE_NUMBER.finditer(text):
        yield match[0].strip()


def ticked(text: str) -> bool | None:
    """Return what a ticked box or a yes or no says; None where neither stands, or more than one."""
    words = text.strip(" \t.,;:").casefold()
    if words in _YES or words in _NO:
        return words in _YES
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    full = [match.lastgroup == "full" for match in marks]
    ends = [match.start() for match in marks[1:]] + [len(text)]
    starts = [0] + [match.end() for match in marks[:-1]]
    behind = [text[match.end() : end] for match, end in zip(marks, ends, strict=True)]
    before = [text[start : match.start()] for start, match in zip(starts, marks, strict=True)]
    for beside in (behind, before):
        named = [(word.strip(" \t.,;:/").casefold(), mark) for word, mark in zip(beside, full, strict=True)]
        told = {word in _YES for word, mark in named if mark and (word in _YES or word in _NO)}
        if sum(word in _YES or word in _NO for word, _ in named) == len(named) > 0:
            return told.pop() if len(told) == 1 and sum(full) == 1 else None
    return full[0] if len(full) == 1 else None


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
    negative = (
        set("-−(").intersection(found[0][0][: found[0].start(1) - found[0].start()])
        or re.search(r"\d\s*[-−]$", text.strip()) is not None
    )
    try:
        return -float(digits) if negative else float(digits)
    except ValueError:
        return None
