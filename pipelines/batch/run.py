"""A batch from end to end: plan, read what is missing, write what is complete."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from dsvl2.pipelines.batch.books import Books
from dsvl2.pipelines.batch.endings import EngineFailed
from dsvl2.pipelines.batch.events import Counts, Quiet, Reporter
from dsvl2.pipelines.batch.folder import RunFolder
from dsvl2.pipelines.batch.hands import LocalHands
from dsvl2.pipelines.batch.leases import LeaseBoard
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.rows import PlannedFile, Recipes
from dsvl2.pipelines.batch.scheduler import Scheduler, Stamps
from dsvl2.pipelines.batch.work import BatchOptions, EngineSpec, Hands
from dsvl2.pipelines.batch.writer import OutputPlan, Writer
from dsvl2.pipelines.documents import Document, ModelStamp, OptionValue
from dsvl2.pipelines.formats import fingerprint
from dsvl2.pipelines.run import option_facts
from dsvl2.pipelines.tasks import BatchTask, batch_task

Facts = tuple[tuple[str, OptionValue], ...]


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
    hands: Hands | None = None,
) -> Counts:
    """Plan `files`, read all pages that have no result yet, and write all outputs that are not there yet.

    May be called again with the same run folder after any kind of end, and goes on. A page or document that fails is
    recorded and does not stop the others. `files` None goes on with the plan of the last session. With `leases` this
    process takes its part of the plan, and returns when all of it is done by somebody; outputs must be files of their own.
    `hands` says where workers come from, by default processes of this machine; it is closed at the end.

    Raises:
        EngineFailed: no engine can be loaded; what was done is kept.
        OutputError, BrokenPipeError: a stream cannot be written.
    """
    options, stop = options or BatchOptions(), stop or Stop()
    manifest = folder.manifest
    total = manifest.count() if files is None else manifest.register(files)
    if files is not None and not manifest.promising():
        return _without_hope(manifest, total, reporter or Quiet())
    task = batch_task(options.task, options.task_options)
    options = replace(options, source=task.source(options.source))
    key = f"{engines.key} {options.task}"
    scheduler = Scheduler(options, engines, hands or LocalHands(options))
    stop.scheduler, scheduler.stopping = scheduler, stop.wanted
    try:
        models = scheduler.expected = _models(manifest, scheduler, key)
        facts = _page_facts(task, options)
        recipes = manifest.recipes = _recipes(manifest, task, options, models)
        manifest.commit()
        writer = Writer(manifest, output, recipes=recipes, model=models["reads"], options=facts)
        view = _view(options)
        books = Books(manifest, writer, reporter or Quiet(), recipes=recipes, view=view, documents=total, leases=leases)
        scheduler.run(books, reads_text=task.reads_text)
        return books.counts
    except EngineFailed:
        manifest.begin()
        manifest.db.execute("DELETE FROM models WHERE key = ?", (key,))  # ask it again next time
        raise
    finally:
        try:
            manifest.commit()
        finally:
            scheduler.close()


def _without_hope(manifest: Manifest, total: int, reporter: Reporter) -> Counts:
    """Nothing of the plan can be opened, say because of a misspelt name: say so, without loading a model for that."""
    counts = Counts(documents=total, documents_done=total, documents_failed=total)
    reporter.begin(counts)
    for row in manifest.documents():
        error = manifest.error_of(row.id)
        counts.first_error = counts.first_error or error
        reporter.document_end(row.name, "failed", None, error)
    return counts


def _models(manifest: Manifest, scheduler: Scheduler, key: str) -> Stamps:
    """Return which models answer and read pages; an engine is loaded for that only if the run never had this one."""
    row = manifest.db.execute("SELECT stamp FROM models WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return {use: ModelStamp(**facts) for use, facts in json.loads(row[0]).items()}
    models = scheduler.models()
    manifest.begin()
    told = json.dumps({use: asdict(model) for use, model in models.items()})
    manifest.db.execute("INSERT OR REPLACE INTO models VALUES (?, ?)", (key, told))
    return models


def _page_facts(task: BatchTask, options: BatchOptions) -> Facts:
    """What can change the reading of a page; what is asked of whole documents cannot."""
    return option_facts(options.source, task.reading, **({} if task.asks_whole else task.facts()))


def _recipes(manifest: Manifest, task: BatchTask, options: BatchOptions, models: Stamps) -> Recipes:
    pages = _recipe(manifest, models["reads"], _page_facts(task, options))
    if not task.asks_whole:
        return Recipes(pages)
    facts = option_facts(options.source, task.name, **task.facts(), reads=models["reads"].fingerprint)
    return Recipes(pages, _recipe(manifest, models["model"], facts))


def _recipe(manifest: Manifest, model: ModelStamp, facts: Facts) -> int:
    found = fingerprint(Document("", (), model=model, options=facts))
    return manifest.recipe(found, {"model": asdict(model), "options": facts})


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
    manifest.db.execute(  # answers that did not know of the pages that are read now
        "DELETE FROM results WHERE page = 0 AND sha256 IN"
        " (SELECT sha256 FROM results WHERE page > 0 AND status IN ('failed', 'fallback'))"
    )
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
