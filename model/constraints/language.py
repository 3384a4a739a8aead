"""Formal languages as values: what may come next, and the text that ends it soonest.

A language is stepped a character at a time: `step(c)` is the language of what may follow c (its derivative: Brzozowski,
"Derivatives of regular expressions", 1964), NOTHING when c may not come. That works for any prefix, so wherever a model
stands in its answer, `ending` is a text that completes it. The same values are written as a grammar for llguidance in
`lark`. A rule that speaks of itself is a `Name` (in `rules`). Knows nothing of JSON, tokens or models.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, reduce

from dsvl2.model.constraints.ranges import Ranges, merged, pleasant, size


class Language:
    """A set of texts. Languages are immutable; their caches are all that changes.

    nullable: whether the empty text is one of them. ending: the text that is taken where it has to end now, the
    shortest one unless an `Either` prefers another; None if there is no text at all. key: what it is made of; two of a kind
    with equal keys are equal, so that alternatives that have become the same are held once.
    """

    nullable: bool = False
    key: tuple[object, ...] = ()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            type(self) is type(other)
            and isinstance(other, Language)
            and self._hash == other._hash
            and self.key == other.key
        )

    @cached_property
    def _hash(self) -> int:
        return hash((type(self).__name__, self.key))

    def step(self, char: str) -> Language:
        """What may follow `char`."""
        raise NotImplementedError

    def first(self) -> Ranges:
        """The characters that may come first, or more than those."""
        raise NotImplementedError

    @cached_property
    def ending(self) -> str | None:
        """The text to end with from here."""
        return self._end()

    def _end(self) -> str | None:
        raise NotImplementedError

    def feed(self, text: str) -> Language:
        """Step over a whole text."""
        return reduce(lambda language, char: language.step(char), text, self)


class _Nothing(Language):
    def step(self, char: str) -> Language:
        return self

    def first(self) -> Ranges:
        return ()

    def _end(self) -> str | None:
        return None


class _Empty(Language):
    nullable = True

    def step(self, char: str) -> Language:
        return NOTHING

    def first(self) -> Ranges:
        return ()

    def _end(self) -> str | None:
        return ""


NOTHING: Language = _Nothing()
"""No text at all."""
EMPTY: Language = _Empty()
"""The empty text alone."""


class Chars(Language):
    """One character of a set."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self.ranges = merged(ranges)
        self.key = self.ranges

    def step(self, char: str) -> Language:
        code = ord(char)
        return EMPTY if any(low <= code <= high for low, high in self.ranges) else NOTHING

    def first(self) -> Ranges:
        return self.ranges

    def _end(self) -> str | None:
        return pleasant(self.ranges)


