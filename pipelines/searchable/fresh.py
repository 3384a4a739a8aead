"""New PDF files: pictures with their invisible text, or the text alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.images import ImageObject
from dsvl2.pipelines.searchable.objects import NewPdf
from dsvl2.pipelines.searchable.planes import Colour, Planes, painted
from dsvl2.pipelines.searchable.syntax import number
from dsvl2.pipelines.searchable.text import PLAIN, Thrift, fonts_in, page_text

_PROGRAM = "dsvl2"
_GROUP = "/Group<</S/Transparency/CS/Device{}>>"  # a printer's inks are no place to subtract in
_NAMES = {InvisibleFonts.plain: "T", InvisibleFonts.wide: "U"}


PictureOf = Callable[[PageResult], ImageObject | Planes | None]
_LAYERS = "IJKLMN"


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
    group: str


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
        drawing, resources, group = self._picture(page, width, height)
        text = page_text(page, (scale, 0.0, 0.0, -scale, 0.0, height), self._fonts, _NAMES, self._thrift)
        fonts = fonts_in(text, _NAMES)
        self._places.update(dict.fromkeys(fonts, 0))
        # What is drawn last need not be undone.
        content = text + drawing if self._thrift.named else b"q " + drawing + b" Q\n" + text if drawing else text
        return _Drawn(f"{width:.5g} {height:.5g}", self._objects.put_stream(content), resources, tuple(fonts), group)

    def _leaf(self, drawn: _Drawn, direct: str) -> int:
        fonts = "".join(f"/{_NAMES[font]}" + (direct or f" {self._places[font]} 0 R") for font in drawn.fonts)
        resources = drawn.resources + (f"/Font<<{fonts}>>" if fonts else "")
        leaf = self._objects.reserve()
        self._objects.put(
            leaf,
            f"<</Type/Page/Parent {self._tree} 0 R/MediaBox[0 0 {drawn.size}]/Contents {drawn.content} 0 R"
            f"/Resources<<{resources}>>{drawn.group}>>",
        )
        return leaf

    def _picture(self, page: PageResult, width: float, height: float) -> tuple[bytes, str, str]:
        """Return what draws the page's picture, its resources, and the group that it is put together in."""
        picture = self._picture_of(page)
        if picture is None:
            return b"", "", ""
        a, b, c, d, e, f = picture.place
        numbers = (a * width, b * height, c * width, d * height, e * width, f * height)
        matrix = " ".join(f"{n:.5g}" for n in numbers)
        if isinstance(picture, Planes):
            layers = picture.layers()
        else:
            layers = [_shortest(picture) if self._thrift.named else picture]
        images = [self._objects.put_stream(layer.data, layer.entries, pack=False) for layer in layers]
        named = dict(zip(_LAYERS, images, strict=False))
        resources = "".join(f"/{name} {image} 0 R" for name, image in named.items())
        if not isinstance(picture, Planes):
            return f"{matrix} cm/{_LAYERS[0]} Do".encode(), f"/XObject<<{resources}>>", ""
        group = _GROUP.format("Gray" if len(picture.paper) == 1 else "RGB")
        states = "/D<</BM/Difference>>" + ("/N<</BM/Normal>>" if picture.zones else "")
        shown = f"{matrix} cm {_drawn_planes(picture)}"
        return shown.encode(), f"/XObject<<{resources}>>/ExtGState<<{states}>>", group


def _drawn_planes(picture: Planes) -> str:
    """Return what draws the planes into the unit square, and over that once more what has other colours."""

    def over(paper: Colour, shares: Sequence[Colour]) -> str:
        named = (f"/{name} Do" for name in _LAYERS)
        drawn = (
            f" {painted(share)}{name}" if picture.masks else name for share, name in zip(shares, named, strict=False)
        )
        # To subtract from, to the edge (11.4.7).
        return f"{painted(paper)} -1 -1 3 3 re f/D gs{''.join(drawn)}"

    width, height = picture.pixels
    parts = [over(picture.paper, picture.shares)]
    for zone in picture.zones:
        left, top, right, bottom = zone.box
        corner = (left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height)
        clip = " ".join(number(one, 5) for one in corner)
        parts.append(f"q/N gs {clip} re W n {over(zone.paper, zone.shares)} Q")
    return " ".join(parts)


def _shortest(picture: ImageObject) -> ImageObject:
    """Return a black and white picture as a mask: ink on the page, which is white."""
    plain = "/BitsPerComponent 1/ColorSpace/DeviceGray"
    return replace(picture, entries=picture.entries.replace(f"{plain}/Filter", "/ImageMask true/Filter"))
