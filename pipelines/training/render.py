"""Synthetic bands for training: what the page cutter makes of real pages, with what they say.

``make_batch`` gives arrays; ``python -m dsvl2.pipelines.training.render --data DIR --out sheet.png`` draws a contact
sheet to look at. Token values: 0 = padding, class index + 1 = a character, ``LINE_MARK`` = a line begins (its place is
the next row of ``lines``); a bare newline before a mark is a paragraph gap.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from dsvl2.pipelines.training.canvas import TILE, Canvas, Row
from dsvl2.pipelines.training.charset import CHARACTERS, INDEX
from dsvl2.pipelines.training.clutter import (
    clear_of_text,
    figure,
    neighbour_column,
    scribble,
    slivers,
    specks_and_edges,
    stamp,
)
from dsvl2.pipelines.training.documents import Documents
from dsvl2.pipelines.training.fonts import Resources
from dsvl2.pipelines.training.layouts import BLOCKS, DENSE_BLOCKS, SIMPLE_BLOCKS, choose_block
from dsvl2.pipelines.training.text import Pool
from dsvl2.pipelines.training.typeset import Flow, Style
from dsvl2.pipelines.training.wordless import shape_between, wordless

LINE_MARK = len(CHARACTERS) + 1
_NEWLINE = INDEX["\n"] + 1
_DENSE = {1: 0.35, 2: 0.45, 3: 0.55, 4: 0.6}  # share of bands of running text, by tiles
_BUDGET = 420  # characters for each tile of width
_WORDLESS = 0.06  # share of bands without a word
#: (stage below which it holds, most lines, least, most and most likely x-height in px)
_CURRICULUM = ((0.02, 2, 12, 22, 15), (0.05, 4, 10, 20, 13), (0.10, 9, 8, 18, 12))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One band: image uint8 [384, 384 m], tokens, line starts [l, 2] px, characters (x, y, class + 1) [n, 3]."""

    image: npt.NDArray[np.uint8]
    tokens: list[int]
    lines: npt.NDArray[np.float32]
    chars: npt.NDArray[np.float32]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Arrays of B bands: images uint8 [B, 384, 384 m], tokens int16 [B, T], lines [B, L, 2], chars [B, N, 3]."""

    images: npt.NDArray[np.uint8]
    tokens: npt.NDArray[np.int16]
    lines: npt.NDArray[np.float32]
    chars: npt.NDArray[np.float32]


def render_band(rng: Random, resources: Resources, m: int, stage: float) -> Sample:
    """Draw one band ``m`` tiles wide; ``stage`` 0..1 is the place in the curriculum."""
    paper = rng.choice((255, 255, 255, 255, rng.randint(205, 254)))
    ink = rng.randint(90, 165) if paper > 235 and rng.random() < 0.03 else rng.choice((0, 0, 0, rng.randint(0, 90)))
    canvas = Canvas(m, paper, ink)  # a little of it is pale
    flow = _start(rng, resources, canvas, stage)
    full = stage >= _CURRICULUM[-1][0]
    if full and rng.random() < _WORDLESS:
        wordless(rng, canvas)
        return _finish(canvas)
    first = flow.y
    _fill(flow, full)
    if full:
        _surround(flow, first)
    return _finish(canvas)


def _fill(flow: Flow, full: bool) -> None:
    rng = flow.rng
    with_figures = full and rng.random() < 0.05
    with_shapes = full and rng.random() < 0.05
    blocks = (DENSE_BLOCKS if rng.random() < _DENSE[flow.canvas.width // TILE] else BLOCKS) if full else SIMPLE_BLOCKS
    favourite = choose_block(rng, blocks)
    stuck = 0
    while flow.fits() and stuck < 4:
        before = len(flow.canvas.rows)
        if with_figures and rng.random() < 0.5 and flow.y < TILE - 60:
            top = flow.y - flow.style.body.ascent + 2
            bottom = min(TILE - 2.0, top + rng.uniform(30, 260))
            figure(rng, flow.canvas, (flow.style.left, top, flow.style.right, bottom))
            flow.y = bottom + flow.style.body.ascent + rng.uniform(3, 20)
            flow.gap = bool(flow.canvas.rows)
        elif with_shapes and rng.random() < 0.3 and flow.y < TILE - 60:
            shape_between(flow)
        else:
            (favourite if rng.random() < 0.35 else choose_block(rng, blocks))(flow)
        stuck = stuck + 1 if len(flow.canvas.rows) == before else 0


def _start(rng: Random, resources: Resources, canvas: Canvas, stage: float) -> Flow:
    """Choose font, scale, margins, and how much goes on the band."""
    step = next((step for step in _CURRICULUM if stage < step[0]), None)
    family = resources.family(rng)
    faces = (
        family.bold
        if family.bold and rng.random() < 0.05
        else family.italic
        if family.italic and rng.random() < 0.06
        else family.plain
    )
    face = rng.choice(faces)
    rows = rng.randint(1, step[1]) if step else rng.choice((1, 1, 2, 3, 4, 5, 6)) if rng.random() < 0.25 else 99
    x_height, pitch = _scale(rng, step, few=rows < 99)
    body = resources.sized(face, min(x_height / face.outline.x_height, 56.0))
    pitch = max(pitch, (body.ascent + body.descent) * 1.01)
    left, right = _margins(rng, canvas.width, narrow=step is None)
    right = max(right, min(canvas.width - 2.0, left + body.size * 7))
    style = Style(
        family=family, face=face, body=body, pitch=pitch, left=left, right=right,
        align="justify" if rng.random() < 0.45 else "left", space=rng.choice((1.0, 1.0, 1.0, 1.0, 1.3, 1.8)),
        spacing=rng.choice((0.0,) * 14 + (body.size * rng.uniform(0.02, 0.1), -body.size * 0.015)), kern=rng.random() < 0.25,
        ligatures=rng.random() < 0.35 and not face.mono, hyphenate=rng.random() < 0.4,
        paragraph_gap=rng.choice((0.0, 0.0, 0.4, 0.5, 0.7, 1.0, 1.0)), indent=rng.choice((0.0, 0.0,
            body.size * rng.uniform(0.8, 3.0))),
    )  # fmt: skip
    canvas.tuck = body.size * rng.uniform(0.02, 0.09) if rng.random() < 0.2 else 0.0
    top = body.ascent + 1 + rng.choice((rng.uniform(0, 8), rng.uniform(0, 40)))
    if rows < 99 and rng.random() < 0.7:
        top += rng.uniform(0, max(0.0, TILE - top - rows * pitch))
    low = stage >= _CURRICULUM[0][0] and rng.random() < 0.12
    source = Pool(rng, resources.corpus) if low else resources.corpus
    return Flow(rng, resources, canvas, style, source, top, _BUDGET * (canvas.width // TILE), rows)


def _scale(rng: Random, step: tuple[float, int, int, int, int] | None, *, few: bool) -> tuple[float, float]:
    """x-height and line pitch in px. Real bands come at a pitch of about 32 px where text is dense."""
    if step:
        x_height = rng.triangular(step[2], step[3], step[4])
        return x_height, x_height * rng.uniform(2.3, 3.6)
    kind = rng.random()
    if kind < 0.54:
        pitch = rng.triangular(27, 38, 32)
        return pitch * rng.triangular(0.30, 0.48, 0.385), pitch
    if kind < 0.68:  # wide pages of small print, which the cutter cannot enlarge as far as it would
        pitch = rng.uniform(21.5, 28.5)
        return pitch * rng.triangular(0.32, 0.46, 0.39), pitch
    if kind < 0.88:
        x_height = rng.triangular(7, 18, 12)
        return x_height, x_height * 2.15 * rng.triangular(1.0, 1.9, 1.2)
    if kind < 0.94 or few:  # a large line alone would be a heading
        x_height = rng.uniform(6, 8.5)
        return x_height, x_height * 2.15 * rng.uniform(1.0, 1.5)
    x_height = rng.uniform(16, 24)
    return x_height, x_height * rng.uniform(2.2, 3.0)


def _margins(rng: Random, width: int, *, narrow: bool) -> tuple[float, float]:
    left = rng.choice((rng.uniform(2, 14), rng.uniform(2, 14), rng.uniform(4, 60)))
    kind = rng.random()
    if kind < 0.45 or not narrow:
        return left, width - rng.uniform(2, 16)
    if kind < 0.6:
        return left, width - rng.uniform(4, 60)
    return left, width - rng.uniform(2, 370 if width > TILE else 160)


def _surround(flow: Flow, first: float) -> None:
    """Add what page cutting and scanning leave around the text."""
    rng, canvas = flow.rng, flow.canvas
    if rng.random() < 0.04:
        slivers(flow, first, above=True)
    if rng.random() < 0.04 and flow.y > TILE + flow.style.body.descent:
        slivers(flow, first, above=False)
    if (
        rng.random() < 0.03
        and flow.style.left > flow.style.body.x_height + 8
        and flow.style.right < canvas.width - flow.style.body.x_height - 8
    ):
        neighbour_column(flow)
    if rng.random() < 0.06:
        specks_and_edges(rng, canvas)
    if rng.random() < 0.03:
        box = _any_box(rng, canvas)
        if clear_of_text(flow, box):
            rng.choice((scribble, stamp, figure))(rng, canvas, box)


def _any_box(rng: Random, canvas: Canvas) -> tuple[float, float, float, float]:
    x0, y0 = rng.uniform(2, canvas.width * 0.6), rng.uniform(2, TILE * 0.6)
    return x0, y0, rng.uniform(x0 + 60, canvas.width - 2), rng.uniform(y0 + 40, TILE - 4)


def shorten_runs(text: str) -> str:
    """Write blanks to fill in and leaders as four marks, rules as eight: how many there are says nothing.

    A reader that has to count forty underscores loses its place; the length of a blank is not part of the text.
    """
    text = re.sub(r"([._])(?: ?\1){4,}", r"\1\1\1\1", text)
    return re.sub(r"([-=*~#])(?: ?\1){8,}", lambda run: run[1] * 8, text)


def _finish(canvas: Canvas) -> Sample:
    tokens: list[int] = []
    lines: list[tuple[float, float]] = []
    for row in canvas.rows:
        if row.gap and lines:
            tokens.append(_NEWLINE)
        tokens.append(LINE_MARK)
        lines.append((row.x, row.y))
        tokens += [INDEX[character] + 1 for character in shorten_runs(row.text)]
    return Sample(
        canvas.image(), tokens, np.array(lines, np.float32).reshape(-1, 2),
        np.array(canvas.chars, np.float32).reshape(-1, 3), _text(canvas.rows),
    )  # fmt: skip


def _text(rows: Sequence[Row]) -> str:
    return "".join(
        ("\n\n" if row.gap else "\n") * (index > 0) + shorten_runs(row.text) for index, row in enumerate(rows)
    )


def make_batch(
    rng: Random, resources: Resources, m: int, stage: float, batch_size: int, documents: Documents | None = None,
    share: float = 0.0, at_once: int = 8,
) -> list[Batch]:  # fmt: skip
    """``at_once`` batches of ``batch_size`` bands, sorted by length so that little padding is needed.

    A ``share`` of them are ``documents``: receipts, forms and the like, once the curriculum is through.
    """
    samples = [
        _finish(documents.canvas(rng, resources, m))
        if documents and stage >= _CURRICULUM[-1][0] and rng.random() < share
        else render_band(rng, resources, m, stage)
        for _ in range(at_once * batch_size)
    ]
    samples.sort(key=lambda sample: len(sample.tokens))
    batches = [_stack(samples[i * batch_size : (i + 1) * batch_size]) for i in range(at_once)]
    rng.shuffle(batches)
    return batches


def wordless_batch(rng: Random, m: int, size: int) -> Batch:
    """Bands without a word only."""
    samples = []
    for _ in range(size):
        canvas = Canvas(m, rng.choice((255, 255, rng.randint(205, 254))), 0)
        wordless(rng, canvas)
        samples.append(_finish(canvas))
    return _stack(samples)


def _stack(samples: Sequence[Sample]) -> Batch:
    count = len(samples)
    tokens = np.zeros((count, max(1, *(len(s.tokens) for s in samples))), np.int16)
    lines = np.full((count, max(1, *(len(s.lines) for s in samples)), 2), -1, np.float32)
    chars = np.full((count, max(1, *(len(s.chars) for s in samples)), 3), -1, np.float32)
    for index, sample in enumerate(samples):
        tokens[index, : len(sample.tokens)] = sample.tokens
        lines[index, : len(sample.lines)] = sample.lines
        chars[index, : len(sample.chars)] = sample.chars
    return Batch(np.stack([sample.image for sample in samples]), tokens, lines, chars)


def main() -> None:
    """Draw a contact sheet: bands with their labels."""
    from dsvl2.pipelines.training.sheet import contact_sheet

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=12)
    parser.add_argument("--m", type=int, default=0, help="tiles in a row; 0 = mixed")
    parser.add_argument("--stage", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--documents", action="store_true", help="receipts, forms and other business papers only")
    arguments = parser.parse_args()
    resources = Resources.load(arguments.data)
    rng = Random(arguments.seed)
    documents = Documents.load(arguments.data) if arguments.documents else None
    samples = []
    for _ in range(arguments.n):
        tiles = arguments.m or rng.randint(1, 3)
        drawn = _finish(documents.canvas(rng, resources, tiles)) if documents else None
        samples.append(drawn or render_band(rng, resources, tiles, arguments.stage))
    font = arguments.data / "fonts" / "DejaVuSans.ttf"
    columns = math.ceil(arguments.n**0.5 / 1.6)
    contact_sheet(samples, columns=columns, font_file=str(font) if font.is_file() else None).save(arguments.out)


if __name__ == "__main__":
    main()
