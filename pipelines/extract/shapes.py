"""What a schema comes down to: a tree of shapes in which every alternative is written out and nothing refers to a keyword."""

from __future__ import annotations

import json
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


def options_at(form: Form, path: tuple[str | int, ...]) -> list[Shape]:
    """Return every shape that a value at a path of the data may have, choices and references resolved."""
    shapes = _resolved(form, [form.root])
    for part in path:
        shapes = _resolved(form, [inner for shape in shapes for inner in _inside(shape, part)])
    return shapes


def listed_at(form: Form, path: tuple[str | int, ...]) -> list[Any]:
    """Return the values that the schema spells out for a path: those of enums and constants."""
    return [json.loads(shape.text) for shape in options_at(form, path) if isinstance(shape, Constant)]


def is_constant(form: Form, path: tuple[str | int, ...]) -> bool:
    """Whether only one value may stand at a path."""
    return len(options_at(form, path)) == 1 == len(listed_at(form, path))


def _resolved(form: Form, shapes: list[Shape]) -> list[Shape]:
    found: list[Shape] = []
    open_, seen = list(shapes), set()
    while open_:
        shape = open_.pop(0)
        if isinstance(shape, Choice):
            open_ = [*shape.options, *open_]
        elif isinstance(shape, Reference):
            if shape.pointer not in seen:
                seen.add(shape.pointer)
                open_.insert(0, form.definitions[shape.pointer])
        elif shape not in found:
            found.append(shape)
    return found


def _inside(shape: Shape, part: str | int) -> list[Shape]:
    if isinstance(shape, Record):
        return [field.shape for field in shape.fields if field.name == part]
    if isinstance(shape, Mapping):
        return [shape.value]
    if isinstance(shape, Listing) and isinstance(part, int):
        if part < len(shape.first):
            return [shape.first[part]]
        return [] if shape.rest is None else [shape.rest]
    return []
