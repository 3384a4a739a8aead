"""The paper that receipts and forms are printed on: its type, its rules and boxes, what people leave on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from dsvl2.pipelines.training.canvas import TILE, Canvas
from dsvl2.pipelines.training.clutter import scribble, specks_and_edges, stamp
from dsvl2.pipelines.training.fonts import Face, Resources
from dsvl2.pipelines.training.glyphs import SizedFont
from dsvl2.pipelines.training.printers import TYPE, Look, matrix, stretched, thermal, typewriter
from dsvl2.pipelines.training.typeset import Flow, Style

_BUDGET = 420  # characters for each tile of width


@dataclass(slots=True)
class Paper:
    """The habits of one document: faces and looks of what is printed and of what is filled in."""

    till: bool
    printed: tuple[Face, Look]
    filled: tuple[Face, Look]
    strong: Face
    space: float = 1.0
    loose: float = 1.0  # places on the page against sizes of letters
    enlarge: float = 1.0  # of tall rows
    spread: float = 1.0  # widening of tall rows
    underline: float = 0.0  # share of values on a rule
    boxed: float = 0.0  # share of values in a box
    blanks: bool = False
    upper: bool = False  # capitals only
    uneven: float = 0.0  # how much paler some lines are than others
    codes: float = 0.0  # share of texts that are codes and clipped words
    others: list[tuple[Face, Look]] = field(default_factory=list)

    def font(self, flow: Flow, *, filled: bool, large: bool) -> SizedFont:
        """The font of a label, of a value, or of a row that stands out."""
        face, look = self.filled if filled else self.printed
        size = flow.style.body.size
        if large:
            face = self.strong
            size *= self.enlarge
            look = Look(look.cells, look.dots, round(look.wide * self.spread, 2), look.limit, look.ragged)
        return flow.resources.sized(face, size, look)

    def other(self, flow: Flow, scale: float) -> SizedFont:
        """The font of a loose piece, its letters ``scale`` times as high as the body's."""
        face, look = flow.rng.choice(self.others)
        return flow.resources.sized(face, flow.style.body.x_height / face.outline.x_height * scale, look)

    def ground(self, flow: Flow, left: float, right: float, *, filled: bool) -> None:
        """What lies under a value: a rule at its feet, a box around it."""
        rng, font, canvas = flow.rng, flow.style.body, flow.canvas
        if not filled:
            return
        if rng.random() < self.underline:
            y = flow.y + rng.choice((1, 2, 2, 3, 4, font.descent, -rng.uniform(0.05, 0.5) * font.x_height))
            end = right + rng.choice((0, rng.uniform(0, 300)))
            start = left - rng.choice((0, rng.uniform(0, 20), rng.uniform(0, 200)))
            canvas.bar(start, min(end, canvas.width - 1), y, rng.randint(1, 2))
        elif rng.random() < self.boxed:
            near = font.size * rng.uniform(0.1, 0.4)
            box = (left - near, flow.y - font.ascent - near * 0.5, right + near * 2, flow.y + font.descent + near * 0.4)
            sides = [((box[0], box[1]), (box[0], box[3])), ((box[0], box[3]), (box[2], box[3])),
                     ((box[2], box[1]), (box[2], box[3])), ((box[0], box[1]), (box[2], box[1]))]  # fmt: skip
            for side in sides if rng.random() < 0.5 else rng.sample(sides, rng.randint(1, 3)):
                canvas.pen.line(side, fill=canvas.ink, width=rng.randint(1, 2))


