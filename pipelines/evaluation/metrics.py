"""Error rates between a page's truth and what a reader made of it, with one normalisation for every reader.

Knows nothing of readers, files or images: strings in, figures out. Error rates are fractions, not per cent.
The edit distance is rapidfuzz's, which the package itself does not need: install the `test` extra.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

NORMALISATION = (
    "NFKC (ligatures, no-break spaces, ellipsis); quotes, primes and doubled single quotes to ' and \"; every dash and "
    "run of dashes to one -; list bullets at line starts dropped; words hyphenated across lines joined, and spelt "
    "alike on both sides; runs of 4 and more leader characters (. _ * = ~ #) cut to 3; control characters dropped; "
    "white space to one blank. Markdown marks are taken out first where the reader writes Markdown."
)

LONG_RUN = 15
"""Characters in a row from which an insertion or deletion counts as long: a skipped or repeated line, a loop."""

_QUOTES = str.maketrans({**dict.fromkeys("‘’‚‛′‵`´ʼ", "'"), **dict.fromkeys("“”„‟″‶", '"')})
_DASHES = re.compile(r"[‐‑‒–—―−﹘﹣-](?:\s?[‐‑‒–—―−﹘﹣-])*")
_BULLET = re.compile(r"^[ \t]*(?:[•◦▪▫‣⁃∙●○■□◆◇►▶✓\uf0b7\uf0a7]|[-*+·–—](?=\s))\s*", re.MULTILINE)
_LEADER = re.compile(r"([._*=~#])(?:\s?\1){3,}")
_HYPHENATED = re.compile(r"([^\W\d_]+)[-‐‑\u00ad][ \t]*\n\s*([^\W\d_]+)")
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_MARKS_ONLY = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?|\s*(?:-{3,}|\*{3,}|_{3,})\s*|<!--.*-->")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&"}
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class PageErrors:
    """What went wrong on one page. Counts are in characters of the normalised text, `words` ones in words.

    `strict_errors` is the edit distance with white space folded and nothing else, over `strict_chars`.
    """

    chars: int
    substituted: int
    inserted: int
    deleted: int
    long_inserted: int
    long_deleted: int
    words: int
    word_errors: int
    word_f1: float
    strict_chars: int
    strict_errors: int

    @property
    def errors(self) -> int:
        """Edit distance in characters."""
        return self.substituted + self.inserted + self.deleted

    @property
    def cer(self) -> float:
        """Character error rate; an invented text on an empty page counts as its own length."""
        return self.errors / max(1, self.chars)

    @property
    def cer_strict(self) -> float:
        """Character error rate with white space folded and nothing else."""
        return self.strict_errors / max(1, self.strict_chars)

    @property
    def wer(self) -> float:
        """Word error rate."""
        return self.word_errors / max(1, self.words)


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures over a set of pages. `interval` bounds the mean CER: 95 % bootstrap over pages."""

    pages: int
    chars: int
    cer_median: float
    cer_mean: float
    interval: tuple[float, float]
    cer_micro: float
    cer_strict_median: float
    cer_strict_mean: float
    wer_mean: float
    wer_micro: float
    word_f1: float
    long_inserted: float
    long_deleted: float


def normalise(text: str) -> str:
    """Fold what is printed the same or is a matter of taste; see `NORMALISATION`. Idempotent but for joined words."""
    text = _HYPHENATED.sub(r"\1\2", _fold_characters(text))
    text = _BULLET.sub("", text)
    text = _DASHES.sub("-", text).replace("''", '"')
    return fold_space(_LEADER.sub(r"\1\1\1", text))


def normalise_pair(truth: str, output: str) -> tuple[str, str]:
    """Normalise both sides of a comparison.

    A word broken at a hyphen may be one word or a compound; only its author knows. Where either side breaks a word
    across lines, a spelling with and without the hyphen counts as the same word on both sides.
    """
    joined = {
        (match[1] + match[2]).casefold()
        for text in (truth, output)
        for match in _HYPHENATED.finditer(_fold_characters(text))
    }

    def merge(match: re.Match[str]) -> str:
        plain = match[0].replace("-", "")
        return plain if plain.casefold() in joined else match[0]

    if not joined:
        return normalise(truth), normalise(output)
    return _COMPOUND.sub(merge, normalise(truth)), _COMPOUND.sub(merge, normalise(output))


def fold_space(text: str) -> str:
    """Replace every run of white space by one blank and strip the ends."""
    return " ".join(text.split())


def strip_markdown(text: str) -> str:
    """Take Markdown's marks out and keep the words: headings, lists, tables, fences, emphasis, images, escapes."""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        if re.match(r"\s*(```|~~~)", line):
            fenced = not fenced
        elif fenced:
            lines.append(line)
        elif not _MARKS_ONLY.fullmatch(line):
            lines.append(_strip_line(line))
    return "\n".join(lines)


def compare(truth: str, output: str, other_order: str | None = None) -> PageErrors:
    """Compare one page's output with its truth, both as plain text (see `strip_markdown`).

    If the truth has a second admissible order the one with fewer errors counts; the strict rate keeps to the first.
    """
    first = _compare(truth, output)
    if other_order is None:
        return first
    second = _compare(other_order, output)
    return replace(min(first, second, key=lambda page: page.errors), **_strict(truth, output))


