"""Ink and paper: a paper-tone map, an ink mask (for layout only, never for reading), dark scan borders and dust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsvl2.pipelines.layout.components import Components, Mask, components, paint, select

Gray = NDArray[np.uint8]
Ratio = NDArray[np.float32]
MOST_PIECES = 20_000  # components that are looked at on one page
FAINTEST = 0.84  # lightest print, relative to the paper
BLOCK = 24  # side of a paper-tone block, working pixels: two or three text lines at 150 dpi


@dataclass(frozen=True, slots=True)
class Ink:
    """Ink mask [H, W], a laxer one for thin grey rules, paper tone per block [h, w] (0..255), the typical tone."""

    mask: Mask
    faint: Mask
    paper_map: Gray
    paper: float


def is_inverted(gray: Gray) -> bool:
    """Say whether the page is light on dark: the larger part is dark, and so is most of its inside."""
    sample = gray[:: max(1, gray.shape[0] // 400), :: max(1, gray.shape[1] // 400)]
    low, high = float(np.percentile(sample, 2)), float(np.percentile(sample, 98))
    if high - low < 60 and high < 80:  # hardly lit: what most of it is tells, as far as anything does
        return 2 * float(np.median(sample)) < low + high + 8
    if high - low < 40:
        return False
    middle = (low + high) / 2
    h, w = sample.shape
    inside = sample[h // 8 : h - h // 8 or h, w // 8 : w - w // 8 or w]
    return float((sample < middle).mean()) > 0.6 and float((inside < middle).mean()) > 0.6


def _blocks(gray: Gray, block: int) -> NDArray[np.float32]:
    """Return the 80th percentile of each block [h, w]: paper, wherever at least a fifth of the block is paper."""
    height, width = gray.shape
    rows, cols = -(-height // block), -(-width // block)
    padded = np.pad(gray, ((0, rows * block - height), (0, cols * block - width)), mode="edge")
    tiles = padded.reshape(rows, block, cols, block).transpose(0, 2, 1, 3).reshape(rows, cols, -1)
    thin = tiles[:, :, ::3]
    return np.partition(thin, int(thin.shape[2] * 0.8), axis=2)[:, :, int(thin.shape[2] * 0.8)].astype(np.float32)


def _spread(level: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the local mean over (2*reach+1)^2 blocks, edges repeated."""
    size = 2 * reach + 1
    total = np.pad(np.pad(level, reach, mode="edge").cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
    inner = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    mean: NDArray[np.float32] = (inner / (size * size)).astype(np.float32)
    return mean


def paper_tone(gray: Gray) -> tuple[Gray, float]:
    """Return the paper-tone map (one value per block) and the page's median paper tone.

    Blocks much darker than the page's paper (photos, dark borders, filled bars) take its tone instead: they are ink.
    """
    level = _blocks(gray, BLOCK)
    bright = level[level >= np.percentile(level, 40)]
    page = float(np.median(bright))
    level = np.where(level < 0.62 * page, page, level)
    return _spread(level, 1).clip(1, 255).astype(np.uint8), page


def upsample(paper_map: Gray, size: tuple[int, int]) -> Gray:
    """Return the paper map stretched over a (width, height) page."""
    rows, cols = paper_map.shape
    image = Image.fromarray(paper_map).resize((cols * BLOCK, rows * BLOCK), Image.Resampling.BILINEAR)
    return np.asarray(image.crop((0, 0, size[0], size[1])), dtype=np.uint8)


def _darkness(ratio: Ratio, noise: float) -> Ratio:
    """Return the ink/paper ratio of the strokes around each block [h, w]; 1 where there are none worth the name."""
    rows, cols = ratio.shape[0] // BLOCK, ratio.shape[1] // BLOCK
    if not rows or not cols:
        return np.full((1, 1), float(np.percentile(ratio, 4)), dtype=np.float32)
    tiles = ratio[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK).transpose(0, 2, 1, 3)
    flat = tiles.reshape(rows, cols, -1)
    rank = int(flat.shape[2] * 0.03)
    dark = np.partition(flat, rank, axis=2)[:, :, rank]
    near = np.pad(dark, 1, mode="edge")
    least = np.minimum(near[:-2], np.minimum(near[1:-1], near[2:]))
    least = np.minimum(least[:, :-2], np.minimum(least[:, 1:-1], least[:, 2:]))
    least = np.where(least > min(FAINTEST, 1 - 5 * noise), 1.0, np.maximum(least, dark - 0.25))
    return least.astype(np.float32)


def find_ink(gray: Gray) -> Ink:
    """Return the ink of a [H, W] uint8 page, dark on light, robust to gradients, stains and show-through.

    The threshold lies between the paper and the strokes around each place, nearer to the paper: faint print counts as ink
    where nothing darker is near, the grey ghost of the back page does not where there is real print.
    """
    paper_map, paper = paper_tone(gray)
    tone = upsample(paper_map, (gray.shape[1], gray.shape[0])).astype(np.float32)
    ratio: Ratio = (gray.astype(np.float32) / np.maximum(tone, 1)).astype(np.float32)
    sample = ratio[::5, ::5]
    noise = 1.48 * float(np.median(np.abs(sample[sample > 0.8] - 1.0))) if (sample > 0.8).any() else 0.0
    dark = _darkness(ratio, noise)
    limit = np.where(dark < 1.0, dark + 0.62 * (1 - dark), 0.6).clip(0.5, min(0.88, 1 - 3 * noise))
    image = Image.fromarray((limit * 255).astype(np.uint8))
    size = (
        (dark.shape[1] * BLOCK, dark.shape[0] * BLOCK) if min(gray.shape) >= BLOCK else (gray.shape[1], gray.shape[0])
    )
    wide = np.asarray(image.resize(size, Image.Resampling.BILINEAR), dtype=np.float32) / 255
    spare = ((0, max(0, gray.shape[0] - wide.shape[0])), (0, max(0, gray.shape[1] - wide.shape[1])))
    wide = np.pad(wide, spare, mode="edge")[: gray.shape[0], : gray.shape[1]]
    mask = ratio < wide
    return Ink(mask, mask | (ratio < min(0.9, 1 - 4 * noise)), paper_map, paper)


def drop_borders(found: Components, shape: tuple[int, int]) -> Mask:
    """Return which components are kept: scan borders (long, touching an edge of a page-like image) are not."""
    height, width = shape
    keep = np.ones(len(found), dtype=np.bool_)
    if min(height, width) < 200 or max(height, width) > 6 * min(height, width):
        return keep  # a cropped line or word touches the edges with its letters
    rim = 3
    beside = (found.x0 <= rim) | (found.x1 >= width - rim)
    above = (found.y0 <= rim) | (found.y1 >= height - rim)
    keep &= ~(beside & (found.height > 0.12 * height))
    keep &= ~(above & (found.width > 0.12 * width))
    solid = found.area > 0.5 * found.width * found.height
    keep &= ~((beside | above) & solid & (found.area > 0.0004 * height * width))
    return keep


def clean(mask: Mask) -> tuple[Mask, Components]:
    """Return the mask without scan borders and dust, and its components."""
    found = components(mask)
    keep = drop_borders(found, (mask.shape[0], mask.shape[1])) & (found.area > 2)
    least = 2
    while int(keep.sum()) > MOST_PIECES and least < 64:  # screens and noise: a page has a few thousand letters
        least *= 2
        keep &= found.area > least
    cleaned = paint(found.runs, keep, (mask.shape[0], mask.shape[1]))
    return cleaned, select(found, keep)
