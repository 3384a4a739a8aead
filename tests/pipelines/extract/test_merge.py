"""Items of lists from several pages become one list; halves are joined only across the end of a page."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.extract import read_schema
from dsvl2.pipelines.extract.merge import merged
from dsvl2.pipelines.extract.types import Reading


@pytest.mark.parametrize(("page", "items"), [(2, 1), (1, 2)])
def test_an_item_cut_by_the_end_of_a_page_is_one_and_two_of_one_page_stay_two(page: int, items: int) -> None:
    form = read_schema("items[]: {text, amount: number}")
    first = Reading(1, {"items": [{"text": "Brass valve", "amount": None}]}, {})
    second = Reading(page, {"items": [{"text": None, "amount": 24}]}, {})
    assert len(merged(form, [first, second]).data["items"]) == items
