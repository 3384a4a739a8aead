"""What a reader makes of a bad scan: letters confused, segments lost, split, joined and moved, strays between them.

Everything happens on the page's side; what a fact's answer is follows from the pieces that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from dsvl2.pipelines.training.answers.sheet import Item, Sheet

_LIKE = {
    "0": "OoDQ", "O": "0QD", "o": "0ae", "1": "lI|7", "l": "1I|i", "I": "1l|", "i": "l1j", "5": "S6", "S": "5s8", "s": "S5",
    "8": "B3&", "B": "8R", "6": "G5b", "G": "6C", "2": "Z7", "Z": "2", "3": "8", "4": "A", "7": "1?", "9": "g4", "e": "co",
    "c": "eo", "a": "oeu", "u": "vn", "n": "rum", "h": "bn", "b": "h6", "D": "O0", "C": "GO", "Q": "O0", "m": "nr",
    "t": "fl", "f": "t", "r": "n", "v": "y", "y": "v", "g": "9q", "M": "NH", "N": "MH", "H": "N", "E": "FB", "F": "EP",
    "P": "F", "R": "K", "T": "I7", "U": "V", "V": "U", "W": "V", "w": "v", "k": "h", "d": "cl", "p": "o", "q": "g",
    ".": ", ", ",": ". ", ":": ".;", ";": ":", "-": "–—.", "/": "l17", "'": "`’", "&": "8", "#": "4", "$": "S8", "(": "C",
    ")": "J", "x": "×", " ": " _",
}  # fmt: skip
_PAIRS = (("rn", "m"), ("m", "rn"), ("cl", "d"), ("li", "h"), ("vv", "w"), ("ti", "u"), ("fi", "h"), ("nn", "m"))
_STRAYS = (
    "-",
    ".",
    "·",
    "'",
    "`",
    ",",
    "|",
    "}",
    "*",
    "—",
    "~",
    "I",
    "l",
    "i",
    "r",
    "o",
    "_ .",
    "■",
    "Φ",
    "+",
    "#",
    "1",
)
_ACCENTS = dict(zip("aeioucnszAEIO", "âéíöüçñšžÀÉÎÖ", strict=True))


@dataclass(frozen=True, slots=True)
class Damage:
    """How bad a scan is: shares of letters, segments and lines that are hit; `jitter` in line heights."""

    letters: float = 0.0
    digits: float = 0.0
    lost: float = 0.0
    split: float = 0.0
    joined: float = 0.0
    strays: float = 0.0
    doubled: float = 0.0
    jitter: float = 0.02
    slope: float = 0.0
    shift: float = 0.0
    cases: float = 0.0

    @classmethod
    def draw(cls, rng: Random, *, harder: bool = False) -> Damage:
        """A clean page, a usual one or a bad one; `harder`: fewer clean ones and more letters confused."""
        kind = rng.random() + 0.1 * harder
        if kind < 0.35:
            return cls(jitter=rng.uniform(0, 0.06), split=0.01 * rng.random())
        bad = rng.uniform(0.1, 0.5) if kind < 0.8 else rng.uniform(0.5, 1.0)
        return cls(
            letters=(0.1 if harder else 0.07) * bad * rng.random(),
            digits=(0.025 if harder else 0.015) * bad * rng.random(),
            lost=0.12 * bad * rng.random(),
            split=0.12 * bad * rng.random(),
            joined=0.2 * bad * rng.random(),
            strays=6 * bad * rng.random(),
            doubled=0.03 * bad * rng.random(),
            jitter=0.15 * bad * rng.random(),
            slope=rng.uniform(-0.6, 0.6) * bad if rng.random() < 0.4 else 0.0,
            shift=0.5 * bad * rng.random(),
            cases=0.04 * bad * rng.random(),
        )


def spoil(rng: Random, sheet: Sheet, damage: Damage) -> None:
    """Damage a page's items in place."""
    items: list[Item] = []
    numeric = {fact.tag for fact in sheet.facts if fact.kind != "text"}
    numeric |= sheet.bare | {tag for rows in sheet.lists for tag in rows.plains}
    slope = damage.slope * sheet.size / max(sheet.width, 1.0)
    for item in sheet.items:
        if item.loose and rng.random() < damage.lost and not _needed(sheet, item.text):
            continue
        item.pieces = [(_letters(rng, text, tag in numeric, damage), tag) for text, tag in item.pieces]
        size = min(item.height, 2 * sheet.size)
        item.y += damage.jitter * size * rng.gauss(0, 1) + slope * (item.x0 + item.x1) / 2
        wide = item.x1 - item.x0
        item.x0 += damage.jitter * size * rng.gauss(0, 1)
        item.x1 = item.x0 + max(wide * (1 + 0.3 * damage.jitter * rng.gauss(0, 1)), 1.0)
        if rng.random() < damage.split:
            items += _split(rng, item, damage)
        else:
            items.append(item)
        if item.loose and rng.random() < damage.doubled:
            items.append(Item(list(item.pieces), item.x0, item.x1, item.y + 0.9 * item.height, item.height))
    sheet.items = _joined(rng, items, damage.joined) if damage.joined else items
    for _ in range(int(damage.strays * rng.random() + 0.5 * (damage.strays > 0.5))):
        sheet.items.append(_stray(rng, sheet))
    if damage.strays > 2 and rng.random() < 0.2:
        sheet.items.append(_babble(rng, sheet))


