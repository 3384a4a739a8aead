"""Degradation of rendered bands on the training device: geometry, ink, capture resolution, light, noise, JPEG.

Works on whole batches; knows nothing of text but the points that must move with the picture.
Values are 1.0 for white paper and 0.0 for black ink throughout.
"""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

# Luminance quantisation table of ITU-T T.81 annex K.1.
_LUMINANCE = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)


def _uniform(batch: int, low: float, high: float, like: Tensor) -> Tensor:
    return torch.empty(batch, device=like.device).uniform_(low, high)


def _chance(batch: int, probability: float, like: Tensor) -> Tensor:
    return (torch.rand(batch, device=like.device) < probability).float()


def warp(images: Tensor, points: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Rotate, shrink, shear, shift and ripple each image [B,H,W] a little, moving points [B,N,2] (x, y px) with it.

    Pictures only shrink: growing would push text off the canvas while its label stays. Points with x < 0 are padding.
    """
    batch, height, width = images.shape
    moved = _chance(batch, 0.65 * strength, images)
    angle = torch.randn(batch, device=images.device).clamp(-2.5, 2.5) * 0.006 * moved * _chance(batch, 0.6, images)
    shrink_x = 1 + moved * _uniform(batch, 0, 0.08, images)
    shrink_y = 1 + moved * _uniform(batch, 0, 0.07, images) + angle.abs() * (width / height)
    shear = moved * torch.randn(batch, device=images.device) * 0.02 * _chance(batch, 0.3, images)
    shift_x = moved * _uniform(batch, -1, 1, images) * ((shrink_x - 1) * width / 2 * 0.9 + 1)
    spare_y = (shrink_y - 1 - angle.abs() * (width / height)).clamp(min=0)
    shift_y = moved * _uniform(batch, -1, 1, images) * (spare_y * height / 2 * 0.9 + 1)
    ripple = moved * _chance(batch, 0.12, images) * _uniform(batch, 0.5, 2.5, images)
    wave = 2 * math.pi / _uniform(batch, 300, 1500, images)
    phase = _uniform(batch, 0, 2 * math.pi, images)
    # matrix from output to input coordinates, about the centre
    rows = [[shrink_x * angle.cos(), shear - angle.sin()], [angle.sin(), shrink_y * angle.cos()]]
    matrix = torch.stack([torch.stack(row, -1) for row in rows], -2)
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=images.device)
    offset = torch.stack([shift_x, shift_y], -1) + centre
    ys, xs = torch.meshgrid(
        torch.arange(height, device=images.device) - centre[1],
        torch.arange(width, device=images.device) - centre[0],
        indexing="ij",
    )

    def column(value: Tensor) -> Tensor:
        return value[:, None, None]

    from_x = column(matrix[:, 0, 0]) * xs + column(matrix[:, 0, 1]) * ys + column(offset[:, 0])
    from_y = column(matrix[:, 1, 0]) * xs + column(matrix[:, 1, 1]) * ys + column(offset[:, 1])
    from_y = from_y + column(ripple) * torch.sin(xs * column(wave) + column(phase))
    grid = torch.stack([from_x * 2 / (width - 1) - 1, from_y * 2 / (height - 1) - 1], -1)
    warped = F.grid_sample(images[:, None], grid, mode="bilinear", padding_mode="border", align_corners=True)[:, 0]
    determinant = shrink_x * angle.cos() * shrink_y * angle.cos() - (shear - angle.sin()) * angle.sin()
    inverse = [[shrink_y * angle.cos(), angle.sin() - shear], [-angle.sin(), shrink_x * angle.cos()]]
    undo = torch.stack([torch.stack(row, -1) for row in inverse], -2) / determinant[:, None, None]
    back = torch.einsum("bij,bnj->bni", undo, points - offset[:, None])
    lift = ripple[:, None] * torch.sin(back[..., 0] * wave[:, None] + phase[:, None])
    back = torch.stack([back[..., 0] + centre[0], back[..., 1] + centre[1] - lift], -1)
    return warped, torch.where(points[..., :1] >= 0, back, points)


def jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """Quantise 8x8 DCT blocks of [B,H,W] with the standard luminance table times ``quality`` [B] (1.0 = quality 50)."""
    batch, height, width = images.shape
    device = images.device
    k, n = torch.arange(8, device=device)[:, None], torch.arange(8, device=device)[None]
    basis = torch.cos(math.pi * (2 * n + 1) * k / 16) * torch.where(k == 0, math.sqrt(1 / 8), 0.5)
    table = torch.tensor([float(v) for v in _LUMINANCE.split()], device=device).view(8, 8)
    steps = (table * quality[:, None, None]).clamp(min=1)[:, None, None]
    padded = F.pad(images[:, None], (0, -width % 8, 0, -height % 8), mode="replicate")[:, 0] * 255 - 128
    rows, cols = padded.shape[1] // 8, padded.shape[2] // 8
    blocks = padded.view(batch, rows, 8, cols, 8).permute(0, 1, 3, 2, 4)
    kept = torch.round(basis @ blocks @ basis.T / steps) * steps
    restored = (basis.T @ kept @ basis).permute(0, 1, 3, 2, 4).reshape(batch, rows * 8, cols * 8)
    return (restored[:, :height, :width] + 128) / 255


def _gaussian_blur(images: Tensor, sigma: Tensor) -> Tensor:
    offsets = torch.arange(-3, 4, device=images.device)
    kernel = torch.exp(-(offsets[None] ** 2) / (2 * sigma[:, None] ** 2))
    kernel = kernel / kernel.sum(1, keepdim=True)
    height, width = images.shape[1:]
    padded = F.pad(images[:, None], (3, 3, 3, 3), mode="replicate")[:, 0]
    rows = sum(kernel[:, j, None, None] * padded[:, j : j + height] for j in range(7))
    assert isinstance(rows, Tensor)
    blurred = sum(kernel[:, j, None, None] * rows[:, :, j : j + width] for j in range(7))
    assert isinstance(blurred, Tensor)
    return blurred


def _threshold(images: Tensor, share: Tensor, noise: Tensor | float = 0.0) -> Tensor:
    """Ink or paper: black below ``share`` of the way from ink to the paper around it, as scanners decide."""
    near = F.max_pool2d(images[:, None], 32, 16, 16)
    paper = F.interpolate(near, size=images.shape[1:], mode="bilinear")[:, 0].clamp(min=0.05)
    x = images / paper
    dark = x.amin(dim=(1, 2), keepdim=True)
    return (x + noise * (1 - dark) > dark + (1 - dark) * share).float()


def capture(images: Tensor, strength: float) -> Tensor:
    """Print and scan [B,H,W] at its own resolution: ink spread, blur, uneven light, contrast, noise, threshold, JPEG."""
    batch = len(images)

    def some(probability: float) -> Tensor:
        # drawn on the host: a draw on the device would stall it ten times a step
        return (torch.rand(batch) < probability * strength).nonzero()[:, 0].to(images.device, non_blocking=True)

    def level(count: int, low: float, high: float) -> Tensor:
        return _uniform(count, low, high, images)[:, None, None]

    x = images.clone()
    if len(i := some(0.09)):  # ink spreads
        x[i] = x[i] + (-F.max_pool2d(-x[i][:, None], 3, 1, 1)[:, 0] - x[i]) * level(len(i), 0.15, 0.8)
    if len(i := some(0.08)):  # ink fades, thin strokes break
        x[i] = x[i] + (F.max_pool2d(x[i][:, None], 3, 1, 1)[:, 0] - x[i]) * level(len(i), 0.1, 0.5)
    if len(i := some(0.09)):  # weak print: in places, or in columns where a needle or a heating dot is worn
        grid = (3, 6) if random.random() < 0.7 else (1, random.choice((24, 60, 150)))
        cells = F.interpolate(torch.rand(len(i), 1, *grid, device=images.device), size=x.shape[1:], mode="bilinear")
        x[i] = 1 - (1 - x[i]) * (1 - level(len(i), 0.2, 0.85) * cells[:, 0])
    if len(i := some(0.45)):
        x[i] = _gaussian_blur(x[i], _uniform(len(i), 0.3, 1.15, images))
    if len(i := some(0.3)):  # shadows and stains
        cells = F.interpolate(torch.rand(len(i), 1, 3, 5, device=images.device), size=x.shape[1:], mode="bilinear")[
            :, 0
        ]
        x[i] = x[i] * (1 - level(len(i), 0, 0.4) * cells)
    if len(i := some(0.3)):
        grey = level(len(i), 0, 0.5)
        x[i] = x[i] * (1 - grey) + grey * level(len(i), 0.3, 1)
    if len(i := some(0.45)):
        noise = torch.randn_like(x[i]) * level(len(i), 0.004, 0.075)
        if random.random() < 0.4:  # grain larger than a pixel
            noise = F.avg_pool2d(noise[:, None], 3, 1, 1)[:, 0] * 2.5
        x[i] = x[i] + noise
    if len(i := some(0.04)):  # pepper and salt
        dust = torch.rand_like(x[i])
        x[i] = torch.where(dust < 0.002, 0.0, torch.where(dust > 0.998, 1.0, x[i]))
    if len(i := some(0.10)):  # bilevel scan
        x[i] = _threshold(x[i], level(len(i), 0.4, 0.72))
    if len(i := some(0.08)):  # fax: edges torn by noise before the threshold
        noise = F.avg_pool2d(torch.randn_like(x[i])[:, None], 3, 1, 1)[:, 0] * level(len(i), 0.1, 0.35)
        x[i] = _threshold(_gaussian_blur(x[i], _uniform(len(i), 0.4, 0.9, images)), level(len(i), 0.4, 0.68), noise)
    if len(i := some(0.22)):
        x[i] = jpeg(x[i].clamp(0, 1), _uniform(len(i), 0.25, 2.2, images))
    return x.clamp(0, 1)


def isolate(images: Tensor, points: Tensor, strength: float) -> Tensor:
    """Whiten what lies away from the text of some of the images: a page cutter pastes pieces onto white canvases.

    points [B,N,2] are the characters' centres (x < 0 = padding); pictures without any stay as they are.
    """
    batch, height, width = images.shape
    real = (points[..., :1] >= 0).float()
    far = 1e6 * (1 - real)
    low, high = (points + far).amin(1), (points - far).amax(1)  # [B, 2]
    near = torch.empty(batch, 4, device=images.device).uniform_(9, 34)
    x = torch.arange(width, device=images.device)[None, None]
    y = torch.arange(height, device=images.device)[None, :, None]
    column = [side[:, None, None] for side in (*(low - near[:, :2]).T, *(high + near[:, 2:]).T)]
    outside = (x < column[0]) | (y < column[1]) | (x > column[2]) | (y > column[3])
    chosen = _chance(batch, 0.4 * strength, images)[:, None, None] * (real.amax(1)[..., None] > 0)
    return torch.where(outside & (chosen > 0), 1.0, images)


def degrade(
    images: Tensor, points: Tensor, *, strength: float, alone: float = 0.0, coarse: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Degrade uint8 bands [B,H,W] and move points [B,N,2] (px; x < 0 = padding) with them.

    With ``alone`` the ground around the points becomes white in some of the pictures. Returns float images in [0, 1]
    and the moved points. ``strength`` 0 leaves the picture as it is, 1 is the full mix.
    A third of the bands go through a coarser capture (0.42 to 0.95 of the pixels) and come back enlarged, as pages
    scanned at 75 to 130 dpi do after the cutter has normalised their line pitch; at least the share ``coarse`` does.
    """
    x = images.float() / 255
    if strength <= 0:
        return x, points
    x, points = warp(x, points, strength)
    batch, height, width = x.shape
    order = torch.randperm(batch, device=x.device)
    fine = int(batch * (1 - 0.36 * strength))
    middle = fine + (batch - fine) * 2 // 3
    fine = min(fine, int(batch * (1 - coarse)))
    out = torch.empty_like(x)
    for members, low, high in ((order[:fine], 1.0, 1.0), (order[fine:middle], 0.6, 0.95), (order[middle:], 0.42, 0.62)):
        if not len(members):
            continue
        part = x[members]
        factor = random.uniform(low, high)
        if factor < 1:
            part = F.interpolate(part[:, None], scale_factor=factor, mode="bilinear", antialias=True)[:, 0]
        part = capture(part, strength * (1.0 if factor > 0.62 else 0.6))
        if factor < 1:
            mode = random.choice(("bicubic", "bicubic", "bilinear"))
            part = F.interpolate(part[:, None], size=(height, width), mode=mode)[:, 0].clamp(0, 1)
        out[members] = part
    if alone:
        out = isolate(out, points, alone)
    inverted = _chance(batch, 0.015 * strength, x)[:, None, None]
    return out * (1 - inverted) + (1 - out) * inverted, points
