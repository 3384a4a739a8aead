"""Cuts LaTeX into tokens. Comments end at the line's end; Unicode signs become the commands they stand for."""

from __future__ import annotations

import re
from typing import NamedTuple

from dsvl2.pipelines.formulas.symbols import UNICODE

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\(?:[^A-Za-z]|$)|%[^\n]*\n?|\s+|.", re.DOTALL)


class Token(NamedTuple):
    """A command, a character, or one space for any white space; where it stands in the source."""

    text: str
    start: int
    end: int


def tokenize(source: str) -> tuple[Token, ...]:
    """Tokens of `source` without comments; never raises."""
    found: list[Token] = []
    for match in _TOKEN.finditer(source):
        text = match.group()
        if text[0] == "%":
            continue
        if text.isspace():
            text = " "
        elif text in UNICODE:
            parts = _TOKEN.findall(UNICODE[text])
            found += (Token(part, match.start(), match.end()) for part in parts)
            continue
        if text == "\\*" or (text.endswith("*") and len(text) > 1 and text[:-1] not in _STARRED):
            found.append(Token(text[:-1], match.start(), match.end() - 1))
            text = "*"
        found.append(Token(text, match.start(), match.end()))
    return tuple(found)


#: Commands that have a starred form; elsewhere the star is a sign of the formula.
_STARRED = frozenset({"\\operatorname", "\\hspace", "\\vspace", "\\tag"})


def joined(tokens: list[str]) -> str:
    """Tokens as LaTeX: a space only where a command would otherwise swallow the letter after it."""
    parts: list[str] = []
    for token in tokens:
        if parts and _is_word(parts[-1]) and token[0].isascii() and token[0].isalpha():
            parts.append(" ")
        parts.append(token)
    return "".join(parts)


def _is_word(token: str) -> bool:
    return len(token) > 1 and token[0] == "\\" and token[1:].isalpha()