def _needed(sheet: Sheet, text: str) -> bool:
    """Say whether a question may name this text: a label, the head of a column, the name of a thing."""
    bare = "".join(c for c in text.casefold() if c.isalnum())
    if not bare or bare.isdigit():
        return False
    if any(
        bare in (label := "".join(c for c in fact.label.casefold() if c.isalnum())) or label in bare
        for fact in sheet.facts
        if fact.label
    ):
        return True
    return len(text) < 24 or any(text.casefold() in question.casefold() for question, _ in sheet.natural)


def _letters(rng: Random, text: str, numeric: bool, damage: Damage) -> str:
    """Confuse letters; numbers that will be asked for keep nearly all of theirs."""
    if damage.cases and not numeric and rng.random() < damage.cases:
        text = rng.choice((str.upper, str.lower, str.swapcase))(text)
    share = damage.letters * 0.05 if numeric else damage.letters
    expected = share * len(text)
    count = int(expected) + (rng.random() < expected - int(expected))
    for _ in range(count):
        place = rng.randrange(len(text)) if text else 0
        kind = rng.random()
        if not text:
            break
        old = text[place]
        if old.isdigit() and rng.random() > damage.digits / max(damage.letters, 1e-9) + 0.2:
            continue
        if kind < 0.68:
            new = rng.choice(_LIKE.get(old, old))
        elif kind < 0.78:
            new = ""
        elif kind < 0.86:
            new = old + rng.choice(".-'`_ ,il")
        elif kind < 0.92:
            new = _ACCENTS.get(old, old.swapcase())
        else:
            pair = rng.choice(_PAIRS)
            text = text.replace(pair[0], pair[1], 1)
            continue
        text = text[:place] + new + text[place + 1 :]
    return text


def _split(rng: Random, item: Item, damage: Damage) -> list[Item]:
    """Part an item at one of its blanks; its halves move apart at times, as misplaced words do."""
    text = item.text
    blanks = [place for place, letter in enumerate(text) if letter == " " and 0 < place < len(text) - 1]
    if not blanks:
        return [item]
    cut = rng.choice(blanks)
    left: list[tuple[str, int]] = []
    right: list[tuple[str, int]] = []
    start = 0
    for piece, tag in item.pieces:
        inside = min(max(cut - start, 0), len(piece))
        left.append((piece[:inside], tag))
        right.append((piece[inside:], tag))
        start += len(piece)
    middle = item.x0 + (item.x1 - item.x0) * (cut + 0.5) / len(text)
    apart = 0.5 * item.height
    if rng.random() < 0.3:
        middle += damage.shift * rng.uniform(-0.5, 0.5) * (item.x1 - item.x0)
        middle = min(max(middle, item.x0 + apart), max(item.x1 - apart, item.x0 + apart))
    halves = (
        Item([part for part in left if part[0]], item.x0, middle - 0.4 * apart, item.y, item.height, item.loose),
        Item([part for part in right if part[0]], middle + 0.4 * apart, item.x1, item.y, item.height, item.loose),
    )
    return [half for half in halves if half.text.strip()]


def _joined(rng: Random, items: list[Item], share: float) -> list[Item]:
    """Join some neighbours of a row, as a reader does that sees no gap."""
    result: list[Item] = []
    for item in items:
        last = result[-1] if result else None
        near = last is not None and abs(last.y - item.y) < 0.3 * item.height and item.x0 - last.x1 > 0
        if last is not None and near and item.x0 - last.x1 < 6 * item.height and rng.random() < share:
            last.pieces = [*last.pieces, (" ", 0), *item.pieces]
            last.x1, last.loose = item.x1, last.loose and item.loose
        else:
            result.append(item)
    return result


def _stray(rng: Random, sheet: Sheet) -> Item:
    """Specks and pieces of rules that were taken for letters."""
    text = (
        rng.choice(_STRAYS) if rng.random() < 0.8 else " ".join(rng.choice(_STRAYS) for _ in range(rng.randint(2, 5)))
    )
    x, y = rng.uniform(0, sheet.width), rng.uniform(0, sheet.height)
    return Item([(text, 0)], x, x + 0.5 * sheet.size * len(text), y, sheet.size * rng.uniform(0.3, 1.0))


def _babble(rng: Random, sheet: Sheet) -> Item:
    """A line that a reader made up out of a picture or a rule: the page's own words again and again."""
    words = [word for item in rng.sample(sheet.items, min(len(sheet.items), 3)) for word in item.text.split()]
    text = " ".join(rng.choice(words[:6]) for _ in range(rng.randint(3, 14))) if words else "the the"
    x, y = rng.uniform(0, 0.5) * sheet.width, rng.uniform(0, sheet.height)
    return Item([(text, 0)], x, min(x + 0.5 * sheet.size * len(text), sheet.width), y, sheet.size)
