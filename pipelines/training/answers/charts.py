"""Charts with printed values, as their texts lie on the page: bars, lines and pies, with axes, legends and notes."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.chartwords import Topic, ask_extreme, ask_missing, ask_value, categories, topic
from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.sheet import Item, Rows, Sheet

_FOOTS = ("© {c} {y}", "Source: {c}", "Additional Information", "Show source", "Sources: {c}; {c}", "© {y} {c}",
    "Note: {s}", "Data: {c}",
          "Quelle: {c}", "n = {n}", "{c} {y}", "* Estimate", "Download", "Further information")  # fmt: skip


class Chart:
    """The numbers of a chart, how they are written, and the sheet they are written on."""

    def __init__(self, draw: Draw, kind: str) -> None:
        self.draw = draw
        self.topic: Topic = topic(draw)
        self.size = draw.rng.uniform(10, 15)
        width = draw.rng.uniform(520, 1000)
        self.sheet = Sheet(kind, width, width * draw.rng.uniform(0.5, 1.1), self.size)
        self.names = categories(draw, self.topic)
        self.series = self.topic.series if kind != "pie" else ()
        self.separator = draw.any((" ", ",", "", " ", ","))
        self.unit = "%" if self.topic.percent and draw.chance(0.55) else ""
        self.signed = draw.chance(0.08)
        self.silent = False  # no values are printed: only order tells
        self.values = [[self._value() for _ in self.series or ("",)] for _ in self.names]
        self.tags = [[self._tag() for _ in row] for row in self.values]
        self.labels = [self.sheet.tag() for _ in self.names]
        self.top, self.bottom = (
            self.sheet.height * draw.rng.uniform(0.02, 0.1),
            self.sheet.height * draw.rng.uniform(0.72, 0.88),
        )
        self.left, self.right = width * draw.rng.uniform(0.06, 0.14), width * draw.rng.uniform(0.88, 0.98)
        if draw.chance(0.3):
            self._title()

    def _value(self) -> float:
        top = self.topic.scale
        value = self.draw.rng.uniform(0.02, 1.0) * top
        if self.signed and self.draw.chance(0.3):
            value = -value
        return round(value, self.topic.decimals)

    def place(self, value: float) -> float:
        """Where a value lies on its axis: 0 at the lowest, 1 at the highest."""
        values = [0.0, *(value for row in self.values for value in row)]
        return (value - min(values)) / ((max(values) - min(values)) or 1.0)

    def _tag(self) -> int:
        tag = self.sheet.tag()
        self.sheet.bare.add(tag)
        return tag

    def text(self, value: float) -> str:
        """A value as it is printed."""
        text = f"{value:,.{self.topic.decimals}f}".replace(",", self.separator)
        if self.topic.decimals and self.draw.chance(0.1):
            text = text.rstrip("0").rstrip(".")
        return text + self.unit

    def _title(self) -> None:
        tag = self.sheet.fact(
            names=("title", "title of the chart"), keys=("title",), asks=("What is the chart about?",)
        )
        for part in self.sheet.wrap(self.topic.title, self.right - self.left, self.size * 1.3)[:3]:
            self.sheet.write(self.left, self.top, (part, tag), size=self.size * 1.3)
            self.top += self.size * 1.8
        self.top += self.size

    def legend(self, y: float) -> None:
        """Names of the series, in their order."""
        marks = self.draw.any(("", "● ", "■ ", "○ ", "© "))
        x = self.left + self.draw.rng.uniform(0, 0.25) * (self.right - self.left)
        for name in self.series:
            item = self.sheet.write(x, y, marks + name)
            x = (item.x1 if item else x) + 2 * self.size

    def ticks(self, horizontal: bool) -> None:
        """Numbers of the value axis: the chart's text that nobody asks for."""
        if self.draw.chance(0.15):
            return
        steps = self.draw.number(4, 8)
        for step in range(steps + 1):
            share = step / steps
            value = self.topic.scale * 1.1 * share
            text = f"{value:,.{0 if self.topic.scale > 20 else 1}f}".replace(",", self.separator) + self.unit
            if horizontal:
                self.sheet.write(
                    self.left + share * (self.right - self.left), self.bottom + self.size, text, align="center"
                )
            else:
                y = self.bottom - share * (self.bottom - self.top)
                self.sheet.write(self.left - 0.4 * self.size, y, text, align="right")

    def axis_title(self, horizontal: bool) -> None:
        """What the values are, in words."""
        if not self.draw.chance(0.4):
            return
        text = self.topic.axis
        if horizontal:
            self.sheet.write((self.left + self.right) / 2, self.bottom + 2.6 * self.size, text, align="center")
        elif self.draw.chance(0.5):  # set upright beside the axis
            y = (self.top + self.bottom) / 2
            self.sheet.items.append(Item([(text, 0)], 0.1 * self.size, 1.1 * self.size, y, self.sheet.wide(text)))
        elif self.draw.chance(0.5):
            self.sheet.write(self.left - 3 * self.size, self.top - self.size, text)

    def foot(self) -> None:
        """Source and notes below."""
        y = self.sheet.height - self.draw.rng.uniform(1, 4) * self.size
        for number in range(self.draw.number(0, 3)):
            form = self.draw.pick(_FOOTS)
            text = form.format(c=self.draw.company(), y=self.draw.number(2005, 2025), s=self.draw.entry("sentence")[:60],
                               n=self.draw.number_text(4))  # fmt: skip
            x = self.draw.any((self.left * 0.3, self.right))
            self.sheet.write(x, y - number * 1.6 * self.size, text, align="left" if x < self.left else "right")

    def questions(self) -> None:
        """What people ask about such a statistic."""
        draw, sheet = self.draw, self.sheet
        for row, name in enumerate(() if self.silent else self.names):
            for column, tag in enumerate(self.tags[row]):
                sheet.natural.append(
                    (ask_value(draw, self.topic, name, self.series[column] if self.series else ""), tag)
                )
        if not self.series and not self.silent:
            self._list()
        sheet.natural += [(ask_missing(draw, self.topic, self.names), 0)] * draw.number(0, 2)
        if self.silent:
            sheet.natural += [
                (ask_extreme(draw, self.topic, True, "", label=True)[0], self.labels[0]) for _ in range(4)
            ]
            sheet.natural.append((ask_value(draw, self.topic, draw.any(self.names), ""), 0))
        elif not self.series or draw.chance(0.3):
            column = draw.number(0, max(len(self.series) - 1, 0))
            values = [row[column] for row in self.values]
            for highest in (True, False):
                best = max(values) if highest else min(values)
                if values.count(best) == 1:
                    place = values.index(best)
                    text, wants_label = ask_extreme(
                        draw, self.topic, highest, self.series[column] if self.series else ""
                    )
                    tag = self.labels[place] if wants_label else self.tags[place][column]
                    sheet.natural += [(text, tag)] * (2 if highest else 1)

    def _list(self) -> None:
        """The points as a list that can be asked for."""
        label, value = self.draw.any(("label", "name", "category", "x")), self.draw.any(("value", "y", "amount"))
        rows = Rows(("points", "data", "values", "bars", "entries", "series"), kinds={value: "number"})
        for name, tags, row in zip(self.labels, self.tags, self.values, strict=True):
            rows.entries.append({label: name, value: tags[0]})
            rows.plains[tags[0]] = f"{row[0]:.{self.topic.decimals}f}"
        self.sheet.lists.append(rows)


