"""Temporary files beside an output, named so that those that a killed process left behind are known, and removed."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there nothing is removed, as nothing says whether a process is gone
    fcntl = None  # type: ignore[assignment]

_LONGEST = 150  # bytes of the output's name that are kept: the whole must stay below 255


def temporary_beside(path: Path) -> tuple[int, Path]:
    """Open a new file in the folder of `path`, which exists; remove what dead processes of this machine left there.

    The file is locked as long as it is open: processes that cannot see each other, as in containers, know by that.

    Raises:
        OSError.
    """
    _clear(path.parent)
    name = os.fsencode(path.name)[:_LONGEST].decode(errors="ignore")
    handle, place = tempfile.mkstemp(prefix=f".{name}.{_machine()}-{os.getpid()}-", suffix=".tmp", dir=path.parent)
    _lock(handle)
    return handle, Path(place)


@cache
def _clear(folder: Path) -> None:
    """Once for a folder: listing it for each of thousands of outputs would take longer than writing them."""
    ours = re.compile(rf"\..+\.{re.escape(_machine())}-(\d+)-[a-z0-9_]{{8}}\.tmp")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = ours.fullmatch(entry.name)
            if found and entry.is_file(follow_symlinks=False) and _is_gone(int(found[1])):
                with suppress(OSError):
                    _remove(Path(entry.path))


def _remove(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        if _lock(handle):
            path.unlink()
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Take a file for this process, until it is closed; False if another has it."""
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
    return True


def _is_gone(process: int) -> bool:
    if fcntl is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@cache
def _machine() -> str:
    return re.sub(r"[^\w-]", "_", socket.gethostname())[:40] or "host"
