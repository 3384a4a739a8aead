"""Words that are known to stand in a collection, names above all, put where a page's reading of them is in doubt.

A word that was read surely stays what it is; so does any with a figure in it, and any that two known words are like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from dsvl2.pipelines.distance import edit_distance
from dsvl2.pipelines.documents import Block, Line, Notice, PageResult
from dsvl2.pipelines.errors import InputError
from dsvl2.pipelines.review.corrections import Correction, parse_corrections, rebuilt

SURE = 0.85
"""A word at least as likely to be right as that is left alone."""
SHORTEST = 4
"""Letters of the shortest word that is mended: shorter ones are like too many others."""
CORRECTED = 6
"""Letters from which on a word that somebody corrected counts for its likes too: shorter ones are mostly common words."""
LONG = 8
"""Letters from which on two may be wrong."""
MOST_WORDS = 200_000
_CORE = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019-](?=[^\W\d_]))*")


class BadLexicon(InputError):
    """A file holds no words."""

    code = "bad_lexicon"
    default_hint = "give a text file with a word on each line, or what 'Save corrections' of a review page wrote"


class Lexicon:
    """Known words as they are spelt, and readings that a person corrected: what was read, and what stands there."""

    def __init__(self, words: Iterable[str], corrected: Mapping[str, str] | None = None) -> None:
        self.corrected = dict(corrected or {})
        self._spelt: dict[str, set[str]] = {}
        self._by_length: dict[int, list[str]] = {}
        for word in dict.fromkeys(words):
            folded = word.casefold()
            if folded not in self._spelt:
                self._by_length.setdefault(len(folded), []).append(folded)
            self._spelt.setdefault(folded, set()).add(word)

    @property
    def words(self) -> Iterator[str]:
        """All words, as they are spelt."""
        return (word for spelt in self._spelt.values() for word in sorted(spelt))

    def mended(self, text: str, confidence: float | None) -> str:
        """Return what a word of a line most likely is: itself, unless it is in doubt and like one known word alone."""
        found = _CORE.search(text)
        if confidence is None or confidence >= SURE or found is None or any(sign.isdigit() for sign in text):
            return text
        core = found[0]
        known = self.corrected.get(core) or self._like(core)
        return text if known is None else text[: found.start()] + known + text[found.end() :]

    def _like(self, core: str) -> str | None:
        """Return the one known word that is as near as a misreading, in the capitals that were read; None for none or two."""
        folded = core.casefold()
        if len(core) < SHORTEST or folded in self._spelt:
            return None
        most = 2 if len(core) >= LONG else 1
        near: list[tuple[int, str]] = []
        for length in range(len(folded) - most, len(folded) + most + 1):
            for word in self._by_length.get(length, ()):
                ending = word.startswith(folded) or folded.startswith(word)  # Mills beside Mill is no misreading
                if len(word) >= SHORTEST and not ending and (distance := edit_distance(folded, word)) <= most:
                    near.append((distance, word))
        near.sort()
        if not near or (len(near) > 1 and near[1][0] == near[0][0]):
            return None
        return _spelt_like(core, self._spelt[near[0][1]])


def parse_lexicon(data: bytes, name: str) -> Lexicon:
    """Read a text file (words in lines; a # begins a remark) or a file of corrections, of which the changed words count.

    Raises:
        BadLexicon: it is neither, or holds no word, or far too many. BadCorrections: it is damaged.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadLexicon(f"{name} is no text in UTF-8") from error
    if text.lstrip()[:1] == "{":
        pairs = [pair for change in parse_corrections(data).changed for pair in _changed_words(change)]
        if not pairs:
            raise BadLexicon(f"no word was corrected in {name}")
        long = (after for _, after in pairs if len(after) >= CORRECTED)
        return Lexicon(long, {before: after for before, after in pairs if before})
    words = [word for line in text.splitlines() for word in _CORE.findall(line.split("#")[0])]
    if not words:
        raise BadLexicon(f"{name} holds no word")
    if len(words) > MOST_WORDS:
        fact = f"{name} holds {len(words):,} words"
        raise BadLexicon(fact, hint=f"at most {MOST_WORDS:,}: names and terms of these documents, not a dictionary")
    return Lexicon(words)


def joined(lexicons: Iterable[Lexicon]) -> Lexicon:
    """Return one lexicon of several; what a later one corrected counts."""
    known = list(lexicons)
    corrected = {before: after for one in known for before, after in one.corrected.items()}
    return Lexicon((word for one in known for word in one.words), corrected)


def with_lexicon(page: PageResult, lexicon: Lexicon) -> PageResult:
    """Return the page with its doubtful words put right, each told as a warning `lexicon`; how sure they are stays."""
    told: list[Notice] = []
    blocks = tuple(_mended_block(block, lexicon, told) for block in page.blocks)
    return replace(page, blocks=blocks, warnings=page.warnings + tuple(told)) if told else page


def _mended_block(block: Block, lexicon: Lexicon, told: list[Notice]) -> Block:
    """Return the block with its changed lines; the same object if there are none, or its text is not that of its lines.

    Formulas, code, and paragraphs with formulas inside are such.
    """
    if block.kind in ("formula", "code") or rebuilt(block, list(block.lines)).text != block.text:
        return block
    lines = [_mended_line(line, lexicon, told) for line in block.lines]
    return block if tuple(lines) == block.lines else rebuilt(block, lines)


def _mended_line(line: Line, lexicon: Lexicon, told: list[Notice]) -> Line:
    words, text, start = list(line.words), line.text, 0
    for place, word in enumerate(words):
        at = text.find(word.text, start)
        if at < 0:
            continue  # a formula, say, whose text is another than its words
        good = lexicon.mended(word.text, word.confidence)
        if good != word.text:
            told.append(Notice("lexicon", f"'{word.text}' was read, and '{good}' is known"))
            text = text[:at] + good + text[at + len(word.text) :]
            words[place] = replace(word, text=good)
        start = at + len(good)
    return line if text == line.text else replace(line, text=text, words=tuple(words))


def _changed_words(change: Correction) -> Iterator[tuple[str, str]]:
    """Yield the words of a corrected line that are not as they were: what was read ("" if that is not one word), what is."""
    before, after = ([_core(word) for word in text.split()] for text in (change.before, change.after))
    for kind, first, last, begin, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind in ("replace", "insert"):
            alone = last - first == end - begin
            for place, word in enumerate(after[begin:end]):
                read = before[first + place] if alone else ""
                if word:
                    yield (read if read and read.casefold() != word.casefold() else ""), word


def _core(word: str) -> str:
    found = _CORE.search(word)
    return found[0] if found else ""


def _spelt_like(core: str, spelt: set[str]) -> str:
    """Return a known word in the capitals of what was read: all capitals, or a first one that the known word lacks."""
    word = min(spelt, key=lambda one: (one[:1].isupper() != core[:1].isupper(), one))
    if core.isupper() and len(core) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if core[:1].isupper() else word
