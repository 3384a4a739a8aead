"""Tell the ground a chart is drawn on (paper, stripes, bars, sectors) from what is drawn on it (letters and strokes)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.pixels import Labels, Mask, Palette, Rgb, grown, is_grey, opened, quantise

CONTRAST = 38.0  # least difference of a letter from its ground, largest channel
_SPREAD = 24  # steps by which filled areas grow into what is drawn on them


@dataclass(frozen=True, slots=True)
class Ground:
    """The picture, its palette, the fill colour under every pixel [H, W], and what differs from it [H, W].

    `flat` marks pixels of really filled areas; `thick` is the least side of such an area, pixels.
    """

    rgb: Rgb
    palette: Palette
    under: Labels
    flat: Mask
    strokes: Mask
    thick: int

    @property
    def grounds(self) -> tuple[int, ...]:
        """The colours of paper and panels: a panel is a pale or grey box whose rim, all around, is of its colour."""
        height, width = self.under.shape
        found = [self.paper]
        for number in range(self.palette.size):
            colour = self.palette.colours[number]
            mask = (self.under == number) & self.flat
            if number == self.paper or not is_grey(colour, 60) or mask.mean() < 0.08:
                continue
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            box = self.under[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            inset = min(2, min(box.shape) // 3)
            sides = [box[inset], box[-1 - inset], box[:, inset], box[:, -1 - inset]]
            shares = sorted(float((side == number).mean()) for side in sides)
            # Bars of one grey fill their own box on two sides at most, and a panel's foot may be hidden by bars.
            between = float((box == self.paper).mean())  # paper is seen between bars, not on a panel
            if box.size > 0.2 * height * width and shares[1] > 0.6 and between < 0.05:
                found.append(number)
        return tuple(found)

    @property
    def paper(self) -> int:
        """Index of the colour of the picture's rim; the commonest fill colour if the rim is of several."""
        rim = np.concatenate(
            [self.under[:2].ravel(), self.under[-2:].ravel(), self.under[:, :2].ravel(), self.under[:, -2:].ravel()]
        )
        count = np.bincount(rim.astype(np.int64), minlength=self.palette.size)
        if count.max() > 0.6 * rim.size:
            return int(count.argmax())
        return int(np.bincount(self.under.ravel().astype(np.int64), minlength=self.palette.size).argmax())


def look(rgb: Rgb) -> Ground:
    """Separate the ground of an [H, W, 3] picture from the strokes on it."""
    palette = quantise(rgb)
    height, width = rgb.shape[:2]
    thick = int(np.clip(round(min(height, width) / 90), 5, 16))
    under = np.full((height, width), -1, dtype=np.int16)
    for number in range(palette.size):
        under[opened(palette.labels == number, thick)] = number
    flat = under >= 0
    if not flat.any():
        return Ground(rgb, palette, np.zeros_like(under), flat, np.zeros_like(flat), thick)
    under = _spread(under, palette.labels)
    colour = palette.colours[under].astype(np.int16)
    strokes = (np.abs(rgb.astype(np.int16) - colour).max(axis=2) > CONTRAST) & ~flat
    # The soft pixels between two fills are nobody's letters.
    border = np.zeros_like(flat)
    border[:, 1:] |= under[:, 1:] != under[:, :-1]
    border[1:] |= under[1:] != under[:-1]
    strokes &= ~(grown(border, 1) & _between(rgb, palette, under))
    return Ground(rgb, palette, under, flat, strokes, thick)


def _spread(under: Labels, labels: Labels) -> Labels:
    """Let filled areas grow until every pixel has one; what is left after some steps gets the commonest.

    First they take pixels of their own colour alone, so that the paper between a bar and the number above it stays paper.
    """
    padded = np.pad(under, 1, constant_values=-1)
    known, wide = padded.ravel(), padded.shape[1]
    rows, columns = np.nonzero(under < 0)
    rest, own = (rows + 1) * wide + columns + 1, labels[rows, columns]
    for alike in (True, False):
        waiting = np.arange(rest.size)
        for _ in range(_SPREAD):
            waiting = waiting[known[rest[waiting]] < 0]
            found = np.full(waiting.size, -1, dtype=under.dtype)
            for step in (-wide, wide, -1, 1):
                part = known[rest[waiting] + step]
                take = (found < 0) & (part >= 0)
                if alike:
                    take &= part == own[waiting]
                found[take] = part[take]
            if not (found >= 0).any():
                break
            known[rest[waiting]] = found
    result = padded[1:-1, 1:-1].copy()
    common = int(np.bincount(under[under >= 0].astype(np.int64)).argmax())
    result[result < 0] = common
    return result


def _between(rgb: Rgb, palette: Palette, under: Labels) -> Mask:
    """Return the pixels whose colour lies between the fills to both sides: a soft edge, not a stroke of its own."""
    low = np.full(rgb.shape, 255, dtype=np.uint8)
    high = np.zeros(rgb.shape, dtype=np.uint8)
    colour = palette.colours[under]
    padded = np.pad(colour, ((2, 2), (2, 2), (0, 0)), mode="edge")
    height, width = under.shape
    for dy, dx in ((0, 2), (4, 2), (2, 0), (2, 4), (2, 2)):
        part: NDArray[np.uint8] = padded[dy : dy + height, dx : dx + width]
        low, high = np.minimum(low, part), np.maximum(high, part)
    slack = 10
    inside = (rgb.astype(np.int16) >= low.astype(np.int16) - slack) & (
        rgb.astype(np.int16) <= high.astype(np.int16) + slack
    )
    result: Mask = np.asarray(inside.all(axis=2), dtype=np.bool_)
    return result
