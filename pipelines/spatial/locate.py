"""Find the text of the page that an answer was copied from, so that every answer can be shown on the page.

Tried in turn: to the letter; without regard to case, white space and punctuation; as a number written another way; and
with a few letters changed. A value may run over segments of a row and over rows below each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import reduce

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.spatial.types import Located, Segment, SpatialText
from dsvl2.pipelines.words import text_width

LOOSE, NUMERIC = 0.95, 0.9
_LEAST = 0.72  # similarity below which a text is another one
_MOST_PARTS = 12  # segments that one answer may run over
_NUMBER = re.compile(r"[-+(]?\d(?:[\d.,' ]*\d)?")


@dataclass(frozen=True, slots=True)
class _Span:
    """Characters `start` to `stop` of a segment."""

    segment: int
    start: int
    stop: int


def locate(spatial: SpatialText, answer: str) -> Located | None:
    """Return where `answer` stands on the page, None if nothing on it is like it.

    Of several places the one is taken where the answer is most of what is written there, then the first.
    """
    wanted = " ".join(answer.split())
    if not wanted:
        return None
    for fold, score in ((_keep, 1.0), (_fold, LOOSE)):
        found = _find(spatial, wanted, fold)
        if found:
            return _located(spatial, found, score)
    found = _find_number(spatial, wanted)
    if found:
        return _located(spatial, found, NUMERIC)
    return _similar(spatial, wanted)


def _keep(character: str) -> str:
    return "" if character.isspace() else character


def _fold(character: str) -> str:
    return character.casefold() if character.isalnum() else ""


def _find(spatial: SpatialText, wanted: str, fold: Callable[[str], str]) -> list[list[_Span]]:
    """Return the places where the answer is written, best first, comparing characters after `fold`."""
    goal = "".join(map(fold, wanted))
    if not goal:
        return []
    folded = [_folded(segment.text, fold) for segment in spatial.segments]
    found = []
    for number, (text, origin) in enumerate(folded):
        at = text.find(goal)
        while at >= 0:
            found.append([_Span(number, origin[at], origin[at + len(goal) - 1] + 1)])
            at = text.find(goal, at + 1)
    whole = [place for place in found if _bounded(spatial, place[0])]
    places = whole or [place for place in found if len(goal) > 3 and not _cuts_a_number(spatial, place[0])]
    if places:
        return sorted(places, key=lambda place: len(spatial.segments[place[0].segment].text))
    return [place for number in range(len(folded)) if (place := _over_segments(spatial, folded, number, goal))]


def _folded(text: str, fold: Callable[[str], str]) -> tuple[str, list[int]]:
    """Return a text after `fold` and, for each of its characters, where it came from."""
    letters, origin = [], []
    for place, character in enumerate(text):
        for letter in fold(character):
            letters.append(letter)
            origin.append(place)
    return "".join(letters), origin


def _bounded(spatial: SpatialText, span: _Span) -> bool:
    """Say whether a span begins and ends where words do: 12 is not found in 2012."""
    text = spatial.segments[span.segment].text
    before, after = text[: span.start][-1:], text[span.stop :][:1]
    return not (before.isalnum() and text[span.start].isalnum()) and not (
        after.isalnum() and text[span.stop - 1].isalnum()
    )


def _cuts_a_number(spatial: SpatialText, span: _Span) -> bool:
    """Say whether a span begins or ends between two digits."""
    text = spatial.segments[span.segment].text
    edges = (text[max(span.start - 1, 0) : span.start + 1], text[span.stop - 1 : span.stop + 1])
    return any(len(edge) == 2 and edge.isdigit() for edge in edges)


def _over_segments(
    spatial: SpatialText, folded: list[tuple[str, list[int]]], number: int, goal: str
) -> list[_Span] | None:
    """Return the spans of an answer that begins with the end of segment `number` and runs on; None if it does not."""
    text, origin = folded[number]
    for at in range(max(0, len(text) - len(goal) + 1), len(text)):
        if goal.startswith(text[at:]) and (at == 0 or _word_begins(spatial.segments[number].text, origin[at])):
            first = _Span(number, origin[at], origin[-1] + 1)
            rest = _run_on(spatial, folded, number, goal[len(text) - at :], _MOST_PARTS)
            if rest is not None:
                return [first, *rest]
    return None


def _word_begins(text: str, place: int) -> bool:
    return place == 0 or not text[place - 1].isalnum()


def _run_on(
    spatial: SpatialText, folded: list[tuple[str, list[int]]], number: int, goal: str, parts: int
) -> list[_Span] | None:
    """Return the spans that spell `goal` from the segments that may follow segment `number`."""
    if not goal:
        return []
    if not parts:
        return None
    for after in _followers(spatial, number):
        text, origin = folded[after]
        if not text:
            continue
        if text.startswith(goal):
            return [_Span(after, 0, origin[len(goal) - 1] + 1)]
        if goal.startswith(text):
            rest = _run_on(spatial, folded, after, goal[len(text) :], parts - 1)
            if rest is not None:
                return [_Span(after, 0, origin[-1] + 1), *rest]
    return None


def _followers(spatial: SpatialText, number: int) -> Iterator[int]:
    """Yield the segments that text may run on to: the next ones in the spatial text, and those close below."""
    here = spatial.segments[number].box
    height = here.y1 - here.y0
    for after in range(number + 1, min(number + 24, len(spatial.segments))):
        box = spatial.segments[after].box
        if after == number + 1 or (box.y0 - here.y1 < 2.5 * height and box.y1 > here.y1):
            yield after


def _find_number(spatial: SpatialText, wanted: str) -> list[list[_Span]]:
    """Return the places where the answer's number is written, whatever its separators and signs."""
    goal = _value(wanted)
    if goal is None:
        return []
    return [
        [_Span(number, match.start(), match.end())]
        for number, segment in enumerate(spatial.segments)
        for match in _NUMBER.finditer(segment.text)
        if _value(match[0]) == goal
    ]


