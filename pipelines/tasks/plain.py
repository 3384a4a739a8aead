"""Frozen dataclasses as JSON data and back, without loss; unlike `record_of`, which rounds what it publishes."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def to_plain(value: Any) -> Any:
    """Return a value as JSON data: a dataclass as an object with its fields, a tuple as an array."""
    if is_dataclass(value) and not isinstance(value, type):
        return {spec.name: to_plain(getattr(value, spec.name)) for spec in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, data: Any) -> Any:
    """Undo `to_plain` for a value of type `kind`.

    Raises:
        TypeError, KeyError, ValueError: the data is not of that type.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: from_plain(hints[name], item) for name, item in data.items()})
    origin, inside = get_origin(kind), get_args(kind)
    if origin is tuple:
        if len(inside) == 2 and inside[1] is ...:
            return tuple(from_plain(inside[0], item) for item in data)
        return tuple(from_plain(one, item) for one, item in zip(inside, data, strict=True))
    if origin is list:
        return [from_plain(inside[0], item) for item in data]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: from_plain(inside[1], item) for key, item in data.items()}
    if origin in (Union, types.UnionType):
        return None if data is None else from_plain(_only(kind), data)
    return data  # a plain value, a Literal, or Any


def _only(kind: Any) -> Any:
    """The one structured choice of a union; several plain ones need no telling apart."""
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    deep = [choice for choice in choices if is_dataclass(choice) or get_origin(choice) not in (None, Literal)]
    if len(deep) > 1:
        raise TypeError(f"{kind!r} cannot be told apart in JSON")
    return deep[0] if deep else Any


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
