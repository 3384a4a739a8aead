"""Run a task over a source, page by page: results come out in page order as soon as they are ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dsvl2.pipelines.clock import PageClock
from dsvl2.pipelines.documents import (
    Document,
    ModelStamp,
    OptionValue,
    PageImage,
    PageResult,
    ReadPage,
    TextLayerUse,
    UnreadablePage,
)
from dsvl2.pipelines.sources import InputFile, Source, SourceOptions, open_source
from dsvl2.pipelines.tasks import Engine, OcrTask, Task, failed_page
from dsvl2.pipelines.tasks.flowing import StreamingEngine

if TYPE_CHECKING:
    from PIL.Image import Image

Page = PageImage | ReadPage | UnreadablePage


class Drawing(Protocol):
    """Pages that processes draw, which `close` ends."""

    def __iter__(self) -> Iterator[Page]: ...

    def close(self) -> None: ...


def run(
    task: Task,
    source: Iterable[Page],
    engine: Engine | None,
    *,
    batch_size: int = 1,
    page_seconds: float | None = None,
) -> Iterator[PageResult]:
    """Yield one result for every page of `source`, in order.

    `engine` may be None if no page has to be read (`Source.needs_model`); a page that has to fails then.

    `batch_size` pages go to the task at a time: more use the model better, fewer come out sooner and take less memory;
    the results are the same. An exception in a page is that page's error. KeyboardInterrupt passes through, after the
    pages that were finished. An engine on a GPU that can be fed while it works is given pages as they are drawn instead, in
    a thread of its own, when `batch_size` is more than one.

    page_seconds: a page that takes longer to be drawn and read fails with `timeout`; pages are then read one by one. It
    works in the main thread, where the system has SIGALRM.

    Raises:
        ValueError: batch_size < 1.
        Whatever iterating the source raises, after the pages before it.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    if page_seconds:
        yield from _timed(task, source, engine, PageClock(page_seconds))
        return
    if (
        batch_size > 1
        and isinstance(task, OcrTask)
        and isinstance(engine, StreamingEngine)
        and engine.info.device != "cpu"
    ):
        selected: Sequence[int] | None = getattr(source, "selected", None)  # a document, or what draws its pages
        yield from _flow(task, source, engine, batch_size if selected is None else len(selected))
        return
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


def ahead(source: Source, engine: Engine | None, begun: Drawing | None = None) -> Iterable[Page]:
    """Return `source`, or, where a GPU would wait for it, what draws the same pages in processes of its own.

    For programs, whose main module other processes can import, not for notebooks and scripts without a guard.
    begun: those processes, if they were started before the engine was there (`begin_drawing`).
    """
    if engine is None or engine.info.device == "cpu":
        if begun is not None:
            begun.close()
        return source
    from dsvl2.pipelines.batch.aside import DrawnAside

    return begun or (DrawnAside(source) if DrawnAside.pays(source) else source)


def begin_drawing(source: Source, device: str) -> Drawing | None:
    """Start the processes that `ahead` would, before a model is loaded for a device, if a GPU is likely to be it.

    Whoever gets them closes them.
    """
    from dsvl2.pipelines.batch.aside import DrawnAside

    return DrawnAside.begun(source, device)


def _timed(task: Task, source: Iterable[Page], engine: Engine | None, clock: PageClock) -> Iterator[PageResult]:
    pages = iter(source)
    while True:
        with clock.page():  # drawing too: what is raised there makes a page that cannot be read
            page = next(pages, None)
            if page is None:
                return
            results = list(_read_group(task, [page], engine))
        del page
        yield from results


def _flow(task: OcrTask, source: Iterable[Page], engine: StreamingEngine, expected: int) -> Iterator[PageResult]:
    uses: deque[TextLayerUse | None] = deque()

    def drawn() -> Iterator[PageImage | PageResult]:
        for page in source:
            uses.append(page.layer_use if isinstance(page, PageImage) else None)
            yield page if isinstance(page, PageImage) else _without_task(page)

    for result in task.flow(drawn(), engine, expected=expected):
        use = uses.popleft()
        yield replace(result, text_layer=use) if use else result


def _read_group(task: Task, group: list[Page], engine: Engine | None) -> Iterator[PageResult]:
    pages = [page for page in group if isinstance(page, PageImage)]
    try:
        read = iter(_read(task, pages, engine))
    except KeyboardInterrupt:
        for done in takewhile(lambda page: not isinstance(page, PageImage), group):
            assert not isinstance(done, PageImage)
            yield _without_task(done)
        raise
    for page in group:
        if isinstance(page, PageImage):
            result = next(read)
            yield replace(result, text_layer=page.layer_use) if page.layer_use else result
        else:
            yield _without_task(page)


def _read(task: Task, pages: Sequence[PageImage], engine: Engine | None) -> Sequence[PageResult]:
    """Read the pages together; if the task itself breaks, one by one."""
    if not pages:
        return ()
    try:
        if engine is None:
            raise RuntimeError("there is no model to read the page with")
        results = task.read(pages, engine)
        if len(results) != len(pages):
            raise RuntimeError(f"task {task.name} gave {len(results)} results for {len(pages)} pages")
        return results
    except Exception as error:
        if len(pages) == 1:
            return (failed_page(pages[0], error),)
    return [result for page in pages for result in _read(task, [page], engine)]


def _without_task(page: ReadPage | UnreadablePage) -> PageResult:
    return page.result if isinstance(page, ReadPage) else PageResult(page.number, error=page.error)


def document_head(source: Source, engine: Engine | None, *, task: str = "ocr", **options: OptionValue) -> Document:
    """Return the document without its pages: what it was read from, by which model, with which options.

    The options that are recorded are the task, those of the source that can change the text, and `options`.
    Without an engine no model is named. Of a reading that was stored it is what is written there.
    Call it when the pages are done to have all notices, or before for formats that stream.
    """
    if source.stored is not None:
        chosen = source.options.pages
        then = tuple((name, chosen or value if name == "pages" else value) for name, value in source.stored.options)
        return replace(source.stored, pages=(), options=then, notices=tuple(source.notices))
    return Document(
        source=source.name,
        pages=(),
        page_count=source.page_count,
        sha256=source.sha256,
        model=None if engine is None else ModelStamp.of(engine.info),
        options=option_facts(source.options, task, **options),
        notices=tuple(source.notices),
    )


def option_facts(chosen: SourceOptions, task: str, **options: OptionValue) -> tuple[tuple[str, OptionValue], ...]:
    """Return the options that a document records: those that can change its text."""
    facts: dict[str, OptionValue] = {"task": task, "pages": chosen.pages, "dpi": chosen.dpi, "color": chosen.color}
    facts |= {"max_megapixels": chosen.limits.megapixels, "text_layer": chosen.text_layer, **options}
    return tuple(facts.items())


def read_document(
    document: str | Path | bytes | InputFile | Image,
    engine: Engine,
    *,
    task: Task | None = None,
    options: SourceOptions | None = None,
    batch_size: int = 1,
) -> Document:
    """Read a whole document: a path, the bytes of a file, an image of Pillow's, or "-" for standard input.

    Raises:
        DocumentError: it cannot be opened. A page that fails is in the result, with its `error`.
    """
    chosen = task or OcrTask()
    name = None
    if not isinstance(document, str | Path | bytes | InputFile):
        from dsvl2.pipelines.sources.images import image_file

        document, name = image_file(document), "<image>"
    with open_source(document, options, name=name) as source:
        pages = tuple(run(chosen, source, engine, batch_size=batch_size))
        return replace(document_head(source, engine, task=chosen.name), pages=pages)
