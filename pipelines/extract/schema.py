"""A schema as a user gives it: a JSON Schema file, JSON text, or the short form; checked before anything is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dsvl2.pipelines.errors import SchemaError, SchemaUnfillable
from dsvl2.pipelines.extract.flatten import shapes_of
from dsvl2.pipelines.extract.grammar import shortest
from dsvl2.pipelines.extract.shapes import Form
from dsvl2.pipelines.extract.shortform import EXAMPLE, json_schema

_MOST_BYTES = 2_000_000
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")


def read_schema(given: str | dict[str, Any]) -> Form:
    """Return the form that a schema describes: a dict, a path, JSON text or the short form.

    Raises:
        SchemaError: it cannot be read, does not parse, is no JSON Schema or asks for what is not supported.
        SchemaUnfillable: no JSON satisfies it.
    """
    schema = given if isinstance(given, dict) else _parsed(given)
    if schema is False:
        raise SchemaUnfillable("the schema is false: it allows no value at all")
    if schema is True or not isinstance(schema, dict):
        raise SchemaError("the schema must be a JSON object", hint=f"or the short form: {EXAMPLE}")
    _check_meta(schema)
    form = shapes_of(schema)
    if shortest(form) is None:
        raise SchemaUnfillable("no text can fill the schema: it asks for something that contradicts itself")
    return form


def _parsed(given: str) -> Any:
    text = given.strip()
    if not text:
        raise SchemaError("the schema is empty", hint=f"name the fields, for example: {EXAMPLE}")
    if text.startswith("{") or text in ("true", "false"):
        return _json(text, "the schema")
    path = Path(given)
    if re.search(r"\.json$", text, re.I) or (len(text) < 4096 and "\n" not in text and _is_file(path)):
        return _json(_file(path), str(path))
    return json_schema(given)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _file(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SchemaError(f"the schema {path} is larger than {_MOST_BYTES} bytes", hint="is it the right file?")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SchemaError(f"the schema {path} cannot be read: {reason}", hint="check the path") from error


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        fact = f"{name} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        raise SchemaError(fact, hint=f"correct it, or use the short form: {EXAMPLE}") from error
    except RecursionError as error:
        raise SchemaError(f"{name} is nested too deep", hint="flatten it") from error


def _check_meta(schema: dict[str, Any]) -> None:
    """Check the schema against the metaschema of the draft that it names, 2020-12 by default."""
    from jsonschema.exceptions import SchemaError as Refused
    from jsonschema.validators import Draft4Validator, Draft202012Validator, validator_for

    kind = validator_for(schema, default=Draft202012Validator)
    if kind is Draft4Validator or kind.META_SCHEMA.get("$schema", "").find("draft-03") >= 0:
        raise SchemaError("schemas of draft 3 and 4 are not supported", hint="write it for draft 2020-12")
    try:
        kind.check_schema(schema)
    except Refused as error:
        place = "/".join(map(str, ("#", *error.absolute_path)))
        fact, hint = " ".join(error.message.split())[:300], "correct it"
        if error.absolute_path and error.absolute_path[-1] == "type":
            fact, hint = f"{error.instance!r} is no type"[:300], f"the types are {', '.join(_TYPES)}"
        raise SchemaError(f"schema, {place}: {fact}", hint=hint) from error
    except (RecursionError, re.error) as error:
        raise SchemaError(f"the schema cannot be checked: {error}", hint="simplify it") from error


def validation_errors(form: Form, data: Any) -> list[str]:
    """Return what is wrong with a value by the schema, formats included; nothing if it is valid."""
    from jsonschema.validators import Draft202012Validator, validator_for

    kind = validator_for(form.schema, default=Draft202012Validator)
    validator = kind(form.schema, format_checker=kind.FORMAT_CHECKER)
    errors = validator.iter_errors(data)
    return [f"{'.'.join(map(str, error.absolute_path)) or 'the result'}: {error.message}" for error in errors]
