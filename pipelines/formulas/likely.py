"""Whether what a model wrote for a place on a page is a formula at all: forms, listings and tables look like one in places.

A model that was only ever shown formulas answers with one whatever it sees; how sure it is of it tells the two apart.
"""

from __future__ import annotations

import re

from dsvl2.pipelines.documents import Notice

NAME = re.compile(
    r"(?:a|arc)?(?:sin|cos|tan|cot|sec|csc)h?|log|exp|lim|max|min|sup|inf|det|dim|ker|deg|gcd|arg|mod|var|cov|rank|sgn"
    r"|diag|for|and|with|where|else|otherwise",
    re.IGNORECASE,
)
"""Words that formulas have."""
LEAST = 0.84
"""Mean probability of its tokens. On drawn papers formulas had .86 to 1 (130 of them), of 60 printed ones alone 58 had
.84 or more; what was found on 60 forms, receipts, listings and tables had .3 to .82, but for a number and a heading."""
_SURE = 0.97  # a formula may be made of words then
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{4,}")
_MADE_OF = re.compile(r"[^\W\d_]|[=<>^_+]|\\(?:frac|sqrt|le|ge|approx|sim|times|pm)")


def is_likely(latex: str, sure: float | None) -> bool:
    """Say whether a formula that was found on a page, not named as one, is to be believed."""
    if not _MADE_OF.search(latex) or (sure is not None and sure < LEAST):
        return False
    plain = _COMMAND.sub(" ", latex)
    words = sum(len(word) for word in _WORD.findall(plain) if not NAME.fullmatch(word))
    return (sure or 0.0) >= _SURE or 2 * words <= sum(letter.isalnum() for letter in plain)


def left_out(count: int) -> tuple[Notice, ...]:
    """Return what is to be said of places on a page that were not believed."""
    if not count:
        return ()
    many = "1 place looks" if count == 1 else f"{count} places look"
    return (Notice("formula_unsure", f"{many} like a formula and could not be read as one; left out"),)
