"""Regular expressions of JSON Schema as languages over the characters between the quotes of a JSON string.

Python's own parser reads them. Where Python and ECMAScript differ (\\d, \\w, \\s) only what both take is allowed. The
expression is searched for, so what is not anchored may have any text around it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from re import _constants as names  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from dsvl2.model.constraints import (
    EMPTY,
    EVERY,
    NOTHING,
    Chars,
    Language,
    Ranges,
    either,
    merged,
    overlap,
    repeat,
    text,
    then,
    without,
)
from dsvl2.pipelines.errors import SchemaError

Alphabet = frozenset[str] | None
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_RAW: Ranges = without(EVERY, ((0, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x9F), (0x2028, 0x2029)))
_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = merged(((48, 57), (65, 90), (95, 95), (97, 122)))
_SPACE: Ranges = merged(((9, 10), (13, 13), (32, 32)))
_ASCII: Ranges = ((0x20, 0x7E),)
_MOST_COPIES = 1000


class Alphabetic:
    """Makes languages of JSON string contents for the characters that a model can write (None: all)."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._known: Ranges = EVERY if alphabet is None else merged((ord(char), ord(char)) for char in alphabet)

    def chars(self, ranges: Ranges) -> Language:
        """One character of a set, as a JSON string writes it."""
        usable = overlap(ranges, self._known)
        raw = overlap(usable, _RAW)
        escapes = [text(spelt) for char, spelt in _ESCAPED.items() if overlap(ranges, ((ord(char), ord(char)),))]
        return either(Chars(raw) if raw else NOTHING, *escapes)

    def anything(self, least: int = 0, most: int | None = None) -> Language:
        """Any text of a length."""
        return repeat(self.chars(EVERY), least, most)

    def pattern(self, expression: str) -> Language:
        """The texts that a regular expression is found in.

        Raises:
            SchemaError: it does not parse, or looks back or ahead.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                parsed = parser.parse(expression)
            except (re.error, RecursionError, OverflowError) as error:
                fact = f"schema: the pattern {expression!r} is no regular expression: {error}"
                raise SchemaError(fact, hint="correct it; $ ( ) [ ] { } * + ? . \\ | ^ have a meaning") from error
        if parsed.state.flags & (re.I | re.M | re.S | re.X):
            raise _unsupported(expression, "flags")
        return self._searched(list(parsed), expression)

    def _searched(self, items: list[Any], expression: str, opened: bool = False, closed: bool = False) -> Language:
        """Alternatives each with anchors of their own; what is not anchored may have any text around it."""
        while items and _is_edge(items[0], (names.AT_BEGINNING, names.AT_BEGINNING_STRING)):
            items, opened = items[1:], True
        while items and _is_edge(items[-1], (names.AT_END, names.AT_END_STRING)):
            items, closed = items[:-1], True
        if len(items) == 1:
            kind, value = items[0]
            if kind is names.BRANCH:
                return either(*(self._searched(list(branch), expression, opened, closed) for branch in value[1]))
            if kind is names.SUBPATTERN and not value[1] and not value[2]:
                return self._searched(list(value[3]), expression, opened, closed)
        around = self.anything()
        return then(EMPTY if opened else around, self._sequence(items, expression), EMPTY if closed else around)

    def _sequence(self, items: Iterable[Any], expression: str) -> Language:
        return then(*(self._item(kind, value, expression) for kind, value in items))

    def _item(self, kind: Any, value: Any, expression: str) -> Language:
        if kind is names.LITERAL:
            return self.chars(((value, value),))
        if kind is names.NOT_LITERAL:
            return self.chars(without(EVERY, ((value, value),)))
        if kind is names.ANY:
            return self.chars(without(EVERY, ((10, 10), (13, 13))))
        if kind is names.IN:
            return self.chars(_set(value, expression))
        if kind is names.BRANCH:
            return either(*(self._sequence(branch, expression) for branch in value[1]))
        if kind is names.SUBPATTERN:
            _, added, removed, inner = value
            if added or removed:
                raise _unsupported(expression, "flags")
            return self._sequence(inner, expression)
        if kind in (names.MAX_REPEAT, names.MIN_REPEAT):
            least, most, inner = value
            if least > _MOST_COPIES:
                raise _unsupported(expression, f"more than {_MOST_COPIES} repetitions")
            return repeat(self._sequence(inner, expression), least, None if most is names.MAXREPEAT else int(most))
        what = "an anchor inside" if kind is names.AT else str(kind).lower().replace("_", " ")
        raise _unsupported(expression, what)


def _is_edge(item: Any, edges: Sequence[Any]) -> bool:
    return item[0] is names.AT and item[1] in edges


def _set(parts: Sequence[Any], expression: str) -> Ranges:
    """The characters of a class in square brackets."""
    negated = bool(parts) and parts[0][0] is names.NEGATE
    found: list[tuple[int, int]] = []
    for kind, value in parts[1:] if negated else parts:
        if kind is names.LITERAL:
            found.append((value, value))
        elif kind is names.RANGE:
            found.append(value)
        elif kind is names.CATEGORY:
            found += _category(value, expression)
            if negated:  # Python's categories go beyond ASCII, ECMAScript's mostly do not: leave out both
                found.append((0x80, 0x10FFFF))
        else:
            raise _unsupported(expression, str(kind).lower())
    return without(EVERY, merged(found)) if negated else merged(found)


def _category(kind: Any, expression: str) -> Ranges:
    plain = {names.CATEGORY_DIGIT: _DIGITS, names.CATEGORY_WORD: _WORD, names.CATEGORY_SPACE: _SPACE}
    others = {names.CATEGORY_NOT_DIGIT: _DIGITS, names.CATEGORY_NOT_WORD: _WORD, names.CATEGORY_NOT_SPACE: _SPACE}
    if kind in plain:
        return plain[kind]
    if kind in others:
        return overlap(_ASCII, without(EVERY, others[kind]))
    raise _unsupported(expression, str(kind).lower())


def _unsupported(expression: str, what: str) -> SchemaError:
    hint = "write it without look-around, back references, flags, and anchors in the middle"
    return SchemaError(f"schema: the pattern {expression!r} has {what}, which is not supported", hint=hint)
