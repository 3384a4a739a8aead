"""What is compared and what comes of it: plain frozen data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsvl2.pipelines.distance import edit_distance
from dsvl2.pipelines.documents import Box

_MOST_CELLS = 10**9
"""Above this two passages that share no word are counted as wholly different; their exact distance would take minutes."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it was read. `page` is None where the text does not tell; `box` is in pixels of that page's image.

    `ends_line` is set where the text breaks after it, `ends_block` where a paragraph does.
    """

    text: str
    page: int | None = None
    box: Box | None = None
    ends_line: bool = False
    ends_block: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One side of a comparison. `sizes` are the page images' (width, height) in pixels, by page.

    `model` and `fingerprint` say how it was read where that is known; `failed` are pages that could not be.
    """

    name: str
    tokens: tuple[Token, ...]
    sizes: tuple[tuple[int, tuple[int, int]], ...] = ()
    pages: tuple[int, ...] = ()
    source: str | None = None
    sha256: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    failed: tuple[int, ...] = ()

    @property
    def boxes(self) -> bool:
        """Whether words have places."""
        return any(token.box is not None for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Change:
    """A place where the sides differ: what A has there and what B has; one of them may be empty.

    `characters` and `words` are what it takes to turn the one into the other.
    """

    a: tuple[Token, ...]
    b: tuple[Token, ...]
    characters: int
    words: int

    @property
    def kind(self) -> str:
        """Return "replaced", "removed" (only A has it) or "added" (only B has it)."""
        return "replaced" if self.a and self.b else "removed" if self.a else "added"


@dataclass(frozen=True, slots=True)
class Same:
    """A run of words that both sides have, as each of them writes it."""

    a: tuple[Token, ...]
    b: tuple[Token, ...]


Piece = Change | Same


@dataclass(frozen=True, slots=True)
class Section:
    """The pieces of one page, in order; `page` is A's number (B's where A does not tell pages), None for no pages."""

    page: int | None
    pieces: tuple[Piece, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Change))

    @property
    def same(self) -> bool:
        return not self.changes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two readings beside each other. Rates are fractions of A's characters and words; A is what B is held against."""

    a: Reading
    b: Reading
    sections: tuple[Section, ...]
    chars: int
    total_words: int

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(change for section in self.sections for change in section.changes)

    @property
    def same(self) -> bool:
        return not self.changes

    @property
    def characters(self) -> int:
        """Characters to insert, delete or replace, counted place by place."""
        return sum(change.characters for change in self.changes)

    @property
    def words(self) -> int:
        """Words to insert, delete or replace."""
        return sum(change.words for change in self.changes)

    @property
    def cer(self) -> float:
        """Character error rate; text beside an empty A counts as its own length."""
        return self.characters / max(1, self.chars)

    @property
    def wer(self) -> float:
        """Word error rate."""
        return self.words / max(1, self.total_words)


def change_between(a: Sequence[Token], b: Sequence[Token], keys: tuple[Sequence[str], Sequence[str]]) -> Change:
    """Measure one place. `keys` are the words as they are compared; a word that is only on one side counts its blank."""
    first, second = keys
    if not first or not second:
        letters = sum(len(word) + 1 for word in (*first, *second))
        return Change(tuple(a), tuple(b), letters, len(first) + len(second))
    one, other = " ".join(first), " ".join(second)
    if len(one) * len(other) > _MOST_CELLS:
        return Change(tuple(a), tuple(b), max(len(one), len(other)), max(len(first), len(second)))
    return Change(tuple(a), tuple(b), edit_distance(one, other), edit_distance(first, second))


def numbered(sections: Sequence[Section]) -> Iterator[tuple[int, Section, Change]]:
    """Yield all changes with their number from 1 and their section."""
    number = 0
    for section in sections:
        for change in section.changes:
            number += 1
            yield number, section, change
