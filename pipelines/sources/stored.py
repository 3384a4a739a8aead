"""A reading as a source: pages that were read before come as they were read, and images from the scan behind them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2.pipelines.documents import Document, PageImage, PageResult, ReadPage
from dsvl2.pipelines.errors import FileMissing, PageMissing, UnreadableFile
from dsvl2.pipelines.formats.facts import page_list
from dsvl2.pipelines.formats.stored import parse_document, schema_of
from dsvl2.pipelines.sources.base import Blob, PageInfo, Source, SourceOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from dsvl2.pipelines.formats import Original


class StoredSource(Source):
    """The pages of a stored reading. None of them needs a model; the scan is opened only for what its pixels are for.

    `open_scan` opens a document.
    """

    kind = "reading"

    def __init__(self, blob: Blob, options: SourceOptions, open_scan: Callable[[Path, SourceOptions], Source]) -> None:
        super().__init__(blob, options)
        document = stored_document(blob)
        self.stored = document
        self.notices = list(document.notices)
        self._pages = {page.number: page for page in document.pages}
        self._open_scan = open_scan
        self._scan: Source | None = None
        self._stack = ExitStack()
        if not self._pages:
            raise UnreadableFile(f"{self.name} holds no page", hint="read the document again: dsvl2 ocr")
        self.select(document.page_count)

    def chosen(self, count: int) -> tuple[int, ...]:
        """Return the pages that were asked for, else all that the reading has.

        Raises:
            PageMissing: one that is not in the reading. PageRangeError.
        """
        if self.options.pages is None:
            return tuple(self._pages)
        wanted = super().chosen(count)
        lacking = [number for number in wanted if number not in self._pages]
        if lacking:
            has = page_list(sorted(self._pages))
            raise PageMissing(f"{self.name}: page {lacking[0]} was not read", hint=f"it holds of {count} pages: {has}")
        return wanted

    @property
    def original(self) -> Original:
        """The scan behind the reading, looked for when its bytes are wanted."""
        return ScanOf(self)

    def text_page(self, number: int) -> ReadPage:
        """Return page `number` as it was read."""
        return ReadPage(self._pages[number])

    def raw_text(self, number: int) -> str:
        """Return the text of page `number`."""
        return self._pages[number].text

    def read_page(self, number: int) -> PageImage:
        """Draw page `number` from the scan, as large as it was when it was read.

        Raises:
            FileMissing: the scan is not there, or has changed.
        """
        page = self._pages[number]
        scan = self.scan()
        scan.options = replace(scan.options, dpi=self.options.dpi or page.dpi or None)
        drawn = scan.read_page(number)
        return replace(drawn, image=_as_large(drawn.image, page), dpi=page.dpi or drawn.dpi)

    def page_info(self, number: int) -> PageInfo:
        """Describe page `number` as it was read."""
        page = self._pages[number]
        letters = len("".join(page.text.split()))
        error = None if page.error is None else page.error.message
        size = (page.width_px * 72 / page.dpi, page.height_px * 72 / page.dpi) if page.dpi else None
        return PageInfo(number, page.width_px, page.height_px, page.dpi, size, letters, error)

    def scan(self) -> Source:
        """Return the scan, opened.

        Raises:
            FileMissing, and whatever opening it raises.
        """
        if self._scan is None:
            options = replace(self.options, text_layer="ignore", pages=None)
            assert self.stored is not None
            self._scan = self._stack.enter_context(self._open_scan(scan_of(self.stored, self._blob), options))
        return self._scan

    def close(self) -> None:
        """Let go of the scan, if it was opened."""
        self._stack.close()


class ScanOf:
    """The file that a stored reading was made from, for outputs that are made from it."""

    def __init__(self, reading: StoredSource) -> None:
        self.name = reading.name
        self.password = reading.options.password
        self._reading = reading

    @property
    def kind(self) -> str:
        """What the scan is by content; raises as `read`."""
        return self._reading.scan().kind

    def read(self) -> bytes:
        """Return the scan's bytes.

        Raises:
            FileMissing: it is not there, or has changed.
        """
        return self._reading.scan().original.read()


def stored_document(blob: Blob) -> Document:
    """Return the document behind a JSON file: as it was read, or as a person corrected it.

    Raises:
        UnsupportedFile, UnreadableFile, BadCorrections.
    """
    with blob.open() as file:
        data = file.read()
    try:
        corrected = (schema_of(data) or "").startswith("dsvl2/corrections/")
    except ValueError:
        corrected = False
    if not corrected:
        return parse_document(data, blob.name)
    from dsvl2.pipelines.review import apply_corrections, parse_corrections

    return apply_corrections(parse_corrections(data))


def scan_of(document: Document, blob: Blob) -> Path:
    """Return the file that a document was read from: where it was then, or beside the reading; only if it is unchanged.

    Raises:
        FileMissing: it is in neither place, or has changed.
    """
    places = [Path(document.source)]
    if blob.path is not None:
        places += [blob.path.parent / document.source, blob.path.parent / Path(document.source).name]
    there = [place for place in places if place.is_file()]
    for place in there:
        if Blob(str(place), place).sha256() == document.sha256:
            return place
    fact = "has changed since it was read" if there else "is not there"
    hint = "put the file that was read beside the reading; its text alone needs no scan"
    raise FileMissing(f"{blob.name} was read from {document.source}, which {fact}", hint=hint)


def _as_large(image: Image, page: PageResult) -> Image:
    """Return an image in the size that the page's boxes count in."""
    size = (page.width_px, page.height_px)
    return image if min(size) < 1 or image.size == size else image.resize(size)