def _compare(truth: str, output: str) -> PageErrors:
    from rapidfuzz.distance import Levenshtein

    want, got = normalise_pair(truth, output)
    counts: Counter[str] = Counter()
    for step in Levenshtein.opcodes(want, got):
        size = max(step.src_end - step.src_start, step.dest_end - step.dest_start)
        counts[step.tag] += size
        if size >= LONG_RUN:
            counts[f"long {step.tag}"] += size
    want_words, got_words = want.split(), got.split()
    return PageErrors(
        chars=len(want),
        substituted=counts["replace"],
        inserted=counts["insert"],
        deleted=counts["delete"],
        long_inserted=counts["long insert"],
        long_deleted=counts["long delete"],
        words=len(want_words),
        word_errors=Levenshtein.distance(want_words, got_words),
        word_f1=word_f1(want_words, got_words),
        **_strict(truth, output),
    )


def _strict(truth: str, output: str) -> dict[str, int]:
    from rapidfuzz.distance import Levenshtein

    want, got = fold_space(truth), fold_space(output)
    return {"strict_chars": len(want), "strict_errors": Levenshtein.distance(want, got)}


def word_f1(truth: Sequence[str], output: Sequence[str]) -> float:
    """F1 of the two bags of words: insensitive to reading order. 1.0 if both are empty."""
    if not truth and not output:
        return 1.0
    common = sum((Counter(truth) & Counter(output)).values())
    return 2 * common / (len(truth) + len(output))


def plain_word_f1(truth: str, output: str) -> float:
    """F1 of the two bags of words without case and punctuation: runs of letters and figures, after NFKC.

    For truths that keep neither, such as those of SROIE, which are all in capitals.
    """
    return word_f1(_words(truth), _words(output))


def summarise(pages: Sequence[PageErrors], *, seed: int = 0) -> Summary:
    """Put the pages of a set together; at least one page. Micro figures weigh by length, the others by page."""
    if not pages:
        raise ValueError("no pages to summarise")
    cers = np.array([page.cer for page in pages])
    strict = np.array([page.cer_strict for page in pages])
    chars = max(1, sum(page.chars for page in pages))
    return Summary(
        pages=len(pages),
        chars=sum(page.chars for page in pages),
        cer_median=float(np.median(cers)),
        cer_mean=float(cers.mean()),
        interval=bootstrap_interval(cers, seed=seed),
        cer_micro=sum(page.errors for page in pages) / chars,
        cer_strict_median=float(np.median(strict)),
        cer_strict_mean=float(strict.mean()),
        wer_mean=float(np.mean([page.wer for page in pages])),
        wer_micro=sum(page.word_errors for page in pages) / max(1, sum(page.words for page in pages)),
        word_f1=float(np.mean([page.word_f1 for page in pages])),
        long_inserted=sum(page.long_inserted for page in pages) / chars,
        long_deleted=sum(page.long_deleted for page in pages) / chars,
    )


def bootstrap_interval(values: np.ndarray, *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of the mean of `values` [N] under resampling; seeded."""
    picks = np.random.default_rng(seed).integers(0, len(values), size=(draws, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def shared_shingles(corpus: Iterable[str], truths: Sequence[str], *, width: int = 8) -> list[float]:
    """Share of each truth's `width`-word shingles that occur in the corpus (an iterable of lines), 0..1 each.

    Words are letters and digits, case folded; shingles run across the corpus's lines, since lines are only wrapping.
    """
    wanted = [_shingles(_words(truth), width) for truth in truths]
    missing = set[tuple[str, ...]]().union(*wanted)
    found: set[tuple[str, ...]] = set()
    tail: list[str] = []
    for line in corpus:
        words = tail + _words(line)
        found |= missing & _shingles(words, width)
        tail = words[-(width - 1) :]
    return [len(shingles & found) / len(shingles) if shingles else 0.0 for shingles in wanted]


def _fold_characters(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES))
    text = "".join(c for c in text if c in "\n\t\u00ad" or unicodedata.category(c) not in ("Cc", "Cf"))
    return re.sub("\u00ad(?!\\s)", "", text).replace("\u00ad", "-")


def _strip_line(line: str) -> str:
    line = re.sub(r"^\s*(?:>\s+)*(?:#{1,6}\s+|[-*+]\s+|(?=\d+[.)]\s))", "", line)
    line = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", line)
    line = re.sub(r"(?<![\\\w])(\*\*|__|\*)(?=\S)(.+?)(?<=[^\s\\])\1(?!\w)", r"\2", line)
    if re.match(r"\s*\|.*\|\s*$", line):
        line = re.sub(r"(?<!\\)\|", " ", line)
    line = re.sub(r"<br\s*/?>", " ", line)
    line = re.sub(r"(?<!\\)&(lt|gt|amp);", lambda match: _ENTITIES[match[1]], line)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", line)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _shingles(words: Sequence[str], width: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}