def paper(rng: Random, found: Resources, tiles: int, *, till: bool) -> tuple[Flow, Paper]:
    """An empty band of a document, and the document's habits."""
    shade = rng.choice((255, 255, 255, rng.randint(215, 254), rng.randint(170, 240)))
    ink = rng.choice((0, 0, 0, rng.randint(0, 90), rng.randint(60, 150) if shade > 230 else 0))
    if till and rng.random() < 0.35:  # pale thermal print
        shade, ink = rng.randint(240, 255), rng.randint(90, 185)
    canvas = Canvas(tiles, shade, ink)
    printed = _face(rng, found, till)
    filled = printed if till or rng.random() < 0.45 else _typed(rng, found)
    face, look = printed
    x_height = rng.triangular(8, 19, 13) if till else rng.triangular(7, 16.5, 11.5)
    if look.wide < 0.75:  # narrow letters are high ones
        x_height = max(x_height, rng.uniform(11.5, 18))
    body = found.sized(face, min(x_height / face.outline.x_height, 40.0), look)
    pitch = max((body.ascent + body.descent) * rng.choice((1.0, 1.02, 1.05)), rng.triangular(25, 40, 32))
    upper = rng.random() < (0.4 if till else 0.12)
    if upper and rng.random() < 0.6:  # capitals that nearly touch the line above
        pitch = max(body.x_height * rng.uniform(1.75, 2.2), 21.0)
    left = rng.choice((rng.uniform(2, 10), rng.uniform(2, 10), rng.uniform(4, 60)))
    style = Style(family=found.family(rng), face=face, body=body, pitch=pitch, left=left,
        right=canvas.width - rng.uniform(4, 30), paragraph_gap=0.0)  # fmt: skip
    rows = rng.choice((1, 1, 2, 3, 4)) if rng.random() < 0.2 else 99
    flow = Flow(rng, found, canvas, style, found.corpus, body.ascent + 1 + rng.choice((rng.uniform(0, 6),
        rng.uniform(0, 40))), _BUDGET * tiles, rows)  # fmt: skip
    look_of = Paper(
        till, printed, filled, strong=_strong(rng, found, face), space=rng.choice((1.0, 1.0, 1.0, 1.4)),
        loose=rng.uniform(0.85, 1.1), enlarge=rng.choice((1.0, 1.15, 1.3, 1.6, 2.0)),
        spread=rng.choice((0.7, 1.0, 1.0, 1.35, 1.7)), upper=upper, uneven=rng.choice((0.0, 0.0, 0.0, 0.3, 0.55)),
        codes=(0.25 if till else 0.08) * rng.choice((0.0, 1.0, 2.0)),
        underline=rng.choice((0.0, 0.0, 0.25)) if till else rng.choice((0.0, 0.3, 0.9)),
        boxed=0.0 if till else rng.choice((0.0, 0.0, 0.3, 0.8)),
        blanks=not till and rng.random() < 0.5, others=[_face(rng, found, till) for _ in range(3)] + [filled],
    )  # fmt: skip
    return flow, look_of


def _face(rng: Random, found: Resources, till: bool) -> tuple[Face, Look]:
    """A face of a till, or of a printed form."""
    kind = rng.random()
    if till and kind < 0.5:
        return rng.choice(rng.choice(found.mono).plain), thermal(rng)
    if till and kind < 0.68:
        return rng.choice(rng.choice(found.mono).plain), matrix(rng)
    if not till and kind < 0.3:
        return _typed(rng, found)
    family = found.family(rng)
    if not till and family.small_caps and kind > 0.85:
        return rng.choice(family.small_caps), TYPE
    faces = family.bold if family.bold and rng.random() < 0.25 else family.plain
    return rng.choice(faces), thermal(rng) if till and kind < 0.78 else stretched(rng)


def _typed(rng: Random, found: Resources) -> tuple[Face, Look]:
    faces = rng.choice(found.mono)
    look = typewriter(rng) if rng.random() < 0.75 else matrix(rng) if rng.random() < 0.5 else stretched(rng)
    return rng.choice(faces.bold if faces.bold and rng.random() < 0.2 else faces.plain), look


def _strong(rng: Random, found: Resources, face: Face) -> Face:
    bold = [f for family in found.families if family.name == face.family for f in family.bold]
    return rng.choice(bold) if bold and rng.random() < 0.5 else face


def clutter(flow: Flow, look: Paper) -> None:
    """Pen strokes, stamps, rules, specks, bar codes, shadows: everything on the paper that is not to be read."""
    rng, canvas = flow.rng, flow.canvas
    low = min(TILE - 2.0, flow.y + 10)
    if rng.random() < 0.14:
        _pen_strokes(rng, canvas, low)
    if rng.random() < 0.05:
        x, y = rng.uniform(0, canvas.width * 0.7), rng.uniform(0, TILE * 0.6)
        stamp(rng, canvas, (x, y, min(x + 200, canvas.width - 2), min(y + 160, TILE - 2)))
    if rng.random() < (0.1 if look.till else 0.2):
        specks_and_edges(rng, canvas)
    if rng.random() < (0.06 if look.till else 0.2):
        _rules(rng, canvas, low)
    if look.till and rng.random() < 0.03 and flow.y < TILE - 90:
        _bars(rng, canvas, flow.y)
    if rng.random() < 0.06:  # the dark edge of a scan
        x = rng.choice((0.0, min(canvas.width - 9.0, flow.style.right + rng.uniform(0, 30))))
        canvas.pen.rectangle((x, 0, x + rng.uniform(1, 8), max(8.0, low)), fill=rng.randint(0, 60))
    wear(rng, canvas, look)


