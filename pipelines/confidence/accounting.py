"""Hold a page's text against its ink: text that nobody read, and text that stands on nothing.

Every letter-like piece of ink belongs to the line of text whose box holds its middle. Pieces that belong to none and
look like text are unexplained; lines without ink, or with far more letters than their ink has room for, are
unsupported. Only geometry is used, so that the check does not share the reader's mistakes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.confidence.familiar import Familiar
from dsvl2.pipelines.confidence.owning import Text, homes, lines_of, owners, sideways_boxes
from dsvl2.pipelines.confidence.stretches import Stretch, stretches
from dsvl2.pipelines.documents import Box, Coverage, Notice, PageResult
from dsvl2.pipelines.layout import PageInk, PageLayout
from dsvl2.pipelines.words import text_width

# logarithms of letters to ink off the page's usual: by width, by pieces and by the line's box at least, and the first two
# together
_WIDE, _EACH, _ROOM, _DENSE, _SPARSE = 0.45, 0.28, 0.35, 0.95, 1.4
_MOST_SPREAD = 5.0  # times the page's own median deviation from the usual
_LEAST_LINES, _LEAST_LETTERS = 4, 8
_LONG = 0.36  # the same of lines with more letters, by width alone: of 7,000 lines as printed .31 at the most
_SHORT = 0.45  # of lines with fewer letters; letters of one width, as typewriters have, are .3 off
_OF_CAPITAL = 0.72  # height of small letters to that of capitals
_LETTER = 0.75  # small letter heights: width of a letter
_FAR = 1.1  # so far off by width and by pieces, a line has too many letters however wide its box is
_HUGE = 4.0  # times the usual height of a line's letters: a frame or a stroke that runs through it
_SHARED = 0.3  # of a letter's height that lies in a box that it stands across
_STACKED = 1.9  # times the usual height of a line
_RUN = re.compile(r"([._*=~#\u2026-])(?: ?\1){3,}")
_LEADERS = frozenset("._-\u2013\u2014\u2026=*~# \t")
_LOOSE, _BRIDGE = 0.5, 1.2  # part of a line's width that letters of no printed line fill, gaps that high bridged
_READ = 0.3  # of the letters of a page unlike print; where fewer were read, free ink has to look like print of its own
_SIDEWAYS_READ = 0.7  # of the length of a sideways line, that was read
_HELD = 0.45  # part of the width of a line without a place that free ink must have to hold it


def coverage(page: PageResult, layout: PageLayout) -> Coverage:
    """Compare a page's lines with the ink of its layout."""
    ink = layout.ink
    if ink is None or page.error is not None:
        return Coverage(1.0)
    text = lines_of(page, layout)
    owner = owners(ink, text)
    pictures = [region.box for region in layout.regions if region.kind == "figure"]
    free = stretches(ink, (owner < 0) & ~_pictured(ink, pictures), pictures)
    if layout.odd and float((owner[ink.letter] >= 0).mean() if ink.letter.any() else 0.0) < _READ:
        free = [stretch for stretch in free if stretch.printed]
    dense, sparse = _fits(ink, text, owner)
    free, homeless = _held(text, free)
    unsupported = {*_without_ink(ink, text, owner), *dense, *homeless}
    letters = ink.area[ink.letter]
    missed = sum(stretch.area for stretch in free)
    share = 1.0 - missed / float(letters.sum()) if len(letters) else 1.0
    places = tuple(layout.to_page(stretch.box) for stretch in free)
    read = sideways_boxes(page, layout)
    unread = [box for box in (Box(*map(float, place)) for place in ink.unread.tolist()) if not _read_in(box, read)]
    places += tuple(map(layout.to_page, unread))
    places += tuple(box for k in sparse if (box := text.lines[k].box))
    return Coverage(min(max(share, 0.0), 1.0), places, tuple(sorted(text.numbers[k] for k in unsupported)))


def _read_in(box: Box, lines: Sequence[Box]) -> bool:
    """Say whether lines that were read fill most of a box along its height."""
    held = [k for k in lines if k.x0 < (box.x0 + box.x1) / 2 < k.x1]
    return sum(min(k.y1, box.y1) - max(k.y0, box.y0) for k in held) > _SIDEWAYS_READ * (box.y1 - box.y0)


def _pictured(ink: PageInk, pictures: Sequence[Box]) -> NDArray[np.bool_]:
    """Return which pieces of ink have their middles in a picture: labels of charts are parts of them."""
    x, y = ((ink.boxes[:, :2] + ink.boxes[:, 2:]) / 2).T
    inside = np.zeros(len(ink), dtype=np.bool_)
    for box in pictures:
        inside |= (x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)
    return inside


