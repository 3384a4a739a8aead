"""Run a task over a source, page by page: results come out in page order as soon as they are ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from dsvl2.pipelines.documents import Document, ModelStamp, OptionValue, PageImage, PageResult, UnreadablePage
from dsvl2.pipelines.sources import InputFile, Source, SourceOptions, open_source
from dsvl2.pipelines.tasks import Engine, OcrTask, Task, failed_page

Page = PageImage | UnreadablePage


def run(task: Task, source: Iterable[Page], engine: Engine, *, batch_size: int = 1) -> Iterator[PageResult]:
    """Yield one result for every page of `source`, in order.

    `batch_size` pages go to the task at a time: more use the model better, fewer come out sooner and take less memory;
    the results are the same. An exception in a page is that page's error. KeyboardInterrupt passes through, after the
    pages that were finished.

    Raises:
        ValueError: batch_size < 1.
        Whatever iterating the source raises, after the pages before it.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    group: list[Page] = []
    try:
        for page in source:
            group.append(page)
            del page
            if len(group) == batch_size:
                yield from _read_group(task, group, engine)
                group = []
    except Exception:
        yield from _read_group(task, group, engine)
        raise
    yield from _read_group(task, group, engine)


def _read_group(task: Task, group: list[Page], engine: Engine) -> Iterator[PageResult]:
    pages = [page for page in group if isinstance(page, PageImage)]
    try:
        read = iter(_read(task, pages, engine))
    except KeyboardInterrupt:
        for failed in takewhile(lambda page: isinstance(page, UnreadablePage), group):
            assert isinstance(failed, UnreadablePage)
            yield _unreadable(failed)
        raise
    for page in group:
        yield _unreadable(page) if isinstance(page, UnreadablePage) else next(read)


def _read(task: Task, pages: Sequence[PageImage], engine: Engine) -> Sequence[PageResult]:
    """Read the pages together; if the task itself breaks, one by one."""
    if not pages:
        return ()
    try:
        results = task.read(pages, engine)
        if len(results) != len(pages):
            raise RuntimeError(f"task {task.name} gave {len(results)} results for {len(pages)} pages")
        return results
    except Exception as error:
        if len(pages) == 1:
            return (failed_page(pages[0], error),)
    return [result for page in pages for result in _read(task, [page], engine)]


def _unreadable(page: UnreadablePage) -> PageResult:
    return PageResult(page.number, error=page.error)


def document_head(source: Source, engine: Engine, *, task: str = "ocr", **options: OptionValue) -> Document:
    """Return the document without its pages: what it was read from, by which model, with which options.

    The options that are recorded are the task, those of the source that can change the text, and `options`.
    Call it when the pages are done to have all notices, or before for formats that stream.
    """
    chosen = source.options
    facts: dict[str, OptionValue] = {"task": task, "pages": chosen.pages, "dpi": chosen.dpi, "color": chosen.color}
    facts |= {"max_megapixels": chosen.limits.megapixels, **options}
    return Document(
        source=source.name,
        pages=(),
        page_count=source.page_count,
        sha256=source.sha256,
        model=ModelStamp.of(engine.info),
        options=tuple(facts.items()),
        notices=tuple(source.notices),
    )


def read_document(
    document: str | Path | bytes | InputFile,
    engine: Engine,
    *,
    task: Task | None = None,
    options: SourceOptions | None = None,
    batch_size: int = 1,
) -> Document:
    """Read a whole document: a path, the bytes of a file, or "-" for standard input.

    Raises:
        DocumentError: it cannot be opened. A page that fails is in the result, with its `error`.
    """
    chosen = task or OcrTask()
    with open_source(document, options) as source:
        pages = tuple(run(chosen, source, engine, batch_size=batch_size))
        return replace(document_head(source, engine, task=chosen.name), pages=pages)
