"""Bills, reminders and notices as they come by post, in six languages, asked in English or in the language of the page.

Each value stands once, beside a label or in a sentence, so every natural wording of a question has one answer.
"""

from __future__ import annotations

from datetime import date

from dsvl2.pipelines.training.answers.draw import Draw, shuffled
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.prose import spaced
from dsvl2.pipelines.training.answers.sheet import Align, FactKind, Sheet, Written
from dsvl2.pipelines.training.answers.tongues import ENGLISH, TONGUES, Tongue
from dsvl2.pipelines.training.answers.values import Amounts, Dates


class _Bill(Form):
    """One language, one notation of dates and sums, and which facts the page has stated."""

    def __init__(self, draw: Draw) -> None:
        super().__init__(draw, "bill")
        self.tongue: Tongue = draw.rng.choices(TONGUES, (6, 4, 2, 2, 1, 1))[0]
        self.amounts, self.form, self.padded = Amounts(draw), draw.any(self.tongue.day), draw.chance(0.4)
        self.values: dict[str, str] = {}
        self.plains: dict[str, str] = {}
        self.tags: dict[str, int] = {}
        self._fill()

    def _fill(self) -> None:
        """Draw all values; those that are never written have no fact."""
        draw = self.draw
        clear = Dates(draw)
        for key in ("date", "due"):
            day = clear.day(draw)
            self.values[key], self.plains[key] = self._written(day), day.isoformat()
        cents = self.amounts.cents(draw, 3, 7)
        self.values["amount"] = self.amounts.with_currency(self.amounts.write(cents))
        self.plains["amount"] = self.amounts.plain(cents)
        country = draw.any(("DE", "FR", "NL", "IT", "ES", "GB", "AT", "BE"))
        gap = draw.any((" ", " ", ""))
        groups = (draw.number_text(4) for _ in range(draw.number(3, 5)))
        self.values["iban"] = gap.join((f"{country}{draw.number_text(2)}", *groups, draw.number_text(2)))
        self.values |= {"number": draw.code(), "customer": draw.code(), "phone": draw.phone()}
        self.values |= {"sender": draw.company(), "recipient": draw.person()}

    def _written(self, day: date) -> str:
        parts = {
            "d": f"{day.day:02d}" if self.padded else str(day.day), "m": f"{day.month:02d}", "Y": str(day.year),
            "B": self.tongue.months.split()[day.month - 1],
        }  # fmt: skip
        return " ".join("".join(parts.get(c, c) for c in word) if word != "de" else word for word in self.form.split())

    def tag(self, key: str, label: str = "") -> int:
        """State a fact: its tag, with the questions of English and of the page's language."""
        names, keys, asks = ENGLISH[key]
        native = self.tongue.asks.get(key, ())
        kind: FactKind = "date" if key in ("date", "due") else "number" if key == "amount" else "text"
        chosen = (*asks, *native * 3) if self.draw.chance(0.6) or not native else native
        plain = self.plains.get(key, "")
        self.tags[key] = self.sheet.fact(label, names=names, keys=keys, asks=chosen, kind=kind, plain=plain)
        return self.tags[key]


def bill(draw: Draw) -> Sheet:
    """A bill or a reminder: who, to whom, when, what is due and how it is paid."""
    form = _Bill(draw)
    sheet, tongue = form.sheet, form.tongue
    order = [_sender, _recipient, _date] if draw.chance(0.7) else [_sender, _date, _recipient]
    for part in order:
        part(form)
        form.feed(draw.rng.uniform(0.2, 1.4))
    sheet.write(form.left, form.y, draw.pick(tongue.subjects), size=form.size * draw.any((1.0, 1.3)))
    form.feed(1.5)
    keys = shuffled(draw.rng, ["due", "amount", "number", "customer", "iban", "phone"])
    listed = keys[: draw.number(0, 5)]
    before = draw.chance(0.5)
    if before:
        _list(form, listed)
    sheet.write(form.left, form.y, draw.pick(tongue.openings))
    form.feed(1.3)
    _letter(form)
    if not before:
        _list(form, [key for key in listed if key not in form.tags])
    lacking = [key for key in keys if key not in form.tags]
    if lacking and draw.chance(0.25):  # the page does not say
        key = draw.any(lacking)
        sheet.natural.append((draw.pick(ENGLISH[key][2] + tongue.asks.get(key, ())), 0))
    sheet.write(form.left, form.y, draw.pick(tongue.closings))
    form.feed()
    sheet.height = max(form.y + 30, 1000 * draw.rng.uniform(0.7, 1.1))
    return sheet


def _sender(form: _Bill) -> None:
    draw = form.draw
    align: Align
    x, align = (form.right, "right") if draw.chance(0.3) else (form.left, "left")
    lines: list[Written] = [(form.values["sender"], form.tag("sender")), *draw.address()]
    large = draw.any((1.0, 1.3))
    for number, line in enumerate(lines):
        form.sheet.write(x, form.y, line, size=form.size * (1.0 if number else large), align=align)
        form.feed(0.85)


def _recipient(form: _Bill) -> None:
    lines: list[Written] = [(form.values["recipient"], form.tag("recipient")), *form.draw.address(3)]
    for line in lines:
        form.sheet.write(form.left, form.y, line)
        form.feed(0.85)


def _date(form: _Bill) -> None:
    """The day: alone, behind a town, or behind a label."""
    draw, sheet = form.draw, form.sheet
    x = draw.any((form.left, form.left + (form.right - form.left) * 0.6))
    how = draw.number(0, 2)
    label = draw.pick(form.tongue.labels["date"]) if how == 2 else ""
    lead = f"{draw.entry('city')}, " if how == 1 else f"{label} " if label else ""
    sheet.write(x, form.y, lead, (form.values["date"], form.tag("date", label)))
    form.feed()


def _list(form: _Bill, keys: list[str]) -> None:
    """Labels and values, one a line or in columns."""
    draw, sheet = form.draw, form.sheet
    stop = form.left + draw.rng.uniform(12, 17) * form.size
    tabbed, mark = draw.chance(0.5), draw.any((":", "", ":"))
    for key in keys:
        label = draw.pick(form.tongue.labels[key]).rstrip(":") + mark
        value = (form.values[key], form.tag(key, label))
        if tabbed:
            sheet.write(form.left, form.y, label)
            sheet.write(stop, form.y, value)
        else:
            sheet.write(form.left, form.y, label + " ", value)
        form.feed(draw.rng.uniform(0.9, 1.1))
    form.feed(0.5)


def _letter(form: _Bill) -> None:
    """Sentences with what the page has not said yet, among a few that say nothing."""
    draw = form.draw
    pieces: list[Written] = []
    for sentence in shuffled(draw.rng, form.tongue.says)[: draw.number(1, 4)]:
        keys = sentence.replace("}", "{").split("{")[1::2]
        if any(key in form.tags for key in keys):
            continue
        pieces.append(" ")
        for number, part in enumerate(sentence.replace("}", "{").split("{")):
            pieces.append((form.values[part], form.tag(part)) if number % 2 else part)
        if draw.chance(0.4):
            pieces.append(" " + draw.entry("sentence"))
    if pieces:
        wide = form.right - form.left
        form.y = form.sheet.paragraph(
            form.left, form.y, spaced(pieces), wide, pitch=form.size * draw.rng.uniform(1.2, 1.6)
        )
    form.feed()
