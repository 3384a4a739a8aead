"""What is less sure than asked for: null in the data, kept beside it as a candidate; an item of which nothing is left goes.

The data stays valid for the schema: a value that may not be null is left out where its property may be, and else it stays
and is named as demanded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.leaves import Path, leaves_of, replaced, shown, value_at
from dsvl2.pipelines.extract.schema import validation_errors
from dsvl2.pipelines.extract.shapes import Form, Listing, is_constant, options_at
from dsvl2.pipelines.extract.types import FieldEvidence, LeftOut, Reading

_MOST_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Sure:
    """A reading without its unsure values.

    gaps: its data with null in the place of every item that was left out, so that a rule over them can see that some are
    missing. demanded: the unsure values that the schema does not let go.
    """

    whole: Reading
    gaps: Any
    left_out: tuple[LeftOut, ...] = ()
    demanded: tuple[Path, ...] = ()


def sure_only(form: Form, whole: Reading, least: float) -> Sure:
    """Return the reading with null for values less sure than `least`, and without the items that then say nothing.

    A value whose confidence is not known stays, and one that the schema spells out.
    """
    values = {leaf.path: leaf.value for leaf in leaves_of(json.dumps(whole.data))}
    fixed = frozenset(path for path, value in values.items() if value is not None and is_constant(form, path))
    unsure = frozenset(
        path
        for path, value in values.items()
        if value is not None and path not in fixed and _below(whole.evidence.get(path), least)
    )
    idle = unsure | {path for path, value in values.items() if value is None}
    items = _droppable(form, whole.data, _idle_items(values, idle, fixed), whole.evidence)
    own = [path for path in values if path in unsure and not any(path[: len(item)] == item for item in items)]
    data, gone, demanded = _nulled(form, whole.data, own, ())
    evidence = {
        path: replace(where, candidate=values[path]) if path in unsure and path not in demanded else where
        for path, where in whole.evidence.items()
    }
    gaps = data
    for item in items:
        gaps = replaced(gaps, item, None)
    notices = (*_notices(values, evidence, gone, demanded, items), *_item_notices(values, evidence, items, unsure))
    left = _left_out(evidence, items)
    data, evidence = without(data, items), _renumbered(evidence, items)
    told = (*whole.notices, *notices)
    stays = tuple(_moved(path, items) for path in demanded)
    return Sure(replace(whole, data=data, evidence=evidence, notices=told), gaps, left, stays)


def _below(where: FieldEvidence | None, least: float) -> bool:
    return where is not None and where.confidence is not None and where.confidence < least


def _idle_items(values: Mapping[Path, Any], idle: frozenset[Path], fixed: frozenset[Path]) -> list[Path]:
    """The outermost items of lists in which values are idle and nothing else stands but what the schema spells out."""
    kinds: dict[Path, set[str]] = {}
    for path in values:
        kind = "fixed" if path in fixed else "idle" if path in idle else "says"
        for end, part in enumerate(path, 1):
            if isinstance(part, int):
                kinds.setdefault(path[:end], set()).add(kind)
    silent = {item for item, found in kinds.items() if "idle" in found and "says" not in found}
    return [item for item in kinds if item in silent and not any(item[:end] in silent for end in range(1, len(item)))]


def _droppable(
    form: Form, data: Any, items: Sequence[Path], evidence: Mapping[Path, FieldEvidence]
) -> tuple[Path, ...]:
    """Those of the items that may be left out: all of them if the schema allows, else the least sure as far as it does."""
    loose = [item for item in items if not _has_own_place(form, item)]
    if not loose or not validation_errors(form, without(data, loose)):
        return tuple(loose)
    kept: list[Path] = []
    for item in sorted(loose, key=lambda item: max(_confidences(evidence, item), default=0.0)):
        if not validation_errors(form, without(data, [*kept, item])):
            kept.append(item)
    return tuple(item for item in loose if item in kept)


def _has_own_place(form: Form, item: Path) -> bool:
    """Whether the schema says what stands at this place of the list, so that those behind it may not move up."""
    return any(isinstance(shape, Listing) and shape.first for shape in options_at(form, item[:-1]))


def _confidences(evidence: Mapping[Path, FieldEvidence], item: Path) -> list[float]:
    return [where.confidence or 0.0 for path, where in evidence.items() if path[: len(item)] == item]


def without(data: Any, items: Sequence[Path]) -> Any:
    """Return a copy of the data without some items of its lists."""
    for item in sorted(items, key=_order, reverse=True):  # from behind, so that places stay what they are
        rows = value_at(data, item[:-1])
        data = replaced(data, item[:-1], [row for place, row in enumerate(rows) if place != item[-1]])
    return data


def _order(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple(("", part) if isinstance(part, int) else (part, 0) for part in path)


def _nulled(
    form: Form, data: Any, paths: Sequence[Path], gone: tuple[Path, ...]
) -> tuple[Any, tuple[Path, ...], tuple[Path, ...]]:
    """Return the data with null at the paths, the paths at which that or leaving out was possible, and the others.

    All are tried together, then in halves: most schemas allow null everywhere or in few places.
    """
    if not paths:
        return data, gone, ()
    changed = data
    for path in paths:
        changed = replaced(changed, path, None)
    if not validation_errors(form, changed):
        return changed, (*gone, *paths), ()
    if len(paths) == 1:
        changed = _left_away(data, paths[0])
        possible = changed is not None and not validation_errors(form, changed)
        return (changed, (*gone, *paths), ()) if possible else (data, gone, tuple(paths))
    middle = len(paths) // 2
    data, gone, first = _nulled(form, data, paths[:middle], gone)
    data, gone, second = _nulled(form, data, paths[middle:], gone)
    return data, gone, (*first, *second)


def _left_away(data: Any, path: Path) -> Any:
    """The data without a property; None for what is none."""
    if not path or not isinstance(path[-1], str):
        return None
    record = value_at(data, path[:-1])
    return replaced(data, path[:-1], {name: value for name, value in record.items() if name != path[-1]})


def _left_out(evidence: Mapping[Path, FieldEvidence], items: Sequence[Path]) -> tuple[LeftOut, ...]:
    """What was known of every item, and where in the list that is left it would stand."""
    found = []
    for item in items:
        before = sum(other[:-1] == item[:-1] and _place(other) < _place(item) for other in items)
        fields = {shown(path[len(item) :]): where for path, where in evidence.items() if path[: len(item)] == item}
        if any(where.candidate is not None for where in fields.values()):
            found.append(LeftOut(shown(_moved(item[:-1], items)), _place(item) - before, fields))
    return tuple(found)


def _renumbered(evidence: Mapping[Path, FieldEvidence], items: Sequence[Path]) -> dict[Path, FieldEvidence]:
    return {
        _moved(path, items): where
        for path, where in evidence.items()
        if not any(path[: len(item)] == item for item in items)
    }


def _moved(path: Path, items: Sequence[Path]) -> Path:
    """A path where items before it are gone."""
    parts = list(path)
    for item in items:
        end = len(item)
        if len(path) >= end and path[: end - 1] == item[:-1] and _place(path[:end]) > _place(item):
            parts[end - 1] = _place(tuple(parts[:end])) - 1
    return tuple(parts)


def _place(path: Path) -> int:
    place = path[-1]
    assert isinstance(place, int)
    return place


def _notices(
    values: Mapping[Path, Any],
    evidence: Mapping[Path, FieldEvidence],
    gone: Sequence[Path],
    demanded: Sequence[Path],
    items: Sequence[Path],
) -> list[Notice]:
    """What became of single values, by the paths that they have when the items are gone."""
    told = []
    for path in (*gone, *demanded):
        name, likeliest = shown(_moved(path, items)), _likeliest(values[path], evidence[path])
        if path in gone:
            told.append(Notice("unsure", f"{name}: null; {likeliest}"))
        else:
            told.append(Notice("unsure_demanded", f"{name}: {likeliest}; null is not allowed there, so it stays"))
    return told


def _item_notices(
    values: Mapping[Path, Any],
    evidence: Mapping[Path, FieldEvidence],
    items: Sequence[Path],
    unsure: frozenset[Path],
) -> list[Notice]:
    told = []
    for item in items:
        parts = [path for path in values if path[: len(item)] == item and path in unsure]
        if parts:
            best = max(parts, key=lambda path: evidence[path].confidence or 0.0)
            fact = f"{shown(item[:-1])}: an item was left out; {_likeliest(values[best], evidence[best])}"
            told.append(Notice("unsure_item", fact))
    return told


def _likeliest(value: Any, where: FieldEvidence) -> str:
    words = where.quote or json.dumps(value, ensure_ascii=False)
    words = words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]}..."
    page = f", page {where.page}" if where.page else ""
    return f"{words} was likeliest at {int(100 * (where.confidence or 0.0))} %{page}"
