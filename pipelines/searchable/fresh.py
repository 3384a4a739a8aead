"""New PDF files: pictures with their invisible text, or the text alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.images import ImageObject
from dsvl2.pipelines.searchable.objects import NewPdf
from dsvl2.pipelines.searchable.planes import Planes, share
from dsvl2.pipelines.searchable.text import PLAIN, Thrift, fonts_in, page_text

_PROGRAM = "dsvl2"
_IN_GREY = "/Group<</S/Transparency/CS/DeviceGray>>"  # a printer's inks are no place to subtract in
_NAMES = {InvisibleFonts.plain: "T", InvisibleFonts.wide: "U"}


PictureOf = Callable[[PageResult], ImageObject | Planes | None]
_LAYERS = "IJKLM"


def new_pdf(
    pages: Sequence[PageResult],
    fonts: InvisibleFonts,
    picture_of: PictureOf = lambda _: None,
    thrift: Thrift = PLAIN,
) -> bytes:
    """Return a PDF of pages of their sizes in inches, each with its picture, if there is one, and its text over it."""
    return _File(fonts, picture_of, thrift).of(pages)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A page's size in points, its content stream, its resources but the fonts, and the fonts of its text."""

    size: str
    content: int
    resources: str
    fonts: tuple[str, ...]


class _File:
    def __init__(self, fonts: InvisibleFonts, picture_of: PictureOf, thrift: Thrift) -> None:
        self._objects, self._fonts = NewPdf(), fonts
        self._picture_of, self._thrift = picture_of, thrift
        self._places: dict[str, int] = {}
        self._tree = self._objects.reserve()

    def of(self, pages: Sequence[PageResult]) -> bytes:
        objects = self._objects
        drawn = [self._drawn(page) for page in pages]
        direct = self._fonts.direct() if self._thrift.named and len(pages) == 1 else ""
        if self._places and not direct:
            for font in self._places:
                self._places[font] = objects.reserve()
            self._fonts.embed(objects, self._places)
        leaves = [self._leaf(leaf, direct) for leaf in drawn]
        kids = " ".join(f"{leaf} 0 R" for leaf in leaves)
        objects.put(self._tree, f"<</Type/Pages/Count {len(leaves)}/Kids[{kids}]>>")
        catalog = objects.reserve()
        objects.put(catalog, f"<</Type/Catalog/Pages {self._tree} 0 R>>")
        if self._thrift.bare:
            return objects.to_bytes(catalog, mark=False)
        info = objects.reserve()
        objects.put(info, f"<</Producer({_PROGRAM})>>")
        return objects.to_bytes(catalog, f"/Info {info} 0 R{objects.name()}")

    def _drawn(self, page: PageResult) -> _Drawn:
        scale = 72 / page.dpi
        width, height = page.width_px * scale, page.height_px * scale
        drawing, resources = self._picture(page, width, height)
        text = page_text(page, (scale, 0.0, 0.0, -scale, 0.0, height), self._fonts, _NAMES, self._thrift)
        fonts = fonts_in(text, _NAMES)
        self._places.update(dict.fromkeys(fonts, 0))
        # What is drawn last need not be undone.
        content = text + drawing if self._thrift.named else b"q " + drawing + b" Q\n" + text if drawing else text
        return _Drawn(f"{width:.5g} {height:.5g}", self._objects.put_stream(content), resources, tuple(fonts))

    def _leaf(self, drawn: _Drawn, direct: str) -> int:
        fonts = "".join(f"/{_NAMES[font]}" + (direct or f" {self._places[font]} 0 R") for font in drawn.fonts)
        resources = drawn.resources + (f"/Font<<{fonts}>>" if fonts else "")
        leaf = self._objects.reserve()
        self._objects.put(
            leaf,
            f"<</Type/Page/Parent {self._tree} 0 R/MediaBox[0 0 {drawn.size}]/Contents {drawn.content} 0 R"
            f"/Resources<<{resources}>>{_IN_GREY if 'ExtGState' in resources else ''}>>",
        )
        return leaf

    def _picture(self, page: PageResult, width: float, height: float) -> tuple[bytes, str]:
        picture = self._picture_of(page)
        if picture is None:
            return b"", ""
        a, b, c, d, e, f = picture.place
        numbers = (a * width, b * height, c * width, d * height, e * width, f * height)
        matrix = " ".join(f"{n:.5g}" for n in numbers)
        masks = self._thrift.named
        layers = (
            picture.layers(masks=masks) if isinstance(picture, Planes) else [_shortest(picture) if masks else picture]
        )
        images = [self._objects.put_stream(layer.data, layer.entries, pack=False) for layer in layers]
        named = dict(zip(_LAYERS, images, strict=False))
        resources = "".join(f"/{name} {image} 0 R" for name, image in named.items())
        drawing = [f"/{name} Do" for name in named]
        if not isinstance(picture, Planes):
            return f"{matrix} cm{drawing[0]}".encode(), f"/XObject<<{resources}>>"
        if masks:
            drawing = [f" {share(grey)} g{one}" for grey, one in zip(picture.shares, drawing, strict=True)]
        paper = f"{share(picture.paper)} g -1 -1 3 3 re f/D gs"  # to subtract from, to the edge (11.4.7)
        shown = f"{matrix} cm {paper}{''.join(drawing)}"
        return shown.encode(), f"/XObject<<{resources}>>/ExtGState<</D<</BM/Difference>>>>"


def _shortest(picture: ImageObject) -> ImageObject:
    """Return a black and white picture as a mask: ink on the page, which is white."""
    plain = "/BitsPerComponent 1/ColorSpace/DeviceGray"
    return replace(picture, entries=picture.entries.replace(f"{plain}/Filter", "/ImageMask true/Filter"))
