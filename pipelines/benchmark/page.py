"""The built-in page: about 3,000 characters of seeded prose, A4 at 150 dpi, typeset when it is needed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.documents import PageImage

_TEXT = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which "
    "one you were all her she there would their we him been has when who will no more if out so up said what its about "
    "than into them can only other time new some could these two may first then do any like my now over such our man "
    "me even most made after also did many off before must well back through years where much your way down should "
    "because long each just state people those too mister little good world make very year still see own work men day "
    "get here old between both life being under three never know same last another while us might great go come since "
    "against right came take used himself few house use during without again place around however home small found "
    "thought went say part once high general upon school every agreement company employee party notice written "
    "information quality journey examine justice zero exactly mixture frequency acknowledge subsequent reasonable"
)
WORDS = _TEXT.split()
CHARACTERS = 3000


def prose(chars: int, *, seed: int = 1) -> str:
    """Seeded sentences of common words, `chars` characters long or a little more, in paragraphs of five."""
    rng = random.Random(seed)
    text = ""
    count = 0
    while len(text) < chars:
        words = rng.choices(WORDS, k=rng.randint(6, 18))
        words[rng.randrange(len(words) - 1)] += rng.choice(["", ",", ";", f" {rng.randint(2, 1999)}"])
        count += 1
        text += " ".join(words).capitalize() + (".\n\n" if count % 5 == 0 else ". ")
    return text.rstrip()


def rendered(text: str, *, dpi: int = 150) -> tuple[Image.Image, str]:
    """Typeset the text in 11 point Times on an A4 page; its grey image and its text layer. ValueError if it is too long."""
    import pymupdf

    mupdf: Any = pymupdf  # its classes have no types
    pdf = mupdf.open()
    page = pdf.new_page(width=595, height=842)
    left_over = page.insert_textbox(mupdf.Rect(62, 60, 533, 800), text, fontsize=11, fontname="tiro", lineheight=1.25)
    if left_over < 0:
        raise ValueError("the page is too small for the text")
    pixmap = page.get_pixmap(dpi=dpi, colorspace=mupdf.csGRAY)
    return Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples), page.get_text()


def example_page() -> tuple[PageImage, str]:
    """The page as a source would give it, without its text layer, and the text that is on it."""
    image, text = rendered(prose(CHARACTERS))
    return PageImage(1, image, 150.0, source="example"), text


def one_line(folder: Path) -> Path:
    """Write the picture of one line of text at 150 dpi to a folder: what a cold start is measured on."""
    line = Image.new("L", (900, 60), 255)
    font = ImageFont.load_default(size=28)
    ImageDraw.Draw(line).text((20, 12), "One line of text, read from a cold start.", fill=0, font=font)
    line.save(folder / "line.png", dpi=(150, 150))
    return folder / "line.png"
