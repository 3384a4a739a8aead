"""Which files of a watched folder are whole. Looks at names, sizes and times, and at the end of a PDF; reads nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 10  # times as long for a PDF whose end is missing
_END = b"%%EOF"
_TAIL = 2048
Facts = tuple[int, int]  # size in bytes, time of the last change in nanoseconds


@dataclass(slots=True)
class Arrivals:
    """The files of a folder as they come. `leave_out` are folders below it that are not looked at.

    A file is whole when its size and time have been the same for `settle` seconds. `clock` is a monotonic clock.
    """

    folder: Path
    settle: float
    leave_out: Sequence[Path] = ()
    clock: Callable[[], float] = time.monotonic
    waiting: int = 0
    trouble: str = ""
    _seen: dict[Path, tuple[Facts, float]] = field(default_factory=dict)

    def look(self) -> dict[Path, Facts]:
        """Return all files that are whole now, in natural order, and count in `waiting` those that are not yet.

        `trouble` says why the folder cannot be listed, if it cannot; its files are then taken as gone.
        """
        now, whole, self.waiting = self.clock(), {}, 0
        seen: dict[Path, tuple[Facts, float]] = {}
        for path in self._files():
            try:
                found = path.stat()
            except OSError:  # it went away this moment
                continue
            facts = (found.st_size, found.st_mtime_ns)
            known = self._seen.get(path)
            since = known[1] if known is not None and known[0] == facts else now
            seen[path] = (facts, since)
            if facts[0] and now - since >= self.settle * (1 if _has_its_end(path, facts[0]) else PATIENCE):
                whole[path] = facts
            else:
                self.waiting += 1
        self._seen = seen
        return whole

    def _files(self) -> Iterator[Path]:
        from dsvl2.pipelines.errors import FileMissing
        from dsvl2.pipelines.sources import walk_folder

        skipped: list[FileMissing] = []
        out = [os.path.realpath(place) for place in self.leave_out]
        for path in walk_folder(self.folder, skipped):
            real = os.path.realpath(path)
            if not any(real.startswith(place + os.sep) for place in out):
                yield path
        self.trouble = str(skipped[0]) if skipped else ""


def _has_its_end(path: Path, size: int) -> bool:
    """Whether a file that begins as a PDF also ends as one; others tell nothing of it."""
    try:
        with path.open("rb") as file:
            if file.read(5) != b"%PDF-":
                return True
            file.seek(max(0, size - _TAIL))
            return _END in file.read(_TAIL)
    except OSError:
        return False


def free_name(path: Path, taken: Collection[Path] = ()) -> Path:
    """Return the path, or with the first number from 2 behind its name that is not taken: scan-2.md."""
    number, free = 1, path
    while os.path.lexists(free) or free in taken:
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free
