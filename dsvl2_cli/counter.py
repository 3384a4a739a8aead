"""A counter of finished steps on one line of a terminal; silent anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting(quiet: bool = False) -> Iterator[Callable[[int, int, str], None] | None]:
    """Give a function to call with steps done, steps in all and the name of the next; None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int, name: str) -> None:
        if done % 20 == 0 or done + 1 == total:
            print(f"\r\033[K{done + 1:,} of {total:,}  {name[-60:]}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
