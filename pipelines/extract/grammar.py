"""Shapes as a language: compact JSON, properties in the order of the schema, null before anything else where it is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable

from dsvl2.model.constraints import (
    NOTHING,
    Language,
    Name,
    Number,
    Token,
    both,
    either,
    repeat,
    settle,
    text,
    then,
)
from dsvl2.pipelines.extract.patterns import Alphabet, Alphabetic
from dsvl2.pipelines.extract.shapes import (
    NULL,
    Choice,
    Constant,
    Form,
    Listing,
    Mapping,
    Numeral,
    Record,
    Reference,
    Shape,
    Words,
)

LONGEST_TEXT = 400  # characters of a text that the schema sets no limit: a value, not a page
_LONGEST_NAME = 40


def grammar_of(form: Form) -> Callable[[Alphabet], Language]:
    """Return what makes the language of all JSON texts of a form for the characters that a model can write."""
    return lambda alphabet: _Grammar(form, alphabet).language


def shortest(form: Form) -> str | None:
    """Return the JSON that says the least; None if no JSON has the form."""
    return grammar_of(form)(None).ending


class _Grammar:
    def __init__(self, form: Form, alphabet: Alphabet) -> None:
        self._letters = Alphabetic(alphabet)
        self._alphabet = alphabet
        self._rules = {pointer: Name(pointer) for pointer in form.definitions}
        self._fillable = _fillable(form)
        for pointer, shape in form.definitions.items():
            if pointer in self._fillable:
                self._rules[pointer].body = self._of(shape)
        start = Name("start")
        start.body = self._of(form.root)
        settle([*self._rules.values(), start])
        self.language: Language = NOTHING if start.ending is None else start

    def _of(self, shape: Shape) -> Language:
        if isinstance(shape, Constant):
            return text(self._spelt(shape.text))
        if isinstance(shape, Numeral):
            return _token(Number(shape.bounds))
        if isinstance(shape, Words):
            return self._words(shape)
        if isinstance(shape, Choice):
            options = sorted(shape.options, key=lambda option: option != NULL)
            return either(*(self._of(option) for option in options), prefer=NULL in options)
        if isinstance(shape, Listing):
            return self._listing(shape)
        if isinstance(shape, Record):
            return self._record(shape)
        if isinstance(shape, Mapping):
            return self._mapping(shape)
        return self._rules[shape.pointer] if shape.pointer in self._fillable else NOTHING

    def _words(self, shape: Words) -> Language:
        most = max(LONGEST_TEXT, shape.least) if shape.most is None else shape.most
        quote = text('"')
        found = then(quote, self._letters.anything(shape.least, most), quote)
        free = shape.least == 0 and shape.most is None
        for number, pattern in enumerate(shape.patterns):
            matched = then(quote, self._letters.pattern(pattern), quote)
            found = matched if not number and free else both(found, matched)
        return _token(found)

    def _listing(self, shape: Listing) -> Language:
        rest = NOTHING if shape.rest is None else self._of(shape.rest)
        most = len(shape.first) if rest is NOTHING else shape.most
        beyond = max(shape.least - len(shape.first), 0)
        after = None if most is None else most - len(shape.first)
        after = None if after is None else max(after, 0)
        tail = NOTHING if after is not None and after < beyond else text("]")
        if rest is not NOTHING and tail is not NOTHING:
            tail = then(repeat(then(text(","), rest), beyond, after), text("]"))
            if not shape.first:
                more = repeat(then(text(","), rest), max(beyond - 1, 0), None if after is None else max(after - 1, 0))
                some = NOTHING if after == 0 else then(rest, more, text("]"))
                return then(text("["), either(text("]"), some) if not beyond else some)
        return then(text("["), self._first(shape, tail))

    def _first(self, shape: Listing, tail: Language) -> Language:
        """The places of an array that have a shape of their own, behind "["; it may end before those it need not have."""
        language = tail
        for place in range(len(shape.first) - 1, -1, -1):
            here = then(text("," if place else ""), self._of(shape.first[place]), language)
            language = either(text("]"), here) if place >= shape.least else here
        return language

    def _record(self, shape: Record) -> Language:
        """Properties from the last to the first; `opened` has a comma before the next one, `closed` has none yet."""
        opened: Language = text("}")
        closed: Language = text("}")
        for field in reversed(shape.fields):
            pair = then(text(self._spelt(json.dumps(field.name, ensure_ascii=False)) + ":"), self._of(field.shape))
            with_comma, without = then(text(","), pair, opened), then(pair, opened)
            opened, closed = (
                (with_comma, without) if field.required else (either(with_comma, opened), either(without, closed))
            )
        return then(text("{"), closed)

    def _mapping(self, shape: Mapping) -> Language:
        quote = text('"')
        name = Token(then(quote, self._letters.anything(1, _LONGEST_NAME), quote))
        pair = then(name, text(":"), self._of(shape.value))
        if pair is NOTHING:
            return NOTHING if shape.least else text("{}")
        most = None if shape.most is None else shape.most - 1
        some = then(pair, repeat(then(text(","), pair), 0, most), text("}"))
        return then(text("{"), some if shape.least else either(text("}"), some))

    def _spelt(self, words: str) -> str:
        """A JSON text in which letters that the model does not have are written as numbers."""
        if self._alphabet is None:
            return words
        return "".join(char if char in self._alphabet else json.dumps(char)[1:-1] for char in words)


def _token(language: Language) -> Language:
    return NOTHING if language is NOTHING or language.ending is None else Token(language)


def _fillable(form: Form) -> frozenset[str]:
    """The definitions that some finite JSON satisfies; one that needs itself inside itself is none."""
    known: frozenset[str] = frozenset()
    while True:
        found = frozenset(pointer for pointer, shape in form.definitions.items() if _can(shape, known))
        if found == known:
            return known
        known = found


def _can(shape: Shape, known: frozenset[str]) -> bool:
    if isinstance(shape, Reference):
        return shape.pointer in known
    if isinstance(shape, Choice):
        return any(_can(option, known) for option in shape.options)
    if isinstance(shape, Record):
        return all(_can(field.shape, known) for field in shape.fields if field.required)
    if isinstance(shape, Mapping):
        return not shape.least or _can(shape.value, known)
    if isinstance(shape, Listing):
        places = [*shape.first, *[shape.rest] * max(0, shape.least - len(shape.first))][: shape.least]
        return all(place is not None and _can(place, known) for place in places)
    return True
