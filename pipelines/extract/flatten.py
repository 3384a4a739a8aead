"""From JSON Schema to shapes: references followed, `allOf` put together, `anyOf` and `oneOf` written out.

A shape may hold less than its schema allows (no properties that are not named, plain decimals only), never more. What
cannot be said in shapes is a SchemaError that names the keyword and its place.
"""

from __future__ import annotations

from typing import Any

from dsvl2.pipelines.errors import SchemaError, SchemaUnfillable
from dsvl2.pipelines.extract.conjunction import KINDS, Conjunction, conjunction
from dsvl2.pipelines.extract.shapes import Choice, Form, Reference, Shape

UNSUPPORTED = (
    "not", "if", "then", "else", "contains", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
    "propertyNames", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "contentSchema",
)  # fmt: skip
_COMBINING = ("allOf", "anyOf", "oneOf", "$ref")
_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"}
)
_MOST_ALTERNATIVES = 200
_MOST_DEEP = 60


def shapes_of(schema: dict[str, Any]) -> Form:
    """Return a schema that has passed the check of its metaschema as shapes.

    Raises:
        SchemaError: an unsupported keyword. SchemaUnfillable: a contradiction.
    """
    flattener = Flattener(schema)
    root = flattener.shape(schema, "#")
    definitions: dict[str, Shape] = {}
    while flattener.named:
        pointer = flattener.named.pop()
        if pointer not in definitions:
            definitions[pointer] = Choice(())  # holds its place
            found = flattener.shape(flattener.resolve(pointer, pointer), pointer)
            definitions[pointer] = Choice(()) if found is None else found
    if root is None:
        why = flattener.contradiction or "it is false, or an enum is empty"
        raise SchemaUnfillable(f"the schema allows no value at all: {why}")
    return Form(root, definitions, schema)


class Flattener:
    def __init__(self, root: Any) -> None:
        self._root = root
        self.named: set[str] = set()
        self.contradiction = ""
        self._deep = 0

    def shape(self, schema: Any, place: str) -> Shape | None:
        """The shape of a subschema; None if nothing satisfies it."""
        only = set(schema) - _ANNOTATIONS if isinstance(schema, dict) else set()
        if only == {"$ref"}:
            pointer = self._pointer(schema["$ref"], place)
            self.resolve(pointer, place)
            self.named.add(pointer)
            return Reference(pointer)
        self._deep += 1
        if self._deep > _MOST_DEEP:
            raise SchemaError(
                f"schema, {place[:40]}...: nested too deep, or it leads back to itself beside other keywords",
                hint="flatten it, or let a $ref stand alone",
            )
        found: list[Shape] = []
        if only in ({"anyOf"}, {"oneOf"}) or (only == {"allOf"} and len(schema["allOf"]) == 1):
            found = self._each(schema[min(only)], min(only), place)  # so that references in it stay references
        else:
            for alternative in self.alternatives(schema, place):
                found += alternative.shapes(self, place)
        self._deep -= 1
        options = tuple(dict.fromkeys(found))
        if not options:
            return None
        return options[0] if len(options) == 1 else Choice(options)

    def _each(self, parts: list[Any], key: str, place: str) -> list[Shape]:
        if key == "oneOf":
            self._check_apart([self.alternatives(part, f"{place}/oneOf/{n}") for n, part in enumerate(parts)], place)
        shapes = [self.shape(part, f"{place}/{key}/{n}") for n, part in enumerate(parts)]
        return [
            option
            for shape in shapes
            if shape is not None
            for option in (shape.options if isinstance(shape, Choice) else (shape,))
        ]

    def alternatives(self, schema: Any, place: str) -> list[Conjunction]:
        """The schema as a list of conjunctions of which one must hold."""
        if schema is True or schema == {}:
            return [Conjunction()]
        if schema is False:
            return []
        self._check_supported(schema, place)
        result = [conjunction(schema, place, self)]
        for key in _COMBINING:
            if key in schema:
                result = self._combine(result, schema[key], key, place)
        return [alternative for alternative in result if not alternative.empty]

    def _combine(self, before: list[Conjunction], value: Any, key: str, place: str) -> list[Conjunction]:
        if key == "$ref":
            groups = [self._followed(value, place)]
        elif key == "allOf":
            groups = [self.alternatives(part, f"{place}/allOf/{n}") for n, part in enumerate(value)]
        else:
            parts = [self.alternatives(part, f"{place}/{key}/{n}") for n, part in enumerate(value)]
            if key == "oneOf":
                self._check_apart(parts, place)
            groups = [[alternative for part in parts for alternative in part]]
        for group in groups:
            before = [one.joined(other, self) for one in before for other in group]
            if len(before) > _MOST_ALTERNATIVES:
                raise SchemaError(f"schema, {place}: more than {_MOST_ALTERNATIVES} alternatives", hint="simplify it")
        return before

    def _followed(self, reference: Any, place: str) -> list[Conjunction]:
        pointer = self._pointer(reference, place)
        self._deep += 1
        if self._deep > _MOST_DEEP:
            raise SchemaError(
                f"schema, {place[:40]}...: {reference} leads back to itself beside other keywords",
                hint="let the $ref stand alone",
            )
        found = self.alternatives(self.resolve(pointer, place), pointer)
        self._deep -= 1
        return found

    def _check_apart(self, parts: list[list[Conjunction]], place: str) -> None:
        """oneOf is anyOf where no two branches share a value; where that cannot be seen it is refused."""
        for n, one in enumerate(parts):
            for m in range(n):
                if any(not a.apart_from(b, self) for a in one for b in parts[m]):
                    raise SchemaError(
                        f"schema, {place}/oneOf: a value may satisfy both branch {m} and branch {n}",
                        hint="write anyOf, or give the branches different types or a property with different constants",
                    )

    def _check_supported(self, schema: Any, place: str) -> None:
        for key in UNSUPPORTED:
            if key in schema and not _says_nothing(key, schema):
                raise SchemaError(
                    f"schema, {place}: the keyword {key!r} is not supported",
                    hint=f"leave it out; not supported are: {', '.join(UNSUPPORTED)}",
                )

    def _pointer(self, reference: Any, place: str) -> str:
        if not isinstance(reference, str) or not reference.startswith("#") or (reference[1:2] not in ("", "/")):
            raise SchemaError(
                f"schema, {place}: the reference {reference!r} does not lead into this schema",
                hint='only references within the file are followed, such as "#/$defs/item"',
            )
        return reference.rstrip("/") or "#"

    def resolve(self, pointer: str, place: str) -> Any:
        """What a JSON pointer leads to."""
        found = self._root
        for part in pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~").replace("%25", "%").replace("%22", '"')
            if isinstance(found, dict) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            else:
                raise SchemaError(f"schema, {place}: {pointer} leads nowhere", hint="correct the $ref")
        if not isinstance(found, dict | bool):
            raise SchemaError(f"schema, {place}: {pointer} is no schema", hint="correct the $ref")
        return found if isinstance(found, bool) or found else {"type": list(KINDS)}


def _says_nothing(key: str, schema: Any) -> bool:
    """Whether a keyword that is not supported asks for nothing where it stands."""
    if key in ("if", "then", "else"):
        return "if" not in schema or ("then" not in schema and "else" not in schema)
    return key not in ("not", "contains") and schema[key] in ({}, True)
