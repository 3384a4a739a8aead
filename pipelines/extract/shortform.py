"""The short form of a schema: `invoice_no, date: date, total: number, items[]: {text, amount: number}`.

    fields  = field ("," field)*
    field   = name ["[]"] ["?" | "!"] [":" type] [description in double quotes]
    type    = word | word "|" word ... | "{" fields "}"

Words: text, number, integer, bool, date, time, datetime, email, url, and with check digits iban, isbn, card, vat; words
with "|" between them are the values an enum allows. Every field is there in the result; one that is not in the document is
null, unless `!` (never null) or `?` (left out instead) says otherwise. `json_schema` gives a JSON Schema (draft 2020-12),
`short_form` writes one back.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import Any

from dsvl2.pipelines.errors import SchemaError
from dsvl2.pipelines.extract.formats import CHECKED

_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "string": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "pattern": f"^{_CLOCK}$"},  # as printed: no zone, which the format asks for
    "datetime": {"type": "string", "pattern": f"^[12][0-9]{{3}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_CLOCK}$"},
    "email": {"type": "string", "format": "email"},
    "url": {"type": "string", "format": "uri"},
    "iban": {"type": "string", "format": "iban", "pattern": CHECKED["iban"]},
    "isbn": {"type": "string", "format": "isbn", "pattern": CHECKED["isbn"]},
    "card": {"type": "string", "format": "payment-card", "pattern": CHECKED["payment-card"]},
    "vat": {"type": "string", "format": "vat", "pattern": CHECKED["vat"]},
}
_TOKEN = re.compile(r'\s*(?:(?P<name>[^\W]\w*(?:-\w+)*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>\[\]|[,:{}?!|]))')
_MOST_DEEP = 40
_MOST_SHOWN = 6  # levels of nesting, or steps from one reference to the next, that the short form shows
EXAMPLE = "invoice_no, date: date, total: number, items[]: {text, amount: number}"


def json_schema(words: str) -> dict[str, Any]:
    """Return the JSON Schema of a short form.

    Raises:
        SchemaError: it does not parse; the message shows the place.
    """
    parser = _Parser(words)
    schema = parser.fields(end=None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A piece of the text: kind "name", "text", "sign" or "end"."""

    kind: str
    value: str
    place: int


class _Parser:
    def __init__(self, words: str) -> None:
        self._words = words
        self._at = 0
        self._deep = 0
        self._next = self._read()

    def fields(self, end: str | None) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required = []
        while True:
            name, schema, needed = self._field(properties)
            properties[name] = schema
            if needed:
                required.append(name)
            if self._take(","):
                if self._next.value == end or self._next.kind == "end":  # a comma at the end does no harm
                    break
                continue
            break
        if end is None and self._next.kind != "end":
            raise self._wrong(f"expected a comma or the end, not {self._shown()}", 'put "," between fields')
        if end is not None and not self._take(end):
            raise self._wrong(f"expected {end!r} or a comma, not {self._shown()}", f"close the braces with {end!r}")
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def _field(self, known: dict[str, Any]) -> tuple[str, dict[str, Any], bool]:
        if self._next.kind != "name":
            raise self._wrong(f"expected the name of a field, not {self._shown()}", f"for example: {EXAMPLE}")
        if self._next.value in known:
            raise self._wrong(f"the field {self._next.value!r} is there twice", "give it another name")
        name = self._advance().value
        many = self._take("[]")
        mark = "?" if self._take("?") else "!" if self._take("!") else ""
        schema = self._type() if self._take(":") else dict(TYPES["text"])
        many = self._take("[]") or many
        if not mark:
            mark = "?" if self._take("?") else "!" if self._take("!") else ""
        if "properties" not in schema and mark != "!":
            schema = _nullable(schema)
        if many:
            schema = {"type": "array", "items": schema, **({"minItems": 1} if mark == "!" else {})}
        if self._next.kind == "text":
            schema["description"] = re.sub(r"\\(.)", r"\1", self._advance().value[1:-1])
        return name, schema, mark != "?"

    def _type(self) -> dict[str, Any]:
        if self._take("{"):
            self._deep += 1
            if self._deep > _MOST_DEEP:
                raise self._wrong(f"braces are nested deeper than {_MOST_DEEP}", "flatten the schema")
            schema = self.fields(end="}")
            self._deep -= 1
            return schema
        start = self._next
        words = [self._word()]
        while self._take("|"):
            words.append(self._word())
        if len(words) > 1:
            return {"enum": list(dict.fromkeys(words))}
        if words[0] not in TYPES:
            near = difflib.get_close_matches(words[0], TYPES, n=1)
            known = f"did you mean {near[0]}?" if near else f"types: {', '.join(TYPES)}; or an enum: paid|open"
            raise self._wrong(f"unknown type {words[0]!r}", known, start.place)
        return dict(TYPES[words[0]])

    def _word(self) -> str:
        if self._next.kind == "text":
            return re.sub(r"\\(.)", r"\1", self._advance().value[1:-1])
        if self._next.kind != "name":
            raise self._wrong(f"expected a type, not {self._shown()}", f"types: {', '.join(TYPES)}; or {{fields}}")
        return self._advance().value

    def _take(self, sign: str) -> bool:
        if self._next.kind == "sign" and self._next.value == sign:
            self._advance()
            return True
        return False

    def _advance(self) -> _Mark:
        mark, self._next = self._next, self._read()
        return mark

    def _read(self) -> _Mark:
        match = _TOKEN.match(self._words, self._at)
        if match is None:
            rest = self._words[self._at :]
            place = self._at + len(rest) - len(rest.lstrip())
            if not rest.strip():
                return _Mark("end", "", place)
            self._next = _Mark("sign", self._words[place], place)
            what = "a quote that is not closed" if rest.lstrip().startswith('"') else f"unexpected {rest.lstrip()[0]!r}"
            raise self._wrong(what, f"for example: {EXAMPLE}")
        self._at = match.end()
        kind = match.lastgroup or ""
        return _Mark(kind, match[kind], match.start(kind))

    def _shown(self) -> str:
        return "the end" if self._next.kind == "end" else repr(self._next.value)

    def _wrong(self, fact: str, hint: str, place: int | None = None) -> SchemaError:
        where = self._next.place if place is None else place
        before = self._words[max(0, where - 30) : where].replace("\n", " ")
        after = self._words[where : where + 20].replace("\n", " ")
        return SchemaError(f"schema, character {where + 1}: {fact}: {before}>>>{after}", hint=hint)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def short_form(schema: dict[str, Any]) -> str:
    """Return a JSON Schema in the short form; what that cannot say is left out or called text.

    A schema of something else than an object is a single field called value.
    """
    top = _followed(schema, schema)
    return _fields(top, schema) if top.get("properties") else _named("value", top, schema)


