"""The tree a formula is parsed into. Groups without meaning are gone; fonts sit on single characters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Atom:
    """One printed sign: a character or a command without argument, in a font ("" = italic, as formulas are)."""

    text: str
    font: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """Upright text with spaces or hyphens in it."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A command with arguments; `option` is what stood in brackets (the index of a root)."""

    name: str
    arguments: tuple[Row, ...]
    option: Row = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of cells: "matrix" keeps its columns, "aligned" and "substack" have one cell a row."""

    kind: str
    rows: tuple[tuple[Row, ...], ...]


@dataclass(frozen=True, slots=True)
class Scripts:
    """Sub- and superscript of `base`; None is the empty base of staggered and leading indices."""

    base: Atom | Words | Call | Grid | None
    sub: Row = ()
    sup: Row = ()


Node = Atom | Words | Call | Grid | Scripts
Row = tuple[Node, ...]
