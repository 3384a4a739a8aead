"""Labels of a form whose value is several short lines, as addresses, distribution lists and specifications are."""

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
