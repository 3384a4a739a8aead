"""Letters about everyday matters in six languages: who writes to whom, when and why, and one to five things that are told.

What a letter does not speak of is asked too, and has no answer.
"""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.training.answers import matters, postwords
from dsvl2.pipelines.training.answers.draw import Draw, shuffled
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.matters import Matter
from dsvl2.pipelines.training.answers.matters_more import MORE
from dsvl2.pipelines.training.answers.prose import spaced
from dsvl2.pipelines.training.answers.sheet import FactKind, Sheet, Written
from dsvl2.pipelines.training.answers.tongues import ENGLISH, TONGUES, Tongue
from dsvl2.pipelines.training.answers.values import Amounts, Dates

LANGUAGES = range(6)
MATTERS = matters.MATTERS | MORE


class _Post(Form):
    """A letter's language, notation and values."""

    def __init__(self, draw: Draw) -> None:
        super().__init__(draw, "post")
        self.size = self.sheet.size = min(self.size, 15)
        self.language: int = draw.rng.choices(LANGUAGES, (5, 3, 2, 2, 2, 2))[0]
        self.tongue: Tongue = TONGUES[self.language]
        self.amounts, self.clear = Amounts(draw), Dates(draw)
        self.form, self.padded = draw.any(self.tongue.day), draw.chance(0.4)
        self.named, self.yearless = draw.chance(0.2), draw.chance(0.12)
        self.clock = draw.any(postwords.CLOCK[self.language])
        self.native = draw.chance(0.4)
        self.sender = ""

    def day(self) -> tuple[str, str]:
        """A day as this letter writes it, and in the form of ISO 8601; nothing where the year is left out."""
        found = self.clear.day(self.draw)
        parts = {
            "d": f"{found.day:02d}" if self.padded else str(found.day), "m": f"{found.month:02d}", "Y": str(found.year),
            "B": self.tongue.months.split()[found.month - 1],
        }  # fmt: skip
        form, bare = self.form, self.yearless and "B" in self.form and self.draw.chance(0.6)
        form = form.replace(" de Y", "").replace(", Y", "").replace(" Y", "") if bare else form
        text = " ".join(word if word == "de" else "".join(parts.get(c, c) for c in word) for word in form.split())
        if self.named and self.draw.chance(0.6):
            comma = ", " if self.language in (0, 1) else " "
            text = f"{postwords.DAYS[self.language].split()[found.weekday()]}{comma}{text}"
        return text, "" if bare else found.isoformat()

    def time(self) -> str:
        """A time of the day."""
        hour, minute = self.draw.number(7, 21), self.draw.any((0, 0, 15, 30, 30, 45, self.draw.number(1, 59)))
        if "{m}" not in self.clock:
            minute = 0
        half = ("am", "pm")[hour > 11]
        return self.clock.format(h=hour, m=f"{minute:02d}", p=(hour - 1) % 12 + 1, half=half)

    def share(self) -> tuple[str, str]:
        """A percentage and its number."""
        digits = self.draw.number(0, 2)
        number = f"{self.draw.rng.uniform(0.5, 30):.{digits}f}"
        shown = number.replace(".", ",") if self.language and self.draw.chance(0.85) else number
        unit = postwords.PERCENT[self.language] if self.draw.chance(0.2) else "%"
        gap = " " if unit != "%" or self.draw.chance(0.5) else ""
        return f"{shown}{gap}{unit}", number

    def drawn(self, key: str) -> tuple[str, FactKind, str]:
        """What stands for a value of a matter: text, kind and plain form."""
        draw = self.draw
        if key == "date":
            text, plain = self.day()
            return text, "date" if plain else "text", plain
        if key.startswith("money"):
            cents = self.amounts.cents(draw, 3, 7)
            return self.amounts.with_currency(self.amounts.write(cents)), "number", self.amounts.plain(cents)
        if key == "share":
            text, plain = self.share()
            return text, "number", plain
        if key == "count":
            count = draw.number(2, 10 ** draw.number(1, 4))
            return str(count), "number", str(count)
        texts: dict[str, Callable[[], str]] = {
            "time": self.time, "time2": self.time, "person": draw.person, "code": draw.code, "email": draw.email,
            "city": lambda: draw.entry("city"), "city2": lambda: draw.entry("city"), "street": lambda: draw.address()[0],
            "job": lambda: draw.entry("job"), "thing": lambda: draw.thing("artifact", "food", "plant"),
            "event": lambda: draw.words(1, 3).title(),
            "days": lambda: f"{draw.number(2, 30)} {draw.any(postwords.WITHIN[self.language])}",
        }  # fmt: skip
        return texts[key](), "text", ""

    def asks(self, english: tuple[str, ...], native: tuple[str, ...]) -> tuple[str, ...]:
        """Questions in English, or mostly in the letter's language."""
        return native if native and self.native else (*english, *native)