def _value(text: str) -> float | None:
    """Return the number that a text is, however its thousands and decimals are marked; None if it is none."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    digits = re.sub(r"[' (+]", "", match[0])
    marks = [character for character in digits if character in ".,"]
    if marks:
        last = marks[-1]
        tail = len(digits) - digits.rindex(last) - 1
        decimal = marks.count(last) == 1 and (tail != 3 or len(set(marks)) > 1)
        head, _, end = digits.rpartition(last)
        digits = re.sub(r"[.,]", "", head) + ("." + end if decimal else end)
    try:
        return float(digits)
    except ValueError:
        return None


def _similar(spatial: SpatialText, wanted: str) -> Located | None:
    """Return the stretch of one or two segments that is most like the answer, if it is like it at all."""
    goal = wanted.casefold()
    best: tuple[float, list[_Span]] | None = None
    count = len(spatial.segments)
    for number in range(count):
        for last in (number, number + 1):
            if last < count:
                found = _best_stretch(spatial, range(number, last + 1), goal)
                if found is not None and (best is None or found[0] > best[0] + 1e-9):
                    best = found
    if best is None or best[0] < _LEAST:
        return None
    return _located(spatial, [best[1]], round(best[0] * 0.9, 3))


def _best_stretch(spatial: SpatialText, numbers: range, goal: str) -> tuple[float, list[_Span]] | None:
    """Return (similarity, spans) of the whole words of some segments that are most like `goal`."""
    words = [
        _Span(number, match.start(), match.end())
        for number in numbers
        for match in re.finditer(r"\S+", spatial.segments[number].text)
    ]
    texts = [spatial.segments[word.segment].text[word.start : word.stop].casefold() for word in words]
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(goal)
    size = len(goal.split())
    best: tuple[float, list[_Span]] | None = None
    for length in {max(1, size - 1), size, size + 1}:
        for at in range(len(words) - length + 1):
            if len(numbers) > 1 and {w.segment for w in words[at : at + length]} != set(numbers):
                continue
            matcher.set_seq1(" ".join(texts[at : at + length]))
            if matcher.real_quick_ratio() < _LEAST or matcher.quick_ratio() < _LEAST:
                continue
            ratio = matcher.ratio()
            if best is None or ratio > best[0]:
                best = (ratio, _merged(words[at : at + length]))
    return best


def _merged(words: list[_Span]) -> list[_Span]:
    """Join the words of a segment to one span."""
    merged: list[_Span] = []
    for word in words:
        if merged and merged[-1].segment == word.segment:
            merged[-1] = _Span(word.segment, merged[-1].start, word.stop)
        else:
            merged.append(word)
    return merged


def _located(spatial: SpatialText, places: list[list[_Span]], score: float) -> Located:
    spans = places[0]
    parts = [spatial.segments[span.segment].text[span.start : span.stop] for span in spans]
    box = reduce(Box.union, (_part(spatial.segments[span.segment], span) for span in spans))
    return Located(" ".join(parts), box, tuple(span.segment for span in spans), score, len(places))


def _part(segment: Segment, span: _Span) -> Box:
    """Return the box of a part of a segment, by usual letter widths; of the whole one where it does not lie level."""
    box = segment.box
    if box.y1 - box.y0 > box.x1 - box.x0:
        return box
    total = text_width(segment.text) or 1.0
    start, stop = (text_width(segment.text[:place]) / total for place in (span.start, span.stop))
    wide = box.x1 - box.x0
    return Box(box.x0 + start * wide, box.y0, box.x0 + stop * wide, box.y1)
