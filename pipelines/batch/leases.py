"""Share one batch among any number of machines that see the same folder: each document is taken by lease.

BOARD/owners/NAME    touched every few seconds by a process that lives; NAME is its run folder
BOARD/leases/KEY     who works on a document: made with O_EXCL, so that one process gets it
BOARD/done/KEY       who finished it, and size and time of the file then: one that changed is to be read again

A process that stops touching its file loses its leases after `seconds`. Its documents are then read by others; if it was
only asleep, both write the same bytes and a file appears by rename: nothing is lost and nothing is there twice.
Ages are taken from the clock of the shared file system alone, as the machines' own clocks may differ.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from dsvl2.pipelines.errors import OutputUnwritable
from dsvl2.pipelines.sources import printable

LEASE_SECONDS = 120.0


class Claim(StrEnum):
    """What came of asking for a document."""

    MINE = "mine"
    HELD = "held"  # somebody else works on it
    DONE = "done"  # somebody finished it


class LeaseBoard:
    """One process's view of the shared folder. Use it in `with`; a thread keeps the leases alive."""

    def __init__(self, folder: Path, owner: str, *, seconds: float = LEASE_SECONDS) -> None:
        self.folder, self.owner, self.seconds = folder, owner, seconds
        self._beat = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> LeaseBoard:
        """Raises OutputUnwritable when the folder cannot be used."""
        try:
            for name in ("owners", "leases", "done"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._touch()
        except OSError as error:
            fact = f"the shared folder {printable(str(self.folder))} cannot be used: {error.strerror}"
            raise OutputUnwritable(fact) from error
        self._thread = threading.Thread(target=self._live, name="leases", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beat.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(OSError):
            self._owner(self.owner).unlink()  # what is still held is free at once

    def claim(self, key: str, facts: str = "") -> Claim:
        """Ask for a document; a lease of our own from before a restart is ours again. facts: what tells a changed file."""
        if self._done(key, facts):
            return Claim.DONE
        lease = self.folder / "leases" / key
        if self._take(lease):
            return Claim.DONE if self._done(key, facts) else Claim.MINE
        holder = self._holder(lease)
        if holder == self.owner:
            return Claim.MINE
        if holder is not None and self._lives(holder):
            return Claim.HELD
        # one process only succeeds in moving a dead lease away; whoever then makes a new one has it
        with suppress(OSError):
            lease.rename(self.folder / "leases" / f".{key}.{self.owner}.{time.monotonic_ns()}")
        return Claim.MINE if self._take(lease) else Claim.HELD

    def finish(self, key: str, facts: str = "") -> None:
        """Say that a document's output is written, or that it failed for good; its lease is given back."""
        part = self.folder / "done" / f".{key}.{self.owner}"
        part.write_text(f"{self.owner}\n{facts}", encoding="utf-8")
        part.replace(self.folder / "done" / key)
        with suppress(OSError):
            (self.folder / "leases" / key).unlink()

    def forget(self, key: str) -> None:
        """Let a finished document be taken again."""
        with suppress(OSError):
            (self.folder / "done" / key).unlink()

    def _done(self, key: str, facts: str) -> bool:
        try:
            return (self.folder / "done" / key).read_text(encoding="utf-8").partition("\n")[2] == facts
        except OSError:
            return False

    def _take(self, lease: Path) -> bool:
        try:
            handle = os.open(lease, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.owner)
        return True

    def _holder(self, lease: Path) -> str | None:
        """Name on a lease; one without a name was made this moment, or by a process that died in between."""
        try:
            name = lease.read_text(encoding="utf-8")
            return name or (f"?{lease.name}" if self._now() - lease.stat().st_mtime < self.seconds else None)
        except OSError:
            return None

    def _lives(self, owner: str) -> bool:
        if owner.startswith("?"):
            return True
        try:
            return self._now() - self._owner(owner).stat().st_mtime < self.seconds
        except OSError:
            return False

    def _now(self) -> float:
        """The shared file system's time, as our own file's last touch has it (at most a beat old)."""
        try:
            return self._owner(self.owner).stat().st_mtime
        except OSError:
            return self._touch()

    def _touch(self) -> float:
        path = self._owner(self.owner)
        path.touch()
        os.utime(path)
        return path.stat().st_mtime

    def _live(self) -> None:
        while not self._beat.wait(min(5.0, self.seconds / 8)):
            with suppress(OSError):  # a shared folder may be away for a while
                self._touch()

    def _owner(self, name: str) -> Path:
        return self.folder / "owners" / name


def lease_key(relative: Path) -> str:
    """Name of a document on the board: the same on every machine, wherever the input folder is mounted."""
    return hashlib.sha256(os.fsencode(relative)).hexdigest()[:40]
