"""Running text that speaks of several people, firms and days in the same words: only the names in a question tell which.

Beside whole pages there are passages of a few lines, as `ask` hands them over.
"""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw, shuffled
from dsvl2.pipelines.training.answers.facts import NAMED, Said
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.prose import _parts, filled
from dsvl2.pipelines.training.answers.sheet import Sheet, Written
from dsvl2.pipelines.training.answers.values import Amounts, Dates

_UNITS = ("litres per minute", "kW", "bar", "units", "m3/h", "kg", "pages per hour", "volts", "points", "tonnes")
_WHOM = ("person", "company", "thing")  # what a question may be about


def notes(draw: Draw) -> Sheet:
    """A page, or a passage of it, with one to six such sentences among others."""
    form = Form(draw, "notes")
    sheet = form.sheet
    form.size = sheet.size = min(form.size, 15)
    passage = draw.chance(0.45)
    if not passage and draw.chance(0.4):
        form.title()
        if draw.chance(0.6):  # a date that nobody asks about here
            sheet.write(draw.any((form.left, form.right * 0.7)), form.y, Dates(draw).text(draw))
            form.feed(1.5)
    chosen = shuffled(draw.rng, NAMED)[: draw.any((1, 1, 2, 3))]
    stated: list[tuple[Said, dict[str, str]]] = []
    sentences: list[list[Written]] = []
    dates, amounts = Dates(draw), Amounts(draw)
    for said in chosen:
        for _ in range(draw.any((1, 2, 2, 3) if not passage else (1, 1, 2))):
            words = _words(draw, dates, amounts)
            stated.append((said, words))
            sentences.append(_sentence(draw, sheet, said, words))
    _unanswered(draw, sheet, stated)
    for _ in range(draw.number(0, 2) if passage else draw.number(1, 6)):
        sentences.append([" " + draw.entry("legal" if draw.chance(0.2) else "sentence")])
    pitch = form.size * draw.rng.uniform(1.2, 1.7)
    wide = (form.right - form.left) * (1 if draw.chance(0.75) else draw.rng.uniform(0.45, 0.8))
    queue = shuffled(draw.rng, sentences)
    while queue:
        count = draw.number(1, 4)
        pieces = [piece for sentence in queue[:count] for piece in sentence]
        queue = queue[count:]
        form.y = sheet.paragraph(form.left, form.y, pieces, wide, pitch=pitch) + pitch * draw.any((0.0, 0.5, 1.0))
    sheet.height = max(form.y + 30, draw.rng.uniform(60, 1100))
    return sheet


def _words(draw: Draw, dates: Dates, amounts: Amounts) -> dict[str, str]:
    """Words for the places of a sentence; dates and sums are written alike all over a page."""
    number = draw.number(1, 10 ** draw.number(1, 4))
    more = {
        "date": dates.text(draw), "date2": dates.text(draw), "money": amounts.money(draw), "money2": amounts.money(draw),
        "number": str(number), "number2": f"{draw.rng.uniform(1, 900):.1f}", "unit": draw.pick(_UNITS),
        "street": draw.address()[0], "city2": draw.entry("city"), "count2": f"{draw.number(2, 10 ** draw.number(1, 6)):,}",
    }  # fmt: skip
    return _parts(draw) | more


def _sentence(draw: Draw, sheet: Sheet, said: Said, words: dict[str, str]) -> list[Written]:
    sentence, asked = said
    return filled(sheet, sentence, words, lambda part: (ask for ask in asked.get(part, ()) if draw.chance(0.6)))


def _unanswered(draw: Draw, sheet: Sheet, stated: list[tuple[Said, dict[str, str]]]) -> None:
    """Questions like those that are answered: about someone else, or about what is not said of this one."""
    dates, amounts = Dates(draw), Amounts(draw)
    for _ in range(draw.any((0, 1, 1, 2))):
        said, words = draw.any(stated)
        _, asked = said
        other = _words(draw, dates, amounts)
        if draw.chance(0.5):
            whom = draw.any(_WHOM)
            mine = {**other, whom: words[whom]}
            if words[whom] not in said[0].format(**words):
                continue
            known = [each for each, its in stated if its[whom] == words[whom]]
            far = [
                question
                for each in NAMED
                if each not in known
                for questions in each[1].values()
                for question in questions
                if question.count("{") == 1 and f"{{{whom}}}" in question
            ]
            question = draw.any(far) if far else ""
        else:
            mine = other
            named = [q for questions in asked.values() for q in questions if any(f"{{{w}}}" in q for w in _WHOM)]
            question = draw.any(named) if named else ""
        if question:
            sheet.natural.append((question.format(**mine), 0))
