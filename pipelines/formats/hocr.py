"""hOCR 1.2: XHTML whose elements carry boxes and confidences, as Tesseract and OCRmyPDF write and read it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as _escape

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, RenderOptions
from dsvl2.pipelines.formats.places import Pixels, PlacedBlock, PlacedLine, clean, percent, placed_blocks

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8" />
  <meta name="ocr-system" content="{system}" />
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocr_photo ocrp_wconf" />
  <meta name="ocr-number-of-pages" content="{count}" />
 </head>
 <body>
"""


class HocrFormat:
    """One `ocr_page` a page, one `ocr_carea` with one `ocr_par` a block; ids as in the JSON output."""

    name = "hocr"
    suffixes = (".hocr",)
    title = "hOCR (XHTML with boxes of lines and words)"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document as XHTML."""
        model = document.model
        system = f"dsvl2 {model.name}" if model else "dsvl2"
        head = _HEAD.format(title=escape(document.source), system=escape(system), count=len(document.pages))
        lines = [line for page in document.pages for line in _page(page, document.source)]
        return head + "".join(f"  {line}\n" for line in lines) + " </body>\n</html>\n"

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """The head counts the pages."""
        return


def escape(text: str) -> str:
    """Return text for XML content and quoted attributes."""
    return _escape(clean(text)).replace("&#x27;", "&#39;")


def _bbox(box: Pixels) -> str:
    return "bbox " + " ".join(map(str, box))


def _page(page: PageResult, source: str) -> Iterator[str]:
    name = source.replace("\\", "/").replace('"', "'").replace(";", ",").replace("\n", " ")
    facts = f'image "{name}"; {_bbox((0, 0, page.width_px, page.height_px))}; ppageno {page.number - 1}'
    if page.dpi:
        facts += f"; scan_res {round(page.dpi)} {round(page.dpi)}"
    yield f'<div class="ocr_page" id="page_{page.number}" title="{escape(facts)}">'
    for block in placed_blocks(page):
        yield from _block(block, page)
    yield "</div>"


def _block(placed: PlacedBlock, page: PageResult) -> Iterator[str]:
    title = f'title="{_bbox(placed.box)}"'
    if not placed.lines:
        yield f' <div class="ocr_photo" id="{placed.id}" {title}></div>'
        return
    yield f' <div class="ocr_carea" id="{placed.id}" {title}>'
    yield f'  <p class="ocr_par" id="{placed.id.replace("block", "par")}" {title}>'
    for line in placed.lines:
        yield from _line(line, page)
    yield "  </p>"
    yield " </div>"


def _line(line: PlacedLine, page: PageResult) -> Iterator[str]:
    facts = _bbox(line.box)
    angle = (page.rotation - page.skew) % 360  # hOCR counts counter-clockwise, in degrees
    if round(angle, 2) % 360:
        facts += f"; textangle {angle:.2f}"
    yield f'   <span class="ocr_line" id="{line.id}" title="{facts}">'
    for word in line.words:
        known = percent(word.confidence)
        facts = _bbox(word.box) + ("" if known is None else f"; x_wconf {known}")
        yield f'    <span class="ocrx_word" id="{word.id}" title="{facts}">{escape(word.text)}</span>'
    yield "   </span>"
