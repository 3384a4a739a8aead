"""Make scan.pdf: a letter, printed, scanned a little crooked, saved as one JPEG in a PDF without a text layer.

    python examples/data/make_scan.py

The text is our own. The same versions of PyMuPDF, Pillow and NumPy give the same bytes. Beside the PDF come scan.txt
(the true text, one paragraph a line) and scan.png (a small picture for the README).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

HERE = Path(__file__).parent
DPI = 200
SKEW = 0.4  # degrees
PAGE = (595, 842)  # A4 in points
SIZE = (1654, 2339)  # A4 at 200 dpi; said outright, as versions of PyMuPDF round it differently
LEFT, RIGHT, TOP = 78, 517, 84
BODY, HEADING = 11.5, 17.0
GAP = {"date": 18, "heading": 10, "paragraph": 11, "item": 3}  # points below a block

HEADING_TEXT = "Report on the Hillside Pumping Station"
BLOCKS = (
    ("date", "14 March 1987"),
    ("heading", HEADING_TEXT),
    (
        "paragraph",
        "The station was inspected on three days in February, after the frost had left the ground. "
        "Both pumps were run for six hours at full load, and the readings of the old brass gauges were compared "
        "with those of a calibrated instrument. The larger pump delivered 412 litres per second, which is "
        "within two per cent of the figure given when it was installed in 1931.",
    ),
    (
        "paragraph",
        "The building itself is sound. Rain enters at the north window, where the lead has cracked, and the "
        "timber below it has begun to rot over a length of about 40 centimetres. We recommend that the "
        "following work be done before the autumn:",
    ),
    ("item", "renew the lead above the north window and replace the rotten timber;"),
    ("item", "clean the intake screen, which was found to be half closed by leaves;"),
    ("item", "fit a second valve (type B, 250 mm) so that one pump can be repaired while the other runs;"),
    ("item", "repaint the iron stairs."),
    (
        "paragraph",
        "The cost of these repairs is estimated at 8,640 pounds, of which 5,200 are for the valve. None of them "
        "will interrupt the supply for longer than one night. A list of parts is kept at the office in Mill Lane "
        "and can be seen there on any working day between 9 and 12 o'clock.",
    ),
    ("paragraph", "Yours faithfully,"),
    ("paragraph", "J. R. Whitcombe, Engineer"),
)


def typeset() -> tuple[pymupdf.Document, list[str]]:
    """Set the letter in Times and return the page with its true text, one paragraph a line."""
    document = pymupdf.open()
    page = document.new_page(width=PAGE[0], height=PAGE[1])
    roman, bold = pymupdf.Font("tiro"), pymupdf.Font("tibo")
    truth: list[str] = []
    y = float(TOP)
    for index, (kind, text) in enumerate(BLOCKS):
        if kind == "paragraph" and BLOCKS[index - 1][0] == "item":
            y += GAP["paragraph"] - GAP["item"]
        font, size = (bold, HEADING) if kind == "heading" else (roman, BODY)
        left = LEFT + (18 if kind == "item" else 0)
        lines = wrap(text, font, size, RIGHT - left)
        writer = pymupdf.TextWriter(page.rect)
        if kind == "item":
            writer.append((LEFT + 4, y), "\u2022", font=font, fontsize=size)
        for line in lines:
            x = RIGHT - font.text_length(line, fontsize=size) if kind == "date" else left
            writer.append((x, y), line, font=font, fontsize=size)
            y += size * 1.28
        writer.write_text(page)
        y += GAP[kind]
        truth.append(text)
    return document, truth


def wrap(text: str, font: pymupdf.Font, size: float, width: float) -> list[str]:
    """Break a text into lines of at most `width` points."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.text_length(longer, fontsize=size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def scan(page: pymupdf.Page) -> Image.Image:
    """Draw the page in grey as a flat-bed scanner would have seen it: crooked, a little soft, noisy, unevenly lit."""
    pixmap = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    image = Image.new("L", SIZE, 255)
    image.paste(Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples))
    image = image.rotate(SKEW, resample=Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.7))
    paper = np.asarray(image, dtype=np.float32) / 255.0
    height, width = paper.shape
    light = 0.985 - 0.03 * np.linspace(0, 1, width)[None, :] - 0.015 * np.linspace(0, 1, height)[:, None]
    grain = np.random.default_rng(1987).normal(0.0, 0.012, paper.shape)
    seen = 0.13 + (light - 0.13) * paper + grain
    return Image.fromarray((np.clip(seen, 0, 1) * 255).astype(np.uint8), "L")


def main() -> None:
    """Write scan.pdf, scan.txt and scan.png beside this file."""
    document, truth = typeset()
    image = scan(document[0])
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=38, dpi=(DPI, DPI))
    scanned = pymupdf.open()
    page = scanned.new_page(width=SIZE[0] * 72 / DPI, height=SIZE[1] * 72 / DPI)
    page.insert_image(page.rect, stream=jpeg.getvalue())
    scanned.save(HERE / "scan.pdf", garbage=4, no_new_id=True)
    (HERE / "scan.txt").write_text("\n".join(truth) + "\n", encoding="utf-8")
    small = image.crop((120, 150, image.width - 120, int(image.height * 0.61)))
    small = small.resize((small.width // 2, small.height // 2), Image.Resampling.LANCZOS)
    small.point(lambda value: value // 16 * 17).save(HERE / "scan.png", optimize=True, bits=4)


if __name__ == "__main__":
    main()
