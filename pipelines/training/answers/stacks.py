"""Sections of forms whose values take several lines, as addresses and specifications do, and rows of figures by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsvl2.pipelines.training.answers.forms import Form


def stacked(form: Form) -> None:
    """A firm and where it is, names or words below each other: beside their label or below it."""
    draw, sheet = form.draw, form.sheet
    across, deepest = draw.any((1, 1, 2)), form.y
    wide = (form.right - form.left) / across
    below, step = draw.chance(0.45), form.size * draw.rng.uniform(1.15, 1.5)
    for number, entry in enumerate(form.entries(across)):
        tag, x, y = entry.fact(sheet), form.left + number * wide, form.y
        sheet.write(x, y, entry.label)
        stop = x + (
            draw.any((0.0, 2.0)) * form.size
            if below
            else sheet.wide(entry.label) + draw.rng.uniform(0.8, 4) * form.size
        )
        y += step if below else 0.0
        people = [draw.person() for _ in range(draw.number(2, 4))]
        firm = [*[draw.company()] * draw.chance(0.7), *draw.address(), *[f"Attn: {draw.person()}"] * draw.chance(0.3)]
        words = [draw.value()[:48] for _ in range(draw.number(2, 4))]
        for part in draw.any((firm, firm, people, words)) if entry.value else ():
            sheet.write(stop, y, (part, tag))
            y += step
        deepest = max(deepest, y)
    form.y = deepest + form.size * draw.rng.uniform(0.4, 1.2)


def ledger(form: Form) -> None:
    """Labels at the left and values from one place on, of one line or several: a line without a label goes on."""
    draw, sheet = form.draw, form.sheet
    chosen = form.entries(draw.number(2, 6))
    stop = form.left + max(sheet.wide(entry.label) for entry in chosen) + draw.rng.uniform(0.8, 5) * form.size
    step, gap = form.size * draw.rng.uniform(1.15, 1.6), draw.any((0.0, 0.0, 0.4, 1.0)) * form.size
    for entry in chosen:
        tag = entry.fact(sheet)
        sheet.write(form.left, form.y, entry.label)
        plain = bool(entry.names or entry.asks or entry.kind != "text")  # who asks for a day wants no list
        more = 0 if plain else draw.any((0, 0, 1, 1, 2, 3))
        lines = [entry.value, *(draw.value()[:52] for _ in range(more))] if entry.value else []
        parts = [part for line in lines for part in sheet.wrap(line, form.right - stop)]
        for number, part in enumerate(parts[:6]):
            form.y += step if number else 0.0
            sheet.write(stop, form.y, (part, tag))
        form.y += step + gap


def matrix(form: Form) -> None:
    """Figures under heads and beside the names of rows; asked by its name, a row is what stands first in it."""
    draw, sheet = form.draw, form.sheet
    count, length = draw.number(2, 6), draw.number(2, 8)
    heads, names = form.entries(count), form.entries(length)
    first = form.left + (form.right - form.left) * draw.rng.uniform(0.2, 0.38)
    lefts = [first + (form.right - first) * number / count for number in range(count)]
    for entry, x in zip(heads, lefts, strict=True):
        for place, part in enumerate(sheet.wrap(entry.label.rstrip(":"), (form.right - first) / count - form.size)[:2]):
            sheet.write(x, form.y + place * form.size * 1.1, part)
    form.y += form.size * draw.rng.uniform(2.3, 3.2)
    mark, percent = draw.any(("", "", "*", "+")), draw.chance(0.2)
    points = draw.number(0, 2)
    for entry in names:
        label = sheet.wrap(entry.label, first - form.left - form.size)[0]
        tag = sheet.fact(label)
        sheet.write(form.left, form.y, label)
        for number, x in enumerate(lefts):
            text = f"{draw.rng.uniform(0, 10 ** draw.number(1, 3)):.{points}f}{'%' * percent}"
            text += mark * draw.number(0, 3)
            sheet.write(x, form.y, (text, 0 if number else tag))
        form.feed(draw.rng.uniform(0.8, 1.1))
    form.feed(0.5)
