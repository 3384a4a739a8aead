"""The types that travel through the pipelines: page images in, page results and documents out.

Plain frozen data: no file access, no model, no import heavier than the standard library. Page numbers are 1-based.
Boxes are in pixels of the page image as it was read (before any rotation or deskew), origin top left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import exp
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.model import Usage
    from dsvl2.pipelines.tables.types import TableResult

BlockKind = Literal["heading", "paragraph", "list_item", "table", "figure", "formula", "code"]
OptionValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a user may want to know that did not stop the work; `code` is stable snake_case."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PageError:
    """Why one page has no text: the fact, and in `hint` the remedy (may be empty)."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TextLayerUse:
    """Whether a page's own text was "used" or the page "read" by the model; `reason` is stable snake_case."""

    decision: Literal["used", "read"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page as pixels, mode "L" or "RGB". `size_pt` is the paper size in points where the file says it."""

    number: int
    image: Image
    dpi: float
    size_pt: tuple[float, float] | None = None
    text_layer: str | None = None
    source: str = ""
    notices: tuple[Notice, ...] = ()
    layer_use: TextLayerUse | None = None


@dataclass(frozen=True, slots=True)
class UnreadablePage:
    """A page that a source could not turn into pixels; it takes the page's place in the stream."""

    number: int
    error: PageError
    source: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in page-image pixels: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float

    def union(self, other: Box) -> Box:
        """Return the smallest box around both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line. On pages that were read by the model its box is estimated (see `dsvl2.pipelines.words`)."""

    text: str
    box: Box
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as printed. `confidence` is the probability that all of it is right, None when it is not known.

    Where the page is not `calibrated` it is the geometric mean of the token probabilities instead.
    `words` is empty where nobody looked for them; formats then estimate them from the line's box.
    `logprobs` is there only while a page is put together: for each character of `text` that of the token behind it.
    """

    text: str
    box: Box | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = field(default=(), compare=False, repr=False)
    logprobs: tuple[float, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the page in reading order.

    `text` is the joined text without any markup ("# ", "- "); `level` is the heading level (1..6) or the list depth
    (0 = outermost); `rows` holds a table's cells, first row first, and `text` then repeats them, cells split by tabs
    and rows by newlines. `table` has the cells with their spans, boxes and confidence where they are known.
    `image` is where a figure's picture was written, as links in the text have it; None where none was.
    """

    kind: BlockKind
    text: str
    box: Box | None = None
    level: int = 0
    lines: tuple[Line, ...] = ()
    confidence: float | None = None
    rows: tuple[tuple[str, ...], ...] = ()
    table: TableResult | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a page's text and its ink account for each other.

    `explained` is the share of the letters' ink that some line of text stands on; `unexplained` are the places of the
    rest where it looks like text; `unsupported` are (block, line) numbers, from 1, of lines whose text is on no ink or
    more than its ink can hold.
    """

    explained: float
    unexplained: tuple[Box, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing seems to be missed or made up."""
        return not self.unexplained and not self.unsupported


@dataclass(frozen=True, slots=True)
class PageResult:
    """What was read on one page. A page that failed has `error` and no blocks; a blank one has neither.

    `rotation` is the clockwise angle (0, 90, 180, 270) by which the page image has to be turned to stand upright,
    `skew` the remaining angle in degrees that was taken out.
    `confidence`, as that of blocks, is the share of words that can be expected to be right if the page is `calibrated`;
    otherwise all its confidences are geometric means of token probabilities. `coverage` is None where text was not
    compared with ink.
    """

    number: int
    blocks: tuple[Block, ...] = ()
    width_px: int = 0
    height_px: int = 0
    dpi: float = 0.0
    rotation: int = 0
    skew: float = 0.0
    blank: bool = False
    warnings: tuple[Notice, ...] = ()
    error: PageError | None = None
    usage: Usage | None = None
    confidence: float | None = None
    text_layer: TextLayerUse | None = None
    calibrated: bool = False
    coverage: Coverage | None = None

    @property
    def text(self) -> str:
        """The page's text, one blank line between blocks."""
        return "\n\n".join(block.text for block in self.blocks)

    @property
    def let_go(self) -> bool:
        """Whether there was text on it of which hardly a word could be right, so that none is given."""
        return any(notice.code == "unreadable" for notice in self.warnings)

    @property
    def mostly_doubtful(self) -> bool:
        """Whether most of its words are likelier wrong than right; never where confidences are not calibrated."""
        words = (word.confidence for block in self.blocks for line in block.lines for word in line.words)
        known = [sure for sure in words if sure is not None]
        if not self.calibrated or self.confidence is None:
            return False
        return self.confidence < 0.5 or 2 * sum(sure < 0.5 for sure in known) > len(known)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page whose text layer says it all; it takes the page's place in the stream and never reaches a task."""

    result: PageResult

    @property
    def number(self) -> int:
        """Number of the page."""
        return self.result.number


class ModelFacts(Protocol):
    """The part of the engine's `info` that a document records."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def device(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ModelStamp:
    """Which model read the document; `fingerprint` is the sha256 of its configuration and weights."""

    name: str
    fingerprint: str
    scheme: str = ""
    dtype: str = ""
    device: str = ""

    @classmethod
    def of(cls, info: ModelFacts) -> ModelStamp:
        """Copy the facts worth recording from an engine's `info`."""
        return cls(info.name, info.fingerprint, str(info.scheme), str(info.dtype), str(info.device))


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """A read document. It holds no time stamp: the same input with the same options renders to the same bytes.

    `page_count` counts the pages of the file, `pages` holds only those that were asked for.
    `options` are (name, value) pairs that can change the text (dpi, pages, task, limits), in a fixed order.
    """

    source: str
    pages: tuple[PageResult, ...]
    page_count: int = 0
    sha256: str | None = None
    model: ModelStamp | None = None
    options: tuple[tuple[str, OptionValue], ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def text(self) -> str:
        """The text of all pages, one blank line between them; a format (`get_format`) keeps headings and tables too."""
        return "\n\n".join(page.text for page in self.pages if page.text)

    def __repr__(self) -> str:
        return f"<Document {self.source!r}: {len(self.pages)} of {self.page_count} pages, {len(self.failed)} failed>"

    def _repr_markdown_(self) -> str:  # what a notebook shows
        from dsvl2.pipelines.formats import get_format

        return get_format("markdown").render(self)

    @property
    def failed(self) -> tuple[int, ...]:
        """Numbers of the pages that could not be read."""
        return tuple(page.number for page in self.pages if page.error is not None)

    @property
    def usage(self) -> Usage | None:
        """Usage summed over all pages; None if no page reached the model."""
        return sum_usage(page.usage for page in self.pages)


def geometric_mean(logprobs: Sequence[float]) -> float | None:
    """Return the geometric mean of the probabilities with these logarithms; None for none."""
    if not logprobs:
        return None
    return exp(sum(min(float(value), 0.0) for value in logprobs) / len(logprobs))


def sum_usage(usages: Iterable[Usage | None]) -> Usage | None:
    """Add up the counts of several model calls, leaving out None; None if nothing is left."""
    known = [usage for usage in usages if usage is not None]
    if not known:
        return None
    return replace(
        known[0],
        prompt_tokens=sum(usage.prompt_tokens for usage in known),
        image_tokens=sum(usage.image_tokens for usage in known),
        completion_tokens=sum(usage.completion_tokens for usage in known),
        tiles=sum(usage.tiles for usage in known),
    )
