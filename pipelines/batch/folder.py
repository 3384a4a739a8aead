"""The run folder: the manifest, the lock, and standard input if that was read.

RUN/manifest.sqlite (-wal, -shm)   see manifest.py
RUN/lock                           held with flock by the one process that works in the run
RUN/stdin                          standard input, if it was one of the documents
"""

from __future__ import annotations

import glob
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import TextIO

from dsvl2.pipelines.batch.manifest import Manifest, takes_nothing, unwritable
from dsvl2.pipelines.errors import OutputUnwritable, RunBusy, RunMissing
from dsvl2.pipelines.sources import printable
from dsvl2.pipelines.sources.open import natural_key

MANIFEST = "manifest.sqlite"
DEFAULT_NAME = ".dsvl2-run"
STDIN_FILE = "stdin"


class RunFolder:
    """An open run folder with its manifest. Use it in `with`."""

    def __init__(self, path: Path, manifest: Manifest, lock: TextIO | None) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock

    @classmethod
    def begin(cls, path: Path) -> RunFolder:
        """Make or open a run folder to work in it.

        Raises:
            RunBusy: another process does. RunDamaged. OutputUnwritable, RunUnwritable: it cannot be made.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / "lock").open("a")
        except OSError as error:
            raise OutputUnwritable(f"the run folder {printable(str(path))} cannot be made: {error.strerror}") from error
        if not _locked(lock):
            lock.close()
            raise RunBusy(f"another process works in {printable(str(path))}")
        return cls(path, Manifest(path / MANIFEST), lock)

    @classmethod
    def look(cls, path: Path) -> RunFolder:
        """Open an existing run folder to read; also one that is being worked in, or the output folder that holds it.

        Raises:
            RunMissing, RunDamaged.
        """
        path = find_run(path)
        return cls(path, Manifest(path / MANIFEST, read_only=True), None)

    def close(self) -> None:
        """Commit, close, and let go of the lock."""
        try:
            self.manifest.close()
        finally:
            if self._lock is not None:
                self._lock.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self.close()
        except sqlite3.OperationalError as failed:
            if not takes_nothing(failed):
                raise
            error = error or failed
        if error is not None and takes_nothing(error):
            raise unwritable(self.manifest.path, error) from error


def find_runs(path: Path) -> list[Path]:
    """Return the run folder that `path` is, or that lies in it or beside it under the default name; or those of all parts.

    Raises:
        RunMissing.
    """
    for place in (path, path / DEFAULT_NAME, path.with_name(path.name + DEFAULT_NAME)):
        if (place / MANIFEST).is_file():
            return [place]
    parts = [*path.glob(f"{DEFAULT_NAME}-*"), *path.parent.glob(f"{glob.escape(path.name)}{DEFAULT_NAME}-*")]
    found = sorted(
        (place for place in parts if (place / MANIFEST).is_file()), key=lambda place: natural_key(place.name)
    )
    if not found:
        raise RunMissing(f"there is no batch run in {printable(str(path))}")
    return found


def find_run(path: Path) -> Path:
    """Return the one run folder that `path` stands for, as `find_runs`.

    Raises:
        RunMissing: there is none, or there are several.
    """
    found = find_runs(path)
    if len(found) > 1:
        names = ", ".join(printable(str(place)) for place in found[:8]) + (", ..." if len(found) > 8 else "")
        raise RunMissing(f"there are {len(found)} batch runs in {printable(str(path))}", hint=f"name one: {names}")
    return found[0]


def _locked(lock: TextIO) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: SQLite's own locks still keep the manifest whole
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