class Text(Language):
    """One text, not empty."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.key = (text,)

    def step(self, char: str) -> Language:
        if self.text[0] != char:
            return NOTHING
        return Text(self.text[1:]) if len(self.text) > 1 else EMPTY

    def first(self) -> Ranges:
        return ((ord(self.text[0]), ord(self.text[0])),)

    def _end(self) -> str | None:
        return self.text


class Then(Language):
    """A text of one language, then one of another; made by `then`."""

    def __init__(self, head: Language, tail: Language) -> None:
        self.head, self.tail = head, tail
        self.key = (head, tail)
        self.nullable = head.nullable and tail.nullable

    def step(self, char: str) -> Language:
        begun = then(self.head.step(char), self.tail)
        return _factored((begun, self.tail.step(char))) if self.head.nullable else begun

    def first(self) -> Ranges:
        return merged(self.head.first() + self.tail.first()) if self.head.nullable else self.head.first()

    def _end(self) -> str | None:
        chain: list[Then] = [self]
        while isinstance(chain[-1].tail, Then) and "ending" not in vars(chain[-1].tail):
            chain.append(chain[-1].tail)
        ending = chain[-1].tail.ending
        for part in reversed(chain):  # in a loop: a chain may be longer than Python's stack
            head = part.head.ending
            ending = None if ending is None or head is None else head + ending
            vars(part)["ending"] = ending
        return ending


class Either(Language):
    """A text of any of some languages; made by `either`. With `prefer`, the ending is that of the first that has one."""

    def __init__(self, options: tuple[Language, ...], *, prefer: bool = False) -> None:
        self.options, self.prefer = options, prefer
        self.key = (*options, prefer)
        self.nullable = any(option.nullable for option in options)

    def step(self, char: str) -> Language:
        stepped = tuple(option.step(char) for option in self.options)
        return either(*stepped, prefer=True) if self.prefer else _factored(stepped)

    def first(self) -> Ranges:
        return merged(pair for option in self.options for pair in option.first())

    def _end(self) -> str | None:
        endings = [option.ending for option in self.options]
        found = [ending for ending in endings if ending is not None]
        if not found:
            return None
        return found[0] if self.prefer else min(found, key=size)


class Repeat(Language):
    """A language `least` to `most` times in a row (None: any number of times); made by `repeat`."""

    def __init__(self, item: Language, least: int, most: int | None) -> None:
        self.item, self.least, self.most = item, least, most
        self.key = (item, least, most)
        self.nullable = least == 0 or item.nullable

    def step(self, char: str) -> Language:
        rest = repeat(self.item, max(self.least - 1, 0), None if self.most is None else self.most - 1)
        return then(self.item.step(char), rest)

    def first(self) -> Ranges:
        return self.item.first()

    def _end(self) -> str | None:
        if self.nullable:
            return ""
        ending = self.item.ending
        return None if ending is None else ending * self.least


class Token(Language):
    """A language without a `Name` in it, to be read as one word (a terminal of the grammar)."""

    def __init__(self, inner: Language) -> None:
        self.inner = inner
        self.key = (inner,)
        self.nullable = inner.nullable

    def step(self, char: str) -> Language:
        return self.inner.step(char)

    def first(self) -> Ranges:
        return self.inner.first()

    def _end(self) -> str | None:
        return self.inner.ending


def then(*parts: Language) -> Language:
    """One after the other."""
    result = EMPTY
    for part in reversed(parts):
        if part is NOTHING or result is NOTHING:
            return NOTHING
        if part is EMPTY:
            continue
        if result is EMPTY:
            result = part
        elif isinstance(part, Then):  # kept leaning to the right, so that a step touches the front only
            result = Then(part.head, then(part.tail, result))
        else:
            result = Then(part, result)
        hash(result)  # from the end to the front: a long chain is never gone down in one go
    return result


def either(*options: Language, prefer: bool = False) -> Language:
    """Any of them."""
    flat = [one for option in options for one in (option.options if isinstance(option, Either) else (option,))]
    kept = tuple(dict.fromkeys(option for option in flat if option is not NOTHING))
    if len(kept) < 2:
        return kept[0] if kept else NOTHING
    return Either(kept, prefer=prefer)


def _factored(options: tuple[Language, ...]) -> Language:
    """Any of them, where those that begin alike share their beginning: `a b | a c` is `a (b | c)`.

    Else a rule that goes on in two ways behind a part that holds the rule again doubles what is known at every level.
    """
    whole = either(*options)
    if not isinstance(whole, Either):
        return whole
    tails: dict[Language, list[Language]] = {}
    for option in whole.options:
        head, tail = (option.head, option.tail) if isinstance(option, Then) else (option, EMPTY)
        tails.setdefault(head, []).append(tail)
    if len(tails) == len(whole.options):
        return whole
    return either(*(then(head, either(*rest)) for head, rest in tails.items()))


def repeat(item: Language, least: int = 0, most: int | None = None) -> Language:
    """So many times in a row."""
    if most == 0 or item is EMPTY:
        return EMPTY
    if item is NOTHING:
        return EMPTY if least == 0 else NOTHING
    return Repeat(item, least, most)


def text(words: str) -> Language:
    """Exactly this text."""
    return Text(words) if words else EMPTY
