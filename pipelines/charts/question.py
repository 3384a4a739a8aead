"""What a question about a chart says: its words in one form, its dates, and what it asks to be done with values."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Deed = Literal["look", "highest", "lowest", "difference", "sum", "ratio", "average", "count", "find"]

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = {month[:length]: month for month in _MONTHS for length in (3, 4)} | {month: month for month in _MONTHS}
_QUARTERS = {"first": "q1", "second": "q2", "third": "q3", "fourth": "q4", "last": "q4"}
_LIKE = {"little": "low", "small": "low", "few": "low", "big": "high", "large": "high", "great": "high", "us": "usa"}
_SKIP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "with",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "where",
        "when",
        "how",
        "many",
        "much",
        "there",
        "that",
        "this",
        "these",
        "those",
        "it",
        "its",
        "their",
        "his",
        "her",
        "as",
        "per",
        "than",
        "about",
        "into",
        "according",
        "each",
        "any",
        "all",
    ]
)
_HIGHEST = frozenset(
    [
        "highest",
        "largest",
        "greatest",
        "biggest",
        "most",
        "maximum",
        "max",
        "leading",
        "leader",
        "top",
        "peak",
        "longest",
        "best",
        "tallest",
        "dominant",
    ]
)
_LOWEST = frozenset(["lowest", "smallest", "fewest", "least", "minimum", "min", "shortest", "worst", "bottom"])
_RANKS = {"second": 2, "third": 3, "fourth": 4, "fifth": 5}
_WORD = re.compile(r"'\d\d\b|[^\W_]+(?:[.'\u2019][^\W_]+)*|%")
_MORE = re.compile(r"\b(?:more|greater|higher|larger|over|above|exceed\w*) (?:than )?([\d.,]+)")
_LESS = re.compile(r"\b(?:less|fewer|lower|smaller|under|below) (?:than )?([\d.,]+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question taken apart. `words` are its content words in one form; `rank` is 1 for the highest itself.

    `wants` is what the answer is: the name of a place on the chart, or a value. `limit` bounds a count.
    """

    words: tuple[str, ...]
    deed: Deed
    wants: Literal["label", "value"]
    rank: int = 1
    limit: tuple[str, float] | None = None
    initials: tuple[str, ...] = ()


def words_of(text: str) -> tuple[str, ...]:
    """Return content words in one form: lower case, no plural, months in full, quarters as q1..q4, years with century."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    lowered = plain.replace("\u2019", "'").lower()
    lowered = re.sub(r"\b(first|second|third|fourth|last) quarter\b", lambda m: _QUARTERS[m[1]], lowered)
    lowered = re.sub(r"\bquarter (\d)\b|\b([1-4])q\b", lambda m: f"q{m[1] or m[2]}", lowered)
    lowered = re.sub(r"(?<=[a-z\d]) ?'(\d\d)\b", lambda m: f" {_century(m[1])}", lowered)
    lowered = re.sub(r"^'(\d\d)\b", lambda m: _century(m[1]), lowered)
    lowered = re.sub(r"\b(\w+)n't\b", r"\1 not", lowered)
    found = []
    for match in _WORD.finditer(lowered):
        word = match[0].replace(".", "") if not match[0][:1].isdigit() else match[0].rstrip(".")
        word = word.removesuffix("'s").replace("'", "")
        if word and word not in _SKIP:
            found.append(_stem(word))
    return tuple(found)


def _century(digits: str) -> str:
    return f"20{digits}" if int(digits) < 60 else f"19{digits}"


def _stem(word: str) -> str:
    word = _LIKE.get(_MONTH.get(word, word), _MONTH.get(word, word))
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def alike(first: str, second: str) -> float:
    """Return how alike two words are, 0..1: equal, one letter off (long words), or one the beginning of the other."""
    if first == second:
        return 1.0
    if first.isdigit() or second.isdigit() or min(len(first), len(second)) < 3:
        return 0.0
    if (first.startswith(second) or second.startswith(first)) and min(len(first), len(second)) >= 0.6 * max(
        len(first), len(second)
    ):
        return 0.85
    return 0.8 if min(len(first), len(second)) >= 5 and _one_off(first, second) else 0.0


def _one_off(first: str, second: str) -> bool:
    """Whether two words differ by one letter left out, put in or exchanged: what a reading error does."""
    if abs(len(first) - len(second)) > 1:
        return False
    k = 0
    while k < min(len(first), len(second)) and first[k] == second[k]:
        k += 1
    rest_a, rest_b = first[k:], second[k:]
    return rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:]


def understand_question(question: str, value_words: frozenset[str] = frozenset()) -> Asked:
    """Take a question apart; `value_words` are the words that name the chart's values (its value axis and title)."""
    lowered = " ".join(question.lower().replace("\u2019", "'").split())
    words = words_of(question)
    plain = re.findall(r"[a-z]+", lowered)
    deed, rank = _deed(lowered, plain)
    limit = None
    if deed == "count":
        over, under = _MORE.search(lowered), _LESS.search(lowered)
        chosen = over or under
        if chosen is None:
            deed = "look"
        else:
            limit = (">" if over else "<", float(chosen[1].replace(",", "").rstrip(".") or 0))
    return Asked(words, deed, _wants(lowered, plain, deed, value_words), rank, limit, _initials(question))


