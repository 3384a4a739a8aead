"""Dates and amounts as documents of many countries print them, each with its plain value."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from dsvl2.pipelines.training.phrases import MONTHS

if TYPE_CHECKING:
    from dsvl2.pipelines.training.answers.draw import Draw

_OTHER = tuple(
    tuple(months.split())
    for months in (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    )
)
_FIRST_DAY = date(1970, 1, 1)
_CURRENCIES = ("RM", "$", "€", "£", "USD", "EUR", "CHF", "SGD", "Rp", "kr", "zł", "Kč", "MYR", "A$", "R$", "US$", "Ft")


class Dates:
    """How one document writes its dates."""

    def __init__(self, draw: Draw) -> None:
        self.form = draw.pick((
            "d/m/Y", "d/m/y", "d-m-Y", "d.m.Y", "Y-m-d", "d B Y", "B d, Y", "d b Y", "d-b-y", "b d, Y", "m/d/Y", "m/d/y",
            "d/m/Y", "Y/m/d", "d. B Y", "D, d B Y", "d-b-Y", "B D_ Y", "d B, Y", "D B d, Y", "d-m-y", "D_ B Y", "D_ ~ B, Y",
        ))  # fmt: skip
        self.padded = draw.chance(0.6)
        self.upper = draw.chance(0.2)
        self.months = draw.any(_OTHER) if draw.chance(0.12) else MONTHS

    def day(self, draw: Draw) -> date:
        """A day; where the notation leaves day and month open, mostly one that is clear."""
        recent = draw.chance(0.6)
        days = draw.number(14000, 20800) if recent else draw.number(3000, 20800)
        found = _FIRST_DAY + timedelta(days)
        if self.form.startswith("m/") and draw.chance(0.85):
            found = found.replace(day=draw.number(13, 28))
        return found

    def write(self, day: date) -> str:
        """The day in this document's notation."""
        month = self.months[day.month - 1]
        number = f"{day.day:02d}" if self.padded else str(day.day)
        count = f"{day.month:02d}" if self.padded else str(day.month)
        ending = "th" if 10 < day.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
        parts = {
            "d": number, "m": count, "Y": str(day.year), "y": f"{day.year % 100:02d}", "B": month, "~": "day of", "b": month[:3],
            "D": f"{day:%A}",
        }  # fmt: skip
        form = self.form.replace("D_", "o")
        text = "".join(f"{day.day}{ending}" if c == "o" else parts.get(c, c) for c in form)
        return text.upper() if self.upper else text

    def text(self, draw: Draw) -> str:
        """Any day."""
        return self.write(self.day(draw))

    @staticmethod
    def time(draw: Draw) -> str:
        """A time of the day."""
        hour, minute, second = draw.number(7, 22), draw.number(0, 59), draw.number(0, 59)
        half = f"{(hour - 1) % 12 + 1}:{minute:02d}"
        ends = (f"{hour:02d}:{minute:02d}", f"{hour:02d}:{minute:02d}:{second:02d}", half + (" AM", " PM")[hour > 11],
                f"{half}:{second:02d}{('am', 'pm')[hour > 11]}", half + ("am", "pm")[hour > 11])  # fmt: skip
        return draw.any(ends)


class Amounts:
    """How one document writes its amounts of money, in cents."""

    def __init__(self, draw: Draw) -> None:
        self.currency = draw.pick(_CURRENCIES)
        style = draw.rng.random()
        self.thousands, self.point = (
            (",", ".") if style < 0.66 else (".", ",") if style < 0.8 else (" ", ",") if style < 0.87 else ("", ".")
        )
        self.decimals = 0 if draw.chance(0.06) else 2
        self.after = draw.chance(0.25)
        self.space = draw.chance(0.5)

    def write(self, cents: int) -> str:
        """The amount without its currency."""
        whole, rest = divmod(abs(cents), 100)
        text = f"{whole:,}".replace(",", self.thousands)
        return ("-" if cents < 0 else "") + text + (f"{self.point}{rest:02d}" if self.decimals else "")

    def plain(self, cents: int) -> str:
        """The amount as a JSON number, with the decimals that are printed."""
        whole, rest = divmod(abs(cents), 100)
        return ("-" if cents < 0 else "") + str(whole) + (f".{rest:02d}" if self.decimals else "")

    def whole(self, cents: int) -> int:
        """An amount that this notation can write without loss."""
        return cents if self.decimals else cents - cents % 100

    def with_currency(self, text: str) -> str:
        """An amount with the currency before or behind it."""
        gap = " " if self.space else ""
        return f"{text}{gap or ' '}{self.currency}" if self.after else f"{self.currency}{gap}{text}"

    def cents(self, draw: Draw, low: int = 1, high: int = 7) -> int:
        """An amount with so many digits."""
        value = draw.number(10 ** (low - 1), 10 ** draw.number(low, high))
        if draw.chance(0.5):
            value -= value % draw.any((5, 10, 50, 100))
        return self.whole(max(value, 100 if not self.decimals else 5))

    def money(self, draw: Draw) -> str:
        """Any amount, with or without currency."""
        text = self.write(self.cents(draw, 3, 8))
        return self.with_currency(text) if draw.chance(0.5) else text
