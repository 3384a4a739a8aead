"""What a schema comes down to: a tree of shapes in which every alternative is written out and nothing refers to a keyword."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsvl2.model.constraints import Bounds


@dataclass(frozen=True, slots=True)
class Constant:
    """One value; `text` is its JSON, so that 1, 1.0 and true are kept apart."""

    text: str


@dataclass(frozen=True, slots=True)
class Numeral:
    """Numbers within bounds."""

    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of `least` to `most` characters that every one of `patterns` (regular expressions) is found in."""

    least: int = 0
    most: int | None = None
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A property of an object."""

    name: str
    shape: Shape
    required: bool


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known properties, in the order of the schema."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object with any names; at least one if `least` is 1."""

    value: Shape
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """An array: first those of `first`, then more of `rest` (None: no more)."""

    first: tuple[Shape, ...]
    rest: Shape | None
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of several shapes."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A definition that may hold itself, by its JSON pointer."""

    pointer: str


Shape = Constant | Numeral | Words | Record | Mapping | Listing | Choice | Reference
NULL = Constant("null")
LITERALS = (Constant("true"), Constant("false"))


@dataclass(frozen=True, slots=True)
class Form:
    """A whole schema as shapes. `schema` is the JSON Schema it came from."""

    root: Shape
    definitions: dict[str, Shape]
    schema: dict[str, Any]
