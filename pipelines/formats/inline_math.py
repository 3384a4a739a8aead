"""Formulas inside running text: `\\(...\\)` in the text of a block, written as each format writes them."""

from __future__ import annotations

import re
from collections.abc import Callable

from dsvl2.pipelines.formats.latex_math import compiles

_MATH = re.compile(r"\\\((?!\s)([^\n]{1,300}?)\\\)")
_FIRST = 0xF0000  # a place for each formula while the text around it is escaped; the plane is for private use


def math_parts(text: str) -> list[tuple[str, bool]]:
    """Cut a text into parts and say of each whether it is a formula; what is no sound formula is text."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for found in _MATH.finditer(text) if "\\(" in text else ():
        if compiles(found[1]):
            parts += [(text[at : found.start()], False), (found[1], True)]
            at = found.end()
    return [(part, math) for part, math in [*parts, (text[at:], False)] if part]


def with_math(text: str, escape: Callable[[str], str], shown: Callable[[str], str]) -> str:
    """Return a text escaped as a whole, its formulas aside: those are written by `shown`."""
    parts = math_parts(text)
    formulas = [part for part, math in parts if math]
    places = iter(range(_FIRST, _FIRST + len(formulas)))
    escaped = escape("".join(chr(next(places)) if math else part for part, math in parts))
    for number, latex in enumerate(formulas):
        escaped = escaped.replace(chr(_FIRST + number), shown(latex))
    return escaped
