"""A page without pixels: pieces of text with places, and the facts that they state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from dsvl2.pipelines.words import text_width

FactKind = Literal["text", "number", "date"]
Align = Literal["left", "right", "center"]
Written = str | tuple[str, int]


@dataclass(slots=True)
class Item:
    """What will be a segment: pieces of (text, tag; 0 = no fact), edges, centre and height of the line, in page units.

    `loose` items may be lost to noise: no fact hangs on them.
    """

    pieces: list[tuple[str, int]]
    x0: float
    x1: float
    y: float
    height: float
    loose: bool = True

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(text for text, _ in self.pieces)


@dataclass(slots=True)
class Fact:
    """One thing that can be asked. The answer is what stands in the pieces with its tag.

    `label` is the text that is printed for it (may be empty), `names` are words for it in questions, `keys` names in
    field lists, `asks` whole questions. `plain` is the normalised value of a date or number. `unique` is False for what
    stands on the page more than once under the same label. `found` is False for what is not on the page.
    """

    tag: int
    label: str = ""
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    kind: FactKind = "text"
    plain: str = ""
    found: bool = True


@dataclass(slots=True)
class Rows:
    """A list of like things: for each a map from field name to tag. `kinds` and `plains` as in `Fact`."""

    names: tuple[str, ...]
    entries: list[dict[str, int]] = field(default_factory=list)
    kinds: dict[str, FactKind] = field(default_factory=dict)
    plains: dict[int, str] = field(default_factory=dict)


class Sheet:
    """Collects items and facts. Sizes are heights of lines; letters are about half as wide."""

    def __init__(self, kind: str, width: float, height: float, size: float, letter: float = 0.5) -> None:
        self.kind, self.width, self.height, self.size, self.letter = kind, width, height, size, letter
        self.items: list[Item] = []
        self.facts: list[Fact] = []
        self.lists: list[Rows] = []
        self.natural: list[tuple[str, int]] = []  # (question, tag; 0: not on the page)
        self.bare: set[int] = set()  # numbers that are answered without unit and thousands separators
        self._tags = 0

    def tag(self) -> int:
        """A number for a fact that is not asked by name."""
        self._tags += 1
        return self._tags

    def fact(
        self,
        label: str = "",
        *,
        names: Iterable[str] = (),
        keys: Iterable[str] = (),
        asks: Iterable[str] = (),
        kind: FactKind = "text",
        plain: str = "",
        found: bool = True,
    ) -> int:
        """Add a fact; return its tag."""
        tag = self.tag()
        self.facts.append(Fact(tag, label, tuple(names), tuple(keys), tuple(asks), kind, plain, found))
        return tag

    def wide(self, text: str, size: float | None = None) -> float:
        """About how wide a text is."""
        return (
            text_width(text) * (size or self.size) * self.letter * 2
            if self.letter < 0.55
            else len(text) * (size or self.size) * self.letter
        )

    def write(
        self, x: float, y: float, *pieces: Written, size: float | None = None, align: Align = "left"
    ) -> Item | None:
        """Put a text at x (its left end, right end or middle) on the line whose centre is y."""
        written = [piece if isinstance(piece, tuple) else (piece, 0) for piece in pieces]
        written = [(text, tag) for text, tag in written if text]
        if not any(text.strip() for text, _ in written):
            return None
        height = size or self.size
        wide = self.wide("".join(text for text, _ in written), height)
        left = x if align == "left" else x - wide if align == "right" else x - wide / 2
        item = Item(written, left, left + wide, y, height, all(not tag for _, tag in written))
        self.items.append(item)
        return item

    def wrap(self, text: str, wide: float, size: float | None = None) -> list[str]:
        """Break a text into lines of at most this width."""
        lines: list[str] = []
        space = self.wide(" ", size)
        room = 0.0
        for word in text.split():
            need = self.wide(word, size)
            if lines and need + space <= room:
                lines[-1] += " " + word
                room -= need + space
            else:
                lines.append(word)
                room = wide - need
        return lines

    def flow(self, pieces: Iterable[Written], wide: float, size: float | None = None) -> list[list[tuple[str, int]]]:
        """Break pieces of running text into lines of at most this width; every piece keeps its tag."""
        lines: list[list[tuple[str, int]]] = [[]]
        space = self.wide(" ", size)
        room = wide
        for piece in pieces:
            text, tag = piece if isinstance(piece, tuple) else (piece, 0)
            glued = not text.startswith(" ")
            for number, word in enumerate(text.split()):
                need = self.wide(word, size)
                joined = glued and number == 0 and lines[-1]
                if lines[-1] and not joined and need + space > room:
                    lines.append([])
                    room = wide
                elif lines[-1] and not joined:
                    last, owner = lines[-1][-1]
                    if owner == tag:
                        lines[-1][-1] = (last + " ", owner)
                    else:
                        lines[-1].append((" ", 0))
                    room -= space
                if lines[-1] and lines[-1][-1][1] == tag:
                    lines[-1][-1] = (lines[-1][-1][0] + word, tag)
                else:
                    lines[-1].append((word, tag))
                room -= need
        return [line for line in lines if line]

    def paragraph(
        self, x: float, y: float, pieces: Iterable[Written], wide: float, *, pitch: float, indent: float = 0.0
    ) -> float:
        """Write running text; return the y below it."""
        for number, line in enumerate(self.flow(pieces, wide - indent)):
            self.write(x + (0 if number else indent), y, *line)
            y += pitch
        return y
