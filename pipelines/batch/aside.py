"""Pages of one document drawn by processes of their own, ahead of those that are read.

MuPDF keeps Python's lock while it draws, 30 to 60 ms a page, and a GPU would wait for the thread that feeds it. To start, the
processes took 3 to 10 s on a virtual machine, much longer than on a plain one: they start before the model is loaded where
it is known that they will be wanted, and each draws as soon as it is ready.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header, unpack_image, unpack_result
from dsvl2.pipelines.batch.decoder import decoder_main
from dsvl2.pipelines.documents import PageError, PageImage, ReadPage, UnreadablePage
from dsvl2.pipelines.sources import Source

MOST = 5  # processes: together some 80 pages a second, and while prompts are run a GPU takes up to 60
FEWEST = 6  # pages from which their start, a second, is worth it
EACH = 3  # pages of a process at least
NEVER = 1e9  # seconds: a page takes as long here as it would take anywhere
GPU = Path("/dev/nvidiactl")

Page = PageImage | ReadPage | UnreadablePage


def hands_here() -> int:
    """How many processes draw where nobody says: two at least, and no more than half of the processors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, min(MOST, cores // 2))


class DrawnAside:
    """The selected pages of a source, in order, as iterating the source itself gives them; once."""

    def __init__(self, source: Source, hands: int | None = None) -> None:
        """hands: processes at most; None: as many as half of the processors here, and 2 to 5."""
        self._source, self._hands = source, min(hands or hands_here(), len(source.selected) // EACH)
        self._children: list[Child] = []
        self.selected = source.selected

    @staticmethod
    def pays(source: Source) -> bool:
        """Whether it is a PDF on disk with more than a few pages."""
        return source.kind == "pdf" and source.path is not None and len(source.selected) >= FEWEST

    @classmethod
    def begun(cls, source: Source, device: str) -> DrawnAside | None:
        """One whose processes start, before a model is loaded for a device, if a GPU is likely to be it; else None."""
        if device == "cpu" or not GPU.exists() or not cls.pays(source):
            return None
        drawn = cls(source)
        drawn.begin()
        return drawn

    def begin(self) -> None:
        """Start the processes and return at once."""
        path = str(self._source.path)
        told = {"op": "open", "path": path, "name": self._source.name, "sha256": "-", "spooled": False, "url": None}
        for _ in range(self._hands - len(self._children)):
            self._children.append(Child(decoder_main, (self._source.options, None)))
            self._children[-1].ask(told, seconds=NEVER)

    def close(self) -> None:
        """End the processes; nothing happens where there are none."""
        for child in self._children:
            child.end()
        self._children = []

    def __iter__(self) -> Iterator[Page]:
        self.begin()
        try:
            for number in self.selected[:1]:  # drawn here, while they start
                yield self._source.page(number)
            yield from self._drawn(self.selected[1:])
        finally:
            self.close()

    def _drawn(self, pages: Sequence[int]) -> Iterator[Page]:
        """What a process cannot say any more is drawn here."""
        hands = _Hands(self._children, pages)
        for place, number in enumerate(pages):
            answer = hands.answer(place)
            yield self._source.page(number) if answer is None else self._page(number, *answer)

    def _page(self, number: int, told: Header, blobs: Sequence[bytes]) -> Page:
        if "error" in told:
            return UnreadablePage(number, PageError(*told["error"]), self._source.name)
        if "result" in told:
            return ReadPage(unpack_result(blobs[0], self._source.name))
        return unpack_image(told, blobs[0])


class _Hands:
    """Processes that draw pages: whoever is ready takes the next that nobody draws, one each."""

    def __init__(self, children: Sequence[Child], pages: Sequence[int]) -> None:
        self._pages, self._following = pages, 0  # the first page that nobody has drawn or draws
        self._opening, self._idle = list(children), deque[Child]()
        self._drawing: dict[int, Child] = {}

    def answer(self, place: int) -> tuple[Header, list[bytes]] | None:
        """What was drawn of a page, the pages before having been asked for; None if nobody is left to draw it."""
        self._following = max(self._following, place)
        self._hand_out()
        while place in self._drawing or self._opening:
            heard = self._heard(place)
            for child in heard.intersection(self._opening):
                self._opening.remove(child)
                answer = child.answer()
                if answer is not None and "error" not in answer[0]:
                    self._idle.append(child)
            self._hand_out()
            if self._drawing.get(place) in heard:
                break
        drew = self._drawing.pop(place, None)
        answer = None if drew is None else drew.answer()
        if drew is not None and answer is not None:
            self._idle.append(drew)
        self._following = max(self._following, place + 1)
        self._hand_out()
        return answer

    def _hand_out(self) -> None:
        while self._idle and self._following < len(self._pages):
            child = self._drawing[self._following] = self._idle.popleft()
            child.ask({"op": "page", "number": self._pages[self._following], "dpi": None}, seconds=NEVER)
            self._following += 1

    def _heard(self, place: int) -> set[Child]:
        """Wait until whoever draws this page, or one that opens the document, says something or is gone."""
        watched = [*self._opening, *([self._drawing[place]] if place in self._drawing else [])]
        ready = wait([child.pipe for child in watched])
        return {child for child in watched if child.pipe in ready}
