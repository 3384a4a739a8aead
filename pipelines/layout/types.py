"""What the page cutter hands out: the page's geometry, its regions and the bands a small model reads at once.

"Upright" pixels are those after quarter turn and deskew; `PageLayout.to_page` leads back to the image as read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from dsvl2.pipelines.documents import Box

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines.layout.ink import PageInk
    from dsvl2.pipelines.tables.drawn import DrawnTable

Affine = tuple[float, float, float, float, float, float]


class Profile(Protocol):
    """The part of a checkpoint's reading profile that the cutter needs (all in canvas pixels, bins excepted)."""

    @property
    def tile(self) -> int: ...
    @property
    def max_columns(self) -> int: ...
    @property
    def line_pitch(self) -> float: ...
    @property
    def x_height(self) -> float: ...
    @property
    def location_bins(self) -> int: ...


@dataclass(frozen=True, slots=True)
class InkLine:
    """One printed line as the ink shows it, upright pixels; `top`..`base` is the height of a lower-case x."""

    x0: float
    y0: float
    x1: float
    y1: float
    top: float
    base: float

    @property
    def middle(self) -> float:
        """Vertical centre of the x-height: what a location token points at."""
        return (self.top + self.base) / 2

    @property
    def box(self) -> Box:
        """The ink's bounding box."""
        return Box(self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True, slots=True)
class Band:
    """A model-ready strip of text: `image` is mode "L", exactly tile*m wide and one tile high, white around the text.

    `canvas = (upright - (box.x0, box.y0)) * scale + offset` for both axes. `lines` are its printed lines, top down.
    """

    image: Image
    box: Box
    scale: float
    offset: tuple[float, float]
    lines: tuple[InkLine, ...]

    def row(self, canvas_y: float) -> float:
        """Return the upright page row of a canvas row."""
        return (canvas_y - self.offset[1]) / self.scale + self.box.y0


@dataclass(frozen=True, slots=True)
class Region:
    """A block of the page in reading order. A figure has no bands; `column` counts columns from 0, left to right.

    The bands of a `table` are canvases of its cells' text: their lines do not lie on the page as the canvas shows them.
    """

    box: Box
    column: int = 0
    bands: tuple[Band, ...] = ()
    kind: Literal["text", "figure", "table"] = "text"
    table: DrawnTable | None = None


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The cut page. `rotation` is the clockwise turn that makes it upright, `skew` the angle taken out after that.

    `line_pitch` and `x_height` are typical values in upright pixels (0 on a blank page); `size` is the upright
    (width, height); `matrix` = (a, b, c, d, e, f) takes upright to page pixels: x = a*u + b*v + c, y = d*u + e*v + f.
    `location_bins` is the number of rows a canvas is divided into by the model's location tokens; `zoom` is working
    pixels (those of a DrawnTable) per upright pixel; `ink` holds the letters that were found. `tied`: too
    few of its lines said which way up it stands; `analyse(..., over=True)` gives the other. `odd`: its rows are hardly those
    of a printed page, but of a drawing, of writing, of a texture, or there are very few.
    """

    rotation: int
    skew: float
    blank: bool
    regions: tuple[Region, ...]
    line_pitch: float
    x_height: float
    size: tuple[int, int]
    page_size: tuple[int, int]
    matrix: Affine
    location_bins: int = 0
    zoom: float = 1.0
    ink: PageInk | None = field(default=None, compare=False, repr=False)
    tied: bool = False
    odd: bool = False

    @property
    def bands(self) -> tuple[Band, ...]:
        """All bands of the page in reading order: what `assemble` expects texts for."""
        return tuple(band for region in self.regions for band in region.bands)

    def from_page(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the page image as read lies on the upright page."""
        a, b, c, d, e, f = self.matrix
        scale = a * e - b * d
        return (e * (x - c) - b * (y - f)) / scale, (a * (y - f) - d * (x - c)) / scale

    def worked_to_page(self, box: Box) -> Box:
        """Return the box around a box in working pixels on the page image as read."""
        z = self.zoom
        return self.to_page(Box(box.x0 / z, box.y0 / z, box.x1 / z, box.y1 / z))

    def to_page(self, box: Box) -> Box:
        """Return the box around an upright box on the page image as read, clipped to it."""
        a, b, c, d, e, f = self.matrix
        corners = [(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
        xs = [a * x + b * y + c for x, y in corners]
        ys = [d * x + e * y + f for x, y in corners]
        width, height = self.page_size
        return Box(
            min(max(min(xs), 0.0), width),
            min(max(min(ys), 0.0), height),
            min(max(*xs, 0.0), width),
            min(max(*ys, 0.0), height),
        )

    def to_upright(self, box: Box) -> Box:
        """Return the upright box that `to_page` leads to this box on the page image (what was clipped is lost)."""
        a, b, c, d, e, f = self.matrix
        x, y = (box.x0 + box.x1) / 2 - c, (box.y0 + box.y1) / 2 - f
        u, v = a * x + d * y, b * x + e * y  # the matrix is a turn: its inverse is its transpose
        wide, high = box.x1 - box.x0, box.y1 - box.y0
        cos, sin = abs(a), abs(b)  # on the page it is cos * w + sin * h wide and sin * w + cos * h high
        turned = cos * cos - sin * sin
        w, h = (cos * wide - sin * high) / turned, (cos * high - sin * wide) / turned
        return Box(u - w / 2, v - h / 2, u + w / 2, v + h / 2)


@dataclass(frozen=True, slots=True)
class BandText:
    """What the model printed for one band: whole text, text of each token and the tokens' log-probabilities."""

    text: str
    pieces: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()