def _deed(lowered: str, plain: list[str]) -> tuple[Deed, int]:
    between = " between " in lowered or " and " in lowered
    if re.search(
        r"\bdifference\b|\bhow (?:much|many) (?:more|less|fewer|higher|lower|larger)\b|\bgap between\b", lowered
    ):
        return "difference", 1
    if re.search(r"\bratio\b|\bhow many times\b", lowered):
        return "ratio", 1
    if re.search(r"\b(?:sum|combined|altogether|added)\b", lowered) or (re.search(r"\btotal\b", lowered) and between):
        return "sum", 1
    for k, word in enumerate(plain):
        if word in _HIGHEST or word in _LOWEST:
            rank = _RANKS.get(plain[k - 1], 1) if k else 1
            return ("highest" if word in _HIGHEST else "lowest"), rank
    if re.match(r"how many \w+(?: \w+){0,3} (?:have|had|has|are|were|with|exceed\w*)\b", lowered):
        return "count", 1
    if re.search(r"\b(?:average|mean)\b", lowered):
        return "average", 1
    if re.match(r"(?:when|in (?:which|what)|which|what (?:year|month|country))\b", lowered) and re.search(
        r"\d", lowered
    ):
        return "find", 1
    return "look", 1


def _wants(lowered: str, plain: list[str], deed: Deed, value_words: frozenset[str]) -> Literal["label", "value"]:
    if deed == "find":
        return "label"
    if deed not in ("highest", "lowest"):
        return "value"
    if re.match(r"(?:which|who|whom|where|when|in (?:which|what))\b", lowered):
        return "label"
    if re.match(r"(?:how (?:much|many|high|low|large|big|long)|what (?:percent|share|number|amount|value))", lowered):
        return "value"
    place = next(k for k, word in enumerate(plain) if word in _HIGHEST or word in _LOWEST)
    after = {_stem(word) for word in plain[place + 1 : place + 4]}
    names_value = after & (value_words | {"value", "number", "share", "percentage", "rate", "price", "amount", "level"})
    before = set(plain[:place])
    if names_value and not before & {"country", "year", "month", "company", "product", "brand"}:
        return "value"
    return "label"


def _initials(question: str) -> tuple[str, ...]:
    """Return the initials of runs of capitalised words: what a label may abbreviate (European Union -> eu)."""
    found = []
    for run in re.findall(r"(?:\b[A-Z][a-z]+\b(?: of)?[ -]?){2,}", question):
        letters = [word[0].lower() for word in re.findall(r"[A-Z][a-z]+", run)]
        found += ["".join(letters[a:b]) for a in range(len(letters)) for b in range(a + 2, len(letters) + 1)]
    return tuple(dict.fromkeys(found))
