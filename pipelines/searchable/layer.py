"""Text laid on the pages of an open PDF, over what they show already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.objects import OpenPdf
from dsvl2.pipelines.searchable.standing import without_standing
from dsvl2.pipelines.searchable.text import Matrix, Thrift, fonts_in, page_text

_TELLING = {font: font for font in (InvisibleFonts.plain, InvisibleFonts.wide)}
_SHORTEST = {InvisibleFonts.plain: "T", InvisibleFonts.wide: "U"}
_UNDONE = re.compile(rb"q\s[^qQ()<>]*\sQ")  # a drawing that leaves the state as it was
_SHORT = 4_000  # bytes of a page's own drawing that are worth writing again to be in one stream with the text


class TextLayer:
    """The invisible text of one PyMuPDF document: `add` its pages, then `finish`."""

    def __init__(self, pdf: Any, fonts: InvisibleFonts, thrift: Thrift) -> None:
        self._pdf, self._objects = pdf, OpenPdf(pdf)
        self._fonts, self._thrift = fonts, thrift
        self._named: list[tuple[int, str, str]] = []  # pages, names there, and fonts
        self._push = 0

    def add(self, leaf: Any, page: PageResult) -> None:
        """Write a page's text over what the page has; nothing where its own text was used, or stands already."""
        if not page.dpi or (page.text_layer is not None and page.text_layer.decision == "used"):
            return
        page = without_standing(page, leaf)
        names = _free_names(leaf, _SHORTEST if self._thrift.named else _TELLING)
        text = page_text(page, _to_pdf(leaf, self._pdf, page.dpi), self._fonts, names, self._thrift)
        if not text:
            return
        self._named += [(leaf.xref, names[font], font) for font in fonts_in(text, names)]
        leaf.wrap_contents()
        old = leaf.get_contents()
        if self._thrift.named and sum(len(self._pdf.xref_stream_raw(part)) for part in old) < _SHORT:
            drawn = leaf.read_contents().strip()
            drawn = drawn if _UNDONE.fullmatch(drawn) else b"q " + drawn + b" Q"
            parts = [self._objects.put_stream(drawn + b"\n" + text)]
        else:
            self._push = self._push or self._objects.put_stream(b"q\n", pack=False)
            parts = [self._push, *old, self._objects.put_stream(b"\nQ\n" + text)]
        said = " ".join(f"{part} 0 R" for part in parts)
        self._pdf.xref_set_key(leaf.xref, "Contents", f"[{said}]" if len(parts) > 1 else said)

    def finish(self) -> bool:
        """Write the fonts; say whether any text was written."""
        direct = self._fonts.direct() if self._thrift.named and len(self._named) == 1 else ""
        places: dict[str, int] = {}
        for page, name, font in self._named:
            if not direct and font not in places:
                places[font] = self._objects.reserve()
            _add_font(self._pdf, page, name, direct or f"{places[font]} 0 R")
        if places:
            self._fonts.embed(self._objects, places)
        return bool(self._named)


def _free_names(leaf: Any, wanted: Mapping[str, str]) -> dict[str, str]:
    taken = {font[4] for font in leaf.get_fonts()}

    def free(name: str) -> str:
        return next(one for k in range(len(taken) + 1) if (one := name + (str(k) if k else "")) not in taken)

    return {font: free(name) for font, name in wanted.items()}


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


def _add_font(pdf: Any, page: int, name: str, font: str) -> None:
    """Name the font, or what points to it, among the page's resources, at the page, at a node above, or shared."""
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
    pdf.xref_set_key(holder, prefix + name, font)
