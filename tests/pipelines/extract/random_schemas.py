"""Random JSON Schemas that can be filled: nesting, enums, arrays, bounds, formats, patterns, references, combinations."""

from __future__ import annotations

import random
from typing import Any

NAMES = ["a", "total", "date", "größe", "x y", 'q"uote', "invoice_no", "b2", "名", "tags", "n_1", "back\\slash"]
PATTERNS = [
    "^[A-Z]{2,4}-[0-9]{3}$", "^(foo|ba+r)$", "[0-9]", "^a.c", "z$", "^$|^x+y?$", r"^\d{1,3}(\.\d{3})*,\d\d$", r"^\w+@\w+$",
    "^[^aeiou]{3}$", r"^\S+( \S+){1,2}$", "^(?:ab|cd){2,3}$", "é|ü", '^"[a-z]"$', r"^[\\/]?\w$",
]  # fmt: skip
FORMATS = ["date", "time", "date-time", "email", "ipv4", "uuid", "uri", "hostname", "remark"]


def random_schema(rng: random.Random) -> dict[str, Any]:
    """A schema of an object, sometimes of something else."""
    schema = _object(rng, 3) if rng.random() < 0.85 else _any(rng, 3)
    if rng.random() < 0.15:
        schema.setdefault("$defs", {})["node"] = {
            "type": "object",
            "properties": {"value": _any(rng, 1), "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["value", "next"],
        }
        if "properties" in schema:
            schema["properties"]["chain"] = {"$ref": "#/$defs/node"}
    return schema


def _any(rng: random.Random, depth: int) -> dict[str, Any]:
    leaves = [_string, _number, _enum, _literal]
    makers = leaves + ([_object, _array, _combined] if depth else [])
    schema: dict[str, Any] = rng.choice(makers)(rng, depth - 1)
    if rng.random() < 0.2 and isinstance(schema.get("type"), str) and schema["type"] != "null":
        schema["type"] = [schema["type"], "null"]
    return schema


def _object(rng: random.Random, depth: int) -> dict[str, Any]:
    names = rng.sample(NAMES, rng.randint(0, 5))
    schema: dict[str, Any] = {"type": "object", "properties": {name: _any(rng, depth) for name in names}}
    schema["required"] = [name for name in names if rng.random() < 0.6]
    if rng.random() < 0.4:
        schema["additionalProperties"] = rng.choice([False, {"type": "integer"}])
    if names and rng.random() < 0.15:
        schema["minProperties"] = rng.randint(1, len(names))
    if rng.random() < 0.15:
        schema["maxProperties"] = rng.randint(max(len(schema["required"]), schema.get("minProperties", 0)), 6)
    if not names and rng.random() < 0.5:
        schema = {"type": "object", "additionalProperties": _any(rng, 0), "maxProperties": 4}
    return schema


def _array(rng: random.Random, depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": _any(rng, depth)}
    if rng.random() < 0.25:
        schema["prefixItems"] = [_any(rng, 0) for _ in range(rng.randint(1, 3))]
        schema["items"] = rng.choice([False, schema["items"]])
    if rng.random() < 0.5:
        most = len(schema.get("prefixItems", ())) if schema["items"] is False else 3
        schema["minItems"] = rng.randint(0, most)
        if rng.random() < 0.5:
            schema["maxItems"] = schema["minItems"] + rng.randint(0, 3)
    if "minItems" not in schema and rng.random() < 0.2:
        schema["uniqueItems"] = True
    return schema


def _string(rng: random.Random, _: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    kind = rng.random()
    if kind < 0.25:
        schema["pattern"] = rng.choice(PATTERNS)
    elif kind < 0.5:
        schema["format"] = rng.choice(FORMATS)
    elif kind < 0.75:
        schema["minLength"] = rng.randint(0, 4)
        schema["maxLength"] = schema["minLength"] + rng.randint(0, 30)
    elif kind < 0.8:
        schema |= {"pattern": "^[a-f]+$", "minLength": 3, "maxLength": 5}
    return schema


def _number(rng: random.Random, _: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": rng.choice(["number", "integer"])}
    low = rng.choice([rng.randint(-200, 200), round(rng.uniform(-50, 50), 2)])
    if rng.random() < 0.5:
        schema[rng.choice(["minimum", "exclusiveMinimum"])] = low
    if rng.random() < 0.5:
        schema[rng.choice(["maximum", "exclusiveMaximum"])] = low + rng.choice([3, 40.5, 10000])
    if rng.random() < 0.2:
        schema["multipleOf"] = rng.choice([1, 2, 0.5, 0.25]) if schema["type"] == "number" else rng.choice([1, 2])
    return schema


def _enum(rng: random.Random, _: int) -> dict[str, Any]:
    values = ["paid", "open", 1, 1.5, None, True, "名", 'say "hi"', "", [1, "two"], {"k": None}, "back\\slash"]
    if rng.random() < 0.3:
        return {"const": rng.choice(values)}
    return {"enum": rng.sample(values, rng.randint(1, 5))}


def _literal(rng: random.Random, _: int) -> dict[str, Any]:
    return {"type": rng.choice(["boolean", "null", "boolean"])}


def _combined(rng: random.Random, depth: int) -> dict[str, Any]:
    kind = rng.random()
    if kind < 0.5:
        return {"anyOf": [_any(rng, depth) for _ in range(rng.randint(1, 3))]}
    if kind < 0.75:
        branches = [{"type": "string", "maxLength": 9}, {"type": "boolean"}, {"type": "integer", "minimum": 3}]
        return {"oneOf": rng.sample(branches, rng.randint(1, 3))}
    names = rng.sample(NAMES, 2)
    return {
        "allOf": [
            {"type": "object", "properties": {names[0]: {"type": "number", "minimum": 1}}, "required": [names[0]]},
            {"properties": {names[0]: {"maximum": 9}, names[1]: _any(rng, 0)}},
        ]
    }
