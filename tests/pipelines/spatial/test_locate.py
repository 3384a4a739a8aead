"""Every answer is traced to the place it was copied from."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.spatial import Located, Segment, SpatialText, locate, spatial_text

ROWS = [
    ("Sun Wong Kut Sdn Bhd", 100, 10),
    ("Address:", 0, 40),
    ("176 Jln Sungei Besi,", 100, 40),
    ("Date", 320, 40),
    ("57100 Kuala Lumpur", 100, 60),
    ("21/02/2018", 320, 60),
    ("Ref 2012-A", 0, 90),
    ("Total", 0, 120),
    ("RM 1,234.50", 300, 120),
    ("Cash", 0, 140),
    ("12", 300, 140),
]


@pytest.fixture
def spatial() -> SpatialText:
    segments = [Segment(text, Box(x, y, x + 7 * len(text), y + 14)) for text, x, y in ROWS]
    return spatial_text(segments, 500, 200)


def found(spatial: SpatialText, answer: str) -> Located:
    result = locate(spatial, answer)
    assert result is not None
    return result


def test_a_copy_is_found_with_its_box(spatial: SpatialText) -> None:
    place = found(spatial, "21/02/2018")
    assert (place.text, place.score, place.occurrences) == ("21/02/2018", 1.0, 1)
    assert place.box == Box(320, 60, 390, 74)
    assert [spatial.segments[k].text for k in place.segments] == ["21/02/2018"]


def test_a_part_of_a_segment_has_the_box_of_the_part(spatial: SpatialText) -> None:
    place = found(spatial, "1,234.50")
    assert place.text == "1,234.50"
    assert 310 < place.box.x0 < 330
    assert place.box.x1 == pytest.approx(377)


def test_a_word_is_not_found_inside_another(spatial: SpatialText) -> None:
    assert found(spatial, "12").box.y0 == 140


def test_case_space_and_punctuation_do_not_matter(spatial: SpatialText) -> None:
    place = found(spatial, "SUN WONGKUT SDN. BHD")
    assert place.text == "Sun Wong Kut Sdn Bhd"
    assert place.score < 1


def test_a_value_over_two_lines_skips_what_stands_beside_it(spatial: SpatialText) -> None:
    place = found(spatial, "176 Jln Sungei Besi, 57100 Kuala Lumpur")
    assert place.text == "176 Jln Sungei Besi, 57100 Kuala Lumpur"
    assert place.score == 1.0
    assert place.box.y0 == 40
    assert place.box.y1 == 74
    assert place.box.x0 == 100


def test_a_label_and_its_value_are_found_together(spatial: SpatialText) -> None:
    assert found(spatial, "Total RM 1,234.50").text == "Total RM 1,234.50"


def test_a_number_is_found_however_it_is_written(spatial: SpatialText) -> None:
    assert found(spatial, "1234.5").text == "1,234.50"


def test_a_misread_answer_is_found_with_a_lower_score(spatial: SpatialText) -> None:
    place = found(spatial, "Sun Wang Kut Sdn Bhb")
    assert place.text == "Sun Wong Kut Sdn Bhd"
    assert 0.5 < place.score < 0.95


@pytest.mark.parametrize("answer", ["", "  ", "nothing like it at all", "99"])
def test_what_is_not_on_the_page_is_not_found(spatial: SpatialText, answer: str) -> None:
    assert locate(spatial, answer) is None


def test_an_empty_page_holds_no_answer() -> None:
    assert locate(spatial_text([], 100, 100), "Total") is None


def test_repeated_values_are_counted() -> None:
    segments = [Segment("88.17", Box(0, 20 * k, 50, 20 * k + 14)) for k in range(3)]
    assert found(spatial_text(segments, 100, 100), "88.17").occurrences == 3
