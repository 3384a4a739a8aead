"""Extraction in a batch: pages are read once, and every document gives one record by the schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.documents import OptionValue, PageResult
from dsvl2.pipelines.errors import SchemaError, UnreadableFile
from dsvl2.pipelines.extract.asking import Asker
from dsvl2.pipelines.extract.render import csv_text, extraction_record
from dsvl2.pipelines.extract.run import extract, rules_of
from dsvl2.pipelines.extract.schema import read_schema
from dsvl2.pipelines.extract.types import HALF, Extraction, Options, View, pages_of
from dsvl2.pipelines.tasks.base import Engine
from dsvl2.pipelines.tasks.batching import (
    BatchTask,
    Finished,
    PageReading,
    TaskOptions,
    ValueFormat,
    WholeDocument,
    json_formats,
)
from dsvl2.pipelines.tasks.companions import text_engine
from dsvl2.pipelines.tasks.ocr import OcrTask
from dsvl2.pipelines.tasks.plain import from_plain, to_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

_LONG = 100_000  # tokens: the text of a page beside its image is never cut


class ExtractBatch(BatchTask):
    """Options: `schema` (a JSON Schema, the short form, or a file's name), `rules`, `least`, `max_tokens`, `tiles`."""

    name = "extract"
    asks_whole = True

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(OcrTask())
        if not options.get("schema"):
            raise SchemaError("no schema was given", hint='for example: --task extract -s "date: date, total: number"')
        self.form = read_schema(options["schema"])
        self._rules = tuple(options.get("rules") or ())
        self.rules = rules_of(self.form, self._rules)
        least = options.get("least")
        self.options = Options(
            options.get("max_tokens"), least=HALF if least is None else float(least), tiles=options.get("tiles")
        )
        self._asker: Asker | None = None

    def facts(self) -> dict[str, OptionValue]:
        """Return the options that can change a record."""
        schema = json.dumps(self.form.schema, ensure_ascii=False, sort_keys=False)
        most, least, tiles = self.options.max_tokens, self.options.least, self.options.tiles
        rules = json.dumps(self._rules, ensure_ascii=False)
        return {"schema": schema, "rules": rules, "max_tokens": most, "least": least, "tiles": tiles}

    def page_engine(self, engine: Engine) -> Engine:
        """Return the engine that reads pages."""
        return text_engine(engine)

    def answer(self, document: WholeDocument, engine: Engine) -> PageReading:
        """Extract from the pages that were read; a whole-page model sees them, their text says where values stand."""
        good = [page.result for page in document.good]
        if not good:
            raise UnreadableFile(f"no page of {document.name} could be read")
        asker = self._asker_of(engine)
        known = [page for page in good if not page.blank]
        views = pages_of(known, asker.room) if asker.reads_text else [_view(document, page) for page in known]
        found = extract(document.name, views, asker.engine, self.form, rules=self.rules, asker=asker)
        return PageReading(PageResult(0), to_plain(found))

    def _asker_of(self, engine: Engine) -> Asker:
        """The asker, whose grammar is compiled once; its counts begin anew with every document."""
        if self._asker is None or self._asker.engine is not engine:
            self._asker = Asker(engine, self.form, self.options)
        self._asker.most_tokens = 0
        return self._asker

    def formats(self) -> tuple[ValueFormat, ...]:
        """JSON with the places of all fields, a line of it, the data alone, or a table."""
        lines, whole = json_formats(_records, single=True)
        data_lines, data = json_formats(lambda done: [_extraction(done).data], single=True)
        return (
            whole,
            lines,
            ValueFormat("csv", (".csv",), lambda done: csv_text([_extraction(done)], self.form), joins=False),
            ValueFormat("data", data.suffixes, data.render, joins=False),
            ValueFormat("data-lines", data_lines.suffixes, data_lines.render),
        )


def _view(document: WholeDocument, page: PageResult) -> View:
    texts = [view.text for view in pages_of([page], _LONG)]
    return View(page.number, texts[-1] if texts else None, _drawer(document, page.number))


def _drawer(document: WholeDocument, number: int) -> Callable[[], Image]:
    return lambda: document.draw(number).image


def _extraction(done: Finished) -> Extraction:
    found: Extraction = from_plain(Extraction, done.answer)
    return found


def _records(done: Finished) -> Sequence[Any]:
    return [extraction_record(_extraction(done))]
