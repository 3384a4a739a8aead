"""Tab-separated words in the columns of Tesseract's TSV output, for tools that read that."""

from __future__ import annotations

from collections.abc import Iterator

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, PageStream, RenderOptions
from dsvl2.pipelines.formats.places import Pixels, clean, percent, placed_blocks

COLUMNS = (
    "level", "page_num", "block_num", "par_num", "line_num", "word_num", "left", "top", "width", "height", "conf", "text",
)  # fmt: skip
_PAGE, _BLOCK, _PARAGRAPH, _LINE, _WORD = 1, 2, 3, 4, 5  # Tesseract's levels


class TsvFormat:
    """One row for every page, block, paragraph, line and word; `conf` is -1 where none is known, as with Tesseract.

    Every block is one paragraph. `page_num` is the number of the page in the file.
    """

    name = "tsv"
    suffixes = (".tsv",)
    title = "words with boxes in Tesseract's TSV columns"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the table of all pages."""
        stream = _TsvStream()
        rows = "".join(stream.page(page) for page in document.pages)
        return rows or "\t".join(COLUMNS) + "\n"

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> PageStream:
        """Rows can be written page by page."""
        return _TsvStream()


class _TsvStream:
    def __init__(self) -> None:
        self._begun = False

    def page(self, page: PageResult) -> str:
        rows = [] if self._begun else ["\t".join(COLUMNS)]
        self._begun = True
        return "\n".join([*rows, *_rows(page)]) + "\n"


def _rows(page: PageResult) -> Iterator[str]:
    yield _row(_PAGE, (page.number, 0, 0, 0, 0), (0, 0, page.width_px, page.height_px))
    for number, block in enumerate(placed_blocks(page), 1):
        yield _row(_BLOCK, (page.number, number, 0, 0, 0), block.box)
        if block.lines:
            yield _row(_PARAGRAPH, (page.number, number, 1, 0, 0), block.box)
        for place, line in enumerate(block.lines, 1):
            yield _row(_LINE, (page.number, number, 1, place, 0), line.box)
            for count, word in enumerate(line.words, 1):
                known = percent(word.confidence)
                text = "".join(clean(word.text).split())
                yield _row(
                    _WORD, (page.number, number, 1, place, count), word.box, -1 if known is None else known, text
                )


def _row(level: int, numbers: tuple[int, ...], box: Pixels, confidence: int = -1, text: str = "") -> str:
    left, top, right, bottom = box
    return "\t".join(map(str, (level, *numbers, left, top, right - left, bottom - top, confidence, text)))
