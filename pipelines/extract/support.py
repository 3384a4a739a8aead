"""Whether a value stands on the page, and where: read values are copies, so what is not there is a guess.

Numbers and dates are compared by what they mean, however they are printed. Of several places the one is taken that the
value fills best; in lists, the one in the row of the item, behind the item before it, that no sibling has taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract.leaves import Path
from dsvl2.pipelines.extract.printed import dates_in, number_in
from dsvl2.pipelines.spatial import Segment, SpatialText, locate
from dsvl2.pipelines.words import text_width

LIKE_ENOUGH = 0.7  # score of `locate` from which a text counts as the page's own
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T.*)?")
_TAIL = r"(?:\s?[-−](?!\w))?\)?"
_NUMBERS = (  # thousands may be set apart by blanks, and two numbers may stand beside each other
    re.compile(rf"[-+(−]?\s?\d(?:[\d.,' ]*\d)?{_TAIL}"),
    re.compile(rf"(?<![\d.,])[-+(−]?\s?\d(?:[\d.,']*\d)?{_TAIL}"),
)
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Support:
    """Where a value stands on a page, as it is printed there; `reading` is how sure its letters are, None unknown."""

    quote: str
    box: Box
    match: float
    reading: float | None


class Finder:
    """Finds the values of one answer on one page, in the order of the answer."""

    def __init__(self, spatial: SpatialText) -> None:
        self._spatial = spatial
        self._rows: dict[Path, float] = {}  # of list items: the middle of the row that their first value was found in
        self._taken: dict[Path, set[Box]] = {}
        self._last: dict[Path, float] = {}  # of lists: the row of the item before

    def find(self, value: Any, path: Path = ()) -> Support | None:
        """Return where a text, number or date stands; None if it does not, or cannot be looked for."""
        if value is None or isinstance(value, bool) or not self._spatial.segments:
            return None
        found = list(_places(self._spatial, value))
        item = next((path[: end + 1] for end in range(len(path) - 1, -1, -1) if isinstance(path[end], int)), ())
        if not found:
            other = None if isinstance(value, int | float) else _elsewhere(self._spatial, str(value))
            return other
        best = min(found, key=lambda place: self._rank(place, item))
        if item:
            middle = (best.box.y0 + best.box.y1) / 2
            self._rows.setdefault(item, middle)
            self._last[item[:-1]] = self._rows[item]
            self._taken.setdefault(item, set()).add(best.box)
        return best

    def _rank(self, place: Support, item: Path) -> tuple[float, ...]:
        middle, height = (place.box.y0 + place.box.y1) / 2, place.box.y1 - place.box.y0
        if not item:
            return (-place.match,)
        taken = place.box in self._taken.get(item, ())
        row = self._rows.get(item)
        if row is not None:
            return (abs(middle - row) > height, taken, abs(middle - row), -place.match, place.box.x0)
        before = self._last.get(item[:-1])
        above = before is not None and middle < before + height / 2
        return (above, middle, -place.match, place.box.x0)


def support_of(spatial: SpatialText, value: Any) -> Support | None:
    """Return where a single value stands on the page."""
    return Finder(spatial).find(value)


def _places(spatial: SpatialText, value: Any) -> Iterator[Support]:
    """Every place where a value is printed within one segment."""
    for segment in spatial.segments:
        if isinstance(value, int | float):
            spans = {match.span() for pattern in _NUMBERS for match in pattern.finditer(segment.text)}
            for start, stop in sorted(spans):
                if _same_number(segment.text[start:stop], value):
                    yield _place(segment, start, stop)
            continue
        wanted = " ".join(str(value).split())
        for match in re.finditer(rf"(?<!\w){re.escape(wanted)}(?!\w)", segment.text, re.IGNORECASE) if wanted else ():
            yield _place(segment, match.start(), match.end())
        iso = _ISO.fullmatch(wanted)
        if iso is not None:
            for printed, meant in dates_in(segment.text):
                start = segment.text.find(printed)
                if iso[1] in meant and printed != wanted:
                    yield _place(segment, start, start + len(printed))


def _same_number(printed: str, value: float) -> bool:
    """Whether a printed number is that one; a sign may be printed elsewhere, as in a column of deductions."""
    found = number_in(printed)
    if found is None:
        return False
    near = _SAME * max(1.0, abs(value))
    return abs(found - value) <= near or (value < 0 and abs(found + value) <= near)


def _place(segment: Segment, start: int, stop: int) -> Support:
    text = segment.text[start:stop]
    start, stop = start + len(text) - len(text.lstrip()), stop - len(text) + len(text.rstrip())
    whole = text_width(segment.text) or 1.0
    left, right = (text_width(segment.text[:place]) / whole for place in (start, stop))
    box, wide = segment.box, segment.box.x1 - segment.box.x0
    if box.y1 - box.y0 <= wide:  # in lines that do not lie level the whole line has to do
        box = Box(box.x0 + left * wide, box.y0, box.x0 + right * wide, box.y1)
    return Support(text.strip(), box, (stop - start) / max(len(segment.text), 1), segment.confidence)


def _elsewhere(spatial: SpatialText, text: str) -> Support | None:
    """A text that runs over segments, or is written a little otherwise; dates have to be the same to the letter."""
    found = locate(spatial, text)
    if found is None or found.score < LIKE_ENOUGH or (_ISO.fullmatch(text) and found.score < 1):
        return None
    sure = [spatial.segments[number].confidence for number in found.segments]
    known = [confidence for confidence in sure if confidence is not None]
    return Support(found.text, found.box, found.score, min(known) if known else None)
