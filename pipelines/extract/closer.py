"""The closer look at the fields of a rule that fails: asked for alone, and compared with what other pages said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.asking import Asker, evidence_of
from dsvl2.pipelines.extract.leaves import Path, replaced, shown, value_at
from dsvl2.pipelines.extract.merge import merged
from dsvl2.pipelines.extract.rules import Rule
from dsvl2.pipelines.extract.second import allowed, typed
from dsvl2.pipelines.extract.types import FieldEvidence, Reading, View

_MOST_LOOKS, _MOST_COMBINATIONS = 12, 256
_SHORT = 60


@dataclass(frozen=True, slots=True)
class Other:
    """Another value for a field; `evidence` has the paths from the root."""

    path: Path
    value: Any
    evidence: Mapping[Path, FieldEvidence]


def look_closer(
    asker: Asker, views: Sequence[View], readings: Sequence[Reading], whole: Reading, rule: Rule, rules: Sequence[Rule]
) -> Reading:
    """Look again at the fields of a rule that fails; take other values for them if all rules that held still do.

    Other values come from the other pages, from asking for a field alone, and for lists from reading the list alone. The
    fewest changes win.
    """
    paths = rule.paths(whole.data)
    single = [path for path in paths if not any(isinstance(part, int) for part in path)][:_MOST_LOOKS]
    others: dict[Path, list[Other]] = {path: _from_pages(path, readings, whole) for path in single}
    looks = [(view, path) for path in single for view in _likely(views, whole.evidence.get(path))]
    for (view, path), (answer, confidence) in zip(looks, asker.ask(looks), strict=True):
        value = typed(asker.form, whole.data, path, answer) if answer else None
        evidence = evidence_of(view, value, confidence)
        if value is not None and (view.text is None or evidence.quote is not None):
            others[path].append(Other(path, value, {path: evidence}))
    for name in dict.fromkeys(str(path[0]) for path in paths if any(isinstance(part, int) for part in path)):
        others[(name,)] = _list_alone(asker, views, whole, name)
    held = [known for known in rules if known.check(whole.data).holds]
    ways = islice(product(*([None, *found] for found in others.values())), _MOST_COMBINATIONS)
    for way in sorted(ways, key=lambda way: sum(other is not None for other in way)):
        tried = whole
        for other in way:
            if other is not None and allowed(asker.form, tried.data, other.path, other.value):
                tried = with_other(tried, other)
        if rule.check(tried.data).holds and all(known.check(tried.data).holds for known in held):
            return tried
    return whole


def with_other(reading: Reading, other: Other) -> Reading:
    """Put another value in the place of one, and say so."""
    before, after = (_short(value) for value in (value_at(reading.data, other.path), other.value))
    fact = f"{shown(other.path)} was {before}; a closer look gave {after}, with which the rules hold"
    length = len(other.path)
    evidence: dict[Path, FieldEvidence] = {}
    for path, where in reading.evidence.items():  # in the place of the old ones, so that the order stays
        if path[:length] != other.path:
            evidence[path] = where
        else:
            evidence.update(other.evidence)
    return replace(
        reading,
        data=replaced(reading.data, other.path, other.value),
        evidence={**evidence, **other.evidence},
        notices=(*reading.notices, Notice("closer_look", fact)),
    )


def _list_alone(asker: Asker, views: Sequence[View], whole: Reading, name: str) -> list[Other]:
    pages = {where.page for path, where in whole.evidence.items() if path[0] == name}
    seen = [view for view in views if view.page in pages]
    if not seen or name not in asker.form.schema.get("properties", {}):
        return []
    form, readings = asker.alone(seen, name)
    again = merged(form, readings)
    if again.data[name] == whole.data[name]:
        return []
    return [Other((name,), again.data[name], again.evidence)]


def _likely(views: Sequence[View], evidence: FieldEvidence | None) -> list[View]:
    """The views to look at again for a field: those of the page that its value is from, else the first and the last."""
    same = [view for view in views if evidence is not None and view.page == evidence.page]
    return same[:2] or list({id(view): view for view in (views[0], views[-1])}.values())


def _from_pages(path: Path, readings: Sequence[Reading], whole: Reading) -> list[Other]:
    found = []
    for reading in readings:
        if path in reading.evidence:
            value = value_at(reading.data, path)
            if value is not None and value != value_at(whole.data, path):
                found.append(Other(path, value, {path: reading.evidence[path]}))
    return found


def _short(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= _SHORT else f"{words[:_SHORT]}..."
