"""Pages that can be asked about: from their text layer, read by the model, or as images to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsvl2_cli import engines

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines import InputFile, PageResult, Source
    from dsvl2.pipelines.ask import AskPage, PageRef
    from dsvl2_cli.work import Work


@dataclass(slots=True)
class Gathered:
    """Pages that can be asked about, and those that could not be read."""

    pages: list[AskPage] = field(default_factory=list)
    not_read: list[PageRef] = field(default_factory=list)


def gather(
    work: Work, documents: Sequence[InputFile], stack: ExitStack, *, limit: int | None, rank_all: int
) -> Gathered:
    """Open the documents and read what has to be read before a question can be asked.

    A model that reads by bands answers from text: pages without good text of their own are read, `limit` of them at most.
    A whole-page checkpoint sees the pages; then text only ranks more pages than the `rank_all` that are asked anyway.

    Raises:
        TooManyPages: with a plan.
    """
    from dsvl2.pipelines.ask import check_reading

    bands = engines.reading_profile(work.settings).mode == "bands"
    sources = [stack.enter_context(work.open(document)) for document in documents]
    known = [known_text(source) for source in sources]
    total = sum(len(texts) for texts in known)
    unread = [(place, number) for place, texts in enumerate(known) for number, text in texts.items() if text is None]
    if bands or total > rank_all:
        name = sources[0].name if len(sources) == 1 else f"{len(sources)} documents"
        check_reading([number for _, number in unread], total, limit, name)
        for place, source in enumerate(sources):
            wanted = [number for where, number in unread[:limit] if where == place]
            if wanted:
                read = work.read(source, numbers=wanted, engine=work.nano)
                known[place].update((page.number, page) for page in read)
    found = Gathered()
    for source, texts in zip(sources, known, strict=True):
        add_pages(found, source, texts, seen=not bands)
    return found


def known_text(source: Source) -> dict[int, PageResult | None]:
    """Return what the text layer says of each selected page; None where it has to be read."""
    texts: dict[int, PageResult | None] = {}
    for number in source.selected:
        try:
            page = source.text_page(number)
        except Exception:  # what is wrong with it comes out when it is read
            page = None
        texts[number] = None if page is None else page.result
    return texts


def add_pages(found: Gathered, source: Source, texts: dict[int, PageResult | None], *, seen: bool) -> None:
    """Sort a document's pages into those that can be asked about and those that cannot; `seen`: by their image alone too."""
    from dsvl2.pipelines.ask import AskPage, PageRef

    for number, text in texts.items():
        failed = text is not None and text.error is not None
        if (failed or text is None) and not seen:
            found.not_read.append(PageRef(source.name, number))
        else:
            found.pages.append(AskPage(source.name, number, None if failed else text, Drawing(source, number)))


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws a page of an open document when called."""

    source: Source
    number: int

    def __call__(self) -> Image:
        return self.source.read_page(self.number).image
