"""Values at their labels: what a model leaves out or takes from elsewhere, dates that may be two, boxes that are ticked."""

from __future__ import annotations

from typing import Any

import pytest

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract import View, read_schema
from dsvl2.pipelines.extract.printed import dates_in, day_first, number_in, numbers_in, ticked
from dsvl2.pipelines.extract.second import without_guesses
from dsvl2.pipelines.extract.support import Finder
from dsvl2.pipelines.extract.third import look_at_labels
from dsvl2.pipelines.extract.types import FieldEvidence, Reading
from dsvl2.pipelines.spatial import Segment, spatial_text


def view(*rows: str) -> View:
    """A page of rows, cells set apart by bars."""
    cells = [
        Segment(text, Box(100 + 300 * k, 40 * n, 100 + 300 * k + 9 * len(text), 40 * n + 20), 0.9)
        for n, row in enumerate(rows, 1)
        for k, text in enumerate(row.split("|"))
        if text
    ]
    return View(1, spatial_text(cells, 1000, 1000))


def looked(schema: str, said: dict[str, Any], *rows: str) -> Reading:
    """What becomes of a model's answer, each value with its place on the page."""
    page = view(*rows)
    assert page.text is not None
    finder, evidence = Finder(page.text), {}
    for name, value in said.items():
        found = finder.find(value, (name,))
        evidence[name,] = FieldEvidence(1, found and found.box, found and found.quote, 0.7)
    return look_at_labels(read_schema(schema), [page], [Reading(1, said, evidence)])[0]


@pytest.mark.parametrize(
    ("kind", "rows", "value", "quote"),
    [
        (": date", ["Due: 3rd of March 1987"], "1987-03-03", "3rd of March 1987"),
        (": date", ["Due|7. Oktober 2023"], "2023-10-07", "7. Oktober 2023"),
        (": date", ["Due", "1er ao\u00fbt 2019"], "2019-08-01", "1er ao\u00fbt 2019"),
        (": number", ["Due: (1,234.50)"], -1234.5, "(1,234.50)"),
        (": number", ["Due: 1.234,50 EUR"], 1234.5, "1.234,50"),
        (": number", ["Due|7 688 696,61"], 7688696.61, "7 688 696,61"),
        (": number", ["Due: \u20ac -5,00"], -5, "\u20ac -5,00"),
        (": number", ["Due 7.5 %"], 7.5, "7.5"),
        (": number", ["The due is estimated at 8,640 pounds."], 8640, "8,640"),
        (": integer", ["Due: 00042"], 42, "00042"),
        ("", ["Due: 0042"], "0042", "0042"),
        ("", ["Due|0680/92"], "0680/92", "0680/92"),
        (": boolean", ["Due: [ ] Yes [x] No"], False, "[ ] Yes [x] No"),
        (": boolean", ["\u2611 Due  \u2610 Paid"], True, "\u2611"),
        (": boolean", ["Due: \u2610"], False, "\u2610"),
        (": boolean", ["Due|ja"], True, "ja"),
    ],
)
def test_what_stands_at_a_label_is_its_value(kind: str, rows: list[str], value: Any, quote: str) -> None:
    reading = looked(f"due{kind}", {"due": None}, "Invoice", *rows, "Other: x")
    assert reading.data == {"due": value}
    assert type(reading.data["due"]) is type(value)
    where = reading.evidence["due",]
    assert where.quote == quote
    assert where.box is not None
    assert where.confidence is not None and where.confidence > 0.6
    assert [notice.code for notice in reading.notices] == ["at_label"]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (": number", ["Due: 12 or 13"]),  # which?
        (": number", ["Due: 12", "Due: 13"]),
        (": number", ["Due: B-12"]),  # a code
        (": number", ["Duet: 12"]),
        (": number", ["Due", "Notes of 3 pages that were added"]),
        (": date", ["Due: 3 May 2020 to 4 May 2020"]),
        (": date", ["Paid on 3 May 2020"]),
        (": boolean", ["Due: [ ] Yes  [ ] No"]),
        (": boolean", ["Due: [x] Yes  [x] No"]),
        (": boolean", ["Due: maybe"]),
        ("", ["In due course it will be sent"]),
        (": integer", ["Due: 1.5"]),
    ],
)
def test_nothing_is_guessed(kind: str, rows: list[str]) -> None:
    reading = looked(f"due{kind}", {"due": None}, "Invoice", *rows)
    assert reading.data == {"due": None}
    assert not reading.notices


