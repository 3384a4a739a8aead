"""From result dataclasses to JSON and its JSON Schema, by one set of rules.

A dataclass is an object with all its fields; a Box is [left, top, right, bottom]; tuples are arrays; None is null.
A field's help is its `metadata["help"]`, a class's its docstring.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from inspect import getdoc
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dsvl2.pipelines.documents import Box

_PLAIN: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_DIGITS = 4


def record_of(value: Any) -> Any:
    """Return a value as plain JSON data; numbers that JSON does not know become null."""
    if isinstance(value, Box):
        return [round(side, 2) for side in (value.x0, value.y0, value.x1, value.y1)]
    if is_dataclass(value) and not isinstance(value, type):
        return {spec.name: record_of(getattr(value, spec.name)) for spec in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): record_of(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [record_of(item) for item in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value


def schema_of(result: type, *, name: str, version: int, title: str) -> dict[str, Any]:
    """Return the schema of a result dataclass as `TaskSpec.record` writes it.

    Raises:
        TypeError: a field has a type that these rules do not know.
    """
    definitions: dict[str, Any] = {}
    top = _object(result, definitions)
    top["properties"] = {"schema": {"const": f"dsvl2/{name}/v{version}"}, **top["properties"]}
    top["required"] = ["schema", *top["required"]]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:dsvl2:schema:{name}:v{version}",
        "title": title,
    }
    return head | top | ({"$defs": definitions} if definitions else {})


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties = {}
    for spec in fields(kind):
        properties[spec.name] = _schema(hints[spec.name], definitions)
        if "help" in spec.metadata:
            properties[spec.name] = {"description": spec.metadata["help"], **properties[spec.name]}
    text = " ".join((getdoc(kind) or "").split())
    return {
        **({"description": text} if text and not text.startswith(f"{kind.__name__}(") else {}),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind is Any or kind is object:
        return {}
    if kind is Box:
        text = "[left, top, right, bottom] in pixels of the page image, origin top left."
        return {
            "description": text,
            "type": "array",
            "items": {"type": "number"},
            "minItems": 4,
            "maxItems": 4,
        }
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # its place, should it hold itself
            definitions[kind.__name__] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return _compound(kind, definitions)


def _compound(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inside)}
    if origin in (Union, types.UnionType):
        choices = [_schema(choice, definitions) for choice in inside]
        if all(set(choice) == {"type"} and isinstance(choice["type"], str) for choice in choices):
            return {"type": [choice["type"] for choice in choices]}
        return {"anyOf": choices}
    if origin is tuple and len(inside) == 2 and inside[1] is ...:
        return {"type": "array", "items": _schema(inside[0], definitions)}
    if origin is tuple:
        places = [_schema(item, definitions) for item in inside]
        return {"type": "array", "prefixItems": places, "minItems": len(places), "maxItems": len(places)}
    if origin is list:
        return {"type": "array", "items": _schema(inside[0], definitions)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(inside[1], definitions)}
    raise TypeError(f"no JSON Schema for {kind!r}")
