"""Scores of short answers as the benchmarks' own programs give them; every score lies between 0 and 1.

Each function compares one answer with the accepted ones. Sources: ANLS, Biten et al. 2019 (ST-VQA, DocVQA, InfoVQA);
relaxed accuracy, Methani et al. 2020 and Masry et al. 2022 (PlotQA, ChartQA); VQA accuracy, Antol et al. 2015 with the
answer processing of the challenge (TextVQA); OCRBench, Liu et al. 2024; multiple choice, MMBench and MMMU.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

ANLS_THRESHOLD = 0.5
RELATIVE_TOLERANCE = 0.05
NUMBER_WORDS = {"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
                "seven": "7", "eight": "8", "nine": "9", "ten": "10"}  # fmt: skip
ARTICLES = ("a", "an", "the")
OUTER = ",.!?;:'"
MARKS = ';/[]"{}()=+\\_-><@`!'
_CONTRACTED = re.compile(r"(?<=\w)'(?=(?:t|re|ve|ll|d|m)\b)")  # the challenge has a list of such words


def exact(answer: str, accepted: Sequence[str]) -> float:
    """1 if the answer equals one of the accepted ones, case, outer punctuation and runs of space aside."""
    return float(any(_plain(answer) == _plain(truth) for truth in accepted))


def anls(answer: str, accepted: Sequence[str], threshold: float = ANLS_THRESHOLD) -> float:
    """Normalised Levenshtein similarity to the nearest accepted answer; 0 where the distance is above the threshold.

    A distance at the threshold counts, as in the evaluators that are handed out; the paper's formula leaves it out.
    """
    from rapidfuzz.distance import Levenshtein  # of an extra; bench does without

    best = 0.0
    for truth in accepted:
        mine, theirs = " ".join(answer.lower().split()), " ".join(truth.lower().split())
        longest = max(len(mine), len(theirs))
        distance = Levenshtein.distance(mine, theirs) / longest if longest else 0.0
        best = max(best, 1 - distance if distance <= threshold else 0.0)
    return best


def relaxed(answer: str, accepted: Sequence[str], tolerance: float = RELATIVE_TOLERANCE) -> float:
    """1 if a number lies within the tolerance of an accepted one, or a text equals it but for case; as published.

    `33%` is 0.33, `1,200` is a text, and the number 0 is only ever equal to itself as it is written.
    """
    return float(any(_relaxed(answer.strip(), truth.strip(), tolerance) for truth in accepted))


def _relaxed(answer: str, truth: str, tolerance: float) -> bool:
    mine, theirs = _bare_number(answer), _bare_number(truth)
    if mine is not None and theirs:
        return abs(mine - theirs) / abs(theirs) <= tolerance
    return answer.lower() == truth.lower()


def _bare_number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def as_number(text: str) -> float | None:
    """The number that a text is, `%` as a hundredth and commas between digits ignored; None if it is none."""
    return _bare_number(re.sub(r"(?<=\d),(?=\d{3})", "", text.strip()).replace(" %", "%"))


def relaxed_numbers(answer: str, accepted: Sequence[str], tolerance: float = RELATIVE_TOLERANCE) -> float:
    """As `relaxed`, but units and commas between thousands do not count: `33` and `33%`, `$1,200` and `1200`, `0.0` and `0`."""
    mine, *theirs = [re.sub(r"[%$€£¥]", "", text).strip() for text in (answer, *accepted)]
    number = as_number(mine)
    for truth in map(as_number, theirs):
        if number is not None and truth is not None and abs(number - truth) <= tolerance * abs(truth):
            return 1.0
    return max(relaxed(answer, accepted, tolerance), relaxed(mine, theirs, tolerance))


def vqa(answer: str, humans: Sequence[str]) -> float:
    """VQA accuracy against the answers of several people: mean over leaving one out of min(1, agreeing / 3).

    With fewer than four people (no one can be left out meaningfully) it is 1 for any agreement.
    """
    mine, theirs = processed(answer), [processed(human) for human in humans]
    if len(theirs) < 4:
        return float(mine in theirs)
    scores = []
    for index in range(len(theirs)):
        others = theirs[:index] + theirs[index + 1 :]
        scores.append(min(1.0, others.count(mine) / 3))
    return sum(scores) / len(scores)


def processed(answer: str) -> str:
    """The challenge's form of an answer: lower case, no punctuation, digits for number words, no articles.

    A mark that stands beside a blank anywhere vanishes, one between letters becomes a blank, as in the challenge.
    """
    text = re.sub("[,?]", "", answer.lower()).replace("'s", " 's").strip()
    text = whole = re.sub(r"[\n\t]", " ", text)
    for mark in MARKS:
        beside = f"{mark} " in whole or f" {mark}" in whole
        text = text.replace(mark, "" if beside else " ")
    text = re.sub(r"\.(?!\d)", "", text)
    words = [NUMBER_WORDS.get(word, word) for word in text.split()]
    return _CONTRACTED.sub("", " ".join(word for word in words if word not in ARTICLES))


def contains(answer: str, accepted: Sequence[str], *, ignore_space: bool = False) -> float:
    """OCRBench: 1 if an accepted answer occurs in what was said; handwritten mathematics ignores spaces."""

    def fold(text: str) -> str:
        lowered = text.lower().strip().replace("\n", " ")
        return lowered.replace(" ", "") if ignore_space else lowered

    return float(any(fold(truth) in fold(answer) for truth in accepted))


def choice(answer: str, options: Sequence[str]) -> int | None:
    """Index of the option that an answer names by letter or by its text; None when it names none or several.

    As MMMU has it, the last letter in brackets counts, else the last that stands alone, else in more than five words the
    option whose text comes last. Where MMMU would draw lots: the one letter (as MMBench has it) or text that occurs.
    """
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(options)]
    said = f" {answer.strip().strip(OUTER)} "
    for form in ("({})", " {} "):
        places = [said.rfind(form.format(letter)) for letter in letters]
        if max(places) >= 0:
            return places.index(max(places))
    texts = [" ".join(option.lower().split()) for option in options]
    if len(said.split()) > 5:
        places = [said.lower().rfind(text) if text else -1 for text in texts]
        if max(places) >= 0:
            return places.index(max(places))
    words = re.sub(r"[.()\[\],:;!*#{}]", " ", answer).split()
    named = [index for index, letter in enumerate(letters) if letter in words]
    named = named or [index for index, text in enumerate(texts) if _plain(text) == _plain(answer)]
    named = named or [index for index, text in enumerate(texts) if text and text in said.lower()]
    return named[0] if len(named) == 1 else None


def field_f1(found: dict[str, Any], truth: dict[str, Any]) -> tuple[int, int, int]:
    """(right, given, true) values for a micro F1. A field may hold a list, whose values count one by one; null is none."""
    right = given = true = 0
    for name in {**truth, **found}:
        mine, theirs = as_texts(found.get(name)), as_texts(truth.get(name))
        given += len(mine)
        true += len(theirs)
        left = list(theirs)
        for value in mine:
            match = next((other for other in left if same_value(value, other)), None)
            if match is not None:
                left.remove(match)
                right += 1
    return right, given, true


def same_field(found: Any, truth: Any) -> bool:
    """Whether a field's value is one of the true ones, and a list holds them all."""
    mine, theirs = as_texts(found), as_texts(truth)
    if isinstance(found, list):
        return len(mine) == len(theirs) and all(any(same_value(a, b) for b in theirs) for a in mine)
    return any(same_value(a, b) for a in mine for b in theirs)


def as_text(value: Any) -> str:
    """A field's value as one text; null is empty."""
    return " ".join(as_texts(value))


def as_texts(value: Any) -> list[str]:
    """A field's value or values as texts, without nulls and empty ones."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [str(one) for one in values if one not in (None, "")]


def same_value(one: str, other: str) -> bool:
    """Equal as numbers (currency signs and thousands aside), else as text without case, space and punctuation."""
    numbers = [as_number(re.sub(r"[^\d.,%-]", "", text)) for text in (one, other)]
    if re.search(r"\d", one) and None not in numbers and not re.search(r"[A-Za-z]{3}", one + other):
        return numbers[0] == numbers[1]
    return re.sub(r"\W", "", one).lower() == re.sub(r"\W", "", other).lower()


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1) in the same unit."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [abs((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    union = sum(areas) - shared
    return shared / union if union > 0 else 0.0


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .,:;!?\"'()[]")
