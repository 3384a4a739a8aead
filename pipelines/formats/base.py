"""What an output format is: a name, its suffixes, and a way to turn a document into text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dsvl2.pipelines.documents import Document, Notice, PageResult


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Choices that formats may honour.

    page_markers: mark where each page begins, in the format's own kind of comment.
    front_matter: begin with facts about source, model and options (Markdown: YAML).
    min_confidence: mark words that are less sure than this, 0..1; None marks nothing.
    pdf_images: pictures of a searchable PDF: "fit" lets them change within what looks the same where the file would be more
        than 1.1 times the original, "exact" keeps every pixel.
    """

    page_markers: bool = False
    front_matter: bool = False
    min_confidence: float | None = None
    pdf_images: str = "fit"


DEFAULT_OPTIONS = RenderOptions()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A whole output, and what a user may want to know of how it was made."""

    data: str | bytes
    notices: tuple[Notice, ...] = ()


class PageStream(Protocol):
    """Renders a document page by page; the pieces in order are the same text as `render` gives."""

    def page(self, page: PageResult) -> str:
        """Return what to write when `page` is done; pages must come in order."""
        ...


class Format(Protocol):
    """An output format. To add one, write this protocol and add it to `dsvl2.pipelines.formats.FORMATS`, or declare it in a
    package of your own (`dsvl2.pipelines.formats.plugins`)."""

    @property
    def name(self) -> str:
        """The word for `-f`."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File suffixes that stand for it, the one that is written first, each with its dot."""
        ...

    @property
    def title(self) -> str:
        """A few words for help texts."""
        ...

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the whole document as text, ending in a newline unless it is empty."""
        ...

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> PageStream | None:
        """Return a renderer for pages as they come, None if the format needs the whole document first.

        `head` is the document with what is known before reading; its pages are not looked at.
        """
        ...


class Original(Protocol):
    """The file that a document was read from, for formats that carry it along."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    @property
    def kind(self) -> str:
        """What it is by content: "pdf", "png", "jpeg", "tiff", "webp", "bmp" or "gif"."""
        ...

    @property
    def password(self) -> str | None:
        """What opened it, if it is encrypted."""
        ...

    def read(self) -> bytes:
        """Return its bytes; may raise FileMissing."""
        ...


@runtime_checkable
class OriginalFormat(Protocol):
    """What a `Format` has beside `render` if its output is bytes that are made from the original file."""

    def render_over(self, document: Document, original: Original, options: RenderOptions = DEFAULT_OPTIONS) -> Rendered:
        """Return the whole output."""
        ...
