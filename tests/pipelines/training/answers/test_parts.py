"""The parts that pages are made of: damage, notations, running text, questions."""

from __future__ import annotations

import random
from datetime import date

import pytest

from dsvl2.pipelines.training.answers.draw import Draw, Vocabulary
from dsvl2.pipelines.training.answers.noise import Damage, spoil
from dsvl2.pipelines.training.answers.questions import ambiguous_labels, drop_shared_names
from dsvl2.pipelines.training.answers.sheet import Sheet
from dsvl2.pipelines.training.answers.values import Amounts, Dates


@pytest.fixture
def draw() -> Draw:
    return Draw(random.Random(1), Vocabulary({}))


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("d/m/Y", "03/04/2021"),
        ("B d, Y", "April 03, 2021"),
        ("d-b-y", "03-Apr-21"),
        ("B D_ Y", "April 3rd 2021"),
        ("Y-m-d", "2021-04-03"),
    ],
)
def test_dates_are_written_as_the_form_says(draw: Draw, form: str, written: str) -> None:
    dates = Dates(draw)
    dates.form, dates.padded, dates.upper = form, True, False
    dates.months = ["January", "February", "March", "April"]
    assert dates.write(date(2021, 4, 3)) == written


def test_amounts_keep_their_value_in_every_notation(draw: Draw) -> None:
    for _ in range(200):
        amounts = Amounts(draw)
        cents = amounts.cents(draw)
        digits = "".join(c for c in amounts.write(cents) if c.isdigit())
        assert digits == amounts.plain(cents).replace(".", "")
        assert float(amounts.plain(cents)) == cents / 100


def test_running_text_keeps_its_facts_over_lines() -> None:
    sheet = Sheet("test", 400, 400, 10)
    sheet.paragraph(0, 10, ["Made on ", ("3 May 2021", 1), ", by", (" Anna Maria Longlast", 2), "."], 90, pitch=14)
    assert len(sheet.items) > 2
    assert " ".join("".join(item.text for item in sheet.items).split()).count("Made") == 1
    said = {tag: " ".join(t for item in sheet.items for t, n in item.pieces if n == tag).split() for tag in (1, 2)}
    assert said == {1: ["3", "May", "2021"], 2: ["Anna", "Maria", "Longlast"]}
    assert "2021, by" in " ".join(item.text for item in sheet.items)
    assert all(item.x1 - item.x0 <= 95 for item in sheet.items)


def test_damage_never_loses_what_is_asked_for() -> None:
    worst = Damage(
        letters=0.05, lost=0.9, split=0.5, joined=0.5, strays=5, doubled=0.2, jitter=0.2, shift=0.5, cases=0.1
    )
    for seed in range(50):
        sheet = Sheet("test", 500, 500, 10)
        for row in range(10):
            sheet.write(10, 20 * row, f"label {row}")
            sheet.write(200, 20 * row, ("some value here", row + 1))
        spoil(random.Random(seed), sheet, worst)
        assert {tag for item in sheet.items for _, tag in item.pieces if tag} == set(range(1, 11))
        assert all(item.x1 > item.x0 for item in sheet.items)


def test_a_clean_page_stays_as_it_is() -> None:
    sheet = Sheet("test", 500, 500, 10)
    sheet.write(10, 20, "label ", ("value", 1))
    spoil(random.Random(1), sheet, Damage(jitter=0.0))
    assert [(item.text, item.x0, item.y) for item in sheet.items] == [("label value", 10, 20)]


def test_numbers_that_are_asked_for_are_hardly_misread() -> None:
    hit = 0
    for seed in range(300):
        sheet = Sheet("test", 500, 500, 10)
        tag = sheet.fact("Total", kind="number")
        sheet.write(10, 20, ("1234567890", tag))
        spoil(random.Random(seed), sheet, Damage(letters=0.07))
        hit += sheet.items[0].text != "1234567890"
    assert hit < 30


def test_facts_that_share_a_name_or_label_are_told_apart_by_the_other() -> None:
    sheet = Sheet("test", 500, 500, 10)
    sheet.fact("From:", names=("sender",))
    sheet.fact("Sent by:", names=("sender",))
    sheet.fact("Date:", names=("date",))
    sheet.fact("DATE", names=("birthday",))
    drop_shared_names(sheet)
    assert [fact.names for fact in sheet.facts] == [(), (), ("date",), ("birthday",)]
    assert ambiguous_labels(sheet) == {"date"}
