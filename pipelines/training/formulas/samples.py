"""Batches for the trainer: pictures of formulas on canvases m tiles wide, and what the model shall answer.

Reads the file that `collect` wrote; needs neither TeX nor a network. Labels are canonical LaTeX with signs for commands
(`dsvl2.pipelines.formulas.compact`); `normalise` turns answers back into LaTeX.
"""

from __future__ import annotations

import io
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from dsvl2.pipelines.training.canvas import TILE
from dsvl2.pipelines.training.formulas.draw import MASTER, Mask, Pen
from dsvl2.pipelines.training.formulas.inline import with_neighbours
from dsvl2.pipelines.training.formulas.store import UNITS, Drawing, Store

PROMPT = "<image>\nFormula."
MAX_COLUMNS = 4
X_HEIGHT = 13.0  # px on the canvas that the runtime aims at
SMALLEST, LARGEST = 6.5, 20.0  # px: the range that is trained
X_TO_SIZE = 0.4306  # x-height of Computer Modern, as a share of the font size
_MARGIN = 12  # px that stay white, left and right together
_TALLEST = TILE - 12


@dataclass(frozen=True, slots=True)
class FormulaBatch:
    """Images uint8 [B, 384, 384 m] (255 = white) and their labels."""

    images: npt.NDArray[np.uint8]
    labels: list[str]


class FormulaResources:
    """The formulas of a split by how wide they are."""

    def __init__(self, store: Store, split: str = "train") -> None:
        self.store = store
        self.pen = Pen(store)
        members = store.members(split)
        self.sizes = store.text_sizes()
        widths = store.widths()[members] / UNITS / (self.sizes[members] * X_TO_SIZE)  # in x-heights
        order = np.argsort(widths, kind="stable")
        self.members: list[int] = members[order].tolist()
        self.ratios: list[float] = widths[order].tolist()
        self.digits = next(i for i, use in enumerate(store.uses) if use[0] == "cmr10" and use[1] == 10.0)

    @classmethod
    def load(cls, path: Path | str, split: str = "train") -> FormulaResources:
        """Read the collected file; `split` is train, held_out or unseen."""
        return cls(Store.load(path), split)

    def choose(self, rng: Random, columns: int, x_height: float, extra: float) -> int:
        """A formula that fills `columns` tiles at `x_height` px with `extra` px beside it; -1 if there is none."""
        low = bisect_left(self.ratios, (TILE * (columns - 1) - _MARGIN - extra) / x_height) if columns > 1 else 0
        high = bisect_right(self.ratios, (TILE * columns - _MARGIN - extra) / x_height)
        return self.members[rng.randrange(low, high)] if low < high else -1


def make_formula_batch(rng: Random, resources: FormulaResources, columns: int, size: int) -> FormulaBatch:
    """`size` formulas that need `columns` tiles each, drawn at random scales and qualities.

    A split without wide formulas takes larger letters, and at last narrower formulas, rather than none.
    """
    images = np.full((size, TILE, TILE * columns), 255, np.uint8)
    labels: list[str] = []
    missed = 0
    while len(labels) < size:
        number = _equation_number(rng) if rng.random() < 0.07 else ""
        x_height = min(LARGEST, max(SMALLEST, X_HEIGHT * 2 ** rng.gauss(-0.05, 0.38)))
        gap = rng.uniform(3, 14) * x_height if number else 0.0
        extra = gap + len(number) * 1.3 * x_height
        index = resources.choose(rng, columns, x_height, extra)
        if index < 0:
            missed += 1
            if missed < 50:
                continue
            index, number, gap = rng.choice(resources.members), "", 0.0
        drawing = resources.store.drawing(index)
        if number:
            drawing = _numbered(drawing, resources, number, gap / x_height * resources.sizes[index] * X_TO_SIZE)
        scale = x_height / (resources.sizes[index] * X_TO_SIZE * MASTER)
        if _place(rng, resources.pen.draw(drawing), scale, images[len(labels)]):
            labels.append(resources.store.labels[index])
    return FormulaBatch(images, labels)


