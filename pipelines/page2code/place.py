"""A page that was read as HTML: every block where it stands, as large and in the colours that it has on the image."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.formats.facts import item_label
from dsvl2.pipelines.formats.hocr import escape
from dsvl2.pipelines.tables.render import html_rows
from dsvl2.pipelines.words import text_width

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]

STYLE = """\
body { margin: 0; font-family: Arial, Helvetica, "Liberation Sans", sans-serif; font-size-adjust: 0.519; }
main { position: relative; }
main > * { position: absolute; margin: 0; padding: 0; white-space: pre; line-height: 1; font-weight: normal; }
main h1, main h2, main h3, main h4, main h5, main h6 { font-weight: bold; }
main > pre { font-family: "DejaVu Sans Mono", monospace; }
table { border-collapse: collapse; }
td, th { padding: 0 0.3em; text-align: left; vertical-align: top; border: 1px solid currentColor; }
"""
_BOLD = 1.06  # how much wider bold letters are
_TALLEST = 0.98  # of a line's pitch that its letters may take
_CROP_SIDE = 1600
_LEAST = 4.0
_SAME = 0.2  # sizes that differ by less are one size, measured on lines of different letters


@dataclass(frozen=True, slots=True)
class Look:
    """Ground and ink of a part of the page, as #rrggbb."""

    ground: str
    ink: str


def placed_html(page: PageResult, image: Image) -> str:
    """Return the `main` element of a page: `image` is the page image that was read, for colours and figures."""
    pixels = np.asarray(image.convert("RGB"))
    width, height = page.width_px or image.width, page.height_px or image.height
    if (image.width, image.height) != (width, height):
        pixels = np.asarray(image.convert("RGB").resize((width, height)))
    look = look_of(pixels)
    style = f"width:{width}px;height:{height}px;background:{look.ground};color:{look.ink}"
    parts = [f'<main style="{style}">']
    usual = _usual_size(page)
    for block in page.blocks:
        parts += _block(block, pixels, look, usual)
    return "\n".join([*parts, "</main>"])


