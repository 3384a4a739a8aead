"""A PDF page's text layer, taken out by PyMuPDF as it stands in the file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from dsvl2.pipelines.documents import Box, Word
from dsvl2.pipelines.textlayer import LayerLine, LayerPage, Picture
from dsvl2.pipelines.textlayer.ink import DPI, InkMatch, ink_match

_INVISIBLE = 3  # PDF text rendering mode
_BOLD = 16  # PyMuPDF's span flag
_BOLD_NAME = re.compile(r"bold|black|heavy|semibold", re.IGNORECASE)
_SYMBOLS = str.maketrans({"\uf0b7": "\u2022", "\uf0a7": "\u25aa", "\uf0d8": "\u2023", "\u00ad": "-"})
_MOST_PATHS = 4000  # a page with more is a drawing or a map
_WHITE = 0.99
_SAYING_NOTES = frozenset({2, 12, 13, 15})  # annotation types: free text, stamp, caret, ink
_EMPTY = (None, "", False, "Off")  # values of a form field that nobody filled in


def layer_page(mupdf: Any, page: Any) -> LayerPage:
    """Return the text layer of an open page and what the decision about it needs; coordinates as the page is shown."""
    turn = page.rotation_matrix
    flags = mupdf.TEXT_PRESERVE_WHITESPACE | mupdf.TEXT_MEDIABOX_CLIP
    textpage = page.get_textpage(flags=flags)
    words = _words(textpage, turn)
    lines = []
    for block in textpage.extractDICT()["blocks"]:
        for place, line in enumerate(block.get("lines", ())):
            found = _line(mupdf, line, words.get((block["number"], place), ()), turn)
            if found is not None:
                lines.append(found)
    letters, hidden = _letters(page)
    pictures = tuple(_picture(mupdf, info, turn) for info in page.get_image_info())
    notes = _has_notes(page)
    drawn = bool(letters or pictures or notes) or bool(page.get_bboxlog()) or next(page.annots(), None) is not None
    size = (float(page.rect.width), float(page.rect.height))
    ink = _ink(mupdf, page, [word.box for line in lines for word in line.words]) if 2 * hidden > letters else None
    return LayerPage(size, tuple(lines), pictures, letters, hidden, drawn, notes, _drawings(page), ink)


def _ink(mupdf: Any, page: Any, words: list[Box]) -> InkMatch:
    pixels = page.get_pixmap(dpi=round(DPI), colorspace=mupdf.csGRAY, annots=False)
    return ink_match(np.frombuffer(pixels.samples_mv, np.uint8).reshape(pixels.height, pixels.width), words)


def _drawings(page: Any) -> tuple[Box, ...]:
    """Return the straight lines and rectangles of a page that is not turned, and is no technical drawing."""
    if page.rotation or sum(kind.endswith("path") for kind, *_ in page.get_bboxlog()) > _MOST_PATHS:
        return ()
    boxes = []
    for path in page.get_cdrawings():
        fill = path.get("fill")
        if path.get("color") is None and (fill is None or min(fill) > _WHITE):
            continue
        thick = float(path.get("width") or 0.0) / 2 if path.get("color") is not None else 0.0
        for kind, *points in path["items"]:
            if kind == "l":
                (x0, y0), (x1, y1) = sorted(points)
                if min(abs(x1 - x0), abs(y1 - y0)) < 1:
                    boxes.append(Box(x0 - thick, min(y0, y1) - thick, x1 + thick, max(y0, y1) + thick))
            elif kind == "re":
                boxes.append(Box(*map(float, points[0])))
    return tuple(boxes)


def _words(textpage: Any, turn: Any) -> dict[tuple[int, int], tuple[Word, ...]]:
    found: dict[tuple[int, int], list[Word]] = defaultdict(list)
    for x0, y0, x1, y1, text, block, line, *_ in textpage.extractWORDS():
        found[block, line].append(Word(text.translate(_SYMBOLS), _turned((x0, y0, x1, y1), turn)))
    return {place: tuple(words) for place, words in found.items()}


def _line(mupdf: Any, line: Any, words: tuple[Word, ...], turn: Any) -> LayerLine | None:
    spans = [span for span in line["spans"] if span["text"].strip()]
    text = " ".join("".join(span["text"] for span in line["spans"]).translate(_SYMBOLS).split())
    if not text or not spans:
        return None
    sizes: Counter[float] = Counter()
    for span in spans:
        sizes[float(span["size"])] += len(span["text"])
    size = sizes.most_common(1)[0][0]
    main = max((span for span in spans if span["size"] == size), key=lambda span: len(span["text"]))
    bold = all(span["flags"] & _BOLD or _BOLD_NAME.search(span["font"]) for span in spans)
    base = mupdf.Point(main["origin"]) * turn
    x, y = line["dir"]
    direction = (x * turn.a + y * turn.c, x * turn.b + y * turn.d)
    box = Box(
        min(span["bbox"][0] for span in spans),
        min(span["bbox"][1] for span in spans),
        max(span["bbox"][2] for span in spans),
        max(span["bbox"][3] for span in spans),
    )
    shown = _turned((box.x0, box.y0, box.x1, box.y1), turn)
    return LayerLine(text, shown, (float(base.x), float(base.y)), direction, size, bool(bold), words)


def _turned(box: tuple[float, float, float, float], turn: Any) -> Box:
    x0, y0, x1, y1 = box
    if turn.a == 1 and turn.d == 1:
        return Box(x0, y0, x1, y1)
    corners = [(x * turn.a + y * turn.c + turn.e, x * turn.b + y * turn.d + turn.f) for x, y in ((x0, y0), (x1, y1))]
    (a, b), (c, d) = corners
    return Box(min(a, c), min(b, d), max(a, c), max(b, d))


def _letters(page: Any) -> tuple[int, int]:
    """Count the letters that are drawn, and those of them that are drawn invisibly."""
    letters = hidden = 0
    for span in page.get_texttrace():
        count = sum(char[0] > 32 for char in span["chars"])
        letters += count
        if span["type"] == _INVISIBLE or span.get("opacity", 1) == 0:
            hidden += count
    return letters, hidden


def _picture(mupdf: Any, info: Any, turn: Any) -> Picture:
    return Picture(_turned(tuple(info["bbox"]), turn), int(info["bpc"]), int(info["colorspace"]))


def _has_notes(page: Any) -> bool:
    says = any(note.type[0] in _SAYING_NOTES for note in page.annots())
    return says or any(field.field_value not in _EMPTY for field in page.widgets())
