"""Pages that can be asked about: from their text layer, read by the model, or as images to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Pages that can be asked about, those that were ranked lower, and those that were not read."""

    pages: list[AskPage] = field(default_factory=list)
    not_asked: list[PageRef] = field(default_factory=list)
    not_read: list[PageRef] = field(default_factory=list)


def gather(
    work: Work,
    documents: Sequence[InputFile],
    stack: ExitStack,
    *,
    limit: int | None,
    rank_all: int,
    questions: Sequence[str] = (),
    check: Callable[[Source], None] | None = None,
) -> Gathered:
    """Open the documents and read what has to be read before a question can be asked.

    A model that reads by bands answers from text: pages without good text of their own are read, `limit` of them at most.
    A whole-page checkpoint sees the pages; then text only ranks more pages than the `rank_all` that are asked anyway.
    With `questions` the pages of a long document are ranked first, and only promising ones looked at.
    `check` may refuse a document once it is open, before anything of it is read.

    Raises:
        TooManyPages: with a plan.
    """
    from dsvl2.pipelines.ask import FEW, READ_AT_MOST, check_reading

    bands = engines.reading_profile(work.settings).mode == "bands"
    sources = [stack.enter_context(work.open(document)) for document in documents]
    if check is not None:
        for source in sources:
            check(source)
    name = sources[0].name if len(sources) == 1 else f"{len(sources)} documents"
    total = sum(len(source.selected) for source in sources)
    if questions and total > FEW:
        return _surveyed(work, sources, questions, candidates=rank_all, limit=limit, name=name, bands=bands)
    known = [known_text(source) for source in sources]
    unread = [(place, number) for place, texts in enumerate(known) for number, text in texts.items() if text is None]
    if bands or total > rank_all:
        if questions and limit is None and len(unread) > READ_AT_MOST:
            return _surveyed(work, sources, questions, candidates=rank_all, limit=limit, name=name, bands=bands)
        check_reading([number for _, number in unread], total, limit, name)
        for place, source in enumerate(sources):
            wanted = [number for where, number in unread[:limit] if where == place]
            _read_into(work, source, wanted, known[place])
    found = Gathered()
    for source, texts in zip(sources, known, strict=True):
        add_pages(found, source, texts, seen=not bands)
    return found


def _surveyed(
    work: Work,
    sources: Sequence[Source],
    questions: Sequence[str],
    *,
    candidates: int,
    limit: int | None,
    name: str,
    bands: bool,
) -> Gathered:
    """Rank hundreds of pages by their text layers as they stand, and look at the promising ones only."""
    from dsvl2.pipelines.ask import PageRef, survey

    pages = [(source, number) for source in sources for number in source.selected]
    work.now.console.say(f"{name}: ranking {len(pages)} pages by the text that is stored in them")
    texts = [source.raw_text(number) for source, number in pages]
    judged: dict[int, PageResult | None] = {}

    def good(place: int) -> bool:
        if place not in judged:
            judged[place] = _layer(*pages[place])
        return judged[place] is not None

    chosen = survey(questions, texts, good, candidates=candidates, limit=limit, name=name)
    if chosen.unread and bands:
        many = "1 promising page has" if len(chosen.unread) == 1 else f"{len(chosen.unread)} promising pages have"
        work.now.console.say(f"{many} no good text, read first")
    found = Gathered()
    asked = {*chosen.ready, *chosen.unread}
    for source in sources:
        mine = [place for place in sorted(asked) if pages[place][0] is source]
        known = {pages[place][1]: judged.get(place) for place in mine}
        if bands:
            _read_into(work, source, [pages[place][1] for place in mine if judged.get(place) is None], known)
        add_pages(found, source, known, seen=not bands)
    for place, (source, number) in enumerate(pages):
        if place not in asked:
            lost = not texts[place].strip() or place in chosen.beyond
            (found.not_read if lost else found.not_asked).append(PageRef(source.name, number))
    return found


def _read_into(work: Work, source: Source, numbers: Sequence[int], known: dict[int, PageResult | None]) -> None:
    if numbers:
        known.update((page.number, page) for page in work.read(source, numbers=numbers, engine=work.nano))


def _layer(source: Source, number: int) -> PageResult | None:
    """Return what the text layer says of a page; None where it has to be read."""
    try:
        page = source.text_page(number)
    except Exception:  # what is wrong with it comes out when it is read
        return None
    return None if page is None else page.result


def known_text(source: Source) -> dict[int, PageResult | None]:
    """Return what the text layer says of each selected page; None where it has to be read."""
    return {number: _layer(source, number) for number in source.selected}


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
