"""A receipt's paper: its letters, columns and habits, written line by line."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.sheet import Sheet, Written
from dsvl2.pipelines.training.answers.values import Amounts, Dates


class Roll:
    """Writes a receipt line by line."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.mono = draw.chance(0.5)
        self.width = draw.rng.uniform(380, 700)
        self.sheet = Sheet("receipt", self.width, 100, 20, 0.58 if self.mono else 0.5)
        self.left, self.right = self.width * draw.rng.uniform(0.01, 0.12), self.width * draw.rng.uniform(0.85, 0.99)
        self.y = draw.rng.uniform(10, 120)
        self.pitch = draw.rng.uniform(22, 34)
        self.amounts, self.dates = Amounts(draw), Dates(draw)
        self.middle = self.left + (self.right - self.left) * draw.rng.uniform(0.2, 0.5)
        self.sum_x = draw.any((self.left, self.left, self.middle, self.middle))
        self.sum_right = draw.chance(0.2)
        self.upper = draw.chance(0.35)
        self.currency = draw.rng.choices(("none", "joined", "apart", "label"), (5, 3, 1, 1))[0]
        self.shown = draw.any((":", " :", "", "", ":"))

    def text(self, text: str) -> str:
        """A text in the receipt's letters."""
        return text.upper() if self.upper else text

    def feed(self, lines: float = 1.0) -> None:
        """Go to the next line."""
        self.y += self.pitch * lines

    def put(self, *pieces: Written, center: bool = False, size: float | None = None) -> None:
        """A whole line."""
        place = (self.left + self.right) / 2 if center else self.left
        self.sheet.write(place, self.y, *pieces, align="center" if center else "left", size=size)
        self.feed()

    def amount(self, label: str, cents: int, tag: int, *, size: float = 20.0) -> None:
        """A label and its amount, apart, in one line."""
        sheet, mark = self.sheet, self.shown if self.draw.chance(0.8) else ""
        if not label.endswith(":"):
            label += mark
        if self.currency == "label" and self.draw.chance(0.7):
            label = (
                f"{label} ({self.amounts.currency})" if self.draw.chance(0.5) else f"{label} {self.amounts.currency}"
            )
        value = self.amounts.write(cents)
        right: list[Written] = [(value, tag)]
        if self.currency == "joined":
            gap = " " if self.amounts.space else ""
            right = (
                [right[0], " " + self.amounts.currency]
                if self.amounts.after
                else [self.amounts.currency + gap, right[0]]
            )
        if self.draw.chance(0.03):  # one run of letters, no gap
            sheet.write(self.sum_x, self.y, self.text(label) + " ", *right, size=size)
        else:
            if self.sum_right:
                sheet.write(self.right - self.width * 0.25, self.y, self.text(label), align="right", size=size)
            else:
                sheet.write(self.sum_x, self.y, self.text(label), size=size)
            if self.currency == "apart":
                sheet.write(self.right - self.width * 0.25, self.y, self.amounts.currency, size=size)
            tail = self.draw.any(("", "", "", " T", " S", " C")) if self.draw.chance(0.1) else ""
            sheet.write(self.right, self.y, *right, tail, align="right", size=size)
        self.feed()
