"""Keywords that must hold together, as one value: what remains of a subschema when references and alternatives are gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

from dsvl2.model.constraints import Bounds
from dsvl2.pipelines.extract.formats import FORMATS
from dsvl2.pipelines.extract.shapes import LITERALS, NULL, Constant, Listing, Numeral, Shape, Words

if TYPE_CHECKING:
    from dsvl2.pipelines.extract.flatten import Flattener

KINDS = ("null", "boolean", "number", "string", "array", "object")
# Keywords that say of which kind a value is meant to be, where `type` does not.
_HINTS = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


@dataclass(frozen=True, slots=True)
class Conjunction:
    """All of it must hold; None is "nothing said".

    values: JSON texts of an enum. properties, items and the like hold subschemas that are turned into shapes when needed.
    """

    kinds: frozenset[str] | None = None
    integer: bool = False
    values: tuple[str, ...] | None = None
    bounds: Bounds = field(default_factory=Bounds)
    words: Words = field(default_factory=Words)
    properties: dict[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: Any = True
    properties_count: tuple[int, int | None] = (0, None)
    prefix: tuple[Any, ...] = ()
    items: Any = True
    items_count: tuple[int, int | None] = (0, None)

    @property
    def empty(self) -> bool:
        """Whether nothing can satisfy it, as far as can be seen here."""
        return (self.kinds is not None and not self.kinds) or self.values == ()

    def joined(self, other: Conjunction, _: Flattener) -> Conjunction:
        """Both at once."""
        return Conjunction(
            kinds=_both(self.kinds, other.kinds),
            integer=self.integer or other.integer,
            values=_shared(self.values, other.values),
            bounds=_tighter(self.bounds, other.bounds),
            words=Words(
                max(self.words.least, other.words.least),
                _least(self.words.most, other.words.most),
                tuple(dict.fromkeys(self.words.patterns + other.words.patterns)),
            ),
            properties={
                name: _all_of(self.property(name), other.property(name))
                for name in (*self.properties, *(n for n in other.properties if n not in self.properties))
            },
            required=tuple(dict.fromkeys(self.required + other.required)),
            additional=_all_of(self.additional, other.additional),
            properties_count=_narrower(self.properties_count, other.properties_count),
            prefix=tuple(
                _all_of(self._item(n), other._item(n)) for n in range(max(len(self.prefix), len(other.prefix)))
            ),
            items=_all_of(self.items, other.items),
            items_count=_narrower(self.items_count, other.items_count),
        )

    def property(self, name: str) -> Any:
        """What is asked of the property of a name."""
        return self.properties.get(name, self.additional)

    def _item(self, place: int) -> Any:
        return self.prefix[place] if place < len(self.prefix) else self.items

    def apart_from(self, other: Conjunction, flattener: Flattener) -> bool:
        """Whether it is certain that no value satisfies both."""
        joined = self.joined(other, flattener)
        if joined.empty:
            return True
        if (joined.kinds or frozenset(KINDS)) != {"object"}:
            return False
        for name in joined.required:
            sub = [flattener.alternatives(one.property(name), name) for one in (self, other)]
            if all(a.joined(b, flattener).empty for a in sub[0] for b in sub[1]):
                return True
        return False

    def shapes(self, flattener: Flattener, place: str) -> list[Shape]:
        """The shapes of all kinds of values that satisfy it."""
        if self.values is not None:
            return [Constant(value) for value in self.values if self._holds(value, flattener, place)]
        if self.kinds is None and self == Conjunction():
            return [NULL, Words(), Numeral(Bounds()), *LITERALS]
        kinds = frozenset(KINDS) if self.kinds is None else self.kinds
        found: list[Shape] = []
        if "null" in kinds:
            found.append(NULL)
        if "boolean" in kinds:
            found += LITERALS
        if "number" in kinds:
            found += self._numeral(flattener, place)
        if "string" in kinds and _in_order((self.words.least, self.words.most), flattener, place, "Length"):
            found.append(self.words)
        if "array" in kinds:
            found += self._listing(flattener, place)
        if "object" in kinds:
            from dsvl2.pipelines.extract.records import record

            found += record(self, flattener, place)
        return found

    def _numeral(self, flattener: Flattener, place: str) -> list[Shape]:
        bounds = replace(self.bounds, integer=self.integer)
        low, high = bounds.low, bounds.high
        if low is None or high is None or low < high or (low == high and not (bounds.open_low or bounds.open_high)):
            return [Numeral(bounds)]
        fact = f"{place}: no number is from {float(low):g} to {float(high):g}"
        flattener.contradiction = flattener.contradiction or fact
        return []

    def _listing(self, flattener: Flattener, place: str) -> list[Shape]:
        least, most = self.items_count
        if not _in_order(self.items_count, flattener, place, "Items"):
            return []
        first: list[Shape] = []
        for number, schema in enumerate(self.prefix[: most if most is not None else None]):
            shape = flattener.shape(schema, f"{place}/prefixItems/{number}")
            if shape is None:
                break
            first.append(shape)
        rest = None
        if len(first) == len(self.prefix) and (most is None or most > len(first)):
            rest = flattener.shape(self.items, f"{place}/items")
        if rest is None and least > len(first):
            flattener.contradiction = flattener.contradiction or f"{place}: minItems {least}, and no item can be there"
            return []
        return [Listing(tuple(first), rest, least, most)]

    def _holds(self, value: str, flattener: Flattener, place: str) -> bool:
        """Whether a value of the enum satisfies the rest."""
        from dsvl2.pipelines.extract.records import accepts

        parsed = json.loads(value)
        rest = replace(self, values=None)
        if rest.kinds is None and rest == Conjunction():
            return True
        if any(accepts(shape, parsed, flattener) for shape in rest.shapes(flattener, place)):
            return True
        flattener.contradiction = flattener.contradiction or f"{place}: {value} of the enum does not fit the rest"
        return False


def conjunction(schema: Any, place: str, flattener: Flattener) -> Conjunction:
    """The keywords of a subschema itself."""
    kinds, integer = _kinds(schema)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if "const" in schema and "enum" in schema and schema["const"] not in schema["enum"]:
        values = []
        flattener.contradiction = flattener.contradiction or f"{place}: const is not in enum"
    prefix = schema.get("prefixItems", ())
    items = schema.get("items", True)
    if isinstance(items, list):  # drafts before 2020-12
        prefix, items = items, schema.get("additionalItems", True)
    most = schema.get("maxItems")
    return Conjunction(
        kinds=kinds,
        integer=integer,
        values=None if values is None else tuple(dict.fromkeys(map(_json, values))),
        bounds=_bounds(schema),
        words=_words(schema),
        properties=dict(schema.get("properties", {})),
        required=tuple(schema.get("required", ())),
        additional=schema.get("additionalProperties", True),
        properties_count=(int(schema.get("minProperties", 0)), _whole(schema.get("maxProperties"))),
        prefix=tuple(prefix),
        items=items,
        items_count=(int(schema.get("minItems", 0)), _whole(most)),
    )


def _kinds(schema: Any) -> tuple[frozenset[str] | None, bool]:
    named = schema.get("type")
    if named is None:
        hinted = frozenset(kind for kind, keys in _HINTS.items() if any(key in schema for key in keys))
        return (hinted or None), False
    listed = [named] if isinstance(named, str) else list(named)
    integer = "integer" in listed and "number" not in listed
    return frozenset("number" if kind == "integer" else kind for kind in listed), integer


def _bounds(schema: Any) -> Bounds:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    open_low = above is not None and (low is None or above >= low)
    open_high = below is not None and (high is None or below <= high)
    return Bounds(
        _fraction(above if open_low else low),
        _fraction(below if open_high else high),
        open_low,
        open_high,
        _fraction(schema.get("multipleOf")),
    )


def _words(schema: Any) -> Words:
    patterns = [schema["pattern"]] if "pattern" in schema else []
    if schema.get("format") in FORMATS:
        patterns.append(FORMATS[schema["format"]])
    return Words(int(schema.get("minLength", 0)), _whole(schema.get("maxLength")), tuple(patterns))


def _in_order(count: tuple[int, int | None], flattener: Flattener, place: str, what: str) -> bool:
    if count[1] is not None and count[0] > count[1]:
        fact = f"{place}: min{what} {count[0]} > max{what} {count[1]}"
        flattener.contradiction = flattener.contradiction or fact
        return False
    return True


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _fraction(value: Any) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other


def _shared(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(value for value in one if value in other)


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _narrower(one: tuple[int, int | None], other: tuple[int, int | None]) -> tuple[int, int | None]:
    return max(one[0], other[0]), _least(one[1], other[1])


def _all_of(one: Any, other: Any) -> Any:
    if one is True or one == {}:
        return other
    if other is True or other == {}:
        return one
    return False if one is False or other is False else {"allOf": [one, other]}


def _tighter(one: Bounds, other: Bounds) -> Bounds:
    """Bounds that hold both; a bound that leaves out its value is the tighter of two equal ones."""
    low, open_low = max(((b.low, b.open_low) for b in (one, other) if b.low is not None), default=(None, False))
    ends = [(-b.high, b.open_high) for b in (one, other) if b.high is not None]
    high, open_high = max(ends, default=(None, False))
    multiples = [b.multiple for b in (one, other) if b.multiple is not None]
    multiple = multiples[0] if multiples else None
    if len(multiples) == 2:
        a, b = multiples
        multiple = Fraction(lcm(a.numerator, b.numerator), gcd(a.denominator, b.denominator))
    return Bounds(low, None if high is None else -high, open_low, open_high, multiple)
