"""What every source offers: a name, a page count, and page images one at a time."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Literal

from dsvl2.pipelines.documents import Document, Notice, PageImage, ReadPage, UnreadablePage
from dsvl2.pipelines.errors import DocumentError, FileMissing, PageRangeError, UnreadableFile, page_error
from dsvl2.pipelines.pages import parse_pages
from dsvl2.pipelines.sources.limits import Limits

if TYPE_CHECKING:
    from dsvl2.pipelines.formats import Original


def out_of_reach(what: str, error: Exception) -> FileMissing:
    """Return the error of a file or folder that the system does not hand out; `what` begins the message."""
    hint = (
        "it is there, but not for this user: chmod u+r, or ask its owner"
        if isinstance(error, PermissionError)
        else None
    )
    return FileMissing(f"{what}: {getattr(error, 'strerror', None) or error}", hint=hint)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a file becomes page images.

    pages: page list in qpdf's grammar (see `dsvl2.pipelines.pages`), None = all.
    dpi: rendering resolution of PDF pages, None = chosen per page; for images, what to assume if they name none.
    password: for encrypted PDFs. It is never part of a message or a result.
    text_layer: what to do with the text that PDF pages carry: "ignore" it, use it where it is good ("auto"), or wherever
        there is any ("force"). Pages whose text is used come as ReadPage and are not rendered.
    color: keep colour (mode "RGB") where there is some; otherwise every page is grey (mode "L").
    """

    pages: str | None = None
    dpi: float | None = None
    password: str | None = field(default=None, repr=False)
    color: bool = False
    text_layer: Literal["auto", "force", "ignore"] = "ignore"
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What is known of a page before it is rendered: size as it would be rendered, and its text layer's length."""

    number: int
    width_px: int
    height_px: int
    dpi: float
    size_pt: tuple[float, float] | None
    text_characters: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """A file on disk or bytes in memory, with the name that messages use."""

    name: str
    path: Path | None
    data: bytes | None = field(default=None, repr=False)

    def open(self) -> BinaryIO:
        """Open for reading from the start.

        Raises:
            FileMissing: it is gone or may not be read.
        """
        if self.data is not None:
            return BytesIO(self.data)
        assert self.path is not None
        try:
            return self.path.open("rb")
        except OSError as error:
            raise out_of_reach(f"{self.name} cannot be read", error) from error

    def sha256(self) -> str:
        """Return the hex digest of the bytes, read in pieces."""
        with self.open() as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
            return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """The file behind a source, for outputs that are made from it."""

    name: str
    kind: str
    blob: Blob
    password: str | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            FileMissing: it is gone or may not be read.
        """
        with self.blob.open() as file:
            return file.read()


class Source(ABC):
    """An open document. Iterate it for its selected pages in order; close it, or use it in `with`.

    Only one page is held at a time. A page that cannot be turned into pixels comes as UnreadablePage, and the
    following ones still come. `notices` may grow while pages are read. `stored` is the document that was read before, if
    that is what the source offers; None for everything that is to be read.
    """

    kind: str

    def __init__(self, blob: Blob, options: SourceOptions) -> None:
        self.name = blob.name
        self.options = options
        self.notices: list[Notice] = []
        self.stored: Document | None = None
        self.page_count = 0
        self.selected: tuple[int, ...] = ()
        self._blob = blob
        self._sha256: str | None = None

    @property
    def sha256(self) -> str:
        """Hex digest of the file, computed on first use."""
        if self._sha256 is None:
            self._sha256 = self._blob.sha256()
        return self._sha256

    @property
    def path(self) -> Path | None:
        """Where the file is; None for standard input and bytes."""
        return self._blob.path

    @property
    def original(self) -> Original:
        """The file itself, which may be opened again while this source is open."""
        return OriginalFile(self.name, self.kind, self._blob, self.options.password)

    def select(self, count: int) -> None:
        """Set the page count, and the pages to read by the options.

        Raises:
            PageRangeError, PageMissing, TooLarge, UnreadableFile (no page at all).
        """
        if count < 1:
            raise UnreadableFile(f"{self.name} has no pages")
        self.page_count = count
        self.selected = self.chosen(count)
        self.options.limits.check_pages(len(self.selected), self.name)

    def chosen(self, count: int) -> tuple[int, ...]:
        """Return the pages to read of `count`, by the options.

        Raises:
            PageRangeError, PageMissing.
        """
        if self.options.pages is None:
            return tuple(range(1, count + 1))
        try:
            return parse_pages(self.options.pages, count)
        except PageRangeError as error:
            raise type(error)(f"{self.name}: {error}", hint=error.hint) from error

    def __iter__(self) -> Iterator[PageImage | ReadPage | UnreadablePage]:
        for number in self.selected:
            page = self.page(number)
            yield page
            del page  # the caller may be done with it: do not hold it while the next one is rendered

    def page(self, number: int) -> PageImage | ReadPage | UnreadablePage:
        """Return page `number` (1-based) as an image, as its text layer has it, or why it is neither."""
        try:
            return self.text_page(number) or self.read_page(number)
        except (DocumentError, MemoryError) as error:
            return UnreadablePage(number, page_error(error), self.name)
        except Exception as error:  # decoders raise everything there is, and no page may stop the next
            wrapped = UnreadableFile(f"page {number} is damaged: {_one_line(error)}")
            return UnreadablePage(number, page_error(wrapped), self.name)

    def needs_model(self) -> bool:
        """Say whether any selected page has to be read from its image; pages are looked at up to the first that has."""
        for number in self.selected:
            try:
                if self.text_page(number) is None:
                    return True
            except Exception:  # what is wrong with it comes out when the page is read
                return True
        return False

    def text_page(self, number: int) -> ReadPage | None:
        """Return page `number` as its text layer has it, None if it has to be read; may raise."""
        return None

    def raw_text(self, number: int) -> str:
        """Return the text stored for page `number`, good or bad, to search in many pages at little cost; never raises."""
        return ""

    def page_infos(self) -> Iterator[PageInfo]:
        """Describe the selected pages without rendering them; a broken page has `error` set."""
        for number in self.selected:
            try:
                yield self.page_info(number)
            except Exception as error:
                yield PageInfo(number, 0, 0, 0.0, None, error=_one_line(error))

    @abstractmethod
    def read_page(self, number: int) -> PageImage:
        """Return page `number` (1-based) as an image; may raise."""

    @abstractmethod
    def page_info(self, number: int) -> PageInfo:
        """Describe page `number` without rendering it; may raise."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