def post(draw: Draw) -> Sheet:
    """A letter, typed from top to bottom."""
    form = _Post(draw)
    sheet, tongue = form.sheet, form.tongue
    chosen = shuffled(draw.rng, list(MATTERS))[: draw.any((1, 2, 2, 3, 4, 5))]
    _head(form)
    _subject(form, chosen)
    sheet.write(form.left, form.y, draw.pick(tongue.openings))
    form.feed(1.4)
    _body(form, chosen)
    x = draw.any((form.left, form.left, (form.left + form.right) / 2))
    sheet.write(x, form.y, draw.pick(tongue.closings))
    form.feed(draw.rng.uniform(1.2, 3))
    _signature(form, x)
    form.feed(0.9)
    if draw.chance(0.4):
        job = sheet.fact(names=("position of the signer", "signer's job"), keys=("position", "job_title"))
        sheet.write(x, form.y, (draw.entry("job"), job))
        form.feed()
    sheet.height = max(form.y + 30, 1000 * draw.rng.uniform(0.7, 1.1))
    return sheet


def _signature(form: _Post, x: float) -> None:
    """Who signs: often who stands at the head; where nobody does, who signs is who wrote."""
    draw = form.draw
    asks = form.asks(postwords.SIGNED[0], postwords.SIGNED[form.language] if form.language else ())
    names: tuple[str, ...] = ("signer", "signature")
    keys: tuple[str, ...] = ("signer", "signed_by", "signature")
    if not form.sender:
        more = ENGLISH["sender"]
        asks = (*asks, *form.asks(more[2], form.tongue.asks.get("sender", ())))
        names, keys = (*names, "sender", "writer"), (*keys, "sender", "from")
    same = form.sender and draw.chance(0.5)
    form.sheet.write(
        x, form.y, (form.sender if same else draw.person(), form.sheet.fact(names=names, keys=keys, asks=asks))
    )


def _fact(form: _Post, key: str, label: str = "") -> int:
    """A fact that every letter has, asked as of a bill."""
    names, keys, asks = ENGLISH[key]
    return form.sheet.fact(label, names=names, keys=keys, asks=form.asks(asks, form.tongue.asks.get(key, ())))


def _head(form: _Post) -> None:
    """Sender, recipient and date, in the order and at the places that letters have."""
    draw, sheet = form.draw, form.sheet
    far = form.left + (form.right - form.left) * draw.rng.uniform(0.5, 0.7)

    def block(key: str, x: float) -> None:
        name = draw.company() if draw.chance(0.6 if key == "sender" else 0.15) else draw.person()
        if key == "sender":
            form.sender = name
        address = sheet.fact(names=(f"{key}'s address", f"address of the {key}"), keys=(f"{key}_address",),
                             asks=(f"Where does the {key} live?",))  # fmt: skip
        where = draw.address()
        if draw.chance(0.12):  # in one line above
            sheet.write(x, form.y, (name, _fact(form, key)), ", ", (", ".join(where), address))
            form.feed(0.9)
            return
        sheet.write(x, form.y, (name, _fact(form, key)))
        for part in where:
            form.feed(0.85)
            sheet.write(x, form.y, (part, address))
        if key == "sender" and draw.chance(0.35):
            form.feed(0.85)
            label = draw.pick(form.tongue.labels["phone"])
            sheet.write(x, form.y, f"{label} ", (draw.phone(), _fact(form, "phone", label)))
        form.feed(0.9)

    def dated() -> None:
        x = draw.any((form.left, far))
        label = draw.pick(form.tongue.labels["date"]) if draw.chance(0.25) else ""
        lead: list[Written] = [f"{label} "] if label else []
        if not label and draw.chance(0.5):
            town = form.asks(postwords.TOWN[0], postwords.TOWN[form.language] if form.language else ())
            where = sheet.fact(names=("place of the letter",), keys=("place",), asks=town)
            lead = [(draw.entry("city"), where), draw.any((", ", postwords.ON.get(form.language, ", ")))]
        names, keys, asks = ENGLISH["date"]
        native = form.tongue.asks.get("date", ())
        text, plain = form.day()
        kind: FactKind = "date" if plain else "text"
        tag = sheet.fact(label, names=names, keys=keys, asks=form.asks(asks, native), kind=kind, plain=plain)
        sheet.write(x, form.y, *lead, (text, tag))
        form.feed()

    parts = [
        lambda: block("sender", draw.any((form.left, form.left, far))),
        lambda: block("recipient", form.left),
        dated,
    ]
    orders: tuple[tuple[int, ...], ...] = ((0, 1, 2), (0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2), (2, 1))
    for number in draw.any(orders):
        parts[number]()
        form.feed(draw.rng.uniform(0.3, 1.6))


