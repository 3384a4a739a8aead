"""Objects as shapes, and whether a value has a shape."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.errors import SchemaError
from dsvl2.pipelines.extract.shapes import (
    Choice,
    Constant,
    Field,
    Listing,
    Mapping,
    Numeral,
    Record,
    Reference,
    Shape,
    Words,
)

if TYPE_CHECKING:
    from dsvl2.pipelines.extract.conjunction import Conjunction
    from dsvl2.pipelines.extract.flatten import Flattener


def record(wanted: Conjunction, flattener: Flattener, place: str) -> list[Shape]:
    """The object shape of a conjunction, in a list that is empty if there can be no such object."""
    least, most = wanted.properties_count
    if not wanted.properties and not wanted.required:
        value = flattener.shape(wanted.additional, f"{place}/additionalProperties")
        if value is None or most == 0:
            return [] if least else [Record(())]
        if least > 1:
            raise SchemaError(f"schema, {place}: minProperties {least} is not supported without properties")
        return [Mapping(value, least, most)]
    fields = []
    for name in (*wanted.properties, *(name for name in wanted.required if name not in wanted.properties)):
        shape = flattener.shape(wanted.property(name), f"{place}/properties/{name}")
        required = name in wanted.required
        if shape is not None:
            fields.append(Field(name, shape, required))
        elif required:
            fact = f"{place}: {name!r} is required and cannot be there"
            flattener.contradiction = flattener.contradiction or fact
            return []
    return _counted(fields, least, most, flattener, place)


def _counted(fields: list[Field], least: int, most: int | None, flattener: Flattener, place: str) -> list[Shape]:
    """Satisfy minProperties by asking for more of the properties, maxProperties by leaving some out."""
    needed = sum(field.required for field in fields)
    for number, field in enumerate(fields):
        if needed < least and not field.required:
            fields[number] = Field(field.name, field.shape, True)
            needed += 1
    if needed < least or (most is not None and needed > most):
        fact = f"{place}: the properties that can be there do not fit minProperties {least}, maxProperties {most}"
        flattener.contradiction = flattener.contradiction or fact
        return []
    if most is not None:
        spare = most - needed
        kept = []
        for field in fields:
            spare -= not field.required
            if field.required or spare >= 0:
                kept.append(field)
        fields = kept
    return [Record(tuple(fields))]


def accepts(shape: Shape, value: Any, flattener: Flattener) -> bool:
    """Whether a value has the shape; only what is needed to check the values of an enum."""
    if isinstance(shape, Constant):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")) == shape.text
    if isinstance(shape, Choice):
        return any(accepts(option, value, flattener) for option in shape.options)
    if isinstance(shape, Numeral):
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and shape.bounds.hold(Fraction(str(value)))
        )
    if isinstance(shape, Words):
        return (
            isinstance(value, str)
            and shape.least <= len(value)
            and (shape.most is None or len(value) <= shape.most)
            and all(re.search(pattern, value) for pattern in shape.patterns)
        )
    if isinstance(shape, Listing):
        if not isinstance(value, list) or len(value) < shape.least or len(value) > (shape.most or len(value)):
            return False
        shapes = [*shape.first, *[shape.rest] * len(value)][: len(value)]
        return len(shapes) == len(value) and all(
            s is not None and accepts(s, v, flattener) for s, v in zip(shapes, value, strict=True)
        )
    if isinstance(shape, Reference):
        found = flattener.shape(flattener.resolve(shape.pointer, shape.pointer), shape.pointer)
        return found is not None and accepts(found, value, flattener)
    if isinstance(shape, Mapping):
        return isinstance(value, dict) and all(accepts(shape.value, v, flattener) for v in value.values())
    return isinstance(value, dict) and _accepts_record(shape, value, flattener)


def _accepts_record(shape: Record, value: dict[str, Any], flattener: Flattener) -> bool:
    known = {field.name: field for field in shape.fields}
    return set(value) <= set(known) and all(
        accepts(field.shape, value[name], flattener) if name in value else not field.required
        for name, field in known.items()
    )