def look_of(pixels: Pixels) -> Look:
    """Return the commonest colour as ground, and the middle one of what stands out from it as ink."""
    flat = pixels.reshape(-1, 3)
    flat = flat[:: max(1, len(flat) // 60000)].astype(np.int32)
    coarse = (flat // 16) @ np.array([4096, 64, 1])
    values, counts = np.unique(coarse, return_counts=True)
    ground = np.median(flat[coarse == values[counts.argmax()]], axis=0)
    away = np.abs(flat - ground).sum(axis=1)
    far = flat[away > max(0.8 * away.max(), 60)]
    ink = np.median(far, axis=0) if len(far) else (np.zeros(3) if ground.sum() > 380 else np.full(3, 255.0))
    return Look(_hex(ground), _hex(ink))


def _hex(colour: npt.NDArray[np.floating]) -> str:
    return "#" + "".join(f"{round(float(part)):02x}" for part in colour)


def _usual_size(page: PageResult) -> float:
    """Return the font size of most of the page's text, 0 for a page without any."""
    sizes = [
        (_font_size(line.text, line.box, bold=False), len(line.text))
        for block in page.blocks
        if block.kind in ("paragraph", "list_item")
        for line in _lines(block)
        if line.box is not None
    ]
    half = sum(count for _, count in sizes) / 2
    for size, count in sorted(sizes):
        half -= count
        if half <= 0:
            return size
    return 0.0


def _block(block: Block, pixels: Pixels, page: Look, usual: float) -> Iterator[str]:
    if block.kind == "figure" and block.box is not None:
        yield _figure(block.box, pixels)
    elif block.kind == "table" and block.box is not None and (block.table is not None or block.rows):
        yield from _table(block, block.box, pixels, page)
    else:
        label = "• " if block.kind == "list_item" and item_label(block.text) is None else ""
        for line in _lines(block):
            if line.box is not None and line.text.strip():
                yield _line(block, replace(line, text=label + line.text), line.box, pixels, page, usual)
                label = ""


def _lines(block: Block) -> Sequence[Line]:
    """Return the block's lines; a block without any is one line at its box."""
    return block.lines or (Line(block.text, block.box),)


def _line(block: Block, line: Line, box: Box, pixels: Pixels, page: Look, usual: float) -> str:
    tag = {"heading": f"h{min(max(block.level, 1), 6)}", "code": "pre"}.get(block.kind, "p")
    text = " ".join(line.text.split())
    size = _font_size(text, box, bold=block.kind == "heading")
    if block.kind != "heading" and abs(size - usual) < _SAME * usual:
        size = usual
    return f'<{tag} style="{_place(box)};font-size:{size:.1f}px{_colours(box, pixels, page)}">{escape(text)}</{tag}>'


def _font_size(text: str, box: Box, *, bold: bool) -> float:
    """Letters as wide as the line is long, but no higher than it."""
    wide = (box.x1 - box.x0) / max(text_width(text) * (_BOLD if bold else 1.0), 0.1)
    return max(min(wide, (box.y1 - box.y0) / 0.7 * _TALLEST), _LEAST)


def _place(box: Box) -> str:
    return f"left:{box.x0:.0f}px;top:{box.y0:.0f}px"


def _colours(box: Box, pixels: Pixels, page: Look) -> str:
    """Return the styles of a part that looks unlike the page."""
    part = _part(box, pixels)
    if not part.size:
        return ""
    look = look_of(part)
    said = f";color:{look.ink}" if _far(look.ink, page.ink) else ""
    if _far(look.ground, page.ground):
        said += f";background:{look.ground}"
    return said


def _far(one: str, other: str) -> bool:
    return sum(abs(int(one[k : k + 2], 16) - int(other[k : k + 2], 16)) for k in (1, 3, 5)) > 90


def _part(box: Box, pixels: Pixels) -> Pixels:
    x0, y0 = max(int(box.x0), 0), max(int(box.y0), 0)
    return pixels[y0 : max(int(box.y1) + 1, y0), x0 : max(int(box.x1) + 1, x0)]


def _table(block: Block, box: Box, pixels: Pixels, page: Look) -> Iterator[str]:
    rows = html_rows(block.table) if block.table is not None else [_row(row) for row in block.rows]
    count = max(len(block.table.by_row()) if block.table is not None else len(block.rows), 1)
    pitch = (box.y1 - box.y0) / count
    longest = max((" ".join(row) for row in block.rows), key=text_width, default="")
    size = max(min(0.6 * pitch, _font_size(longest, box, bold=False)), _LEAST)
    style = f"{_place(box)};width:{box.x1 - box.x0:.0f}px;height:{box.y1 - box.y0:.0f}px;font-size:{size:.1f}px"
    yield f'<table style="{style}{_colours(box, pixels, page)}">'
    yield from rows
    yield "</table>"


def _row(row: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"


def _figure(box: Box, pixels: Pixels) -> str:
    """The figure's own pixels, inside the file."""
    from PIL import Image

    part = _part(box, pixels)
    if not part.size:
        return ""
    crop = Image.fromarray(part)
    wide, high = crop.size
    crop.thumbnail((_CROP_SIDE, _CROP_SIDE))
    few = len(crop.getcolors(1 << 16) or ()) in range(1, 257)  # drawings stay sharp as PNG, photographs small as JPEG
    buffer = io.BytesIO()
    crop.save(buffer, "PNG", optimize=True) if few else crop.save(buffer, "JPEG", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode()
    kind = "png" if few else "jpeg"
    return f'<img alt="" style="{_place(box)};width:{wide}px;height:{high}px" src="data:image/{kind};base64,{data}">'


def document_html(title: str, mains: Sequence[str]) -> str:
    """Return one HTML file of one or more pages' `main` elements."""
    head = f'<meta charset="utf-8">\n<title>{escape(title)}</title>\n<style>\n{STYLE}</style>'
    body = "\n".join(mains)
    return f"<!doctype html>\n<html>\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n"