def _fields(schema: dict[str, Any], root: dict[str, Any], deep: int = 0) -> str:
    return ", ".join(_named(name, sub, root, deep) for name, sub in schema["properties"].items())


def _named(name: str, schema: Any, root: dict[str, Any], deep: int = 0) -> str:
    many = ""
    schema = _followed(schema, root)
    while schema.get("type") == "array" or "items" in schema:
        schema, many = _followed(schema.get("items"), root), "[]"
    kind = _kind(schema, root, deep + 1)
    return name + many + (f": {kind}" if kind != "text" else "")


def _kind(schema: dict[str, Any], root: dict[str, Any], deep: int) -> str:
    if schema.get("properties") and deep < _MOST_SHOWN:
        return "{" + _fields(schema, root, deep) + "}"
    values = [
        value for value in schema.get("enum", [schema["const"]] if "const" in schema else []) if value is not None
    ]
    if values:
        return "|".join(_worded(value) for value in values)
    options = [option for key in ("anyOf", "oneOf") for option in schema.get(key, ()) if option != {"type": "null"}]
    if options and deep < _MOST_SHOWN:
        return _kind(_followed(options[0], root), root, deep + 1)
    kinds = schema.get("type", "string")
    kind = next((kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"), "string")
    if kind == "string":
        return next((name for name in ("date", "time", "datetime") if _alike(schema, TYPES[name])), "text")
    return {"boolean": "bool", "number": "number", "integer": "integer"}.get(kind, "text")


def _worded(value: Any) -> str:
    words = value if isinstance(value, str) else json.dumps(value)
    return words if re.fullmatch(r"[^\W]\w*(?:-\w+)*", words) else json.dumps(words, ensure_ascii=False)


def _followed(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """A subschema, or what its reference leads to; {} for what is none."""
    for _ in range(_MOST_SHOWN):
        if not isinstance(schema, dict):
            return {}
        if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
            schema = schema["allOf"][0]
            continue
        pointer = schema.get("$ref")
        if not isinstance(pointer, str):
            return schema
        schema = root
        for part in pointer.split("/")[1:]:
            schema = schema.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(schema, dict) else None
    return {}


def _alike(schema: Any, known: dict[str, Any]) -> bool:
    return all(schema.get(key) == known[key] for key in ("format", "pattern") if key in known)
