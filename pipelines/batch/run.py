"""A batch from end to end: plan, read what is missing, write what is complete."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dsvl2.pipelines.batch.books import Books
from dsvl2.pipelines.batch.endings import EngineFailed
from dsvl2.pipelines.batch.events import Counts, Quiet, Reporter
from dsvl2.pipelines.batch.folder import RunFolder
from dsvl2.pipelines.batch.leases import LeaseBoard
from dsvl2.pipelines.batch.manifest import Manifest, PlannedFile
from dsvl2.pipelines.batch.scheduler import Scheduler
from dsvl2.pipelines.batch.work import BatchOptions, EngineSpec
from dsvl2.pipelines.batch.writer import OutputPlan, Writer
from dsvl2.pipelines.documents import Document, ModelStamp
from dsvl2.pipelines.formats import fingerprint
from dsvl2.pipelines.run import option_facts


@dataclass(slots=True)
class Stop:
    """Set `wanted` (from a signal handler, say) to have a batch finish what is in flight and return."""

    wanted: bool = False
    scheduler: Scheduler | None = field(default=None, repr=False)

    def ask(self) -> None:
        """Ask for the end."""
        self.wanted = True
        if self.scheduler is not None:
            self.scheduler.stopping = True


def run_batch(
    folder: RunFolder,
    files: Iterable[PlannedFile] | None,
    output: OutputPlan,
    engines: EngineSpec,
    *,
    options: BatchOptions | None = None,
    reporter: Reporter | None = None,
    stop: Stop | None = None,
    leases: LeaseBoard | None = None,
) -> Counts:
    """Plan `files`, read all pages that have no result yet, and write all outputs that are not there yet.

    May be called again with the same run folder after any kind of end, and goes on. A page or document that fails is
    recorded and does not stop the others. `files` None goes on with the plan of the last session. With `leases` this
    process takes its part of the plan, and returns when all of it is done by somebody; outputs must be files of their own.

    Raises:
        EngineFailed: no engine can be loaded; what was done is kept.
        OutputError, BrokenPipeError: a stream cannot be written.
    """
    options, stop = options or BatchOptions(), stop or Stop()
    manifest = folder.manifest
    total = manifest.count() if files is None else manifest.register(files)
    scheduler = Scheduler(options, engines)
    stop.scheduler, scheduler.stopping = scheduler, stop.wanted
    try:
        model = scheduler.expected = _model(manifest, scheduler, engines.key)
        facts = option_facts(options.source, options.task)
        recipe = manifest.recipe(_fingerprint(model, facts), {"model": asdict(model), "options": facts})
        manifest.commit()
        writer = Writer(manifest, output, recipe=recipe, model=model, options=facts)
        view = _view(options)
        books = Books(manifest, writer, reporter or Quiet(), recipe=recipe, view=view, documents=total, leases=leases)
        scheduler.run(books)
        return books.counts
    except EngineFailed:
        manifest.begin()
        manifest.db.execute("DELETE FROM models WHERE key = ?", (engines.key,))  # ask it again next time
        raise
    finally:
        manifest.commit()
        scheduler.close()


def _model(manifest: Manifest, scheduler: Scheduler, key: str) -> ModelStamp:
    """Return which model reads; an engine is loaded for that only if the run never had this one."""
    row = manifest.db.execute("SELECT stamp FROM models WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return ModelStamp(**json.loads(row[0]))
    model = scheduler.model()
    manifest.begin()
    manifest.db.execute("INSERT OR REPLACE INTO models VALUES (?, ?)", (key, json.dumps(asdict(model))))
    return model


def _fingerprint(model: ModelStamp, facts: tuple[tuple[str, str | int | float | bool | None], ...]) -> str:
    return fingerprint(Document("", (), model=model, options=facts))


def _view(options: BatchOptions) -> str:
    """Name what decides how a file opens and which of its pages are read."""
    source = options.source
    return hashlib.sha256(json.dumps([source.pages, asdict(source.limits)]).encode()).hexdigest()[:16]


def failed_documents(manifest: Manifest) -> list[Path]:
    """Paths below the input folder of the documents of the plan that failed or have failed or fallback pages."""
    rows = manifest.db.execute(
        "SELECT relative FROM documents d WHERE plan = ? AND (code IS NOT NULL OR EXISTS (SELECT 1 FROM results r"
        " WHERE r.sha256 = d.sha256 AND r.status IN ('failed', 'fallback')))",
        (manifest.plan,),
    )
    return [Path(os.fsdecode(relative)) for (relative,) in rows]


def reset_failed(manifest: Manifest) -> tuple[int, int]:
    """Forget the failed and fallback pages and the failed documents of the run, so that the next session retries them.

    Returns the number of pages and of documents.
    """
    manifest.begin()
    pages = manifest.db.execute(
        "DELETE FROM results WHERE status IN ('failed', 'fallback') AND sha256 IN"
        " (SELECT sha256 FROM documents WHERE plan = ?)",
        (manifest.plan,),
    ).rowcount
    documents = manifest.db.execute(
        "UPDATE documents SET code = NULL, message = NULL, hint = NULL, sha256 = NULL, state = 'waiting'"
        " WHERE plan = ? AND code IS NOT NULL",
        (manifest.plan,),
    ).rowcount
    manifest.commit()
    return pages, documents
