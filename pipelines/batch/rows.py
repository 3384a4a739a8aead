"""What the manifest's rows are to the rest of a batch: plain frozen data."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsvl2.pipelines.batch.places import Place, place_of
from dsvl2.pipelines.documents import PageError

COLUMNS = (
    "id, path, name, relative, target, listed, size, mtime_ns, view, sha256, kind, page_count, selected, notices, code"
)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What tells a changed file without reading it."""

    size: int | None
    mtime_ns: int | None

    @classmethod
    def of(cls, path: Path) -> FileFacts:
        """Look at a file; both are None if it is not there."""
        try:
            facts = path.stat()
        except (OSError, ValueError):
            return cls(None, None)
        return cls(facts.st_size, facts.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One planned document: a file at `path`, or something at a `url`. `sha256` and what follows is None until it was opened."""

    id: int
    path: Path
    url: str | None
    name: str
    relative: Path
    target: Place | None
    listed: FileFacts | None
    size: int | None
    mtime_ns: int | None
    view: str | None
    sha256: str | None
    kind: str | None
    page_count: int | None
    selected: tuple[int, ...]
    notices: tuple[tuple[str, str], ...]
    code: str | None

    def facts(self) -> FileFacts:
        """Look whether the file is there and what it is like now; of a URL, what it was like when the plan was made."""
        return FileFacts.of(self.path) if self.listed is None else self.listed


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """An input as the planner found it, with a `url` and what is `listed` there if it is no file of this machine's.

    `problem` if it cannot be read at all.
    """

    path: Path
    name: str
    relative: Path
    target: Place | None = None
    problem: PageError | None = None
    url: str | None = None
    listed: FileFacts | None = None


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One page result as it is stored, with what the counts need of it."""

    page: int
    status: str
    code: str | None
    rung: str
    characters: int
    tokens: int
    seconds: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class Recipes:
    """Under which recipes results are kept: those of pages, and (as page 0) the answers of documents asked as a whole."""

    pages: int
    whole: int | None = None

    def of(self, page: int) -> int:
        """Return the recipe of a page's result."""
        return self.pages if page or self.whole is None else self.whole

    @property
    def all(self) -> tuple[int, ...]:
        """Return both, or the one there is."""
        return (self.pages,) if self.whole is None else (self.pages, self.whole)


def document_row(row: Sequence[object]) -> DocumentRow:
    """Return a row of COLUMNS as what it stands for."""
    key, path, name, relative, target, listed, size, mtime, view, sha256, kind, count, selected, notices, code = row
    return DocumentRow(
        int(str(key)),
        Path(os.fsdecode(path)),  # type: ignore[arg-type]
        os.fsdecode(path) if listed else None,  # type: ignore[arg-type]
        str(name),
        Path(os.fsdecode(relative)),  # type: ignore[arg-type]
        None if target is None else place_of(os.fsdecode(target)),  # type: ignore[arg-type]
        FileFacts(*json.loads(str(listed))) if listed else None,
        size,  # type: ignore[arg-type]
        mtime,  # type: ignore[arg-type]
        view,  # type: ignore[arg-type]
        sha256,  # type: ignore[arg-type]
        kind,  # type: ignore[arg-type]
        count,  # type: ignore[arg-type]
        tuple(json.loads(str(selected))) if selected else (),
        tuple((code, text) for code, text in json.loads(str(notices))) if notices else (),
        code,  # type: ignore[arg-type]
    )
