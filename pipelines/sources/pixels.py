"""Turn whatever Pillow decodes (1-bit, 16-bit, float, CMYK, palette, alpha) into mode "L" or "RGB" on white."""

from __future__ import annotations

import numpy as np
from PIL import Image

_GREY_MODES = ("1", "L", "LA", "La")


def normalise(image: Image.Image, *, color: bool, min_is_white: bool = False) -> Image.Image:
    """Return the image in mode "L", or "RGB" if `color` and the image has any colour channels.

    Transparency is composited on white. `min_is_white` turns round 16-bit and float data whose 0 means white.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image, min_is_white)
    if image.has_transparency_data or image.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        image = _on_white(image)
    if image.mode == "LAB" and not color:
        return image.getchannel(0)  # Pillow has no conversion, and lightness is what is wanted
    if image.mode in _GREY_MODES or not color:
        return image.convert("L") if image.mode != "L" else image
    return image.convert("RGB") if image.mode != "RGB" else image


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    grey = image.mode in _GREY_MODES
    return Image.alpha_composite(white, rgba).convert("L" if grey else "RGB")


def _from_deep(image: Image.Image, min_is_white: bool) -> Image.Image:
    """Scale to 8 bits by the smallest usual full scale that holds the data (8, 12, 16 bits, or 1.0 for floats)."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    values -= min(float(values.min(initial=0.0)), 0.0)
    top = float(values.max(initial=0.0))
    scales = (1.0, 255.0, 4095.0, 65535.0) if image.mode == "F" else (255.0, 4095.0, 65535.0)
    full = next((scale for scale in scales if top <= scale), top)
    values *= 255.0 / full
    if min_is_white:
        values = 255.0 - values
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def whiten_missing_rows(image: Image.Image) -> Image.Image:
    """Paint the one-valued rows at the foot white: decoders leave a dark slab where a cut-off file ends."""
    pixels = np.array(image)
    flat = pixels.reshape(pixels.shape[0], -1, 1 if pixels.ndim == 2 else pixels.shape[2])
    same = (flat == flat[-1:, -1:, :]).all(axis=(1, 2))
    missing = int(np.argmin(same[::-1])) if not same.all() else len(same)
    if missing:
        pixels[len(same) - missing :] = 255
    return Image.fromarray(pixels)