def coverage_notices(found: Coverage) -> tuple[Notice, ...]:
    """Return what a user should know of a page's coverage."""
    notices = []
    if found.unexplained:
        places = "1 place" if len(found.unexplained) == 1 else f"{len(found.unexplained)} places"
        notices.append(
            Notice("ink_unexplained", f"{places} with ink like text that nothing was read from; text may be missing")
        )
    if found.unsupported:
        lines = "1 line" if len(found.unsupported) == 1 else f"{len(found.unsupported)} lines"
        notices.append(Notice("text_unsupported", f"{lines} of text that the ink does not bear out; it may be made up"))
    return tuple(notices)


def _without_ink(ink: PageInk, text: Text, owner: NDArray[np.int64]) -> list[int]:
    """Return the lines that have a place but no letters there, or, if they are signs only, no ink.

    Drawn leaders and blanks to fill in do not need any. Where a place is that of no printed line, ink has to fill half of it.
    """
    found = []
    strange = text.tight & (homes(ink, text) < 0)
    for number in np.flatnonzero(text.placed).tolist():
        written = text.lines[number].text
        if set(written) <= _LEADERS:
            continue
        mine = owner == number
        lettered = sum(map(str.isalnum, written)) > 1
        box = text.boxes[number]
        long = float(box[2] - box[0])
        if not (_rules_a_row(ink, box, mine & ink.letter) if lettered else mine.any()) or (
            strange[number]
            and not _RUN.search(written)
            and _filled(ink.boxes[mine], _BRIDGE * ink.unit) < _LOOSE * long
        ):
            found.append(number)
    return found


def _rules_a_row(ink: PageInk, box: NDArray[np.float64], mine: NDArray[np.bool_]) -> bool:
    """Say whether most letters of some printed line, as far as the box is wide, are the text's own.

    A text put between two lines or over them only gets what sticks out of those.
    """
    middle = (ink.boxes[:, 0] + ink.boxes[:, 2]) / 2
    across = ink.letter & (middle > box[0]) & (middle < box[2])
    shared = np.minimum(ink.boxes[:, 3], box[3]) - np.maximum(ink.boxes[:, 1], box[1])
    across &= mine | (shared > _SHARED * (ink.boxes[:, 3] - ink.boxes[:, 1]))  # two lines may count as one printed row
    # Of no printed line are, say, crumbs of a rule: they bear a text out where they are as long as it.
    loose = mine & (ink.line < 0)
    if _filled(ink.boxes[loose], _BRIDGE * ink.unit) > _LOOSE * float(box[2] - box[0]):
        return True
    rows = np.unique(ink.line[mine & ~loose])
    return any(2 * int((mine & (ink.line == row)).sum()) >= int((across & (ink.line == row)).sum()) for row in rows)


