"""Decide whether a page's text layer is what a reader of the page would see.

The thresholds are set on made pages (tests/pipelines/textlayer) and on what broken PDFs look like: text without a
Unicode map (replacement characters, the private use area, `(cid:12)`, `GLYPH<12>`), letters shifted by a fixed number,
text without spaces, old OCR under a scan, and scans with nothing but a header in digital text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from dsvl2.pipelines.documents import TextLayerUse
from dsvl2.pipelines.textlayer.types import LayerPage

Mode = Literal["auto", "force", "ignore"]

MOST_UNMAPPED = 0.02  # part of the characters that may have no meaning
LEAST_COMMON = 0.55  # part of Latin letters that are among the eleven most common of European languages (about 0.75)
VOWELS = (0.22, 0.62)
MOST_ODD_WORDS, MOST_ODD_WORDS_HIDDEN = 0.25, 0.06
LEAST_LETTERS = 100  # fewer say nothing about their statistics
SCAN, LEAST_ON_SCAN = 0.7, 200  # part of the page under images; letters of real text that make it no bare scan
PART_SCAN = 0.15
MOST_IN_GAPS, MOST_LEFT_OUT = 0.5, 0.35  # of `InkMatch`, for invisible text
LEAST_PAIRS = 0.38  # part of a text's pairs of letters that are among the commonest

_CODES = re.compile(r"\(cid:\d+\)|GLYPH<[^>]{1,24}>|/[gG]\d{1,4}(?=/)")
_COMMON, _VOWELS = frozenset("etaoinrsldu"), frozenset("aeiouy")
# The 90 commonest pairs of letters, counted over manual pages in 16 European languages, each with the same weight. Of any
# 80 words of those at least 0.39 of the pairs are among them, and of the same words with letters exchanged at most 0.36.
_COMMON_PAIRS = """
ac ad ak al am an ar as at be bi ca ce ch ci co da de di do ec ed el em en er es et fi ge ha he ic ie il im in io ir
is it je ka ke ko la le li ll lo ma me na nd ne ng ni no nt om on or os ot ou pa pe po pr ra re ri ro sa se si so st
ta te th ti to tr un ur us ut va ve
"""
_PAIRS = frozenset(_COMMON_PAIRS.split())
_INNER_CAPITAL = re.compile(r"[a-z][A-Z]|^[a-z]+[A-Z]+$|\b[A-Z]{2,}[a-z]+[A-Z]")
_MIXED = re.compile(
    r"[A-Za-z][^\w\s'\u2019.,/&@:_()\-\u2010-\u2014+]+[A-Za-z]|[A-Za-z]\d[A-Za-z]|^[^\w\s]{2,}\w+[^\w\s]{2,}$"
)


def judge(page: LayerPage, mode: Mode = "auto") -> TextLayerUse:
    """Return the decision for a page, with its reason as a stable word and as a sentence."""
    if mode == "ignore":
        return _read("ignored", "text layers are ignored")
    if not page.text.strip():
        if not page.drawn:
            return TextLayerUse("used", "blank", "nothing is drawn on the page")
        return _read("none", "the page has no text layer")
    if mode == "force":
        return TextLayerUse("used", "forced", "the text layer is used whatever it is like")
    return _garbled(page) or _scanned(page) or TextLayerUse("used", "good", "the text layer is good")


def _read(reason: str, message: str) -> TextLayerUse:
    return TextLayerUse("read", reason, message)


def _garbled(page: LayerPage) -> TextLayerUse | None:
    text = page.text
    counts = Counter("".join(text.split()))
    total = counts.total()
    codes = sum(len(match) for match in _CODES.findall(text))
    unmapped = codes + sum(count for letter, count in counts.items() if _is_unmapped(letter))
    if unmapped > MOST_UNMAPPED * total:
        share = 100 * unmapped / total
        return _read("unmapped", f"{share:.0f} % of the text layer's characters have no meaning")
    latin: Counter[str] = Counter()
    for letter, count in counts.items():
        latin[_plain(letter)] += count
    del latin[""]
    known = latin.total()
    if known < max(LEAST_LETTERS, 0.3 * total):
        if total >= LEAST_LETTERS and sum(count for letter, count in counts.items() if letter.isalnum()) < 0.5 * total:
            return _read("implausible", "the text layer is mostly symbols")
        return None
    common = sum(latin[letter] for letter in _COMMON) / known
    vowels = sum(latin[letter] for letter in _VOWELS) / known
    if common < LEAST_COMMON or not VOWELS[0] < vowels < VOWELS[1] or common_pairs(text) < LEAST_PAIRS:
        return _read("implausible", "the letters of the text layer make no language")
    odd = odd_words(text)
    if odd > MOST_ODD_WORDS:
        return _read("implausible", f"{100 * odd:.0f} % of the text layer's words are not spelled like words")
    return None


def _scanned(page: LayerPage) -> TextLayerUse | None:
    covered = _covered(page)
    hidden = page.hidden > 0.5 * page.letters
    if page.notes:
        return _read("notes", "the page has form fields or notes on it")
    if hidden and covered < 0.5:
        return _read("hidden", "the text layer is invisible, and no scan is above it")
    if hidden:
        odd = odd_words(page.text)
        if odd > MOST_ODD_WORDS_HIDDEN or len(page.text.split()) < 10:
            return _read("poor_ocr", "the text layer is old OCR of doubtful quality")
        return _off_the_ink(page)
    if covered >= SCAN and page.letters < LEAST_ON_SCAN:
        return _read("scan", "the page is a scan with little text beside it")
    if _bare_scan(page):
        return _read("part_scan", "a part of the page is a scan")
    return None


def _off_the_ink(page: LayerPage) -> TextLayerUse | None:
    if page.ink is not None and page.ink.in_gaps > MOST_IN_GAPS:
        return _read("astray", "the invisible text does not lie on the words of the scan")
    if page.ink is not None and page.ink.left_out > MOST_LEFT_OUT:
        return _read("incomplete", f"{100 * page.ink.left_out:.0f} % of the scan's print is not in its text layer")
    return None


@lru_cache(maxsize=4096)
def _is_unmapped(letter: str) -> bool:
    return letter == "\ufffd" or unicodedata.category(letter) in ("Co", "Cc", "Cn", "Cs")


@lru_cache(maxsize=4096)
def _plain(letter: str) -> str:
    """Return a Latin letter in lower case without accents, an empty text for any other character."""
    base = unicodedata.normalize("NFKD", letter)[0].lower()
    return base if "a" <= base <= "z" else ""


def common_pairs(text: str) -> float:
    """Return the part of the pairs of neighbouring Latin letters that are common ones; 1 if there are few pairs."""
    letters = "".join(_plain(letter) or " " for letter in text)
    pairs = Counter(pair for pair in map("".join, pairwise(letters)) if " " not in pair)
    return sum(pairs[pair] for pair in _PAIRS) / pairs.total() if pairs.total() >= LEAST_LETTERS else 1.0


def odd_words(text: str) -> float:
    """Return the part of the words that no one writes like that: capitals, digits or symbols inside, no vowel, endless.

    Numbers, abbreviations in capitals, addresses and words of three letters or fewer are not counted against it.
    """
    words = Counter(word.strip(".,;:!?()[]\"'\u201c\u201d\u2018\u2019") for word in text.split())
    del words[""]
    return sum(count for word, count in words.items() if _is_odd(word)) / max(words.total(), 1)


def _is_odd(word: str) -> bool:
    if "://" in word or "@" in word or "\\" in word or "_" in word:
        return False
    if not any(map(str.isalnum, word)):
        return len(word) > 2 and len(set(word)) > 1
    plain = "".join(map(_plain, word))
    if len(plain) > 30:
        return True
    if len(plain) >= 5 and len(plain) == len(word) and not word.isupper() and not _VOWELS & set(plain):
        return True
    return len(word) > 3 and bool(_INNER_CAPITAL.search(word) or _MIXED.search(word))


def _covered(page: LayerPage) -> float:
    """Return the part of the page that images cover, overlaps counted twice, at most 1."""
    width, height = page.size
    area = sum(_area(picture.box.x0, picture.box.y0, picture.box.x1, picture.box.y1, page) for picture in page.pictures)
    return min(area / max(width * height, 1.0), 1.0)


def _area(x0: float, y0: float, x1: float, y1: float, page: LayerPage) -> float:
    width, height = page.size
    return max(min(x1, width) - max(x0, 0.0), 0.0) * max(min(y1, height) - max(y0, 0.0), 0.0)


def _bare_scan(page: LayerPage) -> bool:
    """Say whether a picture without colour, or one over half of the page, has no text on it: it may hold text itself."""
    whole = max(page.size[0] * page.size[1], 1.0)
    for picture in page.pictures:
        box = picture.box
        part = _area(box.x0, box.y0, box.x1, box.y1, page) / whole
        least = PART_SCAN if picture.bits == 1 else 0.3 if picture.components == 1 else 0.5
        if part < least:
            continue
        inside = sum(
            len(line.text)
            for line in page.lines
            if box.x0 <= (line.box.x0 + line.box.x1) / 2 <= box.x1
            and box.y0 <= (line.box.y0 + line.box.y1) / 2 <= box.y1
        )
        if inside < LEAST_ON_SCAN * part:
            return True
    return False
