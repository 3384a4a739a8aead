"""What stands in the cells of drawn tables: labels, phrases and figures."""

from __future__ import annotations

from random import Random

_NOUNS = [
    "Bolts",
    "Costs",
    "Cement",
    "Exports",
    "Timber",
    "Wages",
    "Rainfall",
    "Visitors",
    "Patients",
    "Schools",
    "Imports",
    "Copper",
    "Harvest",
    "Repairs",
    "Engines",
    "Bridges",
    "Freight",
    "Wheat",
    "Energy",
    "Housing",
    "Tenants",
    "Volume",
    "Income",
    "Sugar",
    "Cotton",
    "Vessels",
    "Miles",
    "Acres",
    "Births",
    "Loans",
    "Interest",
    "Deposits",
]
_QUALITIES = [
    "net",
    "gross",
    "annual",
    "mean",
    "median",
    "total",
    "other",
    "foreign",
    "domestic",
    "rural",
    "urban",
    "small",
    "large",
    "first",
    "second",
    "northern",
    "southern",
    "seasonal",
    "adjusted",
    "estimated",
    "reported",
    "average",
    "minor",
    "public",
    "private",
]
_JOINTS = ("of", "and", "for", "per", "in", "with")
_PLACES = [
    "Aston",
    "Brill",
    "Corby",
    "Diss",
    "Ely",
    "Frome",
    "Goole",
    "Hove",
    "Ilkley",
    "Jarrow",
    "Kendal",
    "Leigh",
    "Malton",
    "Nairn",
    "Oban",
    "Perth",
    "Ryde",
    "Selby",
]
_MARKS = ("", "", "", "", "", "*", "a", "b", "(1)")


def label(rng: Random, words: int) -> str:
    """Return a row's label."""
    if words == 1:
        return rng.choice(_PLACES) if rng.random() < 0.5 else rng.choice(_NOUNS)
    parts = [rng.choice(_QUALITIES).capitalize(), rng.choice(_NOUNS).lower()]
    while len(parts) < words:
        parts += [rng.choice(_JOINTS), rng.choice(_NOUNS).lower()]
    return " ".join(parts[:words] if words < 3 else parts)


def phrase(rng: Random, words: int) -> str:
    """Return a few words, the first one with a capital."""
    parts = [rng.choice(_QUALITIES if k % 2 == 0 else _NOUNS).lower() for k in range(words)]
    return " ".join(parts).capitalize()


def header_word(rng: Random) -> str:
    """Return a word for the head of a column."""
    return rng.choice((rng.choice(_NOUNS), rng.choice(_QUALITIES).capitalize(), str(rng.randint(1950, 2030))))


def figure(rng: Random, align: str) -> str:
    """Return a figure as tables print them; decimal alignment wants one decimal point in each."""
    if rng.random() < 0.06:
        return rng.choice(("-", "\u2013", "n.a.", "0"))
    value = 10 ** rng.uniform(0, 5.5)
    kind = rng.random()
    if align == "decimal" or kind < 0.35:
        text = f"{value % 1000:.{rng.choice((1, 1, 2))}f}"
    elif kind < 0.7:
        text = f"{int(value):,}"
    elif kind < 0.85:
        text = f"{value % 100:.1f}%"
    else:
        text = f"({int(value) % 1000})"
    if rng.random() < 0.06:
        text = "-" + text
    return text + (rng.choice(_MARKS) if rng.random() < 0.15 and align != "decimal" else "")
