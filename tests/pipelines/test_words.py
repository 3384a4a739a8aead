"""Where words are taken to stand in a line."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.documents import Box, Line, PageResult, Word
from dsvl2.pipelines.words import Slant, split_at_gaps, split_by_width, words_of

LEVEL = Slant(0, 0.0)


def test_without_ink_words_share_the_line_by_letter_widths() -> None:
    (one, a, b), (two, c, d) = split_by_width(" ill  mmm ")
    assert (one, two) == ("ill", "mmm")
    assert 0 == a < b < c < d == 1
    assert d - c > 2 * (b - a)


def test_word_ends_move_to_gaps_in_the_ink() -> None:
    gaps = [(10, 12), (41, 49), (60, 61), (88, 96)]  # letters stand apart too
    found = split_at_gaps("one two three", gaps, 200)
    assert [(word, round(start * 200), round(stop * 200)) for word, start, stop in found] == [
        ("one", 0, 41),
        ("two", 49, 88),
        ("three", 96, 200),
    ]


def test_more_spaces_than_gaps_fall_back_to_widths() -> None:
    found = split_at_gaps("a b c d", [(48, 52)], 100)
    assert [word for word, _, _ in found] == ["a", "b", "c", "d"]
    places = [place for _, start, stop in found for place in (start, stop)]
    assert places == sorted(places)


def test_a_tab_is_a_wide_gap_wherever_it_lies() -> None:
    gaps = [(56, 60), (110, 114), (150, 420), (470, 474)]
    found = split_at_gaps("MENTHOL PRODUCT TEST\tPAGE # 1", gaps, 500)
    assert [word for word, start, _ in found if start * 500 >= 420] == ["PAGE", "#", "1"]
    assert found[2][2] == 150 / 500


def test_a_ruled_line_may_be_of_any_width() -> None:
    found = split_at_gaps("DATE: ____ NO. ____", [(45, 50), (180, 190), (215, 220)], 400)
    assert [(round(start * 400), round(stop * 400)) for _, start, stop in found] == [
        (0, 45),
        (50, 180),
        (190, 215),
        (220, 400),
    ]


def test_words_that_no_gap_parts_share_their_room() -> None:
    found = split_at_gaps("aa bb cc dd", [(52, 58)], 110)
    assert found[1][2] <= 52 / 110 < 58 / 110 <= found[2][1]
    assert found[0][2] < found[1][1]


@pytest.mark.parametrize("text", ["", "   ", "word"])
def test_lines_of_no_or_one_word(text: str) -> None:
    assert split_at_gaps(text, [(3, 5)], 50) == [(word, 0.0, 1.0) for word in text.split()]


def test_a_line_keeps_the_words_it_carries_and_has_none_without_a_box() -> None:
    word = Word("x", Box(1, 2, 3, 4))
    assert words_of(Line("x", Box(0, 0, 9, 9), words=(word,)), LEVEL) == (word,)
    assert words_of(Line("x y"), LEVEL) == ()


@pytest.mark.parametrize(
    ("rotation", "box", "first"),
    [
        (0, Box(0, 0, 100, 10), lambda b: b.x0 == 0),
        (180, Box(0, 0, 100, 10), lambda b: b.x1 == 100),
        (90, Box(0, 0, 10, 100), lambda b: b.y1 == 100),
        (270, Box(0, 0, 10, 100), lambda b: b.y0 == 0),
    ],
)
def test_words_follow_the_direction_of_the_page(rotation: int, box: Box, first: object) -> None:
    words = words_of(Line("ab cd", box), Slant.of(PageResult(1, rotation=rotation)))
    assert callable(first) and first(words[0].box)
    assert not first(words[1].box)


def test_words_of_a_skewed_line_climb_with_it() -> None:
    line = Line("left middle right", Box(0, 0, 1000, 60))
    left, _, right = words_of(line, Slant(0, 2.0))
    assert left.box.y1 < 45 and right.box.y0 > 15
    left, _, right = words_of(line, Slant(0, -2.0))
    assert right.box.y1 < 45 and left.box.y0 > 15
