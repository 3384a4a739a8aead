"""Running text for bands: the packed corpus, and the few words of a low-diversity band."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from random import Random
from typing import Protocol

from dsvl2.pipelines.training.charset import CHARACTERS, INDEX
from dsvl2.pipelines.training.contracts import legal
from dsvl2.pipelines.training.phrases import gibberish, number, special

_TYPED = "".join(chr(code) for code in range(33, 127)) + "abcdefghijklmnopqrstuvwxyz" * 2 + "0123456789"
_RARE = [c for c in CHARACTERS if c > "\x7f"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LEGAL = "lg"


class WordSource(Protocol):
    """What gives words: a corpus, or a pool of few words."""

    def words(self, rng: Random, count: int) -> list[str]:
        """At most ``count`` words (at least one) of running text."""


class Corpus:
    """Paragraphs by language, drawn in proportion to their length."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._paragraphs: dict[str, list[str]] = {}
        for line in lines:
            language, _, text = line.rstrip("\n").partition("\t")
            if text:
                self._paragraphs.setdefault(language, []).append(text)
        self._ends = {key: list(accumulate(map(len, texts))) for key, texts in self._paragraphs.items()}
        self.foreign = sorted(set(self._paragraphs) - {"en", _LEGAL})

    def paragraph(self, rng: Random, language: str = "en") -> str:
        """One paragraph; of any language where there is none of ``language``."""
        if language not in self._paragraphs:
            language = next(iter(self._paragraphs))
        ends = self._ends[language]
        return self._paragraphs[language][bisect_right(ends, rng.random() * ends[-1])]

    def words(self, rng: Random, count: int, language: str = "en") -> list[str]:
        """Consecutive words of one paragraph, from its beginning in half of the cases."""
        found = self.paragraph(rng, language).split()
        if rng.random() < 0.5 and len(found) > 3:
            start = rng.randrange(max(1, len(found) - min(count, len(found)) + 1))
            found = found[start:]
        return found[: max(1, count)] or ["a"]


def coined(rng: Random, corpus: Corpus) -> str:
    """A word that does not exist: the beginning of one and the end of another, joined at a letter that both have."""
    first, second = (corpus.words(rng, 2)[-1] for _ in range(2))
    joints = [(i + 1, j + 1) for i in range(1, len(first) - 1) for j in range(len(second) - 2) if first[i] == second[j]]
    if not joints:
        return first
    i, j = rng.choice(joints)
    return (first[:i] + second[j:])[:24]


def echoed(rng: Random, words: list[str]) -> list[str]:
    """The words with some of their phrases said again a little later, as terms are that a contract defines and quotes.

    What comes next can then not be told from what came before: the reader must keep its place by looking.
    """
    found = list(words)
    for _ in range(rng.randint(1, 2 + len(words) // 15)):
        if len(found) < 4:
            break
        length = rng.choice((1, 1, 2, 2, 3, 4, 6))
        start = rng.randrange(max(1, len(found) - length))
        phrase = found[start : start + length]
        kind = rng.random()
        if kind < 0.25:
            phrase = [f"“{phrase[0]}", *phrase[1:]]
            phrase[-1] += rng.choice(("”", ",”", "”,", "”)"))
        elif kind < 0.35:
            phrase = [f"({phrase[0]}", *phrase[1:]]
            phrase[-1] += ")"
        elif kind < 0.55:
            phrase = [rng.choice(("the", "such", "or", "and", "any", "of")), *phrase]
        at = min(len(found), start + length + rng.choice((0, 1, 1, 2, 3, 5, 8)))
        found[at:at] = phrase
    return found


class Pool:
    """Twenty to sixty words used again and again, so that only position tells where a reader is."""

    def __init__(self, rng: Random, corpus: Corpus) -> None:
        count = rng.randint(20, 60)
        words = corpus.words(rng, count) if rng.random() < 0.6 else [corpus.words(rng, 2)[-1] for _ in range(count)]
        if rng.random() < 0.3:
            words += [number(rng) for _ in range(rng.randint(1, 6))]
        self._words = [word for word in words if len(word) < 25] or ["a", "the"]
        self._phrases = [[rng.choice(self._words) for _ in range(rng.randint(1, 7))] for _ in range(rng.randint(4, 25))]
        self._phrase_share = rng.uniform(0.1, 0.8)

    def words(self, rng: Random, count: int) -> list[str]:
        """Words and phrases of the pool."""
        found: list[str] = []
        while len(found) < count:
            found += rng.choice(self._phrases) if rng.random() < self._phrase_share else [rng.choice(self._words)]
        return found[:count]


def running_words(rng: Random, source: WordSource, corpus: Corpus, count: int) -> list[str]:
    """Words of one paragraph: mostly language, sometimes contracts, other languages, or what cannot be guessed."""
    kind = rng.random()
    if isinstance(source, Pool):
        return source.words(rng, count)
    if kind < 0.05:
        return _random_words(rng, count)
    if kind < 0.09:
        return " ".join(number(rng) if rng.random() < 0.6 else corpus.words(rng, 1)[0] for _ in range(count)).split()
    if kind < 0.12:
        return [corpus.words(rng, 2)[-1] for _ in range(count)]
    if kind < 0.17:
        share = rng.choice((0.3, 0.6, 0.9))
        return [coined(rng, corpus) if rng.random() < share else corpus.words(rng, 2)[-1] for _ in range(count)]
    if kind < 0.28:
        words = " ".join(legal(rng, lambda n: corpus.words(rng, n)) for _ in range(1 + count // 25)).split()[:count]
    elif kind < 0.34:
        words = corpus.words(rng, count, _LEGAL)
    elif kind < 0.50 and corpus.foreign:
        words = corpus.words(rng, count, rng.choice(corpus.foreign))
    else:
        words = corpus.words(rng, count)
        while len(words) < count and rng.random() < 0.7:  # many paragraphs of the corpus are short
            words = words + corpus.words(rng, count - len(words))
    return _vary(rng, words, corpus)


def _vary(rng: Random, words: list[str], corpus: Corpus) -> list[str]:
    if rng.random() < 0.4:
        for _ in range(max(1, len(words) // 12)):
            words[rng.randrange(len(words) + 1) : 0] = special(rng, lambda n: corpus.words(rng, n)).split()
    if rng.random() < 0.12:
        words = echoed(rng, words)[: len(words)]
    if rng.random() < 0.15:
        words = [coined(rng, corpus) if rng.random() < 0.1 else word for word in words]
    if rng.random() < 0.4:
        share = rng.choice((0.06, 0.1, 0.3))
        words = [_with_rare(rng, word) if rng.random() < share else word for word in words]
    kind = rng.random()
    if kind < 0.05:
        words = [
            word.upper() if word.upper() != word and all(c in INDEX for c in word.upper()) else word for word in words
        ]
    elif kind < 0.08:
        words = [word[:1].upper() + word[1:] for word in words]
    elif kind < 0.35:
        words = [word.replace("'", "’") for word in words]
    return words


def _with_rare(rng: Random, word: str) -> str:
    rare = rng.choice(_RARE)
    place = rng.random()
    if place < 0.3:
        return rare
    at = rng.randrange(len(word) + 1)
    return word[:at] + rare + word[at + (place < 0.7) :]


def _random_words(rng: Random, count: int) -> list[str]:
    share = rng.random()
    alphabet = rng.choice(
        (_TYPED, _TYPED, _LETTERS, "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "Il1|!iO0oQ5S8B.,:;'`")
    )
    return [gibberish(rng, _LETTERS if rng.random() < share else alphabet) for _ in range(count)]
