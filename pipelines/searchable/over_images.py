"""A searchable PDF of an image file: pages of its pictures, kept to the pixel or brought into the bytes there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.errors import OutputError
from dsvl2.pipelines.formats.base import Original
from dsvl2.pipelines.searchable.fresh import PictureOf, new_pdf
from dsvl2.pipelines.searchable.images import ImageObject, image_object
from dsvl2.pipelines.searchable.likeness import ALIKE, NO_LOSS, READABLE, Floor
from dsvl2.pipelines.searchable.near import Near, NearPicture, has_no_place, near_picture
from dsvl2.pipelines.searchable.planes import Planes
from dsvl2.pipelines.searchable.text import Thrift
from dsvl2.pipelines.searchable.ways import FINE, NEAR, THRIFT, Fitted, document_fonts

_NO_PICTURE = ImageObject("", b"")
_ROUNDS = 3  # of asking for less, where objects took more than was reckoned


@dataclass(frozen=True, slots=True)
class OverImages:
    """The pictures of an image file, and what was found of them."""

    data: bytes
    document: Document
    original: Original
    known: dict[tuple[int, bool], ImageObject | Planes] = field(default_factory=dict)
    near: dict[int, NearPicture | None] = field(default_factory=dict)

    def written(self, thrift: Thrift) -> bytes:
        """Return the PDF with pictures as they are."""
        pages = self._pages()
        return new_pdf(
            pages, document_fonts(pages, thrift), lambda page: self._picture(page.number, thrift.packed), thrift
        )

    def nearest(self, most: int) -> Fitted | None:
        """Return the PDF in `most` bytes, with pictures as near as they can be then; None if they would not look the same."""
        least = self._fitted(NEAR[-1], most)
        if least is None:
            return self._fitted(NEAR[-1], most, READABLE) or self._fewest(most)
        if min(least.decibels.values(), default=NO_LOSS) >= FINE:
            better = self._fitted(NEAR[0], most)
            if better is not None and min(better.decibels.values(), default=NO_LOSS) >= FINE:
                return better
        return least

    def _fewest(self, most: int) -> Fitted | None:
        """Return a PDF that is larger, if to the pixel it would be so several times: what a lossy coder left."""
        if not has_no_place(self.data, self.original.kind):
            return None
        thrift, pages = NEAR[0], self._pages()
        exact = {page.number: self._picture(page.number, packed=True) for page in pages}
        share = (most - len(self._blank(thrift))) / sum(kept.size for kept in exact.values())
        found = {
            number: (near := self._near(number)) and near.fewest(int(share * kept.size), kept)
            for number, kept in exact.items()
        }
        chosen = {number: near or Near(exact[number], NO_LOSS) for number, near in found.items()}
        made = new_pdf(pages, document_fonts(pages, thrift), _picture_of(chosen), thrift)
        return Fitted(made, _changed(chosen)) if any(found.values()) else None

    def why_larger(self, most: int, *, exact: bool) -> str:
        """Say what keeps the PDF from being smaller."""
        bare = len(self._blank(THRIFT[-1]))
        if bare > most:
            return f"a PDF of its text alone takes {bare} bytes"
        if exact:
            return "no pixel is changed (--pdf-images exact)"
        return "no form of its pictures that can be read as well is smaller"

    def _fitted(self, thrift: Thrift, most: int, floor: Floor = ALIKE) -> Fitted | None:
        pages, room = self._pages(), most - len(self._blank(thrift))
        for _ in range(_ROUNDS):
            if room <= 0 or (chosen := self._shared_out(pages, room, floor)) is None:
                return None
            made = new_pdf(pages, document_fonts(pages, thrift), _picture_of(chosen), thrift)
            if len(made) <= most:
                return Fitted(made, _changed(chosen), floor == ALIKE)
            room -= len(made) - most
        return None

    def _shared_out(self, pages: Sequence[PageResult], room: int, floor: Floor) -> Mapping[int, Near] | None:
        """Return a picture for each page that together take `room`, each cut by the same share.

        What would be further off than `floor` then stays as it is, and the others are cut by more. None if that does not do.
        """
        exact = {page.number: self._picture(page.number, packed=True) for page in pages}
        chosen: dict[int, Near] = {}
        while len(chosen) < len(pages):
            rest = [number for number in exact if number not in chosen]
            left = room - sum(near.picture.size for near in chosen.values())
            share = left / sum(exact[number].size for number in rest)
            found = {}
            for number in rest:
                near = self._near(number)
                found[number] = near and near.within(int(share * exact[number].size), exact[number], floor)
            if all(found.values()):
                return chosen | {number: near for number, near in found.items() if near}
            chosen |= {number: Near(exact[number], NO_LOSS) for number, near in found.items() if near is None}
        return None

    def _pages(self) -> list[PageResult]:
        pages = [page for page in self.document.pages if page.width_px and page.height_px and page.dpi]
        if not pages:
            raise OutputError(f"{self.original.name} has no page that could be put into a PDF")
        return pages

    def _blank(self, thrift: Thrift) -> bytes:
        pages = self._pages()
        return new_pdf(pages, document_fonts(pages, thrift), lambda _: _NO_PICTURE, thrift)

    def _picture(self, number: int, packed: bool) -> ImageObject | Planes:
        if (number, packed) not in self.known:
            found: ImageObject | Planes = image_object(self.data, self.original.kind, number - 1, harder=packed)
            if packed and (near := self._near(number)) and (planes := near.exact()):
                found = min(found, planes, key=lambda one: one.size)
            self.known[number, packed] = found
        return self.known[number, packed]

    def _near(self, number: int) -> NearPicture | None:
        if number not in self.near:
            self.near[number] = near_picture(self.data, self.original.kind, number - 1)
        return self.near[number]


def _picture_of(chosen: Mapping[int, Near]) -> PictureOf:
    return lambda page: chosen[page.number].picture


def _changed(chosen: Mapping[int, Near]) -> dict[int, float]:
    return {page: near.decibels for page, near in chosen.items() if near.decibels < NO_LOSS}
