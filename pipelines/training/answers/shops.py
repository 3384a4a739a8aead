"""Heads and feet of receipts as shops print them: firms' full names, addresses in estates, a name said again, the day at the end.

Only pages for training have them: those that are held out stay as they have been since the third run.
"""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.roll import Roll
from dsvl2.pipelines.training.answers.sheet import Written

_FORMS = ("Sdn Bhd", "SDN BHD", "Sdn. Bhd.", "SDN. BHD.", "Pte Ltd", "PTE. LTD.", "Pty Ltd", "Co., Ltd.", "GmbH & Co. KG",
    "Pvt. Ltd.", "Ltd", "LLC", "S.A. de C.V.", "Sp. z o.o.", "Enterprise", "S.r.l.", "Co. Ltd", "Inc.",
    "s.r.o.", "Oy Ab")  # fmt: skip
_BRANCHES = ("M", "S", "HK", "UK", "Asia", "India", "NZ", "US", "KL", "N", "EU", "SG")
_TRADES = ("Book Store", "Hardware", "Restaurant", "Pharmacy", "Mini Market", "Trading", "Bakery", "Cafe", "Health & Beauty",
    "Stationery", "Seafood", "Hypermarket", "Motor Parts", "Petrol Station", "Home Centre", "Electrical",
    "Food Court")  # fmt: skip
_ROADS = ("Jalan {a}", "Jalan {a} {n}/{m}", "Jln {a} {n}", "Lorong {a} {n}", "Persiaran {a}", "Rue de {a}", "Via {a}",
    "Calle {a}", "{a} Road", "{a} Street", "Jalan {n}/{m}{c}", "ul. {a}", "{a}straße", "Av. {a}", "{street}")  # fmt: skip
_ESTATES = ("Taman {b}", "Bandar Baru {b}", "Kawasan Perindustrian {b}", "Seksyen {n}", "{b} Industrial Park", "{b} Mall",
    "{b} Shopping Centre", "Pusat Bandar {b}", "{b} Business Park", "Kampung {b}", "{b} Plaza", "Desa {b}",
    "Zona {b}")  # fmt: skip
_UNITS = ("No. {n}", "No {n}", "NO.{n}-{m}", "Lot {k}", "Lot {k}-{c} & {k}-{d}", "{n} & {n}{c}", "{c}-{n} Level {c}", "G-{n}",
    "Unit {n}.{m}", "Blk {c}", "{c}{n}, Blk {c}", "No. {n}, Ground Floor", "Lot {c}/L{n}.{m}, Level {n}", "{n}-{m}")  # fmt: skip
_THANKS = ("Thank you for shopping at", "Thank You For Shopping At", "Welcome to", "Issued by", "For", "Visit", "At")


def full_name(draw: Draw) -> tuple[str, str]:
    """(What a shop is called, its legal form): `Ara Hardware (M)`, `Sdn. Bhd.`"""
    words = draw.any((draw.entry("last"), draw.invented().title(), draw.entry("city"), draw.entry("word").title(),
        f"{draw.invented()} {draw.invented()}".title(), ".".join(draw.any("ABCDHKMTY") for _ in range(3)) + "."))  # fmt: skip
    if draw.chance(0.65):
        words = f"{words} {draw.pick(_TRADES)}"
    if draw.chance(0.3):
        words = f"{words} ({draw.any(_BRANCHES)})"
    return words, draw.pick(_FORMS)


def estate(draw: Draw) -> list[str]:
    """An address in parts of which many begin alike: a reader that copies must know in which it is."""
    a, b = draw.entry("city"), draw.entry("last" if draw.chance(0.4) else "city")
    if draw.chance(0.35):  # Bandar Baru Batang: words that share their beginning
        stem = draw.invented()[:2]
        a, b = (f"{stem}{draw.invented()} {stem}{draw.invented()}".title() for _ in range(2))
    elif draw.chance(0.3):
        b = draw.any((a, f"{a} {b}"))

    def made(form: str) -> str:
        return form.format(a=a, b=b, n=draw.number(1, 99), m=draw.number(1, 20), k=draw.number(100, 9999),
            c=draw.any("ABCDEG"), d=draw.any("ABCD"), street=draw.entry("street"))  # fmt: skip

    parts = [f"{made(draw.pick(_UNITS))}{draw.any((',', ',', '', ' ,'))} {made(draw.pick(_ROADS))}"]
    parts += [made(draw.pick(_ESTATES)) for _ in range(draw.any((0, 1, 1, 2)))]
    place = draw.entry("city") if draw.chance(0.5) else b
    parts.append(f"{draw.number_text(draw.any((4, 5, 5, 5)))} {place}" if draw.chance(0.8) else place)
    if draw.chance(0.5):
        region = draw.entry("region" if draw.chance(0.7) else "country")
        parts.append(f"{region}{draw.any(('', '', '.', f' {b}'))}")
    return parts


def address_lines(draw: Draw, wide: float, roll: Roll) -> list[str]:
    """An estate's address as it is broken over a receipt's width."""
    text = draw.any((", ", ", ", " ", ",")).join(estate(draw))
    return roll.sheet.wrap(text, wide)


def name_lines(roll: Roll, tag: int, *, center: bool) -> str:
    """Write a firm's full name, at times with its legal form below, and answer with its short name."""
    draw, sheet = roll.draw, roll.sheet
    words, form = full_name(draw)
    if draw.chance(0.4):
        words, form = words.upper(), form.upper()
    size = draw.any((20, 24, 30))
    apart = draw.chance(0.25)
    lines = sheet.wrap(words if apart else f"{words} {form}", roll.width * draw.any((0.5, 0.8, 0.9)), size)
    for part in [*lines, *([form] if apart else [])]:
        roll.put((part, tag), center=center, size=size)
    return words


def again(roll: Roll, name: str) -> None:
    """The shop's name once more, or a part of it, where it is not what is asked for."""
    draw = roll.draw
    words = name.split()
    said = draw.any((name, name, " ".join(words[: draw.number(1, len(words))]), f"{name} {draw.pick(_FORMS)}"))
    said = draw.any((said, said.upper(), said.title()))
    center = draw.chance(0.7)
    if draw.chance(0.6):
        roll.put(draw.any(_THANKS), center=center)
        roll.put(said, center=center)
    else:
        roll.put(f"{draw.any(_THANKS)} {said}", center=center)


def last_day(roll: Roll, day: Written, clock: Written) -> None:
    """The day and the time in the receipt's last lines, without a label, among the till's numbers."""
    draw, sheet = roll.draw, roll.sheet
    if draw.chance(0.6):
        codes = (f"{name}{draw.any((':', ':', ' ', '#'))}{draw.number_text(draw.number(1, 6))}"
            for name in draw.rng.sample(("St", "Ctr", "ID", "TaxInv", "Till", "Op", "Trn", "POS", "Str", "Cshr"), 3))  # fmt: skip
        roll.put(" ".join(codes), center=draw.chance(0.7))
    kind = draw.number(0, 3)
    if kind == 0:
        roll.put(clock, draw.any((" ", "  ", " - ")), day, center=True)
    elif kind == 1:
        roll.put(
            day, draw.any((" ", "  ", ", ")), clock, draw.any(("", f" {draw.number_text(6)}")), center=draw.chance(0.6)
        )
    else:
        places = (
            roll.left + roll.width * draw.rng.uniform(0, 0.25),
            roll.middle + roll.width * draw.rng.uniform(0.1, 0.3),
        )
        for place, piece in zip(places, (clock, day) if kind == 2 else (day, clock), strict=True):
            sheet.write(place, roll.y, piece)
        roll.feed()
