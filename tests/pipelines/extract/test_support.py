"""Where values stand on a page: by what they mean, in the row that they belong to."""

from __future__ import annotations

from typing import Any

import pytest

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract.support import Finder, support_of
from dsvl2.pipelines.spatial import Segment, SpatialText, spatial_text

ROWS = [
    ["Description", "Qty", "Price", "Amount"],
    ["Brass valve", "2", "12.00", "24.00"],
    ["Screen", "1", "76.17", "76.17"],
    ["Brass valve", "10", "0.45", "4.50"],
    ["Credit", "1", "(5.00)", "1 234.50-"],
    ["Total due by 2 June 2021 2 12.00 EUR", "", "", "1,104.67"],
]


def page(rows: list[list[str]] = ROWS) -> SpatialText:
    cells = [
        Segment(text, Box(100 + 200 * k, 100 * n, 100 + 200 * k + 9 * len(text), 100 * n + 20), 0.9)
        for n, row in enumerate(rows)
        for k, text in enumerate(row)
        if text
    ]
    return spatial_text(cells, 1000, 1000)


@pytest.mark.parametrize(
    ("value", "quote"),
    [
        ("brass VALVE", "Brass valve"),
        (24, "24.00"),
        (1, "1"),
        (10, "10"),
        (-5, "(5.00)"),
        (-1234.5, "1 234.50-"),
        (1104.67, "1,104.67"),
        ("2021-06-02", "2 June 2021"),
        (12.0, "12.00"),
        (100, None),
        (0.1, None),
        (76, None),
        ("2021-06-03", None),
        ("Copper pipe", None),
        ("", None),
        (True, None),
        (None, None),
    ],
)
def test_where_a_value_stands(value: Any, quote: str | None) -> None:
    found = support_of(page(), value)
    assert (found.quote if found else None) == quote


def test_the_values_of_an_item_are_found_in_its_row() -> None:
    finder = Finder(page())
    rows = []
    for number, row in enumerate(ROWS[1:4]):
        values = [row[0], int(row[1]), float(row[2]), float(row[3])]
        found = [finder.find(value, ("items", number, f"f{name}")) for name, value in enumerate(values)]
        assert all(place is not None for place in found)
        rows.append([(place.box.x0, place.box.y0) for place in found if place])
    assert rows == [[(100 + 200 * k, 100 * n) for k in range(4)] for n in (1, 2, 3)]


def test_numbers_beside_each_other_are_told_apart() -> None:
    spatial = page([["2 12.00 24.00"]])
    assert [getattr(support_of(spatial, value), "quote", None) for value in (2, 12, 24, 212)] == [
        "2",
        "12.00",
        "24.00",
        None,
    ]
