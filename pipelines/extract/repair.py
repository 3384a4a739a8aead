"""Make data valid where its parts are: lists that became too long, or hold a value twice; nothing else is touched."""

from __future__ import annotations

from typing import Any

from dsvl2.pipelines.extract.leaves import replaced, shown, value_at
from dsvl2.pipelines.extract.shapes import Form

_MOST_CHANGES = 50


def repaired(form: Form, data: Any) -> tuple[Any, tuple[str, ...] | None]:
    """Return data that is valid and what was done to it; the second is None if it could not be made valid."""
    from jsonschema.validators import Draft202012Validator, validator_for

    kind = validator_for(form.schema, default=Draft202012Validator)
    validator = kind(form.schema, format_checker=kind.FORMAT_CHECKER)
    done: list[str] = []
    for _ in range(_MOST_CHANGES):
        try:
            error = next(iter(validator.iter_errors(data)), None)
        except (RecursionError, TypeError):  # no JSON data at all
            return data, None
        if error is None:
            return data, tuple(done)
        path = tuple(error.absolute_path)
        value = value_at(data, path)
        if error.validator == "maxItems" and isinstance(value, list):
            most = int(error.validator_value)
            data = replaced(data, path, value[:most])
            done.append(f"{shown(path)} had {len(value)} items, {most} are allowed; the first were kept")
        elif error.validator == "uniqueItems" and isinstance(value, list):
            kept: list[Any] = []
            for item in value:
                if not any(_same(item, other) for other in kept):
                    kept.append(item)
            data = replaced(data, path, kept)
            done.append(f"{shown(path)} held values twice; they were kept once")
        else:
            return data, None
    return data, None


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)
