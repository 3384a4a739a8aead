"""Read the boxes in what a whole-page checkpoint says (spec.md 7.4). Takes any text; what is dropped or mended is said.

<|ref|>the valve<|/ref|><|det|>[[582, 271, 942, 888]]<|/det|>
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.grounding.boxes import GRID
from dsvl2.pipelines.tasks.base import Parsed

MOST_BOXES = 500
_REF = re.compile(r"<\|ref\|>(.*?)(?:<\|/ref\|>|(?=<\|det\|>|<\|ref\|>)|$)", re.DOTALL)
_DET = re.compile(r"\s*<\|det\|>(.*?)(?:<\|/det\|>|(?=<\|ref\|>|<\|det\|>)|$)", re.DOTALL)
_INNER = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"[-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})")
_SPECIAL = re.compile(r"<[|｜][^<>\n]{0,40}[|｜]>")


@dataclass(frozen=True, slots=True)
class GridBox:
    """A box on the grid of 0..999: left < right, top < bottom."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def sides(self) -> tuple[int, int, int, int]:
        return self.x0, self.y0, self.x1, self.y1


@dataclass(frozen=True, slots=True)
class Mention:
    """Something named and its boxes (none if the model gave none that can be used)."""

    label: str
    boxes: tuple[GridBox, ...]


@dataclass(frozen=True, slots=True)
class Grounding:
    """The text with the marks taken out, and what it places on the image, in order."""

    text: str
    mentions: tuple[Mention, ...]


def parse_grounding(output: str) -> Parsed[Grounding]:
    """Return text and mentions. Never raises.

    Coordinates beyond 0..999 are clamped; boxes that are inside out, empty, not four numbers, repeated, or beyond 500 in
    all are dropped; boxes without a name get the label "". There is a notice for each kind of fault, with its count.
    """
    faults: Counter[str] = Counter()
    mentions: list[Mention] = []
    words: list[str] = []
    left = MOST_BOXES
    place = 0
    while place < len(output):
        ref, det = _REF.search(output, place), output.find("<|det|>", place)
        if ref is not None and (det < 0 or ref.start() < det):
            label, start, end = _clean(ref[1]), ref.start(), ref.end()
            following = _DET.match(output, end)
        elif det >= 0:
            label, start, end = "", det, det
            following = _DET.match(output, det)
            faults["nameless"] += 1
        else:
            break
        words += [output[place:start], label]
        boxes: tuple[GridBox, ...] = ()
        if following is not None:
            boxes, end = _boxes(following[1], faults, left), following.end()
            left -= len(boxes)
        mentions.append(Mention(label, boxes))
        place = max(end, place + 1)
    words.append(output[place:])
    return Parsed(Grounding(_clean(" ".join(words)), tuple(mentions)), _notices(faults))


def _clean(text: str) -> str:
    """Take special tokens out and fold white space, none of it before punctuation."""
    folded = " ".join(_SPECIAL.sub(" ", text).encode("utf-8", "replace").decode().split())
    return re.sub(r" ([.,;:!?])", r"\1", folded)


def _boxes(text: str, faults: Counter[str], left: int) -> tuple[GridBox, ...]:
    found: list[GridBox] = []
    lists = [inner for inner in _INNER.findall(text) if inner.strip()] or [text]
    for inner in lists:
        box = _box(inner, faults)
        if box is None:
            continue
        if box in found:
            faults["repeated"] += 1
        elif len(found) >= left:
            faults["too_many"] += 1
        else:
            found.append(box)
    return tuple(found)


def _box(text: str, faults: Counter[str]) -> GridBox | None:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        faults["malformed"] += 1
        return None
    values = [round(float(part)) for part in parts]
    clamped = [min(max(value, 0), GRID) for value in values]
    x0, y0, x1, y1 = clamped
    if values[2] <= values[0] or values[3] <= values[1] or x1 <= x0 or y1 <= y0:
        faults["inside_out"] += 1
        return None
    if clamped != values:
        faults["clamped"] += 1
    return GridBox(x0, y0, x1, y1)


_SAID = {
    "nameless": "{n} box list(s) came without a name",
    "malformed": "{n} box(es) were not four numbers and were dropped",
    "inside_out": "{n} box(es) had no area or were inside out, and were dropped",
    "clamped": "{n} box(es) reached beyond the image and were cut at its edge",
    "repeated": "{n} box(es) were said twice for the same thing, and were dropped",
    "too_many": "{n} box(es) beyond the first 500 were dropped",
}


def _notices(faults: Counter[str]) -> tuple[Notice, ...]:
    return tuple(Notice(f"box_{kind}", said.format(n=faults[kind])) for kind, said in _SAID.items() if faults[kind])
