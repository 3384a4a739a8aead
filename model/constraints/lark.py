"""A language as a grammar in llguidance's dialect of Lark: tokens become terminals, what holds a `Name` becomes rules."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dsvl2.model.constraints.language import EMPTY, NOTHING, Chars, Either, Language, Repeat, Text, Then, Token
from dsvl2.model.constraints.numbers import Bounds, Number
from dsvl2.model.constraints.rules import Name
from dsvl2.model.constraints.shared import Both


def to_lark(root: Language) -> str:
    """The grammar of a language that is not NOTHING."""
    writer = _Writer()
    lines = [f"start: {writer.rule(root)}"]
    while writer.waiting:
        lines.append(writer.next_line())
    return "\n".join(lines) + "\n"


class _Writer:
    """Gathers the rules; equal parts share one. A rule is written when its turn comes: never a deep recursion."""

    def __init__(self) -> None:
        self.waiting: list[Language] = []
        self._names: dict[Language, str] = {}

    def next_line(self) -> str:
        """Write a rule that is waiting."""
        language = self.waiting.pop()
        return f"{self._names[language]}: {self._body(language)}"

    def rule(self, language: Language) -> str:
        """The language as it stands in a rule: a name, a literal, or a sequence."""
        if isinstance(language, Text):
            return _literal(language.text)
        if isinstance(language, Then):
            return " ".join(self.rule(part) for part in _chain(language))
        if language is EMPTY:
            return '""'
        known = self._names.get(language)
        if known is None:
            terminal = isinstance(language, Token | Chars | Both) and not _is_number(language)
            known = self._names[language] = f"T{len(self._names)}" if terminal else f"r{len(self._names)}"
            self.waiting.append(language)
        return known

    def _body(self, language: Language) -> str:
        inner = language.inner if isinstance(language, Token) else language
        if isinstance(inner, Number):
            return f"%json {json.dumps(_number_schema(inner.bounds))}"
        if isinstance(language, Token | Chars | Both):
            return " & ".join(f"/{pattern}/" for pattern in _conjuncts(inner))
        if isinstance(language, Name):
            return self.rule(language.body)
        if isinstance(language, Either):
            return " | ".join(self.rule(option) for option in language.options)
        if isinstance(language, Repeat):
            return f"({self.rule(language.item)}){_count(language)}"
        raise TypeError(f"{type(language).__name__} cannot stand in a grammar")  # pragma: no cover


def _is_number(language: Language) -> bool:
    return isinstance(language, Number) or (isinstance(language, Token) and isinstance(language.inner, Number))


def _chain(language: Language) -> Iterator[Language]:
    while isinstance(language, Then):
        yield language.head
        language = language.tail
    yield language


def _conjuncts(language: Language) -> list[str]:
    if isinstance(language, Both):
        return [*_conjuncts(language.one), *_conjuncts(language.other)]
    return [_regex(language)]


def _regex(language: Language) -> str:
    """A regular expression in the syntax of Rust's regex crate, every character by its number."""
    if isinstance(language, Chars):
        if not language.ranges:
            return "[^\\x{0}-\\x{10FFFF}]"
        return "[" + "".join(f"\\x{{{low:X}}}-\\x{{{high:X}}}" for low, high in language.ranges) + "]"
    if isinstance(language, Text):
        return "".join(f"\\x{{{ord(char):X}}}" for char in language.text)
    if isinstance(language, Then):
        return "".join(_regex(part) for part in _chain(language))
    if isinstance(language, Either):
        return "(?:" + "|".join(_regex(option) for option in language.options) + ")"
    if isinstance(language, Repeat):
        return f"(?:{_regex(language.item)}){_count(language)}"
    if isinstance(language, Token):
        return _regex(language.inner)
    if language is EMPTY:
        return "(?:)"
    if language is NOTHING:
        return "[^\\x{0}-\\x{10FFFF}]"
    raise TypeError(f"{type(language).__name__} cannot stand in a token")  # a Both inside a sequence, a Name, a Number


def _count(language: Repeat) -> str:
    return f"{{{language.least},{'' if language.most is None else language.most}}}"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number_schema(bounds: Bounds) -> dict[str, object]:
    """The bounds as llguidance takes them; what it cannot say exactly is left to `Number` itself."""
    schema: dict[str, object] = {"type": "integer" if bounds.integer else "number"}
    limit = 10**15
    low = -limit if bounds.low is None else bounds.low
    high = limit if bounds.high is None else bounds.high
    for name, value, is_open in (("inimum", low, bounds.open_low), ("aximum", high, bounds.open_high)):
        edge = "m" + name if not is_open else "exclusiveM" + name
        schema[edge] = int(value) if value == int(value) else float(value)
    return schema
