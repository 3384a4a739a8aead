"""Outputs as files of this machine or, through fsspec (the extra `dsvl2[fsspec]`), at URLs.

At a URL an output is whole or not there too. Object stores take a thing all at once; elsewhere it is put under another name
and moved. The manifest stays on this machine.
"""

from __future__ import annotations

import hashlib
import posixpath
import tempfile
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG
from typing import Any

from dsvl2.pipelines.batch.places import Place, shown
from dsvl2.pipelines.batch.remote import digest, mark_of
from dsvl2.pipelines.errors import OutputUnwritable
from dsvl2.pipelines.output import sync_folder, write_durably

ABSENT = (-1, -1)
STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory"})
"""Protocols under which a thing appears when all of it has arrived, and a first folder that must be there already."""
READ_ONLY = frozenset({"http", "https", "data", "github", "git"})


def content_digest(place: Place) -> str | None:
    """Return the sha256 of what lies at a place; None if nothing does."""
    if isinstance(place, str):
        return digest(place)
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class Shelves:
    """Looks at outputs and writes them. `top`: a URL that many are below, which is listed once instead of asking for each."""

    def __init__(self, top: str | None = None) -> None:
        self._top = top
        self._touched = set[Path]()
        self._listed: dict[str, tuple[int, int]] | None = None

    def facts(self, place: Place) -> tuple[int, int]:
        """Return size and time (at a URL: a mark that changes with the content) of what lies at a place, or ABSENT.

        Raises:
            OutputUnwritable: nobody answers there.
        """
        if isinstance(place, Path):
            try:
                found = place.stat()
            except OSError:
                return ABSENT
            return (found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else ABSENT
        try:
            return self._remote_facts(place)
        except Exception as error:  # every file system raises its own
            raise _unwritable(place, error) from error

    def write(self, place: Place, pieces: Iterable[str | bytes]) -> str:
        """Write an output, whole or not at all, whatever happens; return its sha256.

        Raises:
            OutputUnwritable.
        """
        if isinstance(place, Path):
            self._touched.add(place.parent)
            return write_durably(place, pieces, force=True, lasting=False)
        made = hashlib.sha256()
        with tempfile.NamedTemporaryFile(prefix="dsvl2-") as file:
            for piece in pieces:
                data = piece.encode("utf-8") if isinstance(piece, str) else piece
                made.update(data)
                file.write(data)
            file.flush()
            try:
                _put(Path(file.name), place)
                self._forget(place)
            except Exception as error:
                raise _unwritable(place, error) from error
        return made.hexdigest()

    def sync(self) -> None:
        """Make what was written last: many files of a folder at the price of one."""
        while self._touched:
            sync_folder(self._touched.pop())

    def _remote_facts(self, url: str) -> tuple[int, int]:
        system, path = _system(url)
        if self._top is not None and url.startswith(self._top):
            if self._listed is None:
                self._listed = _listing(*_system(self._top))
            return self._listed.get(path, ABSENT)
        try:
            return _facts(system.info(path))
        except FileNotFoundError:
            return ABSENT

    def _forget(self, url: str) -> None:
        """Look again at what was written just now."""
        if self._listed is not None:
            system, path = _system(url)
            self._listed[path] = _facts(system.info(path))


def check_shelf(url: str) -> None:
    """Find out before anything is read whether outputs can go to a URL, as far as that can be told without writing.

    Raises:
        OutputUnwritable.
    """
    protocol = url.partition("://")[0].lower()
    if protocol in READ_ONLY:
        raise OutputUnwritable(
            f"{shown(url)}: nothing can be written to {protocol}://", hint="give a folder, or s3://..."
        )
    try:
        system, path = _system(url)
        store = path.strip("/").partition("/")[0]
        if protocol in STORES - {"memory"} and store:
            system.ls(store)
    except PermissionError:  # who may write need not be allowed to list
        return
    except FileNotFoundError as error:
        raise OutputUnwritable(f"{shown(url)}: there is no {store}", hint="make it first, or check the name") from error
    except ImportError as error:
        wanted = "pip install 'dsvl2[fsspec]'" if "fsspec" in str(error) else str(error)
        raise OutputUnwritable(f"{shown(url)} cannot be written without a library for it", hint=wanted) from error
    except Exception as error:
        raise _unwritable(url, error) from error


def _system(url: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.core.url_to_fs(url)
    return system, path


def _listing(system: Any, top: str) -> dict[str, tuple[int, int]]:
    try:
        found = system.find(top, detail=True)
    except FileNotFoundError:
        return {}
    return {path: _facts(info) for path, info in found.items()}


def _facts(info: dict[str, Any]) -> tuple[int, int]:
    return int(info.get("size") or 0), mark_of(info)


def _put(file: Path, url: str) -> None:
    system, path = _system(url)
    if url.partition("://")[0].lower() in STORES:
        system.put_file(str(file), path)
        return
    folder, name = posixpath.split(path)
    system.makedirs(folder, exist_ok=True)
    passing = posixpath.join(folder, f".{name}.part")
    system.put_file(str(file), passing)
    if system.exists(path):  # not every system moves over what is there
        system.rm_file(path)
    system.mv(passing, path)


def _unwritable(url: str, error: Exception) -> OutputUnwritable:
    fact = " ".join(str(error).split())[:200] or type(error).__name__
    return OutputUnwritable(f"{shown(url)} cannot be written: {fact}", hint="check the URL, the rights and the network")
