"""Synthetic pages for the layout tests, drawn with Pillow's own font."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "people",
    "of",
    "the",
    "old",
    "harbour",
    "town",
    "keep",
    "watching",
    "boats",
    "that",
    "bring",
    "timber",
    "from",
    "distant",
    "places",
    "and",
    "carry",
    "back",
    "salted",
    "fish",
    "together",
    "with",
    "letters",
    "for",
    "families",
    "abroad",
]


@dataclass(frozen=True, slots=True)
class Canvas:
    """The embedded model's canvas, without loading the model."""

    tile: int = 384
    max_columns: int = 3
    line_pitch: float = 32.0
    x_height: float = 12.0
    location_bins: int = 48


@dataclass
class Sheet:
    """A white page to write on; remembers the rows (x0, baseline, x1) written."""

    width: int = 1240
    height: int = 1754
    rows: list[tuple[float, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = Image.new("L", (self.width, self.height), 255)
        self.pen = ImageDraw.Draw(self.image)

    def line(self, x: float, baseline: float, text: str, size: float = 22) -> float:
        """Write one line; return its right end."""
        font = ImageFont.load_default(size=size)
        self.pen.text((x, baseline), text, font=font, fill=0, anchor="ls")
        end = x + font.getlength(text)
        self.rows.append((x, baseline, end))
        return end

    def prose(self, x: float, baseline: float, width: float, lines: int, *, size: float = 22, seed: int = 0) -> float:
        """Write `lines` lines of words filling `width`; return the next free baseline (pitch 1.4 of the size)."""
        random = np.random.default_rng(seed)
        font = ImageFont.load_default(size=size)
        for _ in range(lines):
            text = str(random.choice(WORDS))
            while font.getlength(text) < width - 60:
                longer = f"{text} {random.choice(WORDS)}"
                if font.getlength(longer) > width:
                    break
                text = longer
            self.line(x, baseline, text, size)
            baseline += round(1.4 * size)
        return baseline

    @property
    def gray(self) -> NDArray[np.uint8]:
        return np.asarray(self.image, dtype=np.uint8)


@pytest.fixture
def canvas() -> Canvas:
    return Canvas()


@pytest.fixture
def sheet() -> Sheet:
    return Sheet()


@pytest.fixture
def new_sheet() -> type[Sheet]:
    return Sheet
