"""Chance and vocabulary in one hand: what a virtual page is made up from.

Options of six and more are parted: about an eighth of them is never used for training, and pages that are held out
take those wherever there are any.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")
HELD_OUT_PART = 20  # of every shuffled list of the vocabulary, the first 1/20 is held out
_VOWELS, _CONSONANTS = "aaeeiioou", "bcdfghjklmnprstvwzbdlmnrst"
_CAPITALS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_BRANCHES = (
    "M",
    "S",
    "UK",
    "HK",
    "Asia",
    "Europe",
    "India",
    "NZ",
    "US",
    "Pvt",
    "Holdings",
    "International",
    "N",
    "Deutschland",
)
_PAIRED = ("sdn", "pte", "pty", "pvt", "co", "and", "&", "e", "y", "und", "et")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Lists of words by kind; see `dsvl2.pipelines.training.answers.collect`."""

    lists: Mapping[str, tuple[str, ...]]
    held: bool = False

    @classmethod
    def load(cls, path: Path) -> tuple[Vocabulary, Vocabulary]:
        """Return the vocabulary for training and that which is held out."""
        packed: dict[str, list[str]] = json.loads(lzma.decompress(path.read_bytes()))
        return cls.split(packed)

    @classmethod
    def split(cls, lists: Mapping[str, Sequence[str]]) -> tuple[Vocabulary, Vocabulary]:
        """Part lists into those for training and those held out."""
        cut = {key: max(1, len(texts) // HELD_OUT_PART) for key, texts in lists.items()}
        train = {key: tuple(texts[cut[key] :]) for key, texts in lists.items()}
        held = {key: tuple(texts[: cut[key]]) for key, texts in lists.items()}
        return cls(train), cls(held, held=True)


@lru_cache(maxsize=4096)
def parted(options: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (options for training, options held out); short lists are not parted."""
    if len(options) < 6:
        return options, options
    held = tuple(text for text in options if crc32(text.encode()) % 8 == 0)
    train = tuple(text for text in options if text not in held)
    return (train, held or options) if train else (options, options)


class Draw:
    """Draws everything that a page needs from one random number generator."""

    def __init__(self, rng: Random, vocabulary: Vocabulary) -> None:
        self.rng, self.vocabulary, self.held = rng, vocabulary, vocabulary.held

    def pick(self, options: tuple[str, ...]) -> str:
        """One of the options, of those held out where the page is."""
        train, held = parted(options)
        if self.held and self.rng.random() < 0.7:
            return self.rng.choice(held)
        return self.rng.choice(train)

    def any(self, options: Sequence[T]) -> T:
        """One of the options; nothing is held out."""
        return self.rng.choice(options)

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.rng.random() < share

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self.rng.randint(low, high)

    def entry(self, key: str) -> str:
        """An entry of a list of the vocabulary."""
        return self.rng.choice(self.vocabulary.lists[key])

    def word(self) -> str:
        """A word, mostly English, at times of another language or of no language."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.entry("common")
        if kind < 0.8:
            return self.entry("word")
        return self.entry("foreign") if kind < 0.9 else self.invented()

    def invented(self) -> str:
        """A word that no language has."""
        rng = self.rng
        text = "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(1, 3)))
        return text + (rng.choice("nrstlmkx") if rng.random() < 0.5 else "")

    def words(self, low: int, high: int) -> str:
        """Some words that do not belong together."""
        return " ".join(self.word() for _ in range(self.rng.randint(low, high)))

    def thing(self, *kinds: str) -> str:
        """The name of something, of one of the kinds."""
        return self.entry(self.rng.choice(kinds))

    def code(self) -> str:
        """A code of letters and digits."""
        rng = self.rng
        kind = rng.randrange(8)
        letters = "".join(rng.choice(_CAPITALS) for _ in range(rng.randint(1, 4)))
        digits = str(rng.randint(0, 10 ** rng.randint(2, 9)))
        if kind == 0:
            return digits
        if kind == 1:
            return f"{letters}{rng.choice(('-', '/', '', ' '))}{digits}"
        if kind == 2:
            return f"{rng.randint(1, 99):02d}-{digits}"
        if kind == 3:
            return f"{letters}-{rng.randint(1960, 2026)}-{digits[:4]}"
        if kind == 4:
            return "".join(rng.choice(_CAPITALS + "0123456789") for _ in range(rng.randint(5, 12)))
        if kind == 5:
            return f"{digits}{rng.choice('-/.')}{rng.randint(1, 999)}{rng.choice(('', letters[:1]))}"
        if kind == 6:
            return f"{rng.randint(0, 9999):04d}{rng.choice(('', '-', ' '))}{rng.randint(0, 999999):06d}"
        return f"#{digits}" if rng.random() < 0.3 else f"{letters} {digits}"

    def person(self) -> str:
        """A person's name as forms and letters write it."""
        first, last = self.entry("first"), self.entry("last")
        kind = self.rng.randrange(12)
        if kind < 5:
            return f"{first} {last}"
        if kind == 5:
            return f"{first} {self.rng.choice(_CAPITALS)}. {last}"
        if kind == 6:
            return f"{first[0]}. {self.rng.choice(_CAPITALS)}. {last}"
        if kind == 7:
            return f"{last}, {first}"
        if kind == 8:
            return f"{self.pick(('Mr.', 'Ms.', 'Dr.', 'Mrs.', 'Prof.', 'Mr', 'Miss'))} {first[0]}. {last}"
        if kind == 9:
            return f"{first} {last}".upper()
        return f"{first[0]}. {last}" if kind == 10 else f"{self.invented().title()} {self.invented().title()}"

    def company(self) -> str:
        """A firm's name, in some of the cases with a bracket before its last word, as branches in many countries have."""
        name = self._firm()
        first, _, last = name.rpartition(" ")
        if not first or self.rng.random() > 0.12:
            return name
        before, _, word = first.rpartition(" ")
        if (
            before and not self.held and word.strip(".").casefold() in _PAIRED
        ):  # Sdn Bhd, Pte Ltd: one form of two words
            first, last = before, f"{word} {last}"
        return f"{first} ({self.any((*_BRANCHES, self.rng.choice(_CAPITALS), str(self.number(1950, 2024))))}) {last}"

    def _firm(self) -> str:
        kind = self.rng.randrange(6)
        if kind < 3:
            return self.entry("company")
        end = self.pick((
            "Ltd", "Inc.", "LLC", "GmbH", "Sdn Bhd", "SDN. BHD.", "Pte Ltd", "Co.", "Corp.", "PLC", "S.A.", "Limited",
            "Enterprise", "Trading", "Holdings", "& Sons", "Group", "Corporation", "Partners", "AG", "B.V.", "Pty Ltd",
            "S.r.l.", "Company", "Services",
        ))  # fmt: skip
        trade = self.pick((
            "Trading", "Foods", "Systems", "Industries", "Motors", "Hardware", "Stationery", "Bakery", "Pharmacy",
            "Logistics", "Printing", "Electronics", "Textiles", "Laboratories", "Consulting", "Media", "Research",
            "Marketing", "Chemicals", "Tobacco", "Paper", "Supplies",
        ))  # fmt: skip
        name = self.any((self.entry("last"), self.invented().title(), self.entry("word").title(), self.entry("city")))
        if kind == 3:
            return f"{name} {trade} {end}"
        return f"{name} {self.invented().title()} {end}" if kind == 4 else f"{name} & {self.entry('last')} {end}"

    def number_text(self, digits: int) -> str:
        """So many digits."""
        return "".join(self.rng.choice("0123456789") for _ in range(digits))

    def phone(self) -> str:
        """A telephone number."""
        rng = self.rng
        a, b, c = self.number_text(3), self.number_text(rng.randint(3, 4)), self.number_text(4)
        forms = (f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"+{rng.randint(1, 99)} {a} {b} {c}", f"0{a[:1]}-{b}{c}",
                 f"{a}/{b}-{c}", f"{a}.{b}.{c}", f"0{a} {b}{c}", f"{a}-{c}")  # fmt: skip
        return self.any(forms)

    def email(self) -> str:
        """An e-mail address."""
        name = self.any((self.entry("first"), self.invented(), self.entry("word")))
        house = self.any((self.invented(), self.entry("word")))
        text = f"{name}@{house}.{self.any(('com', 'org', 'net', 'co.uk', 'com.my', 'de', 'io'))}"
        return "".join(c for c in text.lower() if c.isalnum() or c in "@.-")

    def address(self, most: int = 4) -> list[str]:
        """The lines of an address."""
        rng = self.rng
        street, city = self.entry("street"), self.entry("city")
        number = self.any((
            str(rng.randint(1, 300)), f"No. {rng.randint(1, 99)}", f"{rng.randint(1, 40)}{rng.choice('ABC')}",
            f"Lot {rng.randint(1, 2000)}", str(rng.randint(100, 9999)), f"NO.{rng.randint(1, 60)}-{rng.randint(1, 9)}",
        ))  # fmt: skip
        lines = [f"{number}{self.any((' ', ', ', ' '))}{street}" if rng.random() < 0.8 else f"{street} {number}"]
        if rng.random() < 0.35:
            lines.append(self.any((
                f"{self.number(1, 30)}th Floor", f"Suite {self.number(1, 900)}", f"Taman {self.invented().title()}",
                f"P.O. Box {self.number(10, 9999)}", f"{self.entry('word').title()} Building", self.entry("city"),
            )))  # fmt: skip
        post = self.number_text(self.any((4, 5, 5, 6)))
        lines.append(self.any((f"{post} {city}", f"{city} {post}", f"{city}, {self.entry('region')} {post}", city)))
        if rng.random() < 0.3:
            lines.append(self.entry("country" if rng.random() < 0.6 else "region"))
        return lines[:most]

    def value(self) -> str:
        """Any value that a field may hold."""
        from dsvl2.pipelines.training.answers.values import Amounts, Dates

        kind = self.rng.random()
        if kind < 0.2:
            return self.code()
        if kind < 0.3:
            return self.person()
        if kind < 0.38:
            return Dates(self).text(self)
        if kind < 0.46:
            return Amounts(self).money(self)
        if kind < 0.52:
            return self.company()
        if kind < 0.58:
            return str(self.number(0, 10 ** self.number(1, 5)))
        if kind < 0.62:
            return self.phone()
        if kind < 0.66:
            return self.any((self.entry("city"), self.entry("country"), self.entry("job")))
        if kind < 0.70:
            return f"{self.number(1, 999)} {self.any(('kg', 'mm', 'cc', 'pcs', 'boxes', 'cartons', '%', 'mg', 'cm'))}"
        text = self.words(1, 6)
        return text.title() if kind < 0.8 else text.upper() if kind < 0.86 else text.capitalize()


def shuffled(rng: Random, items: Sequence[T]) -> list[T]:
    """The items in a random order."""
    found = list(items)
    rng.shuffle(found)
    return found


def resources(path: Path) -> tuple[Vocabulary, Vocabulary]:
    """Return (training, held-out) vocabularies of a file made by `collect`; also from a folder that holds it."""
    return Vocabulary.load(path / "answers.xz" if path.is_dir() else path)