def test_a_value_from_another_label_is_put_right_or_taken_back() -> None:
    reading = looked(
        "tax: number, cost: number, rent: number",
        {"tax": 20, "cost": 20, "rent": 20},
        "The tax comes to 10.", "Cost: 20",
    )  # fmt: skip
    assert reading.data == {"tax": 10, "cost": 20, "rent": None}
    assert [notice.code for notice in reading.notices] == ["at_label", "of_another"]
    assert "belongs to cost" in reading.notices[1].message
    reading = looked("room, due: date", {"room": "Due", "due": None}, "Due: 3 May 2020")
    assert reading.data == {"room": None, "due": "2020-05-03"}


def test_what_the_model_said_stays_where_the_page_does_not_speak_against_it() -> None:
    said = {"tax": 10, "due": "2020-05-03"}
    reading = looked("tax: number, due: date", said, "VAT 10", "Pay until 3 May 2020")
    assert reading.data == said
    assert not reading.notices


def test_the_only_date_of_a_letter_is_its_date() -> None:
    assert looked("date: date", {"date": None}, "14 March 1987", "Report").data == {"date": "1987-03-14"}
    for schema, rows in (
        ("due: date", ["14 March 1987"]),
        ("date: date", ["14 March 1987", "15 March 1987"]),
        ("date: date", ["We met on 14 March 1987 in Leeds"]),
    ):
        name = schema.split(":")[0]
        assert looked(schema, {name: None}, *rows).data == {name: None}


@pytest.mark.parametrize(
    ("other", "value", "told"),
    [
        ("25/12/2002", "2003-02-01", "the day first, as in other dates"),
        ("12/25/2002", "2003-01-02", "the month first, as in other dates"),
        ("2 May 2002", "2003-02-01", "it may be 2003-01-02"),
    ],
)
def test_a_date_that_may_be_two_says_what_was_assumed(other: str, value: str, told: str) -> None:
    for said in (None, "2003-01-02"):
        reading = looked("due: date", {"due": said}, f"Order of {other}", "Due: 01/02/2003")
        assert reading.data == {"due": value}
        assert told in reading.notices[-1].message
        assert reading.notices[-1].code == "two_dates"
        sure = reading.evidence["due",].confidence
        assert sure is not None and (sure <= 0.5) is ("may be" in told)


def test_dates_with_dots_put_the_day_first() -> None:
    assert dict(dates_in("03.04.2020")) == {"03.04.2020": {"2020-04-03"}}
    assert len(dict(dates_in("03/04/2020"))["03/04/2020"]) == 2
    assert day_first(["25/12/2002", "12/25/2002"]) is None


def test_numbers_codes_and_ticks_are_told_apart() -> None:
    assert [number_in(one) for one in numbers_in("(12) and 3.5, 1 000 or 7- ")] == [-12, 3.5, 1000, -7]
    assert not list(numbers_in("B-6390 0680/92 2023-0815 12:30 1250L"))
    assert [ticked(text) for text in ("Yes [x] No [ ]", "nein", "\u2611 I agree", "[x] [ ]", "x")] == [
        True, False, True, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "row", "value"),
    [
        (8.64, "The work is estimated at 8,640 pounds.", 8640),
        (-1.2, "Balance -1.200 EUR", -1200),
        (8.64, "Rates of 8,640 and of 8.640 pounds, and 8,641.", 8640),
        (8.64, "The work is estimated at 8,641 pounds.", None),
    ],
)
def test_a_sign_of_thousands_is_no_decimal_point(said: float, row: str, value: float | None) -> None:
    form, page = read_schema("x: number"), view(row)

    reading = without_guesses(form, page, Reading(1, {"x": said}, {("x",): FieldEvidence(1)}))

    assert reading.data["x"] == value
