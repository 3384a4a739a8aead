"""Numbers with check digits: taken from the page where they are right, unsure where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract import View, read_schema
from dsvl2.pipelines.extract.checkdigits import look_at_check_digits, numbers_on, right_number
from dsvl2.pipelines.extract.types import FieldEvidence, Reading
from dsvl2.pipelines.spatial import Segment, SpatialText, spatial_text

IBAN = "DE89370400440532013000"


def page(*rows: str) -> SpatialText:
    lines = [Segment(row, Box(100, 40 * n, 100 + 9 * len(row), 40 * n + 20), 0.9) for n, row in enumerate(rows, 1)]
    text = spatial_text(lines, 1000, 1000)
    assert text is not None
    return text


def looked(field: str, said: Any, *rows: str) -> Reading:
    """What becomes of a model's answer to one field."""
    reading = Reading(1, {"x": said}, {("x",): FieldEvidence(1, None, None, 0.6)})
    return look_at_check_digits(read_schema(f"x: {field}"), [View(1, page(*rows))], [reading])[0]


@pytest.mark.parametrize(
    ("kind", "printed", "number"),
    [
        ("iban", "DE89 3704 0044 0532 0130 00", IBAN),
        ("iban", "DE89 37O4 0044 O532 0l30 00", IBAN),  # letters that a scan made of digits
        ("iban", "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("iban", "DE89 3704 0044 0532 0180 00", None),  # a digit for another digit
        ("iban", "XX89 3704 0044 0532 0130 00", None),
        ("isbn", "978-0-306-40615-7", "9780306406157"),
        ("isbn", "0-8044-2957-X", "080442957X"),
        ("isbn", "978-0-306-40615-8", None),
        ("payment-card", "4111 1111 1111 1111", "4111111111111111"),
        ("payment-card", "4111 1111 1111 1112", None),
        ("vat", "ATU 13585627", "ATU13585627"),
        ("vat", "DE 136.695.976", "DE136695976"),
        ("vat", "DE 136 695 978", None),
    ],
)
def test_a_number_is_what_its_check_digits_allow(kind: str, printed: str, number: str | None) -> None:
    assert right_number(kind, printed) == number


def test_numbers_are_found_inside_lines_without_the_words_around_them() -> None:
    found = numbers_on(page("Pay to IBAN: DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX", "Amount 12.50"), "iban")

    assert [(one.number, one.quote) for one in found] == [(IBAN, "DE89 3704 0044 0532 0130 00")]
    assert found[0].box.x0 > 180 and found[0].box.x1 < 500


@pytest.mark.parametrize("said", [None, IBAN, "DE11111111111111111111"])
def test_the_one_right_number_of_the_page_is_the_value_whatever_was_said(said: str | None) -> None:
    reading = looked("iban", said, "IBAN DE89 3704 0044 0532 0130 00", "Phone 030 1234567")

    assert reading.data == {"x": IBAN}
    assert reading.evidence["x",].quote == "DE89 3704 0044 0532 0130 00"
    assert (reading.evidence["x",].confidence or 0) > 0.9


def test_of_several_right_numbers_none_is_sure_unless_it_was_said() -> None:
    rows = ("Payer GB82 WEST 1234 5698 7654 32", "Payee DE89 3704 0044 0532 0130 00")

    assert (looked("iban", None, *rows).evidence["x",].confidence or 0) < 0.5
    told = looked("iban", IBAN, *rows)
    assert told.data == {"x": IBAN} and (told.evidence["x",].confidence or 0) > 0.9


def test_a_value_with_wrong_check_digits_is_not_sure_and_that_is_told() -> None:
    reading = looked("iban", "DE89370400440532018000", "IBAN DE89 3704 0044 0532 0180 00")

    assert reading.evidence["x",].confidence == 0
    assert [notice.code for notice in reading.notices] == ["check_digits"]


def test_other_fields_are_left_alone() -> None:
    reading = looked("text", "DE89370400440532018000", "IBAN DE89 3704 0044 0532 0130 00")

    assert reading.data == {"x": "DE89370400440532018000"} and not reading.notices