def _subject(form: _Post, chosen: list[str]) -> None:
    """The line that says what it is about."""
    draw = form.draw
    about = [key for key in chosen if key in postwords.TOPICS]
    if not about or draw.chance(0.3):
        return
    text = postwords.TOPICS[about[0]][form.language] + (f" {draw.code()}" if draw.chance(0.3) else "")
    label = draw.any(postwords.SUBJECT[form.language])
    asks = form.asks(postwords.ABOUT[0], postwords.ABOUT[form.language] if form.language else ())
    tag = form.sheet.fact(label, names=("subject", "subject of the letter"), keys=("subject", "about"), asks=asks)
    form.sheet.write(form.left, form.y, label + " " if label else "", (text, tag))
    form.feed(1.5)


def _body(form: _Post, chosen: list[str]) -> None:
    """The matters in sentences, among others that say nothing; a few questions about matters that it does not have."""
    draw, sheet = form.draw, form.sheet
    sentences: list[list[Written]] = []
    for key in chosen:
        if draw.chance(0.5):
            sentences.append([" " + draw.entry("sentence" if form.language == 0 else "strange")])
        sentences.append(_told(form, MATTERS[key]))
    used = {name for key in chosen for name in MATTERS[key].names.values()}
    for key in shuffled(draw.rng, [key for key in MATTERS if key not in chosen])[: draw.any((0, 1, 1, 2))]:
        matter = MATTERS[key]
        part = draw.any(list(matter.names))
        if matter.names[part] in used:
            continue
        asks = form.asks(matter.asks[part], _native(matter, form.language, part))
        sheet.natural.append(
            (draw.pick(_plainly(asks)) if draw.chance(0.7) else f"What is the {matter.names[part]}?", 0)
        )
    pitch, wide = form.size * draw.rng.uniform(1.2, 1.6), form.right - form.left
    while sentences:
        count = draw.number(1, 3)
        pieces = [piece for sentence in sentences[:count] for piece in sentence]
        sentences = sentences[count:]
        form.y = sheet.paragraph(form.left, form.y, spaced(pieces), wide, pitch=pitch) + pitch * draw.any(
            (0.0, 0.5, 1.0)
        )
    form.feed()


def _plainly(asks: tuple[str, ...]) -> tuple[str, ...]:
    """Questions that name their matter: of the vague ones nobody could say that they have no answer."""
    return tuple(ask for ask in asks if len(ask.split()) > 4) or asks


def _native(matter: Matter, language: int, part: str) -> tuple[str, ...]:
    return matter.native[language].get(part, ())


def _told(form: _Post, matter: Matter) -> list[Written]:
    """A matter's sentence in pieces, its values as facts."""
    pieces: list[Written] = [" "]
    for number, part in enumerate(matter.says[form.language].replace("}", "{").split("{")):
        if number % 2 == 0:
            pieces.append(part)
            continue
        text, kind, plain = form.drawn(part)
        name = matter.names[part]
        asks = form.asks(matter.asks[part], _native(matter, form.language, part))
        keys = (name.replace(" ", "_").replace("-", "_"), *["email"] * (part == "email"))
        tag = form.sheet.fact(names=(name,), keys=keys, asks=asks, kind=kind, plain=plain)
        pieces.append((text, tag))
    return [*pieces, " "]