def wear(rng: Random, canvas: Canvas, look: Paper) -> None:
    """Lines of unequal ink, lines without their heads or feet, hairlines where a printing head is dead."""
    for row in canvas.rows:
        if look.uneven and rng.random() < 0.5:
            canvas.fade(row.y - 14, row.y + 12, 1 - look.uneven * rng.random())
        if look.till and rng.random() < 0.02:
            top = row.y + rng.choice((-11, 5))
            canvas.fade(top, top + rng.randint(2, 4), rng.uniform(0, 0.4))
    if look.till and rng.random() < 0.06:
        for _ in range(rng.randint(1, 5)):
            y = rng.uniform(0, TILE - 2)
            canvas.fade(y, y + 1, rng.uniform(0, 0.4))


_CLIPPED = "BCDFGHJKLMNPQRSTVWXZAEIOU"


def coded(rng: Random) -> str:
    """A text that no language helps to read: item codes, clipped words, amounts with signs, numbers in brackets."""

    def clipped() -> str:
        return "".join(rng.choice(_CLIPPED) for _ in range(rng.randint(1, 6)))

    def digits(low: int, high: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(rng.randint(low, high)))

    kind = rng.randrange(10)
    amount = f"{rng.randint(0, 999)}.{rng.randint(0, 99):02d}"
    if kind < 4:
        words = [clipped() + rng.choice(("", "", "", "/" + clipped(), "." + clipped(), "-" + digits(1, 3), digits(1, 2)))
                 for _ in range(rng.randint(1, 5))]  # fmt: skip
        return " ".join(words)
    if kind < 6:
        return digits(6, 15)
    if kind == 6:
        return rng.choice((f"{rng.randint(1, 20)} X {amount}", f"{amount} {rng.choice('STCZ')}", f"{amount}-", f"-{amount}",
            f"{rng.randint(1, 9)}.00 @ {amount}", f"RM{amount}", f"{rng.randint(0, 25)}%", f"*{amount}"))  # fmt: skip
    if kind == 7:
        return f"({digits(5, 7)}{rng.choice(('-', ' ', ''))}{rng.choice(_CLIPPED)})"
    if kind == 8:
        return f"#{digits(3, 8)}-{rng.choice(_CLIPPED)}"
    return f"{digits(2, 6)}{clipped()}{digits(0, 4)} {clipped()}"


def _pen_strokes(rng: Random, canvas: Canvas, low: float) -> None:
    """Handwriting across and beside the print: circles, ticks, loops, paler than print or as dark."""
    shade = rng.choice((canvas.ink, rng.randint(80, 200), rng.randint(120, 210)))
    for _ in range(rng.randint(1, 3)):
        x, y = rng.uniform(0, canvas.width - 40), rng.uniform(0, low)
        kind, size = rng.random(), rng.uniform(15, 90)
        if kind < 0.3:
            box = (x, y, x + size * rng.uniform(1, 3), y + size)
            canvas.pen.arc(box, rng.uniform(0, 90), rng.uniform(250, 450), fill=shade, width=rng.randint(1, 3))
        elif kind < 0.5:
            points = [(x, y), (x + size * 0.3, y + size * 0.4), (x + size, y - size * 0.5)]
            canvas.pen.line(points, fill=shade, width=rng.randint(1, 4), joint="curve")
        elif kind < 0.8:
            step, turn = rng.uniform(0.3, 0.9), rng.uniform(0, 6)
            points = [(x + i * size * 0.06 + math.sin(i * step * 1.7) * size * 0.12,
                       y + math.sin(i * step + turn) * size * 0.3) for i in range(rng.randint(12, 60))]  # fmt: skip
            canvas.pen.line(points, fill=shade, width=rng.randint(1, 3), joint="curve")
        else:
            scribble(rng, canvas, (x, y, x + size * 2, min(y + size, TILE - 1.0)))


def _rules(rng: Random, canvas: Canvas, low: float) -> None:
    """Rules of a form that run past the text, or through it."""
    for _ in range(rng.randint(1, 4)):
        if rng.random() < 0.6:
            y = rng.uniform(0, low)
            x = rng.uniform(0, canvas.width * 0.5)
            canvas.pen.line((x, y, rng.uniform(x + 40, canvas.width), y), fill=canvas.ink, width=rng.randint(1, 2))
        else:
            x, y = rng.uniform(0, canvas.width), rng.uniform(0, low * 0.7)
            canvas.pen.line((x, y, x, rng.uniform(y, low)), fill=canvas.ink, width=rng.randint(1, 2))


def _bars(rng: Random, canvas: Canvas, y: float) -> None:
    """A bar code."""
    x, end = rng.randint(4, canvas.width // 3), rng.uniform(canvas.width * 0.5, canvas.width - 4)
    while x < end:
        wide = rng.choice((1, 1, 2, 3))
        canvas.pen.rectangle((x, y, x + wide - 1, y + 50), fill=canvas.ink)
        x += wide + rng.choice((1, 2, 2, 3))