def make_inline_batch(rng: Random, resources: FormulaResources, size: int) -> FormulaBatch:
    """`size` short formulas on one tile each, as they are cut out of lines of text: their own size is often mistaken."""
    images = np.full((size, TILE, TILE), 255, np.uint8)
    labels: list[str] = []
    while len(labels) < size:
        x_height = min(LARGEST, max(SMALLEST, X_HEIGHT * 2 ** rng.gauss(0.0, 0.45)))
        index = resources.members[int(rng.random() ** 1.4 * len(resources.members))]  # narrow ones come more often
        other = rng.choice(resources.members)
        scale = x_height / (resources.sizes[index] * X_TO_SIZE * MASTER)
        master = resources.pen.draw(resources.store.drawing(index))
        if rng.random() < 0.35:
            master = with_neighbours(rng, master, resources.pen.draw(resources.store.drawing(other)), 1 / scale)
        if _place(rng, master, scale, images[len(labels)]):
            labels.append(resources.store.labels[index])
    return FormulaBatch(images, labels)


def _equation_number(rng: Random) -> str:
    section = f"{rng.randint(1, 9)}." if rng.random() < 0.4 else ""
    return f"({section}{rng.randint(1, 60)}{rng.choice(('', '', '', 'a', 'b'))})"


def _numbered(drawing: Drawing, resources: FormulaResources, number: str, gap: float) -> Drawing:
    """The formula with an equation number to its right, which is not to be read."""
    store, font = resources.store, resources.digits
    codes = np.array([ord(character) for character in number], np.int32)
    widths = store.advances(font)[codes]
    pen = int((drawing.x + store.advances(drawing.fonts, drawing.codes)).max()) + round(gap * UNITS)
    x = pen + np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int32)
    fonts = np.full(len(codes), font, np.int32)
    baseline = int(np.bincount(drawing.y - drawing.y.min()).argmax() + drawing.y.min())  # where most glyphs stand
    return Drawing(
        np.concatenate([drawing.fonts, fonts]), np.concatenate([drawing.codes, codes]), np.concatenate([drawing.x, x]),
        np.concatenate([drawing.y, np.full(len(codes), baseline, np.int32)]), drawing.rules,
    )  # fmt: skip


def _place(rng: Random, master: Mask, scale: float, canvas: npt.NDArray[np.uint8]) -> bool:
    """Scale the drawing, wear it, and put it on the canvas; False if it would have to become too small."""
    height, width = master.shape
    room = canvas.shape[1] - 4
    if scale * height > _TALLEST or scale * width > room:
        smaller = min(_TALLEST / height, room / width)
        if smaller < 0.6 * scale:
            return False
        scale = smaller
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    picture = worn(rng, Image.fromarray(master), size)
    spare_x, spare_y = canvas.shape[1] - size[0], canvas.shape[0] - size[1]
    if rng.random() < 0.6:
        x, y = (spare + rng.randint(-4, 4) for spare in (spare_x, spare_y))
        x, y = x // 2, y // 2
    else:
        x, y = rng.randint(0, spare_x), rng.randint(0, spare_y)
    x, y = min(max(x, 0), spare_x), min(max(y, 0), spare_y)
    ink = np.asarray(picture, np.uint8)
    paper, black = (rng.randint(225, 255), rng.randint(0, 90)) if rng.random() < 0.2 else (255, 0)
    canvas[:] = paper
    shades = np.round(paper + (black - paper) * np.arange(256) / 255.0).astype(np.uint8)
    canvas[y : y + size[1], x : x + size[0]] = shades[ink]
    if rng.random() < 0.12:
        canvas[:] = _jpeg(canvas, rng.randint(25, 90))
    return True


def worn(rng: Random, master: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Bring the large drawing to `size` as renderers and enlarged small pictures do."""
    kind = rng.random()
    if kind < 0.28:  # a small picture that was enlarged
        share = rng.uniform(0.42, 0.95)
        small = (max(6, round(size[0] * share)), max(6, round(size[1] * share)))
        picture = master.resize(small, rng.choice((Image.Resampling.BOX, Image.Resampling.HAMMING)), reducing_gap=2.0)
        picture = _weighed(rng, picture).resize(size, rng.choice((Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)))
    else:
        how = rng.choice(
            (Image.Resampling.BOX, Image.Resampling.HAMMING, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)
        )
        picture = _weighed(rng, master.resize(size, how, reducing_gap=2.0))
    if rng.random() < 0.12:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.04:  # bilevel
        limit = rng.randint(90, 170)
        picture = picture.point([0] * limit + [255] * (256 - limit))
    return picture


def _weighed(rng: Random, picture: Image.Image) -> Image.Image:
    """Thicker or thinner strokes: coverage to a power."""
    if rng.random() < 0.45:
        return picture
    power = 2 ** rng.uniform(-1.0, 0.55)
    return picture.point([round(255 * (value / 255) ** power) for value in range(256)])


def _jpeg(canvas: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.uint8)
