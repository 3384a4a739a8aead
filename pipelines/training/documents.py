"""Bands of receipts, forms and other business papers: virtual pages printed by tills, typewriters and faxes.

The pages are those that questions are trained on (`answers`); here a few of their rows, or loose pieces of them one
below the other as the page cutter stacks them, are drawn with what surrounds print on such paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

from dsvl2.pipelines.training.answers.bills import bill
from dsvl2.pipelines.training.answers.draw import Draw, Vocabulary, resources
from dsvl2.pipelines.training.answers.forms import drill, form_page
from dsvl2.pipelines.training.answers.invoices import invoice
from dsvl2.pipelines.training.answers.letters import memo
from dsvl2.pipelines.training.answers.receipts import receipt
from dsvl2.pipelines.training.answers.sheet import Item, Sheet
from dsvl2.pipelines.training.answers.tables import laboratory, table_page
from dsvl2.pipelines.training.canvas import TILE, Canvas
from dsvl2.pipelines.training.charset import CHARACTERS, normalise
from dsvl2.pipelines.training.fonts import Resources
from dsvl2.pipelines.training.papers import Paper, clutter, coded, paper
from dsvl2.pipelines.training.phrases import code_line, number
from dsvl2.pipelines.training.typeset import GAP, Flow, Word
from dsvl2.pipelines.training.wordless import shape_between

VOCABULARY = "answers.xz"  # in the folder of training data
_KNOWN = frozenset(CHARACTERS)
#: Maker and weight on narrow bands (one or two tiles), weight on wide ones.
_MAKERS: tuple[tuple[Callable[[Draw], Sheet], float, float], ...] = (
    (receipt, 54, 12), (form_page, 28, 45), (invoice, 6, 14), (drill, 3, 3), (memo, 3, 8), (table_page, 3, 12),
    (laboratory, 3, 6), (bill, 5, 10),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Documents:
    """What such bands are made from."""

    vocabulary: Vocabulary

    @classmethod
    def load(cls, folder: Path, *, held: bool = False) -> Documents | None:
        """Read the words in a folder of training data; None if it has none."""
        path = folder / VOCABULARY
        return cls(resources(path)[held]) if path.exists() else None

    def canvas(self, rng: Random, found: Resources, tiles: int) -> Canvas:
        """Draw one band ``tiles`` wide; it is hardly ever empty."""
        canvas = self._canvas(rng, found, tiles)
        return canvas if canvas.rows or rng.random() < 0.15 else self._canvas(rng, found, tiles)

    def _canvas(self, rng: Random, found: Resources, tiles: int) -> Canvas:
        draw = Draw(rng, self.vocabulary)
        makers, narrow, wide = zip(*_MAKERS, strict=True)
        maker = rng.choices(makers, narrow if tiles < 3 else wide)[0]
        sheet: Sheet = maker(draw)
        flow, look = paper(rng, found, tiles, till=maker is receipt)
        if maker is not receipt and rng.random() < (0.45, 0.35, 0.2, 0.15)[tiles - 1]:
            _pieces(flow, look, sheet)
        else:
            _rows(flow, look, sheet)
        clutter(flow, look)
        return flow.canvas


def _text(rng: Random, look: Paper, text: str) -> str:
    text = coded(rng) if rng.random() < look.codes else "".join(c for c in normalise(text) if c in _KNOWN)
    upper = text.upper()
    return upper if look.upper and _KNOWN.issuperset(upper) else text


def _rows(flow: Flow, look: Paper, sheet: Sheet) -> None:
    """Rows of the page from some row on, at the places that they have there."""
    rng, style = flow.rng, flow.style
    rows = _grouped(sheet.items)
    if not rows:
        return
    start = rng.randrange(max(1, len(rows) - rng.choice((3, 8, 8, 9)))) if rng.random() < 0.75 else 0
    chosen = rows[start:]
    steps = [low[0].y - high[0].y for high, low in pairwise(rows)]
    step = max(median(steps), 0.9 * sheet.size) if steps else sheet.size * 1.5
    scale = style.body.size / sheet.size * look.loose
    edge = min(item.x0 for row in chosen[:10] for item in row)
    if (sheet.width - edge) * scale > flow.canvas.width and rng.random() < 0.5:  # a column of the page
        edge = rng.uniform(edge, max(edge, sheet.width - flow.canvas.width / scale))
    elif (reach := max(item.x1 for row in chosen[:10] for item in row) - edge) * scale > style.right - style.left:
        scale = max(scale * 0.6, (style.right - style.left) / reach)
    before = chosen[0][0].y
    for row in chosen:
        if flow.canvas.rows or flow.y > style.body.ascent + 60:
            apart = (row[0].y - before) / step
            apart = 1.0 if apart < 1.12 else max(1 + GAP + 0.08, min(apart, 2.4))
            flow.skip(apart - 1.0)
        before = row[0].y
        if not flow.fits():
            break
        _row(flow, look, [(style.left + (item.x0 - edge) * scale, item) for item in row if item.x0 >= edge - 1], sheet)
        if look.till and rng.random() < 0.08:
            _separator(flow)


def _grouped(items: Sequence[Item]) -> list[list[Item]]:
    """Items in rows from the top, each from the left."""
    rows: list[list[Item]] = []
    for item in sorted(items, key=lambda item: item.y):
        if rows and abs(item.y - rows[-1][0].y) < 0.4 * item.height:
            rows[-1].append(item)
        else:
            rows.append([item])
    return [sorted(row, key=lambda item: item.x0) for row in rows]


def _row(flow: Flow, look: Paper, row: Sequence[tuple[float, Item]], sheet: Sheet) -> None:
    """One row: items that stand close are one cell, others are parted by a tab."""
    rng = flow.rng
    size = flow.style.body.size
    groups: list[tuple[float, list[Word], float]] = []
    end = -1e9
    tall = max((item.height for _, item in row), default=0) > 1.08 * sheet.size
    above = max(0.0, look.font(flow, filled=False, large=True).ascent - flow.style.body.ascent) if tall else 0.0
    flow.y += above
    for x, item in row:
        font = look.font(flow, filled=not item.loose, large=tall)
        words = flow.plain(_text(rng, look, item.text), font)
        gap = font.advance(" ") * look.space
        near = x - end < 1.25 * size
        if near and groups:
            x = end + max(gap, groups[-1][2])
        elif x - end < 1.8 * size:
            x = end + 1.8 * size
        words = flow.fit(words, flow.canvas.width - 2 - x, font)
        if not words:
            continue
        width = sum(word.width for word in words) + gap * (len(words) - 1)
        look.ground(flow, x, x + width, filled=not item.loose)
        if near and groups and groups[-1][2] == gap:
            groups[-1][1].extend(words)
        elif near and groups:
            continue
        else:
            groups.append((x, words, gap))
        end = x + width
    room = flow.canvas.width - end - size
    if len(groups) == 1 and look.blanks and rng.random() < 0.3 and room > 3 * size:
        blank = flow.word("_" * rng.randint(4, int(room / size * 1.5)))
        groups[-1][1].extend(flow.fit([blank], room) if blank else [])
    if groups and flow.fits():
        flow.place(groups, pitch=flow.style.pitch * (1.15 if tall else 1.0))
    else:
        flow.y -= above


def _separator(flow: Flow) -> None:
    """A row of dashes or the like."""
    style, rng = flow.style, flow.rng
    sign = flow.word(rng.choice("---==*_."))
    if sign and flow.fits():
        apart = rng.random() < 0.3
        gap = flow.gap_width()
        count = int((style.right - style.left) * rng.uniform(0.4, 1.0) / (sign.width + (gap if apart else 0)))
        if apart and count > 9:
            flow.place([(style.left, [sign] * count, gap)])
        elif (word := flow.word(sign.label * count)) and count > 8:
            flow.place([(style.left, [word], flow.gap_width())])


def _pieces(flow: Flow, look: Paper, sheet: Sheet) -> None:
    """Loose pieces one below the other, each in its own type, with what the cut left of rules around them."""
    rng, style, canvas = flow.rng, flow.style, flow.canvas
    texts = [_text(rng, look, item.text) for item in sheet.items if item.text.strip()]
    shapes = rng.random() < 0.12
    while flow.fits() and texts:
        if shapes and rng.random() < 0.25 and flow.y < TILE - 60:
            shape_between(flow)
        font = look.other(flow, rng.triangular(0.62, 1.35, 0.95))
        text = rng.choice(texts) if rng.random() < 0.9 else rng.choice((number(rng), code_line(rng, flow.few)))
        text = text.upper() if rng.random() < 0.15 else text
        left = rng.choice((style.left, style.left, style.left, style.left + rng.uniform(0, 40)))
        words = flow.fit(flow.plain(text, font), canvas.width - left - 4, font)
        if not words or flow.y - font.ascent < -1:
            texts.remove(text) if text in texts and len(texts) > 1 else flow.skip(0.2)
            if len(texts) < 2:
                return
            continue
        look.ground(flow, left, left + flow.measure(words, font), filled=rng.random() < 0.3)
        if rng.random() < 0.12:
            x = max(1.0, left - rng.uniform(3, 9))
            canvas.pen.line(
                (x, flow.y - font.ascent, x, flow.y + font.descent), fill=canvas.ink, width=rng.randint(1, 2)
            )
        groups: list[tuple[float, Sequence[Word], float]] = [(left, words, flow.gap_width(font))]
        end = left + flow.measure(words, font) + 2 * style.body.size
        if rng.random() < 0.25 and end < canvas.width * 0.8:
            second = flow.fit(flow.plain(rng.choice(texts), font), canvas.width - end - 4, font)
            groups.append((end + rng.uniform(0, 0.4) * (canvas.width - end - flow.measure(second, font)), second,
                flow.gap_width(font)))  # fmt: skip
        flow.place(groups, pitch=max(style.pitch, (font.ascent + font.descent) * 1.03))
