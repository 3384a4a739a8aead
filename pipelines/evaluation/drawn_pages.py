"""Pages made for measuring, with what they say and where: prose in one or two columns, in a face that training never sees.

The words are random ones, so that no page can be known by heart; the face is Pillow's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.documents import Box

_SOUNDS = (
    [
        "b",
        "c",
        "d",
        "f",
        "g",
        "h",
        "j",
        "k",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "t",
        "v",
        "w",
        "br",
        "ch",
        "cl",
        "dr",
        "fl",
        "gr",
        "pl",
        "pr",
        "sh",
        "st",
        "th",
        "tr",
    ],
    ["a", "e", "i", "o", "u", "ai", "ea", "ee", "ou"],
    ["b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "x", "ck", "ld", "nd", "ng", "nt", "rd", "st"],
)
_COMMON = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
]


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A mode "L" page, its text in reading order, and the boxes of the ink of its lines and words, in pixels."""

    name: str
    image: Image.Image
    text: str
    lines: tuple[tuple[str, Box], ...]
    words: tuple[tuple[str, Box], ...]
    dpi: float = 150.0


@dataclass(frozen=True, slots=True)
class _Look:
    """How a page is set; lengths in pixels."""

    columns: int
    size: int
    pitch: float
    gap: int
    margin: int
    heading: bool


def sentence(rng: Random) -> str:
    """Return a sentence of common and of made-up words, figures among them."""
    words = [rng.choice(_COMMON) if rng.random() < 0.45 else _word(rng) for _ in range(rng.randint(5, 16))]
    if rng.random() < 0.3:
        words[rng.randrange(len(words))] = rng.choice(
            (f"{rng.randint(2, 1999)}", f"{rng.randint(1, 99)}.{rng.randint(0, 99):02}")
        )
    if len(words) > 8:
        words[rng.randrange(2, 6)] += ","
    text = " ".join(words)
    return text[:1].upper() + text[1:] + rng.choice("....?;")


def _word(rng: Random) -> str:
    first, middle, last = _SOUNDS
    word = "".join(rng.choice(first) + rng.choice(middle) for _ in range(rng.choice((1, 1, 2, 2, 3)))) + rng.choice(
        last
    )
    return word.capitalize() if rng.random() < 0.08 else word


def prose_page(
    seed: int, *, columns: int = 1, chars: int | None = None, size: tuple[int, int] = (1240, 1754)
) -> DrawnPage:
    """Return an A4 page at 150 dpi, full, or with about `chars` characters in letters that let them fill it."""
    rng = Random(f"prose {seed} {columns} {chars}")
    points = rng.choice((8, 9, 10) if columns > 1 else (9, 10, 11, 12))
    pixels = round(points * 150 / 72)
    if chars is not None:
        pixels = round(((size[0] - 220) * (size[1] - 240) / chars / 1.1) ** 0.5)
    look = _Look(
        columns, pixels, pixels * rng.uniform(1.18, 1.4), rng.randint(36, 70), rng.randint(90, 130), rng.random() < 0.7
    )
    setter = _Setter(Image.new("L", size, 255), look, chars or 10**6)
    setter.fill(rng)
    return DrawnPage(
        f"{columns}-column {seed}",
        setter.image,
        "\n".join(t for t, _ in setter.lines),
        tuple(setter.lines),
        tuple(setter.words),
    )


class _Setter:
    """Sets lines one below the other, column after column."""

    def __init__(self, image: Image.Image, look: _Look, most: int) -> None:
        self.image, self.look, self.left_over = image, look, most
        self.pen = ImageDraw.Draw(image)
        self.lines: list[tuple[str, Box]] = []
        self.words: list[tuple[str, Box]] = []

    def fill(self, rng: Random) -> None:
        look = self.look
        top = look.margin + look.size
        if look.heading:
            title = " ".join(_word(rng).capitalize() for _ in range(4))
            self.line(look.margin, top + look.size, title, round(1.6 * look.size))
            top += round(4.2 * look.size)
        wide = (self.image.width - 2 * look.margin - (look.columns - 1) * look.gap) / look.columns
        waiting: list[str] = []
        for column in range(look.columns):
            x = look.margin + column * (wide + look.gap)
            y = float(top)
            while y < self.image.height - look.margin and self.left_over > 0:
                if len(waiting) < 40:
                    waiting += [word for _ in range(rng.randint(3, 7)) for word in sentence(rng).split()] + ["\n"]
                y += look.pitch * (1.5 if waiting[0] == "\n" else 1.0)
                if waiting[0] == "\n":
                    waiting.pop(0)
                    continue
                self.justified(x, y, wide, waiting)

    def justified(self, x: float, y: float, wide: float, waiting: list[str]) -> None:
        """Take a line's words off `waiting` and set them over the whole width, the last line of a paragraph loosely."""
        font = ImageFont.load_default(size=self.look.size)
        space = font.getlength(" ")
        taken: list[str] = []
        used = 0.0
        while waiting and waiting[0] != "\n" and (not taken or used + space + font.getlength(waiting[0]) <= wide):
            used += font.getlength(waiting[0]) + (space if taken else 0)
            taken.append(waiting.pop(0))
        if len(taken) > 2 and waiting and waiting[0] != "\n":
            space += (wide - used) / (len(taken) - 1)
        self.line(x, y, " ".join(taken), self.look.size, space)

    def line(self, x: float, y: float, text: str, size: int, space: float | None = None) -> None:
        """Set one line, its base line at `y`, and remember the boxes of its ink."""
        font = ImageFont.load_default(size=size)
        boxes = []
        for word in text.split():
            self.pen.text((x, y), word, font=font, fill=0, anchor="ls")
            box = Box(*map(float, self.pen.textbbox((x, y), word, font=font, anchor="ls")))
            boxes.append(box)
            self.words.append((word, box))
            x += font.getlength(word) + (font.getlength(" ") if space is None else space)
        whole = Box(boxes[0].x0, min(b.y0 for b in boxes), boxes[-1].x1, max(b.y1 for b in boxes))
        self.lines.append((text, whole))
        self.left_over -= len(text) + 1
