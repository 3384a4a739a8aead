"""What goes into a question about documents and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsvl2.pipelines.documents import Box, Notice, PageResult

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True, eq=False)
class AskPage:
    """A page that may be asked about: its text as far as it was read (None: it was not), and how to draw it."""

    source: str
    number: int
    text: PageResult | None
    draw: Callable[[], Image]

    @property
    def ref(self) -> PageRef:
        """Which page it is."""
        return PageRef(self.source, self.number)


@dataclass(frozen=True, slots=True)
class PageRef:
    """A page of a document; pages are counted from 1."""

    source: str
    page: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer stands on a page."""

    source: str
    page: int
    quote: str = field(metadata={"help": "The page's own words around the answer."})
    box: Box
    page_size: tuple[int, int] = field(metadata={"help": "Width and height in pixels of the page that the box is on."})
    match: float = field(metadata={"help": "1: the answer stands there to the letter; less: it is written otherwise."})


@dataclass(frozen=True, slots=True)
class AskResult:
    """The answer to one question. `answer` is null when the pages asked do not hold it."""

    question: str
    answer: str | None
    found: bool
    confidence: float | None = field(
        metadata={"help": "0..1: of the answer, or, when nothing was found, that it is on none of the pages asked."}
    )
    source: str | None = field(metadata={"help": "The document that the answer is from."})
    page: int | None = field(metadata={"help": "The page that the answer is from."})
    evidence: tuple[Evidence, ...] = field(metadata={"help": "Best first; the first is on `page`."})
    pages_asked: tuple[PageRef, ...] = field(metadata={"help": "In the order in which they promise to answer."})
    pages_not_asked: tuple[PageRef, ...] = field(
        metadata={
            "help": "Ranked below the pages asked, by their text; in long documents by their text layers as they stand."
        }
    )
    pages_not_read: tuple[PageRef, ...] = field(metadata={"help": "Neither read nor asked: they failed, or a limit."})
    notices: tuple[Notice, ...] = ()
