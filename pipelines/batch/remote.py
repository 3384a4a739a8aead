"""Documents at URLs, through fsspec (the extra `dsvl2[fsspec]`): s3://, gs://, https://, memory://, and whatever is installed.

The planner lists them once, with size and time; a decoder fetches one when its turn comes, into its own memory.
"""

from __future__ import annotations

import glob
import hashlib
import posixpath
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from dsvl2.pipelines.batch.places import shown
from dsvl2.pipelines.batch.rows import FileFacts, PlannedFile
from dsvl2.pipelines.documents import PageError
from dsvl2.pipelines.errors import FileMissing, NoDocuments, page_error
from dsvl2.pipelines.sources import SUFFIXES
from dsvl2.pipelines.sources.limits import Limits
from dsvl2.pipelines.sources.open import natural_key

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created", "ETag", "etag", "md5", "checksum")
_CONTENTS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
_PIECE = 1 << 20


def find_remote(url: str) -> Iterator[PlannedFile]:
    """Yield the documents behind a URL, a folder or a pattern there, in natural order; or why there is none."""
    name = shown(url)
    try:
        files, top = _listed(url)
        if not files:
            raise NoDocuments(f"{name} has no documents in it")
    except ImportError as error:
        remedy = "pip install 'dsvl2[fsspec]'" if "fsspec" in str(error) else str(error)
        problem = PageError("library_missing", f"{name} cannot be read without a library for it", remedy)
        yield _problem(url, problem)
        return
    except Exception as error:  # every file system raises its own
        found = error if isinstance(error, NoDocuments | FileMissing) else FileMissing(f"{name}: {_why(error)}")
        yield _problem(url, page_error(found))
        return
    for path, full, facts in sorted(files, key=lambda file: natural_key(file[0])):
        relative = Path(posixpath.relpath(path, top) if top else posixpath.basename(path))
        yield PlannedFile(Path(full), shown(full), relative, url=full, listed=facts)


def fetch(url: str, name: str, limits: Limits) -> bytes:
    """Return what is at a URL.

    Raises:
        FileMissing: it cannot be had. TooLarge.
    """
    import fsspec

    pieces, size = list[bytes](), 0
    try:
        with fsspec.open(url, "rb") as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                limits.check_bytes(size, name)
                pieces.append(piece)
    except OSError as error:
        raise FileMissing(f"{name} cannot be fetched: {_why(error)}", hint="check the URL and the rights") from error
    return b"".join(pieces)


def digest(url: str) -> str | None:
    """Return the sha256 of what is at a URL; None if it is gone."""
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except Exception:  # every file system raises its own
        return None


def _listed(url: str) -> tuple[list[tuple[str, str, FileFacts]], str]:
    """Path, URL and facts of every document, and the folder that paths are told from ("" for a single file)."""
    import fsspec

    system, path = fsspec.core.url_to_fs(url)
    if glob.has_magic(path):
        infos = {key: info for key, info in system.glob(path, detail=True).items() if info["type"] == "file"}
        fixed = path[: re.search(r"[*?\[]", path).start()]  # type: ignore[union-attr]
        top = posixpath.dirname(fixed)
    elif system.isdir(path):
        top, known = path.rstrip("/"), {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
        everything = system.find(path, detail=True)
        infos = {key: info for key, info in everything.items() if _is_document(posixpath.relpath(key, top), known)}
    else:
        infos, top = {path: system.info(path)}, ""
    return [(key, system.unstrip_protocol(key), _facts(info)) for key, info in infos.items()], top


def _is_document(relative: str, known: set[str]) -> bool:
    hidden = any(part.startswith(".") for part in relative.split("/"))
    return not hidden and posixpath.splitext(relative)[1].lower() in known


def _facts(info: dict[str, Any]) -> FileFacts:
    """Size and time as the listing has them; without a time, whatever else changes with the content."""
    size = info.get("size")
    told = next((info[key] for key in _TIMES if info.get(key)), "")
    if isinstance(told, datetime):
        told = told.timestamp()
    if isinstance(told, int | float):
        return FileFacts(-1 if size is None else int(size), round(told * 1e9))
    return FileFacts(-1 if size is None else int(size), _number(str(told)))


def mark_of(info: dict[str, Any]) -> int:
    """Return a number that changes with the content: of a checksum if there is one, else of a time.

    Times are cut to seconds: a listing and a look at the one thing have them in different precision and type.
    """
    told = next((info[key] for key in (*_CONTENTS, *_TIMES) if info.get(key)), "")
    if isinstance(told, datetime):
        told = told.timestamp()
    if isinstance(told, float):
        told = int(told)
    return _number(str(told).strip('"'))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _problem(url: str, error: PageError) -> PlannedFile:
    return PlannedFile(Path(url), shown(url), Path(posixpath.basename(url) or "remote"), problem=error)


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such thing"
    return " ".join(str(error).split())[:200] or type(error).__name__
