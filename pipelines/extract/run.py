"""Extract fields from a document: every page asked, doubts looked at again, pages merged, rules checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from dsvl2.pipelines.confidence import answer_confidence
from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.asking import Asker
from dsvl2.pipelines.extract.checkdigits import look_at_check_digits
from dsvl2.pipelines.extract.closer import look_closer
from dsvl2.pipelines.extract.grammar import shortest
from dsvl2.pipelines.extract.least import sure_only
from dsvl2.pipelines.extract.leaves import leaves_of, shown, value_at
from dsvl2.pipelines.extract.merge import merged
from dsvl2.pipelines.extract.rows import look_at_rows
from dsvl2.pipelines.extract.rules import Rule, parse_rule
from dsvl2.pipelines.extract.second import look_again
from dsvl2.pipelines.extract.shapes import Form, is_constant
from dsvl2.pipelines.extract.third import look_at_labels
from dsvl2.pipelines.extract.types import Extraction, FieldEvidence, Options, Reading, RuleOutcome, View
from dsvl2.pipelines.tasks.base import Engine


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
    it. A value less sure than the options' `least` is null, and a candidate beside the data. `asker` is one for the same
    engine and form, kept over several documents.

    Raises:
        ConstraintError: the limit of tokens is too short for any answer. ContextOverflow: a page does not fit.
    """
    asker = asker or Asker(engine, form, options or Options())
    readings = look_again(asker, views, asker.read(views)) if views else [_empty(form)]
    if views and asker.reads_text:
        readings = look_at_rows(form, views, look_at_labels(form, views, readings))
    readings = look_at_check_digits(form, views, readings)
    whole = merged(form, readings)
    outcomes = [rule.check(whole.data) for rule in rules]
    for rule, outcome in zip(rules, outcomes, strict=True):
        if outcome.holds is False:
            whole = look_closer(asker, views, readings, whole, rule, rules)
    whole = _calibrated(engine, whole)
    sure = sure_only(form, whole, asker.options.least)
    outcomes = [rule.check(sure.gaps) for rule in rules]
    whole, demanded = sure.whole, [shown(path) for path in sure.demanded]
    return Extraction(
        source=source,
        data=whole.data,
        fields={shown(path): evidence for path, evidence in whole.evidence.items()},
        rules=tuple(outcomes),
        notices=(*whole.notices, *_rule_notices(outcomes)),
        pages=tuple(dict.fromkeys(view.page for view in views)),
        token_limit=asker.limit,
        most_tokens=asker.most_tokens,
        left_out=sure.left_out,
        demanded=tuple(dict.fromkeys((*_demanded(whole), *demanded))),
    )


def _empty(form: Form) -> Reading:
    data = json.loads(shortest(form) or "null")
    evidence = {leaf.path: FieldEvidence() for leaf in leaves_of(json.dumps(data))}
    notices = [Notice("empty", "no page has anything to extract from")]
    for path in evidence:
        value = value_at(data, path)
        if value is not None and not is_constant(form, path):
            fact = f"no page has text: {shown(path)}: the schema demands a value, so it is {value!r}"
            notices.append(Notice("unsupported", fact))
    return Reading(0, data, evidence, tuple(notices))


def _calibrated(engine: Engine, whole: Reading) -> Reading:
    """Turn what the token probabilities made of each field into the probability that it is right.

    How surely its letters were read is a probability already, and none of the model's: it is taken out and put back.
    """
    evidence = {}
    for path, where in whole.evidence.items():
        kind = "null" if value_at(whole.data, path) is None else "field"
        read = where.reading or 1.0
        raw = None if where.confidence is None else min(where.confidence / read, 1.0)
        sure = answer_confidence(engine.info, kind, raw)
        evidence[path] = replace(where, confidence=None if sure is None else sure * read)
    return replace(whole, evidence=evidence)


def _demanded(whole: Reading) -> list[str]:
    """The fields that no page has a value for, where the schema does not let that be said."""
    told = [notice.message for notice in whole.notices if notice.code == "unsupported"]
    return [
        shown(path)
        for path, where in whole.evidence.items()
        if where.quote is None and where.candidate is None and any(f": {shown(path)}: " in message for message in told)
    ]


def _rule_notices(outcomes: Sequence[RuleOutcome]) -> list[Notice]:
    told = []
    for outcome in outcomes:
        if outcome.holds is False:
            told.append(Notice("rule_failed", f"the rule {outcome.rule} does not hold: {outcome.detail}"))
        elif outcome.holds is None:
            told.append(Notice("rule_open", f"the rule {outcome.rule} could not be checked: {outcome.detail}"))
    return told
