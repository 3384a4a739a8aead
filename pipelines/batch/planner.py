"""From the words of a command to the documents of a run, in a fixed order. Opens no file.

A word that leads nowhere becomes a document with a problem, so that it is counted and the others are still read.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dsvl2.pipelines.batch.places import Place, is_url
from dsvl2.pipelines.batch.remote import find_remote
from dsvl2.pipelines.batch.rows import PlannedFile
from dsvl2.pipelines.errors import DocumentError, FileMissing, NoDocuments, page_error
from dsvl2.pipelines.sources import InputFile, matching, not_there, printable, walk_folder

STDIN_NAME = "<stdin>"


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index` (from 1) of `count`. A document's part depends on its path below the input folder alone."""

    index: int = 1
    count: int = 1

    def holds(self, relative: Path) -> bool:
        """Say whether a document belongs to this part."""
        digest = hashlib.sha256(os.fsencode(relative)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1


def plan_files(
    words: Iterable[str | Path],
    *,
    shard: Shard | None = None,
    target: Callable[[Path], Place | None] | None = None,
    others: Counter[str] | None = None,
) -> Iterator[PlannedFile]:
    """Yield the documents behind files, folders, globs and URLs, those of a folder in natural order (2 before 10).

    `target` maps a path below the input folder to the document's own output file. `others` counts the suffixes of files
    that folders hold and that are left out.
    """
    shard = shard or Shard()
    for word in words:
        for file in find_remote(str(word)) if is_url(str(word)) else _expand(Path(word), others):
            if shard.holds(file.relative):
                yield replace(file, target=target(file.relative)) if target and not file.problem else file


def _expand(path: Path, others: Counter[str] | None) -> Iterator[PlannedFile]:
    if path.is_dir():
        yield from _folder(path, others)
    elif os.path.lexists(path) or not glob.has_magic(str(path)):
        if os.path.lexists(path):
            yield _planned(InputFile(path))
        else:
            yield _problem(path, not_there(path))
    else:
        yield from _glob(path)


def _folder(folder: Path, others: Counter[str] | None) -> Iterator[PlannedFile]:
    skipped: list[FileMissing] = []
    count = 0
    for file in walk_folder(folder, skipped, others=others):
        count += 1
        yield _planned(InputFile(file, folder))
    for error in skipped:
        yield _problem(folder, error)
    if not count and not skipped:
        yield _problem(folder, NoDocuments(f"{printable(str(folder))} has no documents in it"))


def _glob(pattern: Path) -> Iterator[PlannedFile]:
    files = matching(pattern)
    if not files:
        yield _problem(pattern, FileMissing(f"nothing matches {printable(str(pattern))}"))
    yield from map(_planned, files)


def _planned(file: InputFile) -> PlannedFile:
    assert file.path is not None
    return PlannedFile(file.path, file.name, file.relative)


def _problem(path: Path, error: DocumentError) -> PlannedFile:
    return PlannedFile(path, printable(str(path)), Path(path.name), problem=page_error(error))
