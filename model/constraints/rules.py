"""Rules that speak of themselves, and what each of them ends with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsvl2.model.constraints.language import NOTHING, Language
from dsvl2.model.constraints.ranges import Ranges, size


class Name(Language):
    """A rule that is given its language later, so that it can speak of itself; no rule may hold the empty text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = (id(self),)
        self.body: Language = NOTHING
        self.known: str | None = None  # its ending, as far as `settle` has got

    def step(self, char: str) -> Language:
        return self.body.step(char)

    def first(self) -> Ranges:
        return self.body.first()

    def _end(self) -> str | None:
        return self.known


def settle(rules: Iterable[Name]) -> None:
    """Find the ending of every rule, by going through them until nothing is gained; call once all have their bodies."""
    waiting = list(rules)
    gained = True
    while gained:
        gained = False
        for rule in waiting:
            _forget(rule)
            found = rule.body.ending
            if found is not None and (rule.known is None or size(found) < size(rule.known)):
                rule.known, gained = found, True
    for rule in waiting:
        _forget(rule)


def _forget(rule: Name) -> None:
    """Find the endings of a rule's parts anew, the innermost first: never a deep recursion."""
    parts = list(parts_of(rule.body))
    for part in (rule, *parts):
        vars(part).pop("ending", None)
    for part in parts:
        _ = part.ending


def parts_of(language: Language) -> Iterator[Language]:
    """The language and all that it is made of, parts before what they are part of; names are not looked into."""
    seen: set[int] = set()
    stack = [(language, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            inner = () if isinstance(node, Name) else node.key
            stack += [(part, False) for part in inner if isinstance(part, Language)]
