"""One result from many pages: single values by their support, lists one behind the other, conflicts told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.leaves import Path, leaves_of, shown
from dsvl2.pipelines.extract.repair import repaired
from dsvl2.pipelines.extract.shapes import Form
from dsvl2.pipelines.extract.types import FieldEvidence, Reading

_NEAR = 0.1  # confidences that differ by less are equal


@dataclass(slots=True)
class _Merger:
    notices: list[Notice] = field(default_factory=list)

    def merge(self, parts: Sequence[Reading], path: Path) -> tuple[Any, dict[Path, FieldEvidence]]:
        """Put the values together that several pages have at one place; paths in the evidence are relative to it."""
        said = [part for part in parts if part.data not in (None, "", [], {})] or list(parts[:1])
        if all(isinstance(part.data, dict) for part in said):
            return self._records(said, path)
        if all(isinstance(part.data, list) for part in said):
            return self._lists(said)
        best = self._best(said, path)
        return best.data, dict(best.evidence)

    def _records(self, parts: Sequence[Reading], path: Path) -> tuple[Any, dict[Path, FieldEvidence]]:
        data: dict[str, Any] = {}
        evidence: dict[Path, FieldEvidence] = {}
        for name in dict.fromkeys(name for part in parts for name in part.data):
            here = [_below(part, name) for part in parts if name in part.data]
            data[name], found = self.merge(here, (*path, name))
            evidence |= {(name, *rest): where for rest, where in found.items()}
        return data, evidence

    def _lists(self, parts: Sequence[Reading]) -> tuple[Any, dict[Path, FieldEvidence]]:
        """Items in the order of the pages; one that is cut by the end of a page is joined with its rest."""
        items: list[Reading] = []
        for part in parts:
            own = [_below(part, place) for place in range(len(part.data))]
            if items and own and items[-1].page != part.page and _complete_each_other(items[-1].data, own[0].data):
                items[-1] = Reading(items[-1].page, *self.merge([items[-1], own.pop(0)], ()))
            items += [item for item in own if not _says_nothing(item.data) and not _there_already(item, items)]
        evidence = {(place, *rest): where for place, item in enumerate(items) for rest, where in item.evidence.items()}
        return [item.data for item in items], evidence

    def _best(self, parts: Sequence[Reading], path: Path) -> Reading:
        best = parts[0]
        for part in parts[1:]:
            if _support(part)[0] != _support(best)[0]:
                better = _support(part) > _support(best)
            elif abs(_support(part)[1] - _support(best)[1]) < _NEAR:
                better = isinstance(part.data, int | float)  # totals stand on the last page
            else:
                better = _support(part)[1] > _support(best)[1]
            if part.data != best.data and _support(part)[0] and _support(best)[0]:
                kept, other = (part, best) if better else (best, part)
                fact = (
                    f"{shown(path)} is {kept.data!r} on page {kept.page} and {other.data!r} on page {other.page}; "
                    f"page {kept.page} was taken"
                )
                self.notices.append(Notice("conflict", fact))
            best = part if better else best
        return best


def merged(form: Form, readings: Sequence[Reading]) -> Reading:
    """Return all readings as one that is valid; page 0 stands for all of them.

    If the parts do not make a valid whole (alternatives of a schema that exclude each other), the best single page is
    taken, and that is said.
    """
    if len(readings) == 1:
        return readings[0]
    merger = _Merger()
    data, evidence = merger.merge(readings, ())
    data, changes = repaired(form, data)
    if changes is None:
        best = max(readings, key=_worth)
        fact = f"the pages do not make one valid result together; page {best.page} was taken alone"
        return Reading(0, best.data, best.evidence, (*_all(readings), Notice("not_merged", fact)))
    kept = {leaf.path for leaf in _leaves(data)}
    evidence = {path: evidence.get(path, FieldEvidence()) for path in kept}
    told = [Notice("repaired", change) for change in changes]
    return Reading(0, data, _in_order(data, evidence), (*_all(readings), *merger.notices, *told))


def _leaves(data: Any) -> Any:
    import json

    return leaves_of(json.dumps(data))


def _in_order(data: Any, evidence: Mapping[Path, FieldEvidence]) -> dict[Path, FieldEvidence]:
    return {leaf.path: evidence[leaf.path] for leaf in _leaves(data)}


def _all(readings: Sequence[Reading]) -> tuple[Notice, ...]:
    return tuple(notice for reading in readings for notice in reading.notices)


def _below(part: Reading, name: str | int) -> Reading:
    evidence = {path[1:]: where for path, where in part.evidence.items() if path and path[0] == name}
    return Reading(part.page, part.data[name], evidence)


def _support(part: Reading) -> tuple[bool, float]:
    """Whether a value stands on its page, and how sure it is; a null is less than any value."""
    sure = [where.confidence for where in part.evidence.values() if where.confidence is not None]
    stands = any(where.quote is not None for where in part.evidence.values())
    return stands, min(sure, default=0.0)


def _worth(reading: Reading) -> float:
    return sum((where.quote is not None) + 0.5 * (where.confidence or 0.0) for where in reading.evidence.values())


def _complete_each_other(one: Any, other: Any) -> bool:
    """Whether two items are the halves of one: what one has the other lacks, and each has something."""
    if not (isinstance(one, dict) and isinstance(other, dict)) or _says_nothing(one) or _says_nothing(other):
        return False
    names = {*one, *other}
    return all(_says_nothing(one.get(name)) or _says_nothing(other.get(name)) for name in names)


def _there_already(item: Reading, items: Sequence[Reading]) -> bool:
    """Whether an item was read before from the same place: parts of a long page share a few rows."""
    boxes = {where.box for where in item.evidence.values()} - {None}
    return bool(boxes) and any(
        other.page == item.page
        and other.data == item.data
        and {where.box for where in other.evidence.values()} - {None} == boxes
        for other in items
    )


def _says_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_says_nothing(part) for part in value.values())
    return value is None or value == "" or value == []