def _wrapped(chart: Chart, place: int, x: float, y: float, wide: float) -> None:
    """A category's label in the middle of its place, on several lines if it is long."""
    for number, part in enumerate(chart.sheet.wrap(chart.names[place], max(wide, 3.5 * chart.size))[:4]):
        chart.sheet.write(x, y + number * 1.25 * chart.size, (part, chart.labels[place]), align="center")


def vertical_bars(draw: Draw) -> Sheet:
    """Bars that stand, or points of lines: labels along the bottom, values above, one or several a label."""
    chart = Chart(draw, "vertical_bars")
    _shape_time(chart)
    count = len(chart.names)
    step = (chart.right - chart.left) / count
    line = draw.chance(0.35)
    stacked = len(chart.series) > 1 and draw.chance(0.3)
    many = max(len(chart.series), 1)
    for place, row in enumerate(chart.values):
        middle = chart.left + (place + 0.5) * step
        _wrapped(chart, place, middle, chart.bottom + chart.size, 0.95 * step)
        base = chart.bottom
        for column, value in enumerate(row):
            tall = chart.place(value) * (chart.bottom - chart.top - 2 * chart.size) / (many if stacked else 1)
            x = middle if stacked or line else middle + (column - (many - 1) / 2) * 0.8 * step / many
            y = base - tall / 2 if stacked else base - tall - 0.8 * chart.size
            chart.sheet.write(x, y, (chart.text(value), chart.tags[place][column]), align="center")
            base -= tall if stacked else 0
    chart.ticks(horizontal=False)
    chart.axis_title(horizontal=False)
    chart.legend(draw.any((chart.bottom + 4.5 * chart.size, chart.top - chart.size)))
    chart.foot()
    chart.questions()
    return chart.sheet


