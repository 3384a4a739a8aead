"""Degenerate repetition: a span of tokens said over and over at the end of an answer. Pure lists, no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_SPAN = 90  # tokens; a loop over whole lines is about that long
MIN_COPIES = 5
MIN_TOKENS = 60  # a loop must fill this much, so that "0\t0\t0\t0" in a table row is left alone
LEADERS = frozenset("._-·…=*~ \u2014\u2013")
MAX_RECOVERIES = 3  # after so many cuts an answer ends at the next one
MAX_LEADER = 200  # dots in a table of contents may run this long


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


def is_leader(text: str, run: int) -> bool:
    """Whether a loop of `text` over `run` tokens is a leader or a rule, which real pages contain."""
    return run <= MAX_LEADER and bool(text) and all(char in LEADERS for char in text)


def _run_length(ids: Sequence[int], span: int) -> int:
    """How many tokens at the end equal the token `span` before them, plus the first copy."""
    at = len(ids) - 1
    while at >= span and ids[at] == ids[at - span]:
        at -= 1
    return len(ids) - 1 - at + span
