"""Holding an answer to a language while it is generated, and bringing it to an end before its limit.

llguidance says which tokens may come next (a mask over the vocabulary); the language itself, stepped along, has the last
word and knows at every place a text that ends the answer. A token is taken only if the end still fits behind it. When
none does, the known end is written instead: the answer is valid whatever the model would have said, and its limit holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dsvl2.model.constraints.language import NOTHING, Language
from dsvl2.model.constraints.lark import to_lark
from dsvl2.model.constraints.ranges import overlap, pleasant
from dsvl2.model.constraints.vocabulary import Vocabulary
from dsvl2.model.errors import ConstraintError

Alphabet = frozenset[str] | None
"""The characters a model can write; None for all."""


class ConstraintState(Protocol):
    """An answer under a constraint, while it grows.

    finished: nothing can follow. closing: the limit is near and the rest is given.
    """

    finished: bool
    closing: bool

    def allowed(self) -> Tensor:
        """Mask over the vocabulary, bool [V]: tokens that may come next, the end token where the answer may end."""
        ...

    def accept(self, token: int) -> bool:
        """Take a token; False if it cannot be taken after all, and another has to be chosen with a new `allowed`."""
        ...

    def rewind(self, count: int) -> None:
        """Take back the last `count` tokens."""
        ...

    def close(self) -> None:
        """Take only the tokens that end the answer from here on."""
        ...


class Constraint(Protocol):
    """A form that answers must have."""

    def start(self, vocabulary: Vocabulary, limit: int) -> ConstraintState:
        """Begin an answer of at most `limit` tokens; raises ConstraintError if none fits."""
        ...


@dataclass(frozen=True, eq=False)
class GrammarConstraint:
    """Holds answers to the language that `build` makes for the characters a model can write.

    The language must not be NOTHING, nor hold the empty text.
    """

    build: Callable[[Alphabet], Language]
    _made: dict[int, tuple[Vocabulary, Language, Any]] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def start(self, vocabulary: Vocabulary, limit: int) -> ConstraintState:
        """Begin an answer; raises ConstraintError when the limit is too short for any, or no text can be written."""
        with self._lock:
            made = self._made.get(id(vocabulary))
            if made is None:
                made = self._made[id(vocabulary)] = (vocabulary, *self._compile(vocabulary))
            _, language, matcher = made
            state = GrammarState(language, matcher.deep_copy(), vocabulary, limit)
        return state

    def _compile(self, vocabulary: Vocabulary) -> tuple[Language, Any]:
        from llguidance import LLMatcher

        language = self.build(vocabulary.alphabet)
        if language is NOTHING or language.ending is None:
            raise ConstraintError("no text fits the form asked for", "loosen the schema")
        matcher = LLMatcher(vocabulary.matcher_tokenizer, LLMatcher.grammar_from_lark(to_lark(language)), log_level=0)
        if matcher.is_error():
            reason = " ".join(str(matcher.get_error()).split())[:200]
            reason = "too many alternatives" if "panic" in reason else reason
            raise ConstraintError(f"the form asked for is too complex: {reason}", "ask for less at a time")
        return language, matcher


@dataclass(slots=True)
class _Place:
    """Where an answer stands: what may follow, and the bytes of a character that is not whole yet."""

    language: Language
    pending: bytes = b""


class GrammarState:
    """An answer under a `GrammarConstraint`."""

    def __init__(self, language: Language, matcher: Any, vocabulary: Vocabulary, limit: int) -> None:
        self.finished = self.closing = False
        self._vocabulary, self._matcher, self._limit = vocabulary, matcher, limit
        self._places = [_Place(language)]  # before the answer and after each of its tokens
        self._refused = set[int]()
        self._plan: list[int] = []
        end = self._ending(self._places[0])
        need = None if end is None else vocabulary.spell(end)
        if need is None:
            raise ConstraintError("the form asked for has characters that this model cannot write", "ask for others")
        if len(need) > limit:
            raise ConstraintError(
                f"the shortest answer of the form asked for takes {len(need)} tokens, the limit is {limit}",
                f"allow at least {len(need)} new tokens (--max-tokens {len(need)}), or ask for less at a time",
            )

    def allowed(self) -> Tensor:
        mask = torch.zeros(len(self._vocabulary), dtype=torch.bool)
        if self.closing:
            mask[self._plan[0] if self._plan else self._vocabulary.eos] = True
            return mask
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")
        mask |= torch.from_numpy(bits[: len(mask)]).bool()
        mask[self._vocabulary.eos] = self._may_end()
        if self._refused:
            mask[sorted(self._refused)] = False
        if not mask.any():  # only what was refused was left
            self.close()
            return self.allowed()
        return mask

    def accept(self, token: int) -> bool:
        if token == self._vocabulary.eos:
            self.finished = self._may_end()
            return self.finished
        place = self._after(token)
        if place is None:
            self._refused.add(token)
            return False
        if not self.closing:
            left = self._limit - len(self._places)
            if not self._fits(place, left):
                self.close()
                return False
            if not self._matcher.consume_token(token):  # the mask and the matcher never differ; if they do, end well
                self.close()
                return False
        else:
            self._plan = self._plan[1:]
        self._places.append(place)
        self._refused.clear()
        self.finished = self._may_end() and (not place.language.first() or (self.closing and not self._plan))
        return True

    def rewind(self, count: int) -> None:
        if count:
            del self._places[-count:]
            self._matcher.rollback(count)
            self._refused.clear()
            self.finished = False

    def close(self) -> None:
        self.closing = True
        plan = self._vocabulary.spell(self._ending(self._places[-1]) or b"")
        assert plan is not None  # a token is taken only if an end can be spelt behind it
        self._plan = plan
        self.finished = not plan

    def _may_end(self) -> bool:
        return self._places[-1].language.nullable and not self._places[-1].pending

    def _after(self, token: int) -> _Place | None:
        """The place behind a token, None where the language does not go."""
        data = self._vocabulary.bytes[token]
        if not data:
            return None
        whole, pending = _characters(self._places[-1].pending + data)
        if whole is None:
            return None
        language = self._places[-1].language
        for char in whole:
            language = language.step(char)
            if language is NOTHING:
                return None
        place = _Place(language, pending)
        return None if self._ending(place) is None else place

    def _fits(self, place: _Place, left: int) -> bool:
        end = self._ending(place)
        assert end is not None
        if self._vocabulary.alphabet is None and len(end) <= left:  # a byte is a token at most
            return True
        spelt = self._vocabulary.spell(end)
        return spelt is not None and len(spelt) <= left

    def _ending(self, place: _Place) -> bytes | None:
        if not place.pending:
            return None if place.language.ending is None else place.language.ending.encode()
        char = pleasant(overlap(place.language.first(), _continuations(place.pending)))
        rest = NOTHING if char is None else place.language.step(char)
        if char is None or rest.ending is None:
            return None
        return char.encode()[len(place.pending) :] + rest.ending.encode()


def _characters(data: bytes) -> tuple[str | None, bytes]:
    """Whole characters and the bytes of one that has only begun; None for bytes that are no UTF-8."""
    for cut in range(min(4, len(data) + 1)):
        head, tail = data[: len(data) - cut], data[len(data) - cut :]
        if tail and not _continuations(tail):
            continue
        try:
            return head.decode("utf-8"), tail
        except UnicodeDecodeError:
            continue
    return None, b""


def _continuations(begun: bytes) -> tuple[tuple[int, int], ...]:
    """The characters whose UTF-8 begins with these bytes, fewer than they take; () if there are none."""
    for low, high, length in ((0x80, 0x7FF, 2), (0x800, 0xD7FF, 3), (0xE000, 0xFFFF, 3), (0x10000, 0x10FFFF, 4)):
        if len(begun) >= length:
            continue
        first, last = _search(begun, low, high), _search(begun + b"\xff", low, high)
        if first < last:
            return ((first, last - 1),)
    return ()


def _search(data: bytes, low: int, high: int) -> int:
    """The first code point from low to high + 1 whose UTF-8 does not come before `data`."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        if chr(middle).encode() < data:
            low = middle + 1
        else:
            high = middle
    return low
