"""Outputs from the manifest: one file per document, or streams of documents in the order of the plan.

Nothing here calls a model. A file is written when all its documents are settled, whole or not at all; one that is there
already with the same content by the same stamp is left alone, so a change of format costs only the rendering.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

from dsvl2.pipelines.batch.codec import pack_result, unpack_notices, unpack_reading
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.places import Place, below, key_of, named
from dsvl2.pipelines.batch.rows import DocumentRow, Recipes
from dsvl2.pipelines.batch.shelves import ABSENT, Shelves, content_digest
from dsvl2.pipelines.documents import Document, ModelStamp, OptionValue, PageError, PageResult
from dsvl2.pipelines.errors import OutputCollision, OutputExists
from dsvl2.pipelines.formats import DEFAULT_OPTIONS, Format, OriginalFormat, Rendered, RenderOptions
from dsvl2.pipelines.output import collision
from dsvl2.pipelines.tasks import Finished, PageReading, ValueFormat

PROSE = frozenset({"markdown", "text"})  # an empty line keeps their documents apart on standard output


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """Where results go: exactly one of these.

    tree: each document has a file of its own, its `target`. parts: a folder for files of `part_size` documents each.
    file: one file for all. emit: a function that takes each document's text as soon as those before it are settled.
    Places may be URLs; `top` is then one that all targets are below. `force` replaces files that are not this run's own.
    `mend` is done to every page as it is written, and `mended_by` names it among the document's options, as a lexicon's digest.
    """

    format: Format | ValueFormat
    render: RenderOptions = DEFAULT_OPTIONS
    tree: bool = False
    parts: Place | None = None
    part_name: str = "part"
    part_size: int = 1000
    file: Place | None = None
    top: str | None = None
    emit: Callable[[str | bytes], None] | None = None
    force: bool = False
    mend: Callable[[PageResult], PageResult] | None = None
    mended_by: str = ""


class Writer:
    """Takes settled documents in any order and writes what became complete."""

    def __init__(
        self,
        manifest: Manifest,
        plan: OutputPlan,
        *,
        recipes: Recipes,
        model: ModelStamp,
        options: tuple[tuple[str, OptionValue], ...],
    ) -> None:
        self.manifest = manifest
        self.plan = plan
        self.written = 0
        self._recipes = recipes
        self._model = model
        self._options = options
        self._shelves = Shelves(plan.top or (plan.parts if isinstance(plan.parts, str) else None))
        self._next = 0
        self._ahead: set[int] = set()
        self._wrote = False

    @property
    def over_original(self) -> bool:
        """Whether outputs are made from the original files, by a decoder."""
        return isinstance(self.plan.format, OriginalFormat)

    def sync(self) -> None:
        """Make the outputs that were written last."""
        self._shelves.sync()

    def is_current(self, row: DocumentRow) -> bool:
        """Whether a document's own output is there as it should be."""
        if row.target is None or not self.readable(row):
            return False
        known = self._known(row.target)
        return known is not None and known[:3] == (self._stamp([row]), *self._shelves.facts(row.target))

    def packed(self, row: DocumentRow) -> list[bytes]:
        """Return what a decoder makes that output of: the pages as they are to be written."""
        return [pack_result(reading.result, row.name) for reading in self._readings(row)]

    def rendering(self, row: DocumentRow) -> dict[str, Any]:
        """Return what a decoder must know of a document to make its output from the original file."""
        head = self._head(row)
        return {
            "format": self.plan.format.name,
            "render": list(astuple(self.plan.render)),
            "document": {
                "source": head.source,
                "page_count": head.page_count,
                "model": None if head.model is None else asdict(head.model),
                "options": head.options,
                "notices": row.notices,
            },
        }

    def settle(self, row: DocumentRow, position: int, rendered: Rendered | None = None) -> Place | None:
        """Take a document whose pages all have results, or that failed; return its own output if it has one.

        rendered: the output, where that is not made here.

        Raises:
            OutputError: its file cannot be written, or another document has it.
        """
        if not self.plan.tree:
            self._ahead.add(position)
            return None
        if row.target is None or not self.readable(row):
            return None
        self._check_target(row)
        return self._file(row.target, [row], rendered)

    def advance(self, total: int) -> None:
        """Write the streams as far as documents are settled in the order of the plan of `total` documents.

        Raises:
            OutputError, BrokenPipeError.
        """
        if self.plan.tree:
            return
        while self._next in self._ahead:
            self._ahead.remove(self._next)
            if self.plan.emit is not None:
                self._emit(self._next, self.plan.emit)
            self._next += 1
            last = self._next == total
            if self.plan.parts is not None and (last or self._next % self.plan.part_size == 0):
                number = (self._next - 1) // self.plan.part_size
                name = f"{self.plan.part_name}-{number:05d}{self.plan.format.suffixes[0]}"
                self._file(below(self.plan.parts, Path(name)), self._rows(number * self.plan.part_size, self._next))
            if self.plan.file is not None and last:
                self._file(self.plan.file, self._rows(0, total))

    def readable(self, row: DocumentRow) -> bool:
        """Whether a page of the document was read, or what was asked of it answered; else no output is written."""
        if row.sha256 is None:
            return False
        recipes = self._recipes
        query = "SELECT page FROM results WHERE sha256 = ? AND recipe = ? AND status != 'failed'"
        chosen = set(row.selected) if recipes.whole is None else {0}
        recipe = recipes.pages if recipes.whole is None else recipes.whole
        return any(page in chosen for (page,) in self.manifest.db.execute(query, (row.sha256, recipe)))

    def text(self, row: DocumentRow) -> Iterator[str | bytes]:
        """Render a document, page by page if the format can."""
        head, format = self._head(row), self.plan.format
        if isinstance(format, ValueFormat):
            yield format.render(self._finished(row, head))
            return
        stream = format.stream(head, self.plan.render)
        if stream is None:
            pages = tuple(reading.result for reading in self._readings(row))
            yield format.render(replace(head, pages=pages), self.plan.render)
        else:
            for reading in self._readings(row):
                yield stream.page(reading.result)

    def _finished(self, row: DocumentRow, head: Document) -> Finished:
        recipes = self._recipes
        answer = None
        if recipes.whole is not None:
            payload = self.manifest.payload(row.sha256 or "", 0, recipes.whole)
            answer = None if payload is None else unpack_reading(payload, row.name).value
        if row.code is not None or row.sha256 is None:
            query = "SELECT code, message, hint FROM documents WHERE id = ?"
            told = self.manifest.db.execute(query, (row.id,)).fetchone()
            return Finished(head, (), None, PageError(*(text or "" for text in told)))
        return Finished(head, tuple(self._readings(row)), answer)

    def _head(self, row: DocumentRow) -> Document:
        return Document(
            source=row.name,
            pages=(),
            page_count=row.page_count or 0,
            sha256=row.sha256,
            model=None if self._from_layers(row) else self._model,
            options=(*self._options, *((("lexicon", self.plan.mended_by),) if self.plan.mended_by else ())),
            notices=unpack_notices(row.notices),
        )

    def _from_layers(self, row: DocumentRow) -> bool:
        """Whether no page needed a model; then none is named, as by `dsvl2 ocr`."""
        query = "SELECT page FROM results WHERE sha256 = ? AND recipe = ? AND rung = 'layer'"
        return {page for (page,) in self.manifest.db.execute(query, (row.sha256, self._recipes.pages))} >= set(
            row.selected
        )

    def _readings(self, row: DocumentRow) -> Iterator[PageReading]:
        for number in row.selected:
            payload = self.manifest.payload(row.sha256 or "", number, self._recipes.pages)
            assert payload is not None, f"page {number} of {row.name} has no result"
            reading = unpack_reading(payload, row.name)
            yield reading if self.plan.mend is None else replace(reading, result=self.plan.mend(reading.result))

    def _rows(self, first: int, end: int) -> list[DocumentRow]:
        rows = (self.manifest.document_at(position) for position in range(first, end))
        return [row for row in rows if row is not None and self._written(row)]

    def _written(self, row: DocumentRow) -> bool:
        format = self.plan.format
        return self.readable(row) or (isinstance(format, ValueFormat) and format.failures)

    def _emit(self, position: int, emit: Callable[[str | bytes], None]) -> None:
        row = self.manifest.document_at(position)
        if row is None or not self._written(row):
            return
        if self._wrote and self.plan.format.name in PROSE:
            emit("\n")
        for piece in self.text(row):
            emit(piece)
        self._wrote = True

    def _check_target(self, row: DocumentRow) -> None:
        """The first document of the plan has the file, and no input is ever replaced."""
        assert row.target is not None
        query = "SELECT id, name FROM documents WHERE plan = ? AND target = ? ORDER BY position LIMIT 1"
        first = self.manifest.db.execute(query, (self.manifest.plan, os.fsencode(row.target))).fetchone()
        if first is not None and first[0] != row.id:
            raise collision(first[1], row.name, named(row.target))
        real = os.fsencode(row.target if isinstance(row.target, str) else os.path.realpath(row.target))
        if self.manifest.db.execute("SELECT 1 FROM documents WHERE real = ?", (real,)).fetchone():
            raise OutputCollision(
                f"{named(row.target)} is one of the inputs", hint="give another -o: inputs are never replaced"
            )

    def _file(self, place: Place, rows: Sequence[DocumentRow], rendered: Rendered | None = None) -> Place:
        """Write a file of documents unless it is there already as it should be."""
        stamp = self._stamp(rows)
        known, there = self._known(place), self._shelves.facts(place)
        if known is not None and known[:3] == (stamp, *there):
            return place
        self.manifest.commit()

        def pieces() -> Iterator[str | bytes]:
            return (
                iter([rendered.data]) if rendered is not None else (piece for row in rows for piece in self.text(row))
            )

        touched = known is None or (known[1:3] != there and content_digest(place) != known[3])
        if there != ABSENT and touched and not self.plan.force and not _same(place, pieces()):
            how = "exists already and is not of this run" if known is None else "was changed since this run wrote it"
            raise OutputExists(f"{named(place)} {how}")
        digest = self._shelves.write(place, pieces())
        told = [] if rendered is None else [[notice.code, notice.message] for notice in rendered.notices]
        written = (key_of(place), stamp, digest, *self._shelves.facts(place), len(rows), json.dumps(told))
        self.manifest.begin()
        self.manifest.db.execute("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?)", written)
        self.written += 1
        return place

    def _known(self, place: Place) -> tuple[str, int, int, str] | None:
        """Stamp, size, time and sha256 of an output as it was written."""
        query = "SELECT stamp, size, mtime_ns, sha256 FROM outputs WHERE path = ?"
        found: tuple[str, int, int, str] | None = self.manifest.db.execute(query, (key_of(place),)).fetchone()
        return found

    def _stamp(self, rows: Sequence[DocumentRow]) -> str:
        render = [*astuple(self.plan.render), *([self.plan.mended_by] if self.plan.mended_by else [])]
        recipes = self._recipes
        digest = hashlib.sha256(json.dumps([self.plan.format.name, render, *recipes.all]).encode())
        query = "SELECT count(*), max(id) FROM results WHERE sha256 = ? AND recipe IN (?, ?)"
        for row in rows:
            results = self.manifest.db.execute(query, (row.sha256, recipes.pages, recipes.all[-1])).fetchone()
            facts = [row.name, row.sha256, row.selected, row.notices, results]
            digest.update(json.dumps(facts).encode())
        return digest.hexdigest()


def _same(place: Place, pieces: Iterable[str | bytes]) -> bool:
    """A kill may fall between writing a file and taking it down: then it holds what would be written now."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.encode("utf-8") if isinstance(piece, str) else piece)
    return content_digest(place) == digest.hexdigest()
