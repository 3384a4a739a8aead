"""Extract fields from a document: every page asked, doubts looked at again, pages merged, rules checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.asking import Asker, evidence_of
from dsvl2.pipelines.extract.grammar import shortest
from dsvl2.pipelines.extract.leaves import Path, leaves_of, replaced, shown, value_at
from dsvl2.pipelines.extract.merge import merged
from dsvl2.pipelines.extract.rules import Rule, parse_rule
from dsvl2.pipelines.extract.second import allowed, look_again, typed
from dsvl2.pipelines.extract.shapes import Form
from dsvl2.pipelines.extract.types import Extraction, FieldEvidence, Options, Reading, RuleOutcome, View
from dsvl2.pipelines.tasks.base import Engine

_MOST_LOOKS, _MOST_COMBINATIONS = 12, 256


@dataclass(frozen=True, slots=True)
class _Other:
    """Another value for a field."""

    path: Path
    value: Any
    evidence: FieldEvidence


def rules_of(form: Form, more: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Return the rules that the schema brings under `x-rules`, and more of them.

    Raises:
        RuleError.
    """
    own = form.schema.get("x-rules", [])
    texts = [own] if isinstance(own, str) else own if isinstance(own, list) else []
    return tuple(parse_rule(str(text), form) for text in dict.fromkeys((*texts, *more)))


def extract(
    source: str,
    views: Sequence[View],
    engine: Engine,
    form: Form,
    *,
    rules: Sequence[Rule] = (),
    options: Options | None = None,
    asker: Asker | None = None,
) -> Extraction:
    """Extract the fields of a form from the views of a document.

    The data is valid for the form's schema whatever the model says; without a view it says as little as the schema lets
    it. `asker` is one for the same engine and form, kept over several documents.

    Raises:
        ConstraintError: the limit of tokens is too short for any answer. ContextOverflow: a page does not fit.
    """
    asker = asker or Asker(engine, form, options or Options())
    readings = look_again(asker, views, asker.read(views)) if views else [_empty(form)]
    whole = merged(form, readings)
    outcomes = [rule.check(whole.data) for rule in rules]
    for rule, outcome in zip(rules, outcomes, strict=True):
        if outcome.holds is False:
            whole = _closer(asker, views, readings, whole, rule, rules)
    whole = _sure_only(form, whole, asker.options.least)
    outcomes = [rule.check(whole.data) for rule in rules]
    return Extraction(
        source=source,
        data=whole.data,
        fields={shown(path): evidence for path, evidence in whole.evidence.items()},
        rules=tuple(outcomes),
        notices=(*whole.notices, *_rule_notices(outcomes)),
        pages=tuple(dict.fromkeys(view.page for view in views)),
        token_limit=asker.limit,
        most_tokens=asker.most_tokens,
    )


def _empty(form: Form) -> Reading:
    data = json.loads(shortest(form) or "null")
    evidence = {leaf.path: FieldEvidence() for leaf in leaves_of(json.dumps(data))}
    return Reading(0, data, evidence, (Notice("empty", "no page has anything to extract from"),))


def _sure_only(form: Form, whole: Reading, least: float) -> Reading:
    """Make null of fields that are less sure than that."""
    for path, evidence in list(whole.evidence.items()):
        value = value_at(whole.data, path)
        if value is None or evidence.confidence is None or evidence.confidence >= least:
            continue
        if allowed(form, whole.data, path, None):
            fact = f"{shown(path)}: {value!r} is only {evidence.confidence:.0%} sure, so it is null"
            whole = _with(whole, _Other(path, None, evidence), Notice("unsure", fact))
        else:
            fact = f"{shown(path)}: {value!r} is only {evidence.confidence:.0%} sure; null is not allowed there"
            whole = replace(whole, notices=(*whole.notices, Notice("unsure", fact)))
    return whole


def _closer(
    asker: Asker, views: Sequence[View], readings: Sequence[Reading], whole: Reading, rule: Rule, rules: Sequence[Rule]
) -> Reading:
    """Look again at the fields of a rule that fails; take other values for them if all rules that held still do.

    Other values come from the other pages and from asking for the field alone. The fewest changes win.
    """
    paths = [path for path in rule.paths(whole.data) if not any(isinstance(part, int) for part in path)][:_MOST_LOOKS]
    others = {path: _others(path, readings, whole) for path in paths}
    looks = [(view, path) for path in paths for view in _likely(views, whole.evidence.get(path))]
    for (view, path), (answer, confidence) in zip(looks, asker.ask(looks), strict=True):
        value = typed(asker.form, whole.data, path, answer) if answer else None
        evidence = evidence_of(view, value, confidence)
        if value is not None and (view.text is None or evidence.quote is not None):
            others[path].append(_Other(path, value, evidence))
    held = [known for known in rules if known.check(whole.data).holds]
    ways = product(*([None, *others[path]] for path in paths))
    for way in sorted(islice(ways, _MOST_COMBINATIONS), key=lambda way: sum(other is not None for other in way)):
        tried = whole
        for other in way:
            if other is not None and allowed(asker.form, tried.data, other.path, other.value):
                tried = _with(tried, other)
        if rule.check(tried.data).holds and all(known.check(tried.data).holds for known in held):
            return tried
    return whole


def _likely(views: Sequence[View], evidence: FieldEvidence | None) -> list[View]:
    """The views to look at again for a field: those of the page that its value is from, else the first and the last."""
    same = [view for view in views if evidence is not None and view.page == evidence.page]
    return same[:2] or list({id(view): view for view in (views[0], views[-1])}.values())


def _others(path: Path, readings: Sequence[Reading], whole: Reading) -> list[_Other]:
    found = []
    for reading in readings:
        if path in reading.evidence:
            value = value_at(reading.data, path)
            if value is not None and value != value_at(whole.data, path):
                found.append(_Other(path, value, reading.evidence[path]))
    return found


def _with(reading: Reading, other: _Other, notice: Notice | None = None) -> Reading:
    before = value_at(reading.data, other.path)
    fact = f"{shown(other.path)} was {before!r}; a closer look gave {other.value!r}, with which the rules hold"
    return replace(
        reading,
        data=replaced(reading.data, other.path, other.value),
        evidence={**reading.evidence, other.path: other.evidence},
        notices=(*reading.notices, notice or Notice("closer_look", fact)),
    )


def _rule_notices(outcomes: Sequence[RuleOutcome]) -> list[Notice]:
    told = []
    for outcome in outcomes:
        if outcome.holds is False:
            told.append(Notice("rule_failed", f"the rule {outcome.rule} does not hold: {outcome.detail}"))
        elif outcome.holds is None:
            told.append(Notice("rule_open", f"the rule {outcome.rule} could not be checked: {outcome.detail}"))
    return told
