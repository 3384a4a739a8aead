"""The language of formulas: an answer held to it has balanced braces, known commands and all arguments.

It is the short canonical form that the embedded model writes (`compact`), a little wider. A rule never holds the empty text.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from functools import cache

from dsvl2.model import GrammarConstraint
from dsvl2.model.constraints import EMPTY, Chars, Language, Name, either, repeat, settle, text, then
from dsvl2.pipelines.formulas import symbols

_PLAIN = string.digits + '!()*+,-./:;<=>?[]|@`"'
_SIGNS = "".join(sign for sign in symbols.SIGNS if sign != "√")
_TEXT = string.ascii_letters + string.digits + " ,.-;:()'"
_GROUPS = (*symbols.ACCENTS, *(f"\\{font}" for font in symbols.STYLED))
_PAIRS = ("\\frac", "\\binom", "\\overset", "\\underset")


def constraint() -> GrammarConstraint:
    """The constraint for a request; it is compiled once for a model."""
    return _CONSTRAINT


def language(alphabet: frozenset[str] | None = None) -> Language:
    """All formulas that can be written with `alphabet` (None: any character)."""
    row, row_of_letter, row_of_other = Name("row"), Name("row_of_letter"), Name("row_of_other")
    braced = then(text("{"), row, text("}"))
    letter = _chars(string.ascii_letters, alphabet)
    other = either(
        _chars(_PLAIN + _SIGNS, alphabet), _texts(name for name in symbols.SYMBOLS if not name[1:].isalpha())
    )
    word = _texts(name for name in symbols.SYMBOLS if name[1:].isalpha() and name not in symbols.SIGNS.values())
    built = _built(row, braced, alphabet)

    # A command takes the letters behind it for its own, so what ends in one is kept apart.
    closed = either(letter, other, braced)  # scripts that do not end in a command
    below, above = then(text("_"), closed), then(text("^"), closed)
    below_word, above_word = then(text("_"), word), then(text("^"), word)
    primes = repeat(text("'"), 1, 3)
    maybe_below = either(EMPTY, below, below_word)
    scripts_word = either(below_word, then(maybe_below, then(_maybe(primes), above_word)))
    bare = either(other, built)
    some = either(below, then(maybe_below, either(primes, then(_maybe(primes), above))))
    scripts = _maybe(some)
    alone = text("{}")  # the empty base of staggered and leading indices
    other_closed = either(then(bare, scripts), then(word, some), then(alone, some))
    other_word = either(word, then(bare, scripts_word), then(word, scripts_word), then(alone, scripts_word))
    behind_word = either(EMPTY, then(text(" "), row_of_letter), row_of_other)
    row_of_letter.body = either(then(letter, scripts, _maybe(row)), then(letter, scripts_word, behind_word))
    row_of_other.body = either(then(other_closed, _maybe(row)), then(other_word, behind_word))
    row.body = either(row_of_letter, row_of_other)
    settle([row, row_of_letter, row_of_other])
    return row


def _built(row: Language, braced: Language, alphabet: frozenset[str] | None) -> Language:
    """Constructions with arguments; none ends in a command."""
    cell = repeat(either(row, text("&"), text("\\\\")), 1)
    line = then(row, repeat(then(text("\\\\"), row)))
    root = then(_texts(["√" if alphabet is None or "√" in alphabet else "\\sqrt"]), _maybe(_option()), braced)
    made: Language = root
    for part in (
        then(_texts(_GROUPS), braced),
        then(_texts(_PAIRS), braced, braced),
        then(text("\\text{"), repeat(_chars(_TEXT, alphabet), 1), text("}")),
        then(text("\\substack{"), then(line, text("}"))),
        then(text("\\begin{matrix}"), then(cell, text("\\end{matrix}"))),
        then(text("\\begin{aligned}"), then(line, text("\\end{aligned}"))),
    ):
        made = either(made, part)
    return made


def _option() -> Language:
    return then(text("["), _chars(string.ascii_letters + string.digits, None), text("]"))


def _maybe(part: Language) -> Language:
    return either(EMPTY, part)


def _texts(words: Iterable[str]) -> Language:
    found: Language | None = None
    for word in sorted(set(words)):
        found = text(word) if found is None else either(found, text(word))
    assert found is not None
    return found


def _chars(characters: str, alphabet: frozenset[str] | None) -> Language:
    return Chars((ord(c), ord(c)) for c in characters if alphabet is None or c in alphabet)


@cache
def _language(alphabet: frozenset[str] | None) -> Language:
    return language(alphabet)


_CONSTRAINT = GrammarConstraint(_language)
