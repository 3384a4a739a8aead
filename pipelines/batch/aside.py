"""Pages of one document drawn by processes of their own, ahead of those that are read.

MuPDF keeps Python's lock while it draws, 50 ms a page, and a GPU would wait for the thread that feeds it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header, unpack_image, unpack_result
from dsvl2.pipelines.batch.decoder import decoder_main
from dsvl2.pipelines.documents import PageError, PageImage, ReadPage, UnreadablePage
from dsvl2.pipelines.sources import Source

MOST = 8  # processes: a page takes one 30 to 50 ms, and while prompts are run a GPU takes some 60 pages a second
FEWEST = 6  # pages from which their start, a second, is worth it
EACH = 3  # pages of a process at least
NEVER = 1e9  # seconds: a page takes as long here as it would take anywhere

Page = PageImage | ReadPage | UnreadablePage


def hands_here() -> int:
    """How many processes draw where nobody says: two at least, and no more than half of the processors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, min(MOST, cores // 2))


class DrawnAside:
    """The selected pages of a source, in order, as iterating the source itself gives them."""

    def __init__(self, source: Source, hands: int | None = None) -> None:
        """hands: processes at most; None: as many as half of the processors here, and 2 to 8."""
        self._source, self._hands = source, min(hands or hands_here(), len(source.selected) // EACH)
        self.selected = source.selected

    @staticmethod
    def pays(source: Source) -> bool:
        """Whether it is a PDF on disk with more than a few pages."""
        return source.kind == "pdf" and source.original.blob.path is not None and len(source.selected) >= FEWEST

    def __iter__(self) -> Iterator[Page]:
        children = [Child(decoder_main, (self._source.options, None)) for _ in range(self._hands)]
        try:
            for number in self.selected[:1]:  # drawn here, while they start
                yield self._source.page(number)
            yield from self._drawn([child for child in children if self._opens(child)], self.selected[1:])
        finally:
            for child in children:
                child.end()

    def _opens(self, child: Child) -> bool:
        path = str(self._source.original.blob.path)
        told = {"op": "open", "path": path, "name": self._source.name, "sha256": "-", "spooled": False, "url": None}
        child.ask(told, seconds=NEVER)
        answer = child.answer()
        return answer is not None and "error" not in answer[0]

    def _drawn(self, children: Sequence[Child], pages: Sequence[int]) -> Iterator[Page]:
        """Each child draws one page of a round; what a child cannot say any more is drawn here."""
        asked = [self._ask(children, pages, place) for place in range(min(len(children), len(pages)))]
        for place, number in enumerate(pages):
            child = children[place % len(children)] if children else None
            answer = child.answer() if child is not None and asked[place] else None
            asked.append(self._ask(children, pages, place + len(children)))
            yield self._source.page(number) if answer is None else self._page(number, *answer)

    @staticmethod
    def _ask(children: Sequence[Child], pages: Sequence[int], place: int) -> bool:
        if not children or place >= len(pages) or children[place % len(children)].lost:
            return False
        child = children[place % len(children)]
        child.ask({"op": "page", "number": pages[place], "dpi": None}, seconds=NEVER)
        return True

    def _page(self, number: int, told: Header, blobs: Sequence[bytes]) -> Page:
        if "error" in told:
            return UnreadablePage(number, PageError(*told["error"]), self._source.name)
        if "result" in told:
            return ReadPage(unpack_result(blobs[0], self._source.name))
        return unpack_image(told, blobs[0])
