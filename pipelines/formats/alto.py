"""ALTO 4 (Library of Congress): XML of pages, blocks, lines and words with boxes in pixels."""

from __future__ import annotations

from collections.abc import Iterator

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, RenderOptions
from dsvl2.pipelines.formats.hocr import escape
from dsvl2.pipelines.formats.places import Pixels, PlacedBlock, PlacedLine, PlacedWord, placed_blocks

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


class AltoFormat:
    """One `Page` a page, one `TextBlock` a block (`Illustration` for a figure); ids as in the JSON output."""

    name = "alto"
    suffixes = (".alto", ".xml")
    title = "ALTO 4 XML"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document as XML."""
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<alto xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            f' xsi:schemaLocation="{_NAMESPACE} {_SCHEMA}">',
            *_description(document),
            " <Layout>",
        ]
        for page in document.pages:
            lines += _page(page)
        return "\n".join([*lines, " </Layout>", "</alto>"]) + "\n"

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """One document element needs the whole document."""
        return


def _description(document: Document) -> Iterator[str]:
    yield " <Description>"
    yield "  <MeasurementUnit>pixel</MeasurementUnit>"
    yield f"  <sourceImageInformation><fileName>{escape(document.source)}</fileName></sourceImageInformation>"
    yield '  <Processing ID="processing_1">'
    if document.model is not None:
        settings = f"model {document.model.name}, sha256 {document.model.fingerprint}"
        yield f"   <processingStepSettings>{escape(settings)}</processingStepSettings>"
    yield "   <processingSoftware><softwareName>dsvl2</softwareName></processingSoftware>"
    yield "  </Processing>"
    yield " </Description>"


def _place(box: Pixels) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'


def _page(page: PageResult) -> Iterator[str]:
    size = f'WIDTH="{page.width_px}" HEIGHT="{page.height_px}"'
    sure = "" if page.confidence is None else f' PC="{_unit(page.confidence)}"'
    turn = f' ROTATION="{page.rotation}"' if page.rotation else ""
    yield f'  <Page ID="page_{page.number}" PHYSICAL_IMG_NR="{page.number}" {size}{sure}>'
    yield f'   <PrintSpace HPOS="0" VPOS="0" {size}>'
    for block in placed_blocks(page):
        yield from _block(block, turn)
    yield "   </PrintSpace>"
    yield "  </Page>"


def _block(placed: PlacedBlock, turn: str) -> Iterator[str]:
    if not placed.lines:
        yield f'    <Illustration ID="{placed.id}" {_place(placed.box)}/>'
        return
    yield f'    <TextBlock ID="{placed.id}" {_place(placed.box)}{turn}>'
    for line in placed.lines:
        yield from _line(line)
    yield "    </TextBlock>"


def _line(line: PlacedLine) -> Iterator[str]:
    yield f'     <TextLine ID="{line.id}" {_place(line.box)}>'
    previous: PlacedWord | None = None
    for word in line.words:
        if previous is not None:
            left = previous.box[2]
            yield f'      <SP HPOS="{left}" VPOS="{line.box[1]}" WIDTH="{max(word.box[0] - left, 0)}"/>'
        sure = "" if word.confidence is None else f' WC="{_unit(word.confidence)}"'
        yield f'      <String ID="{word.id}" CONTENT="{escape(word.text)}" {_place(word.box)}{sure}/>'
        previous = word
    yield "     </TextLine>"


def _unit(confidence: float) -> str:
    return f"{min(max(confidence, 0.0), 1.0):.3f}"
