"""Put the text of a document on the pages of its original: a PDF is added to, an image is put into a new PDF."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.errors import OutputError, UnreadableFile
from dsvl2.pipelines.formats.base import Original
from dsvl2.pipelines.searchable.glyphless import GlyphlessFont
from dsvl2.pipelines.searchable.images import image_object
from dsvl2.pipelines.searchable.text import Matrix, page_text

FONT = "DsvlText"
_PROGRAM = "dsvl2"


def searchable_pdf(document: Document, original: Original) -> bytes:
    """Return the original as a PDF with the document's text on it, invisible and in place.

    A PDF keeps every byte it has, the text is appended to it (an incremental update); only a damaged one is written
    anew. Pages that were not read, failed, or whose own text was used stay as they are; other text that a page has
    already, garbled as it may be, stays beside the new. Of an image file the pages that were read become PDF pages of
    the same size in inches.

    Raises:
        UnreadableFile: the original is not what it was, or cannot be written as PDF.
        OutputError: there is no page to write.
    """
    import pymupdf

    tools: Any = pymupdf.TOOLS
    tools.mupdf_display_errors(False)
    tools.mupdf_display_warnings(False)
    try:
        if original.kind == "pdf":
            return _over_pdf(pymupdf, document, original)
        return _over_images(pymupdf, document, original)
    except (OutputError, UnreadableFile):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreadableFile(f"{original.name} cannot be made a searchable PDF: {reason}") from error


def _over_pdf(pymupdf: Any, document: Document, original: Original) -> bytes:
    with tempfile.TemporaryDirectory(prefix="dsvl2-") as folder:
        path = Path(folder) / "original.pdf"
        path.write_bytes(original.read())
        with pymupdf.open(str(path), filetype="pdf") as pdf:
            if pdf.needs_pass and not pdf.authenticate(original.password or ""):
                raise UnreadableFile(f"{original.name} is encrypted")
            wrote = _write_text(pdf, [(page, page.number - 1) for page in document.pages])
            if pdf.can_save_incrementally():
                if wrote:
                    pdf.saveIncr()
            else:
                data: bytes = pdf.tobytes(deflate=True, encryption=pymupdf.PDF_ENCRYPT_KEEP)
                return data
        return path.read_bytes()


def _over_images(pymupdf: Any, document: Document, original: Original) -> bytes:
    pages = [page for page in document.pages if page.width_px and page.height_px and page.dpi]
    if not pages:
        raise OutputError(f"{original.name} has no page that could be put into a PDF")
    data = original.read()
    with pymupdf.open() as pdf:
        for page in pages:
            width, height = page.width_px / page.dpi * 72, page.height_px / page.dpi * 72
            leaf = pdf.new_page(width=width, height=height)
            picture = image_object(data, original.kind, page.number - 1)
            image = pdf.get_new_xref()
            pdf.update_object(image, f"<< {picture.entries} >>")
            pdf.update_stream(image, picture.data, new=False, compress=False)
            for key, value in _filters(picture.entries):
                pdf.xref_set_key(image, key, value)
            pdf.xref_set_key(leaf.xref, "Resources", f"<< /XObject << /Scan {image} 0 R >> >>")
            a, b, c, d, e, f = picture.place
            numbers = (a * width, b * height, c * width, d * height, e * width, f * height)
            content = pdf.get_new_xref()
            pdf.update_object(content, "<< >>")
            pdf.update_stream(content, f"q {' '.join(f'{n:.4f}' for n in numbers)} cm /Scan Do Q\n".encode(), new=True)
            pdf.xref_set_key(leaf.xref, "Contents", f"{content} 0 R")
        _write_text(pdf, [(page, place) for place, page in enumerate(pages)])
        pdf.set_metadata({"producer": _PROGRAM})
        result: bytes = pdf.tobytes(garbage=1, deflate=True, use_objstms=1)
        return result


def text_only_pdf(document: Document) -> bytes:
    """Return a PDF of the document's pages with the invisible text alone: a layer to lay under or over scans.

    Raises:
        OutputError: no page has a size.
    """
    import pymupdf

    pages = [page for page in document.pages if page.width_px and page.height_px and page.dpi]
    if not pages:
        raise OutputError(f"{document.source} has no page that text could be put on")
    with pymupdf.open() as pdf:  # type: ignore[no-untyped-call]
        for page in pages:
            pdf.new_page(width=page.width_px / page.dpi * 72, height=page.height_px / page.dpi * 72)
        _write_text(pdf, [(page, place) for place, page in enumerate(pages)])
        return bytes(pdf.tobytes(deflate=False))


def _filters(entries: str) -> list[tuple[str, str]]:
    """Return the entries that say how the data are packed: PyMuPDF drops them when data are put in."""
    found = []
    head, _, rest = entries.partition(" /Filter ")
    del head
    name, _, parameters = rest.partition(" /DecodeParms ")
    found.append(("Filter", name.split(" /Decode ")[0]))
    if parameters:
        found.append(("DecodeParms", parameters))
    return found


def _write_text(pdf: Any, pages: Sequence[tuple[PageResult, int]]) -> bool:
    """Write the text of the pages to their places in the PDF; say whether there was any."""
    font = GlyphlessFont()
    xref = before = 0
    for page, place in pages:
        has_text = page.text_layer is not None and page.text_layer.decision == "used"
        if has_text or not page.blocks or not page.dpi or not 0 <= place < pdf.page_count:
            continue
        leaf = pdf.load_page(place)
        name = _free_name(leaf)
        operators = page_text(page, _to_pdf(leaf, pdf, page.dpi), font, name)
        if not operators:
            continue
        if not xref:
            xref, before = pdf.get_new_xref(), pdf.get_new_xref()
            pdf.update_object(before, "<< >>")
            pdf.update_stream(before, b"q\n", new=True, compress=False)
        _add_font(pdf, leaf.xref, name, xref)
        leaf.wrap_contents()
        after = pdf.get_new_xref()
        pdf.update_object(after, "<< >>")
        pdf.update_stream(after, b"\nQ q\n" + operators.encode("ascii") + b"Q\n", new=True, compress=True)
        parts = [before, *leaf.get_contents(), after]
        pdf.xref_set_key(leaf.xref, "Contents", "[" + " ".join(f"{part} 0 R" for part in parts) + "]")
    if xref:
        font.embed(pdf, xref)
    return bool(xref)


def _to_pdf(leaf: Any, pdf: Any, dpi: float) -> Matrix:
    """Return the map from pixels of the page as drawn to the page's own coordinates.

    (PyMuPDF's `transformation_matrix` leaves out where the crop box begins if the page is turned.)
    """
    kind, value = pdf.xref_get_key(leaf.xref, "UserUnit")
    unit = float(value) if kind in ("int", "real", "float") else 1.0
    scale = 72 / dpi / unit
    box = leaf.cropbox  # y counts from the top of the media box
    left, top = box.x0, leaf.mediabox.y1 - box.y0
    right, bottom = left + box.width, top - box.height
    return {
        0: (scale, 0.0, 0.0, -scale, left, top),
        90: (0.0, scale, scale, 0.0, left, bottom),
        180: (-scale, 0.0, 0.0, scale, right, bottom),
        270: (0.0, -scale, -scale, 0.0, right, top),
    }[leaf.rotation % 360]


def _free_name(leaf: Any) -> str:
    taken = {font[4] for font in leaf.get_fonts()}
    return next(name for k in range(len(taken) + 1) if (name := FONT + (str(k) if k else "")) not in taken)


def _add_font(pdf: Any, page: int, name: str, font: int) -> None:
    """Name the font among the page's resources, wherever those are kept: at the page, at a node above, or shared."""
    holder = page
    kind, value = pdf.xref_get_key(page, "Resources")
    while kind == "null":
        kind, above = pdf.xref_get_key(holder, "Parent")
        if kind != "xref":
            holder, kind = page, "dict"
            pdf.xref_set_key(page, "Resources", "<< >>")
            break
        holder = int(above.split()[0])
        kind, value = pdf.xref_get_key(holder, "Resources")
    prefix = "Resources/"
    if kind == "xref":
        holder, prefix = int(value.split()[0]), ""
    kind, value = pdf.xref_get_key(holder, prefix + "Font")
    if kind == "xref":
        holder, prefix = int(value.split()[0]), ""
    else:
        prefix += "Font/"
    pdf.xref_set_key(holder, prefix + name, f"{font} 0 R")
