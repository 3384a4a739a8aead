"""Degenerate repetition: a span of tokens said over and over at the end of an answer. Pure lists, no torch."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MAX_SPAN = 300  # tokens; a loop over whole paragraphs is about that long
MIN_COPIES = 5
MIN_TOKENS = 60  # a loop must fill this much, so that "0\t0\t0\t0" in a table row is left alone
CELL_COPIES = 12  # of a span with cells in it: a time sheet has many rows alike
LEADERS = frozenset("._-·…=*~ \u2014\u2013")
MAX_RECOVERIES = 3  # after so many cuts an answer ends at the next one
MAX_LEADER = 200  # dots in a table of contents may run this long
MAX_EMPTY = 1000  # tokens of tags and bars: an empty form of 20 x 20 cells has as many
CONTEXT = 16  # tokens before one that is banned: short enough to leave a loop soon, long enough to spare other text
BANNED_FOR = 128  # tokens after a cut in which no part of the loop may be said twice in a row

_MARKUP = re.compile(r"</?(?:table|thead|tbody|tfoot|tr|td|th|caption)\b[^<>]*>|:?-{3,}:?|[|&\t\n]|\\\\|\\hline")


@dataclass(frozen=True, slots=True)
class Loop:
    """The last `run` tokens repeat with period `span`; the last copy may be incomplete."""

    span: int
    run: int


def find_loop(ids: Sequence[int]) -> Loop | None:
    """The shortest span that repeats at the end of `ids` often enough to be a loop, or None."""
    count = len(ids)
    if count < MIN_TOKENS:
        return None
    last = ids[-1]
    for span in range(1, min(MAX_SPAN, count // MIN_COPIES) + 1):
        if ids[-1 - span] != last:  # cheap: nearly every span falls here
            continue
        run = _run_length(ids, span)
        if run >= max(MIN_TOKENS, MIN_COPIES * span):
            return Loop(span, run)
    return None


def is_spared(text: str, loop: Loop) -> bool:
    """Whether a loop of `text` is what real pages contain: a leader or rule, empty cells, rows alike; each up to a limit."""
    if text and all(char in LEADERS for char in text):
        return loop.run <= MAX_LEADER
    start = max(text.find("<"), 0)  # the span may begin within a tag
    rest, tags = _MARKUP.subn("", text[start:] + text[:start])
    if tags and all(char in LEADERS for char in rest):
        return loop.run <= MAX_EMPTY
    return bool(tags) and loop.run < CELL_COPIES * loop.span


@dataclass(slots=True)
class LoopGuard:
    """Watches one answer: says where to cut, and for a while after a cut which tokens would lead back into the loop."""

    cuts: int = 0
    _after: dict[tuple[int, ...], int] = field(default_factory=dict)
    _until: int = 0

    def cut(self, ids: Sequence[int], spell: Callable[[Sequence[int]], str]) -> int | None:
        """How many tokens to keep when a loop has come up: all before it and its first copy. None if there is none."""
        loop = find_loop(ids)
        if loop is None or is_spared(spell(ids[-loop.span :]), loop):
            return None
        keep = len(ids) - loop.run + loop.span
        copy = list(ids[keep - loop.span : keep])
        width = min(loop.span, CONTEXT)
        around = copy[-width:] + copy
        self._after = {tuple(around[at : at + width]): around[at + width] for at in range(loop.span)}
        self._until = keep + BANNED_FOR
        self.cuts += 1
        return keep

    def active(self, ids: Sequence[int]) -> bool:
        """Whether anything may be banned soon."""
        return len(ids) < self._until

    def banned(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Tokens that must not come next: those that would go round the loop once more."""
        if not self._after or not self.active(ids):
            return ()
        width = len(next(iter(self._after)))
        token = self._after.get(tuple(ids[-width:]))
        return () if token is None else (token,)

    @property
    def hopeless(self) -> bool:
        """Whether there were too many cuts to go on."""
        return self.cuts > MAX_RECOVERIES


def _run_length(ids: Sequence[int], span: int) -> int:
    """How many tokens at the end equal the token `span` before them, plus the first copy."""
    at = len(ids) - 1
    while at >= span and ids[at] == ids[at - span]:
        at -= 1
    return len(ids) - 1 - at + span
