"""Text laid on the pages of an open PDF, over what they show already."""

from __future__ import annotations

from typing import Any

from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.objects import OpenPdf
from dsvl2.pipelines.searchable.standing import without_standing
from dsvl2.pipelines.searchable.text import Matrix, Thrift, fonts_in, page_text

_SHORT = 4_000  # bytes of a page's own drawing that are worth writing again to be in one stream with the text


class TextLayer:
    """The invisible text of one PyMuPDF document: `add` its pages, then `finish`."""

    def __init__(self, pdf: Any, fonts: InvisibleFonts, thrift: Thrift) -> None:
        self._pdf, self._objects = pdf, OpenPdf(pdf)
        self._fonts, self._thrift = fonts, thrift
        self._places: dict[str, int] = {}
        self._push = 0

    def add(self, leaf: Any, page: PageResult) -> None:
        """Write a page's text over what the page has; nothing where its own text was used, or stands already."""
        if not page.dpi or (page.text_layer is not None and page.text_layer.decision == "used"):
            return
        page = without_standing(page, leaf)
        names = _free_names(leaf)
        text = page_text(page, _to_pdf(leaf, self._pdf, page.dpi), self._fonts, names, self._thrift)
        if not text:
            return
        for font in fonts_in(text, names):
            if font not in self._places:
                self._places[font] = self._objects.reserve()
            _add_font(self._pdf, leaf.xref, names[font], self._places[font])
        leaf.wrap_contents()
        old = leaf.get_contents()
        if self._thrift.named and sum(len(self._pdf.xref_stream_raw(part)) for part in old) < _SHORT:
            parts = [self._objects.put_stream(b"q " + leaf.read_contents().strip() + b" Q\n" + text)]
        else:
            self._push = self._push or self._objects.put_stream(b"q\n", pack=False)
            parts = [self._push, *old, self._objects.put_stream(b"\nQ\n" + text)]
        self._pdf.xref_set_key(leaf.xref, "Contents", "[" + " ".join(f"{part} 0 R" for part in parts) + "]")

    def finish(self) -> bool:
        """Write the fonts; say whether any text was written."""
        if self._places:
            self._fonts.embed(self._objects, self._places)
        return bool(self._places)


def _free_names(leaf: Any) -> dict[str, str]:
    taken = {font[4] for font in leaf.get_fonts()}

    def free(name: str) -> str:
        return next(one for k in range(len(taken) + 1) if (one := name + (str(k) if k else "")) not in taken)

    return {name: free(name) for name in (InvisibleFonts.plain, InvisibleFonts.wide)}


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
