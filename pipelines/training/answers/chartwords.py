"""What charts are about, and how people ask about it: topics, categories, and questions in whole sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.sums import product
from dsvl2.pipelines.training.phrases import MONTHS

_METRICS = (
    "number of {s}", "revenue from {s}", "consumption of {s}", "production of {s}", "sales of {s}", "price of {s}",
    "exports of {s}",
    "imports of {s}", "unemployment rate", "market share of {s}", "population", "life expectancy", "gross domestic product",
    "average price of {s}", "inflation rate", "net income", "market value of {s}", "spending on {s}", "brand value",
    "birth rate",
    "share of {s}", "amount of {s}", "expenditure on {s}", "turnover", "number of employees", "growth of {s}", "use of {s}",
    "number of visitors", "median age", "total assets", "crime rate", "literacy rate", "operating profit", "demand for {s}",
    "output of {s}", "mortality rate", "debt", "budget for {s}", "index of {s}", "attendance", "number of deaths",
    "fertility rate",
)  # fmt: skip
_UNITS = ("in million U.S. dollars", "in thousands", "in billion euros", "in percent", "in metric tons",
    "per 1,000 inhabitants", "in units",
          "Share of respondents", "in million", "in years", "Number of {s}", "in kilograms per capita", "Index",
          "in GBP")  # fmt: skip
_SERIES = (
    ("Men", "Women"), ("Male", "Female"), ("Yes", "No", "Don't know"), ("Urban", "Rural"), ("Exports", "Imports"),
    ("Agree", "Disagree"), ("Very", "Somewhat", "Not at all"), ("Domestic", "International"), ("Online", "In store"),
    ("Budget", "Actual"), ("Men", "Women", "Total"), ("Rural", "Urban", "Total"), ("Male", "Female", "All"),
    ("Supply", "Demand"),
    ("Under 30", "Over 30", "All ages"), ("Production", "Consumption"), ("Births", "Deaths"), ("Revenue", "Profit"),
    ("Hardware", "Software"),
)  # fmt: skip
_WHOLE = ("Total", "All", "All ages")  # what is meant if no series is named
_AGES = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+", "0-14 years", "15-64 years", "65 years and older",
    "18 to 29 years",
         "30 to 49 years", "50 to 64 years", "65+ years", "Under 18", "12-17 years")  # fmt: skip
_ANSWERS = ("Very satisfied", "Somewhat satisfied", "Not satisfied", "Don't know", "Never", "Less than once a week",
    "Daily", "Very likely",
            "Not at all likely", "Strongly agree", "Neither", "No answer", "Once a month", "Several times a week",
            "More than 5 hours",
            "Too much", "About right", "Too little", "Undecided", "Every day", "Rarely", "Other")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """What the values are, where, and by what they are told apart (`by`: time, country, brand, age, answer, thing)."""

    metric: str
    place: str
    by: str
    axis: str
    title: str
    scale: float
    decimals: int
    percent: bool
    series: tuple[str, ...]

    @property
    def timed(self) -> bool:
        """Whether the categories are times."""
        return self.by == "time"


def topic(draw: Draw) -> Topic:
    """A statistic that might exist."""
    subject = draw.thing("food", "artifact", "act", "animal", "substance", "possession", "group", "person")
    if draw.chance(0.4):
        subject = f"{draw.entry('adjective')} {subject}"
    metric = draw.pick(_METRICS).format(s=subject)
    by = draw.rng.choices(("time", "country", "brand", "age", "answer", "thing"), (40, 14, 14, 6, 10, 16))[0]
    percent = by == "answer" or "rate" in metric or "share" in metric or draw.chance(0.25)
    place = draw.any((draw.entry("country"), draw.entry("country"), draw.entry("city"), "the United States",
        "the U.S.", "the UK", "Europe",
                      "the world", draw.company()))  # fmt: skip
    series: tuple[str, ...] = ()
    if draw.chance(0.28):
        series = draw.any((draw.any(_SERIES), tuple(draw.any((draw.entry("country"), product(draw)))[:18] for _ in range(2)),
                           tuple(str(year) for year in range(draw.number(2005, 2019), 2040))[: draw.number(2,
                               3)]))  # fmt: skip
        series = series if len(set(series)) == len(series) else ()
    scale = 10 ** draw.rng.uniform(1, 2) if percent else 10 ** draw.rng.uniform(0.3, 6)
    decimals = (0 if draw.chance(0.4) else draw.any((1, 1, 2))) if scale < 5000 else int(draw.chance(0.15))
    span = draw.any(("", f", {draw.number(1990, 2012)} to {draw.number(2013, 2024)}", f" in {draw.number(1995, 2024)}"))
    title = f"{metric[0].upper()}{metric[1:]} in {place}{span}"
    return Topic(
        metric,
        place,
        by,
        draw.pick(_UNITS).format(s=subject),
        title,
        min(scale, 100) if percent else scale,
        decimals,
        percent,
        series,
    )


def categories(draw: Draw, about: Topic) -> list[str]:
    """Labels of the bars."""
    count = draw.number(3, 12) if draw.chance(0.8) else draw.number(12, 20)
    if about.by == "time":
        return _times(draw, count)
    if about.by == "age":
        return list(_AGES[: draw.number(3, 6)] if draw.chance(0.5) else _AGES[6 : draw.number(9, 14)])
    makers = {
        "country": lambda: draw.entry("country" if draw.chance(0.8) else "region"),
        "brand": lambda: draw.any(
            (
                f"{draw.invented().title()} ({draw.company()[:20]})",
                draw.company(),
                draw.invented().title(),
                draw.person(),
                draw.entry("company"),
            )
        ),
        "answer": lambda: draw.pick(_ANSWERS) if draw.chance(0.6) else draw.words(2, 6).capitalize(),
        "thing": lambda: product(draw).capitalize() if draw.chance(0.6) else draw.words(1, 4).capitalize(),
    }
    found = dict.fromkeys(makers[about.by]()[:40] for _ in range(count))
    return list(found)


def _times(draw: Draw, count: int) -> list[str]:
    """Years, months, quarters or seasons, in order; some marked as estimates."""
    kind = draw.rng.random()
    year = draw.number(1990, 2016)
    if kind < 0.64:
        step = draw.any((1, 1, 1, 1, 2, 5))
        years = [year + step * number for number in range(count + draw.any((0, 0, 0, 4)))]
        stars = draw.number(1, 3) if draw.chance(0.25) else 0
        return [f"{value}{'*' if number >= len(years) - stars else ''}" for number, value in enumerate(years)]
    if kind < 0.72:
        return [f"{year + n}/{(year + n + 1) % 100:02d}" for n in range(count)]
    if kind < 0.86:
        form, first = draw.any(("{m}", "{m} {y}", "{b} {y}", "{b} '{s:02d}", "{b} {s:02d}", "{b}")), draw.number(0, 11)
        whole = count if "{y}" in form or "{s" in form else min(count, 12)
        places = [(first + n) % 12 for n in range(whole)]
        years = [year + (first + n) // 12 for n in range(whole)]
        return [form.format(m=MONTHS[m], b=MONTHS[m][:3], y=y, s=y % 100) for m, y in zip(places, years, strict=True)]
    form = draw.any(("Q{q} {y}", "Q{q} '{s:02d}", "{o} quarter {y}", "Q{q}/{y}"))
    quarters = [(n % 4, year + n // 4) for n in range(count)]
    return [form.format(q=q + 1, y=y, s=y % 100, o=("1st", "2nd", "3rd", "4th")[q]) for q, y in quarters]


def called(draw: Draw, name: str) -> str:
    """How people call a category in a question: without stars, in other letters, with words left out or put in."""
    text = name.rstrip("*").strip()
    quarter = re.fullmatch(r"(?:Q([1-4])|([1-4])\w\w quarter)[ /]'?([0-9]{2}|[0-9]{4})", text)
    if quarter and draw.chance(0.7):
        order = ("first", "second", "third", "fourth")[int(quarter[1] or quarter[2]) - 1]
        return f"the {order} quarter of {_full(quarter[3])}"
    month = next((m for m in MONTHS if text[:3] == m[:3] and text.split()[0] in (m, m[:3])), None)
    _, _, year = text.partition(" ")
    if month and (not year or re.fullmatch(r"'?[0-9]{2}|[0-9]{4}", year)) and draw.chance(0.8):
        return f"{month}{draw.any((' ', ' of ', ' '))}{_full(year)}" if year else month
    if text.endswith(")") and draw.chance(0.6):
        text = text.partition("(")[0].strip() or text
    words = text.split()
    if len(words) > 1 and draw.chance(0.1) and not text[:1].isdigit():
        words = words[:1]
    elif len(words) > 2 and draw.chance(0.35):
        words.pop(draw.number(0, len(words) - 1))
    if len(words) > 1 and draw.chance(0.1):
        words.insert(draw.number(1, len(words) - 1), draw.any(("the", "of", "and", "in", "a", "their", "about")))
    text = " ".join(words)
    return text.lower() if draw.chance(0.3) and not text[:1].isdigit() else text


def _full(year: str) -> str:
    """A year of two digits as one of four."""
    year = year.lstrip("'")
    return year if len(year) == 4 else ("20" if int(year) < 50 else "19") + year


_TIMED = (
    "What was the {m} in {p} in {c}?", "What was the {m} in {c}?", "How high was the {m} in {p} in {c}?",
    "What was {p}'s {m} in {c}?",
    "In {c}, what was the {m} in {p}?", "What is the {m} projected to be in {c}?",
    "How much was the {m} in {p} in {c}?", "{m} in {c}",
    "What did the {m} amount to in {c}?", "How many {m} were there in {p} in {c}?", "What is the {m} in {p} in {c}?", "{c}?",
    "How much did the {m} grow in {c}?", "How many people in {p} reported {m} in {c}?", "What was the value for {c}?",
    "value in {c}",
    "By how much did the {m} increase in {p} in {c}?", "What was the estimated {m} in {c}?", "In {c}, how large was the {m}?",
    "What percentage of {p} was {m} in {c}?", "How much {m} did {p} have in {c}?", "How many {m} did {p} have in {c}?",
)  # fmt: skip
_NAMED = (
    "What was the {m} of {c} in {p}?", "What was the {m} of {c}?", "How many {m} does {c} have?",
    "What is the value for {c}?", "{c}",
    "What percentage of {m} did {c} have?", "What percentage of respondents in {p} said {c}?",
    "How much {m} was there in {c}?", "{c}?",
    "What was {c}'s {m}?", "What share of people in {p} answered {c}?", "How high was the {m} of {c}?",
    "What was the {m} for {c}?",
    "What percentage of people stated {c}?", "How large is {c}'s {m}?", "How much is {c}?",
    "What percentage of the {m} came from {c}?",
    "How many people in {p} chose {c}?", "What is the {m} when it comes to {c}?",
    "How much was the {m} in {c} in {p}?", "value of {c}",
    "According to the chart, what is the {m} of {c}?", "What was the {m} among {c}?",
    "In {p}, how much {m} did {c} account for?",
)  # fmt: skip
_WITH = (
    "{q}, {s}",
    "{s}: {q}",
    "Among {s}, {q}",
    "For {s}, {q}",
    "{q} for {s}",
    "{q} ({s})",
    "{q} among {s}",
    "As for {s}, {q}",
)
_AS = (
    "What was the {s} of {m} in {c}?", "What was the {s} in {p} in {c}?", "How high was the {s} in {c}?",
    "What is the {s} of {c}?", "What was {c}'s {s}?",
    "How much did {s} grow in {c}?", "What percentage of {s} was it in {c}?",
    "What is the {s} projected to be in {c}?", "What was the {m} of {s} in {c}?",
    "How many {s} were there in {p} in {c}?", "What percentage of {s} said {c}?",
    "What was the {m} in {s} areas in {c}?", "{s} {c}?", "{c}, {s}",
    "What share of {s} in {p} stated {c}?", "How much {s} did {p} have in {c}?",
)  # fmt: skip
_BEST = ("Which {w} had the highest {m} in {p}?", "What was the leading {w} in {p}?",
    "Which {w} has the largest {m}?", "Who had the most {m}?",
         "Which {w} ranked first?", "What is the top {w} by {m}?", "Which {w} leads the ranking?",
         "What was the most common {w} in {p}?",
         "Which {w} had the greatest {m}?", "Which {w} recorded the highest value?",
         "What {w} is in first place?")  # fmt: skip
_WORST = ("Which {w} had the lowest {m} in {p}?", "Which {w} has the smallest {m}?", "Which {w} comes last?",
    "Who had the least {m}?",
          "What was the least common {w}?", "Which {w} had the fewest {m}?",
          "Which {w} recorded the lowest value?")  # fmt: skip
_PEAK = ("What was the highest {m}?", "What was the highest value?", "What did the {m} peak at in {p}?",
    "What is the maximum {m}?",
         "How high was the {m} at its peak?", "What was the largest {m} in {p}?",
         "What is the biggest value shown?")  # fmt: skip
_LOW = ("What was the lowest {m}?", "What was the smallest value?", "What is the minimum {m} in {p}?",
    "What was the lowest point of the {m}?",
        "How low did the {m} fall?", "What is the lowest value shown?")  # fmt: skip
_KINDS = {
    "time": "year",
    "country": "country",
    "brand": "company",
    "age": "age group",
    "answer": "answer",
    "thing": "category",
}
_OTHERS = {"country": ("country", "nation", "region"), "brand": ("company", "brand", "firm", "player", "person"),
           "thing": ("category", "product", "type", "item", "source"), "time": ("year", "period")}  # fmt: skip


def ask_value(draw: Draw, about: Topic, name: str, series: str) -> str:
    """Ask for the value of a category, of a series if there are several."""
    form = draw.pick(_TIMED if about.timed else _NAMED)
    text = form.format(m=_metric(draw, about), p=about.place, c=called(draw, name))
    if not series or (series in _WHOLE and draw.chance(0.6)):
        return text
    if draw.chance(0.4):
        said = called(draw, series)
        said = said.lower() if draw.chance(0.5) else said
        return draw.pick(_AS).format(m=_metric(draw, about), p=about.place, c=called(draw, name), s=said)
    return draw.pick(_WITH).format(q=text.rstrip("?"), s=called(draw, series)) + ("?" if text.endswith("?") else "")


def ask_missing(draw: Draw, about: Topic, names: list[str]) -> str:
    """Ask for a category that the chart does not have."""
    other = (
        str(draw.number(1850, 1985))
        if about.timed
        else draw.any((draw.entry("country"), draw.company(), draw.words(2, 3)))
    )
    while other in names:
        other = draw.words(2, 4)
    return ask_value(draw, about, other, "")


def ask_extreme(draw: Draw, about: Topic, highest: bool, series: str, *, label: bool | None = None) -> tuple[str, bool]:
    """Ask for the highest or lowest; return the question and whether the label (not the value) is wanted."""
    label = draw.chance(0.6) if label is None else label
    forms = (_BEST if label else _PEAK) if highest else (_WORST if label else _LOW)
    kind = draw.any(_OTHERS.get(about.by, (_KINDS[about.by],)))
    text = draw.pick(forms).format(w=kind, m=_metric(draw, about), p=about.place)
    return (draw.pick(_WITH).format(q=text.rstrip("?"), s=series) + "?" if series else text), label


def _metric(draw: Draw, about: Topic) -> str:
    """The metric in other words than the title has, now and then."""
    words = about.metric.split()
    if len(words) > 3 and draw.chance(0.3):
        words = words[-2:]
    unit = draw.any((" in dollars", " in euros", " in percent", " in millions")) if draw.chance(0.07) else ""
    return " ".join(words) + unit