def _fits(ink: PageInk, text: Text, owner: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return the lines with far more, and those with far fewer letters than their ink has on this page.

    Measures have to agree, all against the page's medians: the usual width of the text against the length of its ink,
    in heights of the line's own letters and of the page's, with and without its small marks (faint letters are crumbs);
    for a few letters the letters to the pieces of ink too (underlined or bold ones run together), beyond the page's own
    spread. Lines with leaders or blanks to fill in are left out: how long those are is not part of the text.
    """
    numbers, measured = [], []
    tall = ink.boxes[:, 3] - ink.boxes[:, 1]
    for number in np.flatnonzero(text.placed).tolist():
        line = text.lines[number].text
        written = "".join(c for c in line if c not in _LEADERS)
        mine = (owner == number) & ink.letter
        mine &= tall <= _HUGE * max(float(np.median(tall[mine])), ink.unit) if mine.any() else mine
        if mine.any() and len(written) >= 3:
            numbers.append(number)
            measured.append(_measure(ink, line, text.boxes[number], mine, owner == number))
    if len(measured) < _LEAST_LINES:
        return [], []
    plain = np.array([not m.led for m in measured], dtype=np.bool_)
    usual = plain if int(plain.sum()) >= _LEAST_LINES else np.ones_like(plain)
    table = np.array([(m.wide, m.each, m.room, m.whole, m.close, math.log(m.height)) for m in measured])
    wide, each, room, whole, close, height = (table - np.median(table[usual], axis=0)).T
    both, least = wide + each, np.minimum(wide, whole)
    spread = _MOST_SPREAD * float(np.median(np.abs(both[usual])))
    many = np.array([m.letters for m in measured])
    single = np.array([m.high for m in measured])
    single = single < _STACKED * np.median(single)  # formulas stand in several rows
    dense = (wide > _WIDE) & (each > _EACH) & (room > _ROOM) & (both > max(_DENSE, spread))
    dense |= (np.minimum(wide, each) > _FAR) & (both > spread)
    dense &= plain & (whole > _WIDE) & (many >= _LEAST_LETTERS)
    limit = np.where(many >= 4 * _LEAST_LETTERS, _LONG, _WIDE)
    dense |= (np.minimum(least, wide - height) > limit) & (many >= 2 * _LEAST_LETTERS)
    sparse = plain & (many >= _LEAST_LETTERS) & (each < -_EACH) & (np.maximum(wide, close) < -_SHORT)
    sparse &= both < -max(_SPARSE, spread)
    for k in np.flatnonzero(sparse).tolist():
        mine = owner == numbers[k]
        mine &= Familiar.of(ink, mine | (owner < 0)).each(mine & ink.letter)
        line, box = text.lines[numbers[k]].text, text.boxes[numbers[k]]
        # what the text leaves over has to be letters: a stroke beside them may be as long
        known = _measure(ink, line, box, mine, mine) if mine.any() else measured[k]
        lower = max(
            0.0, float(np.median(table[usual, 5])) - math.log(known.height)
        )  # strokes hide how high its letters are
        sparse[k] = known.wide + lower - float(np.median(table[usual, 0])) < -_SHORT
    return [numbers[k] for k in np.flatnonzero(dense & single)], [numbers[k] for k in np.flatnonzero(sparse)]


@dataclass(frozen=True, slots=True)
class _Measure:
    """Logarithms of what a line's text takes to what its ink has: widths, letters to pieces, ...

    wide, whole: usual width to the length of the letters' ink, and of all ink; room: to that of the line's box; each:
    letters to pieces of ink; close: letters to those that the pieces are wide enough for. height, high: of small letters and
    of the box, pixels. led: whether it has leaders or blanks to fill in.
    """

    wide: float
    each: float
    room: float
    whole: float
    close: float
    height: float
    high: float
    letters: int
    led: bool


def _measure(
    ink: PageInk, line: str, box: NDArray[np.float64], mine: NDArray[np.bool_], every: NDArray[np.bool_]
) -> _Measure:
    """Hold a line's text against its letters (`mine`) and all its ink (`every`)."""
    written = "".join(c for c in line if c not in _LEADERS)
    pieces, height = ink.boxes[mine], _letter_height(ink, mine)
    known = [c for c in written if c.isalnum()]
    if 4 * sum(c.isupper() or c.isdigit() for c in known) > 3 * len(known):
        height *= _OF_CAPITAL
    width = text_width(written)
    count = float(np.maximum(1.0, (pieces[:, 2] - pieces[:, 0]) / (_LETTER * height)).sum())
    long, high = (box[2:] - box[:2]).tolist()
    return _Measure(
        wide=math.log(width * height / max(_filled(pieces, 1.2 * height), 1.0)),
        each=math.log(len(written) / len(pieces)),
        room=math.log(width / max(long, 1.0)),
        whole=math.log(width * height / max(_filled(ink.boxes[every], 1.2 * height), 1.0)),
        close=math.log(len(written) / count),
        height=height,
        high=high,
        letters=max(len(written), len(pieces)),
        led=bool(_RUN.search(line)),
    )


def _letter_height(ink: PageInk, mine: NDArray[np.bool_]) -> float:
    """Return the height of a small letter of the printed line that most of these pieces of ink are of."""
    of_line = ink.line[mine]
    of_line = of_line[of_line >= 0]
    if len(of_line):
        line = ink.lines[int(np.bincount(of_line).argmax())]
        return max(line.base - line.top, 1.0)
    boxes = ink.boxes[mine]
    return float(np.median(boxes[:, 3] - boxes[:, 1]))


def _filled(boxes: NDArray[np.float32], bridge: float) -> float:
    """Return the length that pieces of ink fill along a line, gaps up to `bridge` counted as filled."""
    if not len(boxes):
        return 0.0
    order = np.argsort(boxes[:, 0])
    left, right = boxes[order, 0], np.maximum.accumulate(boxes[order, 2])
    gaps = left[1:] - right[:-1]
    return float(right[-1] - left[0] - gaps[gaps > bridge].sum())


def _held(text: Text, free: list[Stretch]) -> tuple[list[Stretch], list[int]]:
    """Give lines without a place the free ink that can hold them; return the ink and the lines that are left over."""
    homeless = []
    rest = list(free)
    for number in np.flatnonzero(~text.placed).tolist():
        wanted = text_width(text.lines[number].text.strip())
        fits = [s for s in rest if _HELD * wanted <= (s.box.x1 - s.box.x0) / (2 * s.height) <= wanted / _HELD]
        if fits:
            rest.remove(fits[0])
        elif not set(text.lines[number].text) <= _LEADERS:
            homeless.append(number)
    return rest, homeless
