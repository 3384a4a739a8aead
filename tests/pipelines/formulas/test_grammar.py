"""The language that answers are held to."""

from __future__ import annotations

from random import Random

import pytest

from dsvl2.model.constraints import NOTHING
from dsvl2.pipelines.formulas import check, compact, normalise
from dsvl2.pipelines.formulas.grammar import language
from dsvl2.pipelines.training.charset import CHARACTERS
from dsvl2.pipelines.training.formulas.families import FAMILIES, invent

FORMULAS = language(frozenset(CHARACTERS))


def test_invented_formulas_are_in_it() -> None:
    rng = Random(11)
    for family in FAMILIES:
        label = compact(normalise(invent(rng, family)))
        assert FORMULAS.feed(label).nullable, label


def test_what_is_in_it_can_be_typeset() -> None:
    rng = Random(12)
    for _ in range(40):
        place, written = FORMULAS, ""
        for _ in range(rng.randint(1, 25)):
            ranges = place.first()
            if not ranges:
                break
            low, high = rng.choice(ranges)
            character = chr(rng.randint(low, high))
            step = place.step(character)
            if step is NOTHING:
                continue
            place, written = step, written + character
        ending = place.ending
        assert ending is not None
        whole = written + ("" if place.nullable else ending)
        assert check(whole).valid, (whole, check(whole))
        assert check(normalise(whole)).valid, whole


@pytest.mark.parametrize(
    "text",
    ["x}", r"\frac{a}", r"\hatx", r"\sinx", "x__a", "x_a_b", "^2^3", r"\foo", "{x}", "x ", "$x$", r"\begin{matrix}&"],
)
def test_faulty_formulas_are_not(text: str) -> None:
    assert not FORMULAS.feed(text).nullable
