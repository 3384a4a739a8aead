"""Guessing what an answer says next from a text that it may resemble: a page's text layer, an earlier reading. Pure lists.

A guess is verified as further rows of a decode step (see `scheduler`) and never changes the answer. Where the answer leaves
the draft (a mark-up sign, a line end, a letter read otherwise) the place is found again; a draft that does not fit is left
alone until some of its words are said.
"""

from collections import defaultdict
from collections.abc import Sequence

FIRST = 7  # tokens guessed at first: with the one that is certain they fill a step of 8 rows, the next ones 16, 32, 64
MOST = 63
NEAR = 12  # tokens that the answer may leave out, or say instead, before the place is lost
WORDS = 4  # tokens in a row that name a place in the draft
PATIENCE = 4  # guesses in a row of which nothing was right, before the draft is left alone


class Draft:
    """Call it with the ids said so far for those that may follow; keep one for each answer."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = tuple(ids)
        self._at: int | None = 0  # where in the draft the next token should stand
        self._left, self._off, self._good = 0, 0, 0  # where the answer left the draft, tokens since then, right ones
        self._seen = 0
        self._width, self._misses = FIRST, 0
        self._guess: tuple[int, Sequence[int]] = (0, ())
        self._places: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for at in range(len(self._ids) - WORDS + 1):
            self._places[self._ids[at : at + WORDS]].append(at + WORDS)

    def __call__(self, said: Sequence[int]) -> Sequence[int]:
        if len(said) < self._seen:  # a loop was cut
            self._at, self._off, self._seen, self._guess = None, 0, len(said), (0, ())
        self._learn(said)
        for end in range(self._seen + 1, len(said) + 1):
            self._follow(said[max(0, end - WORDS) : end])
        self._seen = len(said)
        if self._at is None:
            self._at, self._off = self._search(said), 0
        if self._at is None or self._at >= len(self._ids):
            return ()
        self._guess = len(said), self._ids[self._at : self._at + self._width]
        return self._guess[1]

    def _learn(self, said: Sequence[int]) -> None:
        """Guess further where the last guess was right, less far where it was not."""
        start, guess = self._guess
        come = said[start : start + len(guess)]
        self._guess = (0, ())
        if not come:
            return
        right = next((n for n, (a, b) in enumerate(zip(come, guess, strict=False)) if a != b), len(come))
        self._misses = 0 if right else self._misses + 1
        self._width = min(2 * self._width + 1, MOST) if right == len(come) else max(right + 1, self._width // 2)
        if self._misses >= PATIENCE:
            self._at = None

    def _follow(self, last: Sequence[int]) -> None:
        """Go on behind the last of some tokens: where it stands, instead of what stands there, or where these all stand."""
        if self._at is None:
            return
        right = self._at < len(self._ids) and self._ids[self._at] == last[-1]
        self._good = self._good + 1 if right else 0
        if self._off:
            self._off = 0 if self._good >= 2 else self._off + 1
        elif not right:
            self._left, self._off = self._at, 1
        self._at += 1
        if not right and self._off > 1:
            self._at = self._relocate(last)

    def _relocate(self, last: Sequence[int]) -> int | None:
        """A place near the one where the answer left the draft, behind the tokens said since then; None when too far off."""
        begin = max(self._left - 1, 0)
        near = self._ids[begin : self._left + self._off + NEAR]
        for count in range(min(self._off, len(last)), 0, -1):
            run = tuple(last[-count:])
            for at in range(len(near) - count + 1):
                if near[at : at + count] == run:
                    return begin + at + count
        return self._at if self._off <= NEAR else None

    def _search(self, said: Sequence[int]) -> int | None:
        """The first place behind the last words said; after wrong guesses, twice as many words have to be there."""
        found = self._places.get(tuple(said[-WORDS:]), ())
        if self._misses >= PATIENCE:
            before = tuple(said[-2 * WORDS : -WORDS])
            found = [at for at in found if self._ids[max(at - 2 * WORDS, 0) : at - WORDS] == before]
        return found[0] if found else None
