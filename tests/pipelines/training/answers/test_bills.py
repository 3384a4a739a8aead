"""Bills in six languages, values that run over lines, rows of figures: what is asked has the answer that stands there."""

from __future__ import annotations

import random

import pytest

from dsvl2.pipelines.training.answers.bills import bill
from dsvl2.pipelines.training.answers.draw import Draw, Vocabulary
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.sheet import Sheet
from dsvl2.pipelines.training.answers.stacks import ledger, matrix
from dsvl2.pipelines.training.answers.tongues import ENGLISH, TONGUES, Tongue
from dsvl2.pipelines.training.charset import covered

LISTS = (
    "first last street city company job word common foreign country region sentence adjective act artifact substance"
)


def drawn(seed: int) -> Draw:
    rng = random.Random(seed)
    lists = {key: tuple(f"{key}{rng.randint(0, 10**6)}" for _ in range(40)) for key in LISTS.split()}
    return Draw(rng, Vocabulary(lists))


def values(sheet: Sheet) -> dict[int, list[str]]:
    """The pieces of every tag, from the top down."""
    found: dict[int, list[str]] = {}
    for item in sorted(sheet.items, key=lambda item: item.y):
        for text, tag in item.pieces:
            if tag:
                found.setdefault(tag, []).append(text.strip())
    return found


def tongue_words(tongue: Tongue) -> list[str]:
    groups = (*tongue.labels.values(), *tongue.asks.values(), tongue.subjects, tongue.says)
    return [word for group in groups for word in group]


@pytest.mark.parametrize("number", range(len(TONGUES)))
def test_every_language_is_whole_and_writable(number: int) -> None:
    tongue = TONGUES[number]
    assert set(tongue.labels) | {"sender", "recipient"} == set(ENGLISH)
    assert set(tongue.asks) in (set(), set(ENGLISH))
    assert len(tongue.months.split()) == 12
    assert all(covered(word) for word in tongue_words(tongue))
    assert {place.split("}")[0] for say in tongue.says for place in say.split("{")[1:]} <= set(ENGLISH)


def test_a_bill_states_each_value_once_and_answers_what_it_states() -> None:
    for seed in range(60):
        sheet = bill(drawn(seed))
        stated = values(sheet)
        names = [fact.names for fact in sheet.facts]
        assert len(set(names)) == len(names)  # every question in words has one answer
        assert {fact.tag for fact in sheet.facts} == set(stated)
        for text, tag in sheet.natural:  # what a bill is asked beside its facts is what it does not say
            assert tag == 0
            key = next((key for key, (_, _, asks) in ENGLISH.items() if text in asks), "")
            assert not key or ENGLISH[key][0] not in names


def test_bills_are_asked_in_their_own_language_too() -> None:
    native = {ask for tongue in TONGUES for asks in tongue.asks.values() for ask in asks}
    asked = {ask for seed in range(40) for fact in bill(drawn(seed)).facts for ask in fact.asks}
    assert asked & native
    assert asked - native


def test_a_line_without_a_label_goes_on_with_the_value_above() -> None:
    longest = 0
    for seed in range(40):
        form = Form(drawn(seed))
        form.empty = 0.0
        ledger(form)
        marked = [item for item in form.sheet.items if any(tag for _, tag in item.pieces)]
        assert len({item.x0 for item in marked}) == 1
        for fact in form.sheet.facts:
            own = [item.y for item in marked if item.pieces[0][1] == fact.tag]
            (label,) = [item.y for item in form.sheet.items if item.text == fact.label][:1]
            assert own == sorted(own)
            longest = max(longest, len(own))
            assert own[0] == label or [item.text for item in form.sheet.items].count(fact.label) > 1
    assert longest >= 3


def test_a_row_of_figures_answers_with_what_stands_first_in_it() -> None:
    for seed in range(20):
        form = Form(drawn(seed))
        matrix(form)
        names = [item for item in form.sheet.items if item.x0 == form.left]
        assert [item.text for item in names] == [fact.label for fact in form.sheet.facts]
        for fact, label in zip(form.sheet.facts, names, strict=True):
            row = [item for item in form.sheet.items if item.y == label.y and item is not label]
            first = min(row, key=lambda item: item.x0)
            assert values(form.sheet)[fact.tag] == [first.text.strip()]
