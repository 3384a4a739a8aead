"""Forms: sections of labels and values, each section laid out in one of many ways."""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.entries import Entry, entries
from dsvl2.pipelines.training.answers.sheet import Rows, Sheet
from dsvl2.pipelines.training.answers.stacks import ledger, matrix, stacked

_MARKS = (
    ("X", ""), ("X", "_"), ("☑", "☐"), ("[X]", "[ ]"), ("(X)", "( )"), ("✓", ""), ("■", "□"), ("x", "o"), ("XX", "-"),
)  # fmt: skip
_LEADERS = ("....", "....", "____", "----")
_TITLES = ("FORM", "REQUEST", "REPORT", "SHEET", "APPLICATION", "RECORD", "ORDER", "NOTICE", "PROPOSAL", "CLAIM",
    "AUTHORIZATION",
           "SUMMARY", "REGISTRATION", "QUESTIONNAIRE", "STATEMENT", "CERTIFICATE", "CHANGE NOTICE", "WORKSHEET")  # fmt: skip


class Form:
    """Writes a form from the top down."""

    def __init__(self, draw: Draw, kind: str = "form") -> None:
        self.draw = draw
        width = draw.rng.uniform(740, 1000)
        self.size = draw.rng.uniform(11, 17)
        self.sheet = Sheet(kind, width, 1000, self.size, 0.6 if draw.chance(0.45) else 0.5)
        self.left = width * draw.rng.uniform(0.03, 0.14)
        self.right = width * draw.rng.uniform(0.84, 0.97)
        self.y = draw.rng.uniform(20, 110)
        self.pitch = self.size * draw.rng.uniform(1.25, 2.2)
        self.invented = draw.any((0.2, 0.5, 0.8, 1.0))
        self.empty = draw.any((0.0, 0.05, 0.1, 0.25))

    def feed(self, lines: float = 1.0) -> None:
        """Go down."""
        self.y += self.pitch * lines

    def entries(self, count: int) -> list[Entry]:
        """Entries of this form."""
        return entries(self.draw, count, self.invented, self.empty)

    def value(self, x: float, wide: float, text: str, tag: int, y: float | None = None) -> float:
        """Write a value that may take several lines from x on; return the y below its last line."""
        at = self.y if y is None else y
        wide = max(wide, 60)
        most = 8 if wide > 300 else self.draw.number(1, 3)
        for part in self.sheet.wrap(text, wide)[:most]:
            self.sheet.write(x, at, (part, tag))
            at += self.size * 1.35
        return at

    def title(self) -> None:
        """A heading, as nobody asks for it by label."""
        draw, sheet = self.draw, self.sheet
        tag = sheet.fact(names=("title", "heading", "title of the document", "name of the form"), keys=("title", "heading"),
                         asks=("What is this document called?", "What kind of document is it?"))  # fmt: skip
        words = draw.words(1, 3)
        text = f"{words} {draw.pick(_TITLES)}"
        text = text.upper() if draw.chance(0.7) else text.title()
        x = (self.left + self.right) / 2 if draw.chance(0.6) else self.left
        sheet.write(
            x,
            self.y,
            (text, tag),
            size=self.size * draw.rng.uniform(1, 1.6),
            align="center" if x > self.left else "left",
        )
        self.feed(draw.rng.uniform(1.2, 2.5))

    def prose(self) -> None:
        """Small print that is not asked for."""
        text = " ".join(self.draw.entry("sentence") for _ in range(self.draw.number(1, 3)))
        for part in self.sheet.wrap(text, self.right - self.left):
            self.sheet.write(self.left, self.y, part)
            self.y += self.size * 1.3
        self.feed(0.5)


def inline(form: Form) -> None:
    """`LABEL: value`, one below the other; long values run on at the left edge or hang."""
    hang = form.draw.chance(0.5)
    for entry in form.entries(form.draw.number(2, 7)):
        tag = entry.fact(form.sheet)
        label = entry.label + " "
        wide = form.sheet.wide(label)
        first, *rest = form.sheet.wrap(entry.value, form.right - form.left - wide) or [""]
        form.sheet.write(form.left, form.y, label, (first, tag))
        for part in form.sheet.wrap(" ".join(rest), form.right - form.left):
            form.y += form.size * 1.35
            form.sheet.write(form.left + (wide if hang else 0), form.y, (part, tag))
        form.feed()


