"""Levenshtein distance: the loop and the rows of NumPy agree with each other and with rapidfuzz."""

from __future__ import annotations

import random

import pytest

from dsvl2.pipelines.distance import _loop, _rows, edit_distance


@pytest.mark.parametrize(
    ("seed", "letters"), [(seed, letters) for seed in range(8) for letters in ("ab", "abcdefghij")]
)
def test_both_ways_give_what_rapidfuzz_gives(seed: int, letters: str) -> None:
    fuzz = pytest.importorskip("rapidfuzz.distance")
    draw = random.Random(seed)
    one, other = ("".join(draw.choices(letters, k=draw.randrange(90))) for _ in range(2))
    want = fuzz.Levenshtein.distance(one, other)
    assert edit_distance(one, other) == want
    assert _loop(one, other) == want
    assert _rows(one, other) == want


def test_words_and_long_texts_are_measured_too() -> None:
    assert edit_distance(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    text = "".join(random.Random(1).choices("abcdefgh", k=3000))
    assert edit_distance(text, text[:1000] + "X" + text[1010:]) == 10
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