def _shape_time(chart: Chart) -> None:
    """Let values over time go up or down, as they mostly do."""
    if chart.topic.timed and chart.draw.chance(0.6):
        for column in range(len(chart.values[0])):
            ordered = sorted((row[column] for row in chart.values), reverse=chart.draw.chance(0.3))
            for row, value in zip(chart.values, ordered, strict=True):
                row[column] = value
        if chart.draw.chance(0.6):
            place = chart.draw.number(0, len(chart.values) - 2)
            chart.values[place], chart.values[place + 1] = chart.values[place + 1], chart.values[place]


def horizontal_bars(draw: Draw) -> Sheet:
    """Bars that lie: label at the left, value at the end of the bar or inside; mostly in order of size."""
    chart = Chart(draw, "horizontal_bars")
    sheet = chart.sheet
    ordered = draw.chance(0.7) and len(chart.series) < 2
    if ordered:
        for row, value in zip(chart.values, sorted((row[0] for row in chart.values), reverse=True), strict=True):
            row[0] = value
    chart.left = sheet.width * draw.rng.uniform(0.2, 0.45)
    step = (chart.bottom - chart.top) / len(chart.names)
    if step < 1.3 * chart.size * max(len(chart.series), 1):
        step = 1.4 * chart.size * max(len(chart.series), 1)
        chart.bottom = chart.top + step * len(chart.names)
        sheet.height = max(sheet.height, chart.bottom + 8 * chart.size)
    stacked = len(chart.series) > 1 and draw.chance(0.3)
    chart.silent = (ordered or stacked) and draw.chance(0.12)
    inside = draw.chance(0.15)
    flush = draw.chance(0.8)
    for place, row in enumerate(chart.values):
        y = chart.top + (place + 0.5) * step
        lines = sheet.wrap(chart.names[place], chart.left - 1.5 * chart.size)[:3]
        for number, part in enumerate(lines):
            at = y + (number - (len(lines) - 1) / 2) * 1.2 * chart.size
            x = chart.left - 0.7 * chart.size if flush else sheet.width * 0.02
            sheet.write(x, at, (part, chart.labels[place]), align="right" if flush else "left")
        start = chart.left
        for column, value in enumerate(row):
            long = chart.place(value) * (chart.right - chart.left - 5 * chart.size) / (len(row) if stacked else 1)
            x = start + long / 2 if stacked or inside else start + long + 0.5 * chart.size
            at = y if stacked else y + (column - (len(row) - 1) / 2) * 0.85 * step / len(row)
            if not chart.silent:
                said = (chart.text(value), chart.tags[place][column])
                sheet.write(x, at, said, align="center" if stacked or inside else "left")
            start += long if stacked else 0
    chart.ticks(horizontal=True)
    chart.axis_title(horizontal=True)
    chart.legend(chart.bottom + 4.5 * chart.size)
    chart.foot()
    chart.questions()
    return sheet


def pie(draw: Draw) -> Sheet:
    """Slices with their labels and values around them, or labels in a legend with the values."""
    import math

    chart = Chart(draw, "pie")
    sheet = chart.sheet
    radius = 0.3 * min(sheet.width, chart.bottom - chart.top)
    middle = (sheet.width / 2, (chart.top + chart.bottom) / 2)
    form = draw.number(0, 2)
    angle = -math.pi / 2
    whole = sum(row[0] for row in chart.values) or 1.0
    for place, row in enumerate(chart.values):
        half = math.pi * row[0] / whole
        angle += half
        x, y = middle[0] + 1.35 * radius * math.cos(angle), middle[1] + 1.15 * radius * math.sin(angle)
        angle += half
        label, value = (chart.names[place], chart.labels[place]), (chart.text(row[0]), chart.tags[place][0])
        right = x > middle[0]
        if form == 0:
            gap = draw.any((" ", ": ", " - "))
            sheet.write(x, y, label, gap, value, align="left" if right else "right")
        elif form == 1:
            sheet.write(x, y, label, align="left" if right else "right")
            sheet.write(x, y + 1.25 * chart.size, value, align="left" if right else "right")
        else:
            sheet.write(x, y, value, align="center")
            at = chart.top + place * 1.7 * chart.size
            sheet.write(sheet.width * 0.8, at, label)
    if form == 2:  # colours are not on the page, so only the order could tell
        sheet.natural = []
        return vertical_bars(draw)
    chart.foot()
    chart.questions()
    return sheet