def tabbed(form: Form) -> None:
    """Labels at the left, or flush right, and all values from one place on."""
    draw, chosen = form.draw, form.entries(form.draw.number(2, 8))
    widest = max(form.sheet.wide(entry.label) for entry in chosen)
    stop = form.left + widest + draw.rng.uniform(0.8, 8) * form.size
    flush = draw.chance(0.15)
    leads = not (draw.held or flush) and draw.chance(0.1)
    offset = draw.any((0.0, 0.0, -0.25, 0.25)) * form.size  # typed values seldom stand on the printed line
    for entry in chosen:
        tag = entry.fact(form.sheet)
        form.sheet.write(
            form.left + widest if flush else form.left, form.y, entry.label, align="right" if flush else "left"
        )
        if leads:
            form.sheet.write(form.left + form.sheet.wide(entry.label) + 0.4 * form.size, form.y, draw.any(_LEADERS))
        below = form.value(stop, form.right - stop, entry.value, tag, form.y + offset)
        form.y = max(form.y + form.pitch, below + 0.1 * form.size)


def columns(form: Form) -> None:
    """Two or three pairs a row, values beside their labels."""
    draw = form.draw
    count = draw.any((2, 2, 2, 3))
    wide = (form.right - form.left) / count
    gap = draw.rng.uniform(0.3, 3) * form.size
    for _ in range(draw.number(1, 5)):
        deepest = form.y
        for number, entry in enumerate(form.entries(count)):
            tag = entry.fact(form.sheet)
            x = form.left + number * wide * draw.rng.uniform(0.97, 1.0)
            if gap < form.size * 0.9:
                item = form.sheet.write(
                    x, form.y, entry.label + " ", (_short(form, entry, wide - form.sheet.wide(entry.label)), tag)
                )
                deepest = max(deepest, item.y if item else 0)
                continue
            form.sheet.write(x, form.y, entry.label)
            start = x + form.sheet.wide(entry.label) + gap
            deepest = max(deepest, form.value(start, x + wide - start - form.size, entry.value, tag) - form.pitch)
        form.y = max(form.y, deepest) + form.pitch


def _short(form: Form, entry: Entry, wide: float) -> str:
    """A value cut to one line; the entry is asked with what is left."""
    parts = form.sheet.wrap(entry.value, max(wide - form.size, 40))
    return parts[0] if parts else ""


def above(form: Form) -> None:
    """A label, and its value below: cells of a box, one to four a row; at times the value stands above its label."""
    draw = form.draw
    upside_down = draw.chance(0.12)
    for _ in range(draw.number(1, 3)):
        count = draw.any((1, 2, 2, 3, 3, 4))
        wide = (form.right - form.left) / count
        step = form.size * draw.rng.uniform(1.1, 1.6)
        deepest = form.y
        for number, entry in enumerate(form.entries(count)):
            tag = entry.fact(form.sheet)
            x = form.left + number * wide
            indent = draw.any((0.0, 0.0, 0.5, 2.0)) * form.size
            if upside_down:
                form.sheet.write(x + indent, form.y, (_short(form, entry, wide), tag))
                form.sheet.write(x, form.y + step, entry.label, size=form.size * 0.85)
                deepest = max(deepest, form.y + 2 * step)
                continue
            lines = form.sheet.wrap(entry.label, wide - form.size)
            for place, part in enumerate(lines):
                form.sheet.write(x, form.y + place * form.size * 1.1, part)
            top = form.y + step + (len(lines) - 1) * form.size * 1.1
            deepest = max(deepest, form.value(x + indent, wide - indent - form.size, entry.value, tag, top))
        form.y = deepest + form.size * draw.rng.uniform(0.4, 1.2)


def boxes(form: Form) -> None:
    """A group of boxes to tick, in a row or one below the other."""
    draw, sheet = form.draw, form.sheet
    yes, no = draw.any(_MARKS)
    (entry,) = form.entries(1)
    options = [draw.words(1, 2).title() for _ in range(draw.number(2, 5))] if draw.chance(0.7) else ["Yes", "No"]
    ticked = draw.number(-1, len(options) - 1)
    group = sheet.fact(entry.label, asks=(f"Which box is ticked for {entry.label.rstrip(':. ')}?",))
    across = draw.chance(0.6)
    before = draw.chance(0.6)
    sheet.write(form.left, form.y, entry.label)
    x = form.left + sheet.wide(entry.label) + 2 * form.size
    if not across:
        form.feed()
        x = form.left + draw.rng.uniform(0, 3) * form.size
    for number, option in enumerate(options):
        mark = yes if number == ticked else no
        tag = sheet.fact(option, keys=(), asks=(f"Is {option} ticked?", f'Which mark stands at "{option}"?'))
        tags = (option, group if number == ticked else 0)
        marked = (mark, tag if number == ticked else 0)
        near = draw.chance(0.5)
        pieces = (marked, " ", tags) if before else (tags, " ", marked)
        if near or not mark:
            sheet.write(x, form.y, *(piece for piece in pieces if piece != " " or mark))
        else:
            sheet.write(x, form.y, pieces[0])
            sheet.write(x + sheet.wide(pieces[0][0]) + 1.6 * form.size, form.y, pieces[2])
        if across:
            x += sheet.wide(option + mark) + draw.rng.uniform(3.5, 5) * form.size
            if x > form.right - 80 and number < len(options) - 1:
                x, form.y = form.left + 2 * form.size, form.y + form.pitch
        else:
            form.feed()
    form.feed()


