"""Where each value stands in a JSON text, so that it gets the probability of its own tokens and no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from json.decoder import scanstring  # type: ignore[attr-defined]
from math import exp
from typing import Any

Path = tuple[str | int, ...]
"""The way to a value: property names and places in arrays, counted from 0."""

_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is no object and no array. text[start:stop] is what says it: quotes left out, unless it is empty."""

    path: Path
    value: Any
    start: int
    stop: int


def leaves_of(text: str) -> tuple[Leaf, ...]:
    """Return the leaves of a JSON text in their order; () for what is no JSON."""
    try:
        found, end = [], 0
        for leaf, end in _walk(text, _skip(text, 0), ()):  # noqa: B007
            if leaf is not None:
                found.append(leaf)
        return tuple(found) if _skip(text, end) == len(text) else ()
    except (ValueError, IndexError, RecursionError):
        return ()


def _walk(text: str, at: int, path: Path) -> Iterator[tuple[Leaf | None, int]]:
    """Yield (leaf, place behind it), and (None, place) behind objects and arrays."""
    if text[at] == "{":
        yield from _inside(text, at, path, "}")
    elif text[at] == "[":
        yield from _inside(text, at, path, "]")
    elif text[at] == '"':
        value, stop = scanstring(text, at + 1)
        yield Leaf(path, value, at + 1, max(stop - 1, at + 2) if value else stop), stop
    else:
        match = _PLAIN.match(text, at)
        if match is None:
            raise ValueError(f"no value at {at}")
        yield Leaf(path, json.loads(match[0]), at, match.end()), match.end()


def _inside(text: str, at: int, path: Path, end: str) -> Iterator[tuple[Leaf | None, int]]:
    at = _skip(text, at + 1)
    place = 0
    while text[at] != end:
        if place:
            at = _expect(text, at, ",")
        name: str | int = place
        if end == "}":
            if text[at] != '"':
                raise ValueError(f"no name at {at}")
            name, at = scanstring(text, at + 1)
            at = _expect(text, _skip(text, at), ":")
        for leaf, after in _walk(text, at, (*path, name)):
            at = after
            yield leaf, after
        at = _skip(text, at)
        place += 1
    yield None, at + 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _expect(text: str, at: int, sign: str) -> int:
    if text[at] != sign:
        raise ValueError(f"no {sign} at {at}")
    return _skip(text, at + 1)


def probabilities(leaves: Sequence[Leaf], pieces: Sequence[str], logprobs: Sequence[float]) -> list[float | None]:
    """Return for each leaf the probability of its tokens taken together; None where pieces and text do not match.

    pieces and logprobs are those of the answer that the leaves were found in. What only punctuates (braces, names,
    quotes, commas) does not count.
    """
    ends = list(accumulate(map(len, pieces)))
    if len(pieces) != len(logprobs) or not pieces:
        return [None] * len(leaves)
    found: list[float | None] = []
    token = 0
    for leaf in leaves:
        while token < len(ends) and ends[token] <= leaf.start:
            token += 1
        own = [
            min(logprobs[number], 0.0)
            for number in range(token, len(ends))
            if ends[number] - len(pieces[number]) < leaf.stop and pieces[number]
        ]
        found.append(exp(sum(own)) if own else None)
    return found


def shown(path: Path) -> str:
    """Return a path as people write it: `items[0].amount`; the whole result is `$`."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            words += ("." if words else "") + (part if re.fullmatch(r"[^\W\d][\w-]*", part) else json.dumps(part))
    return words or "$"


def value_at(data: Any, path: Path) -> Any:
    """Return the value at a path; raises LookupError or TypeError if there is none."""
    for part in path:
        data = data[part]
    return data


def replaced(data: Any, path: Path, value: Any) -> Any:
    """Return a copy of the data in which another value stands at a path."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(data, list):
        return [replaced(item, rest, value) if place == part else item for place, item in enumerate(data)]
    return {name: replaced(item, rest, value) if name == part else item for name, item in data.items()}