def block(form: Form) -> None:
    """A heading, and below it a text of several lines."""
    draw = form.draw
    (entry,) = form.entries(1)
    tag = entry.fact(form.sheet)
    indent = draw.any((0.0, 0.0, 2.0, 5.0)) * form.size
    form.sheet.write(form.left, form.y, entry.label)
    form.feed()
    text = (
        entry.value
        if draw.chance(0.4) or not entry.value
        else " ".join(draw.entry("sentence") for _ in range(draw.number(1, 2)))
    )
    form.y = form.value(form.left + indent, form.right - form.left - indent, text, tag) + 0.5 * form.pitch


def grid(form: Form) -> None:
    """A table with a head: columns of values, some cells empty."""
    draw, sheet = form.draw, form.sheet
    count = draw.number(2, 5)
    heads = form.entries(count)
    lefts = [form.left + (form.right - form.left) * number / count for number in range(count)]
    keys = [f"{_key(entry.label)}" for entry in heads]
    rows = Rows(("rows", "entries", "lines", "items", "records", "table"))
    length, first = draw.number(1, 5), draw.chance(0.3)  # a head may be asked for what stands first below it
    for entry, x in zip(heads, lefts, strict=True):
        sheet.write(x, form.y, entry.label.rstrip(":"))
    form.feed()
    for row in range(length):
        record: dict[str, int] = {}
        for entry, key, x in zip(heads, keys, lefts, strict=True):
            if draw.chance(0.12):
                continue
            tag = entry.fact(sheet) if length == 1 or (first and not row) else sheet.tag()
            record[key] = tag
            parts = sheet.wrap(draw.value(), (form.right - form.left) / count - form.size)
            sheet.write(x, form.y, (parts[0], tag))
        rows.entries.append(record)
        form.feed()
    if all(keys) and len(set(keys)) == len(keys) and length > 1:
        sheet.lists.append(rows)
    form.feed(0.5)


def _key(label: str) -> str:
    return "_".join("".join(c if c.isascii() and c.isalnum() else " " for c in label.casefold()).split())[:24]


SECTIONS: tuple[tuple[Callable[[Form], None], int], ...] = (
    (inline, 5), (tabbed, 6), (columns, 5), (above, 4), (boxes, 3), (block, 2), (grid, 2),
)  # fmt: skip


def drill(draw: Draw) -> Sheet:
    """A few labels nobody has seen and their values: the shortest lesson in copying what belongs to a label."""
    form = Form(draw, "drill")
    form.invented, form.empty = draw.any((1.0, 1.0, 0.5)), draw.any((0.0, 0.0, 0.15))
    form.y = draw.rng.uniform(20, 700)
    for _ in range(draw.any((1, 1, 2))):
        draw.any((inline, tabbed, columns, above))(form)
    return form.sheet


def form_page(draw: Draw) -> Sheet:
    """A form of several sections, down to the foot of the page or far less."""
    form = Form(draw)
    sheet = form.sheet
    if draw.chance(0.35):
        sheet.write(form.right, form.y, draw.code(), align="right")
        form.feed()
    if draw.chance(0.25):
        for part in (draw.company(), *draw.address()):
            sheet.write((form.left + form.right) / 2, form.y, part, align="center")
            form.feed(0.8)
    if draw.chance(0.8):
        form.title()
    makers, weights = zip(
        *(SECTIONS if draw.held else (*SECTIONS, (stacked, 6), (ledger, 6), (matrix, 2))), strict=True
    )  # held-out forms stay
    end = draw.rng.uniform(250, 950)
    usual = draw.rng.choices(makers, weights, k=draw.number(1, 3))  # a form keeps to a few ways
    while form.y < end:
        draw.any(usual)(form) if draw.chance(0.7) else draw.rng.choices(makers, weights)[0](form)
        form.feed(draw.rng.uniform(0, 1.2))
        if draw.chance(0.12):
            form.prose()
        elif draw.chance(0.12):
            sheet.write(form.left, form.y, draw.words(1, 4).upper())
            form.feed()
    sheet.height = max(form.y + 30, 1000 * draw.rng.uniform(0.9, 1.1) if draw.chance(0.85) else 0)
    if draw.chance(0.4):
        sheet.write(sheet.width * draw.rng.uniform(0.6, 0.9), sheet.height - 30, draw.number_text(draw.number(7, 10)))
    return sheet
