"""The benchmarks' scores on cases worked by hand from their definitions."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.evaluation import answers


@pytest.mark.parametrize(
    ("answer", "accepted", "score"),
    [
        ("Paris", ["paris"], 1.0),
        ("pari", ["paris"], 0.8),  # one of five characters is missing
        ("  new   york ", ["New York"], 1.0),
        ("abc", ["xyz"], 0.0),
        ("ab", ["abcd"], 0.5),  # distance 0.5 is not above the threshold
        ("ab", ["abcde"], 0.0),
        ("abc", ["abcde", "abcd"], 0.75),  # the nearest counts
        ("", [""], 1.0),
        ("x", [""], 0.0),
    ],
)
def test_anls(answer: str, accepted: list[str], score: float) -> None:
    assert answers.anls(answer, accepted) == pytest.approx(score)


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ("105", "100", True),
        ("105.1", "100", False),
        ("95", "100", True),
        ("-95", "100", False),
        ("0", "0", True),
        ("0.001", "0", False),
        ("33%", "0.33", True),
        ("33", "33%", False),  # ChartQA reads 33% as 0.33
        ("1,200", "1200", False),  # ChartQA knows no commas
        ("Female", "female", True),
        ("Females", "female", False),
        ("2,5", "25", False),  # not a thousands comma
    ],
)
def test_relaxed_accuracy(answer: str, truth: str, right: bool) -> None:
    assert answers.relaxed(answer, [truth]) == float(right)


def test_a_unit_is_no_mistake_for_relaxed_numbers() -> None:
    assert answers.relaxed_numbers("33%", ["33"]) == 1
    assert answers.relaxed_numbers("$1,200", ["1200"]) == 1
    assert answers.relaxed_numbers("$1,200", ["1500"]) == 0
    assert answers.relaxed_numbers("0.0", ["0"]) == 1


def test_vqa_accuracy_leaves_each_person_out_once() -> None:
    humans = ["stop"] * 3 + ["go"] * 7
    # for each of the 3 left out: 2 agree; for each of the 7: 3 agree
    assert answers.vqa("Stop!", humans) == pytest.approx((3 * 2 / 3 + 7 * 1) / 10)
    assert answers.vqa("go", humans) == 1
    assert answers.vqa("wait", humans) == 0
    assert answers.vqa("the two dogs", ["2 dogs", "2 dogs"]) == 1


def test_ocrbench_asks_whether_the_answer_occurs() -> None:
    assert answers.contains("The sign says CENTRE Street.", ["centre"]) == 1
    assert answers.contains("x ^ 2 + y", ["x^2"]) == 0
    assert answers.contains("x ^ 2 + y", ["x^2"], ignore_space=True) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("B", 1), ("(c)", None), ("(C)", 2), ("A. red", 0), ("The answer is D", 3), ("blue", 1),
        ("I think it is green.", 2), ("either red or blue", None), ("E", None), ("", None),
    ],
)  # fmt: skip
def test_choices_by_letter_or_text(answer: str, expected: int | None) -> None:
    assert answers.choice(answer, ["red", "blue", "green", "none"]) == expected


def test_fields_count_by_value() -> None:
    found = {"total": "RM 88.17", "date": "21/02/18", "company": None, "extra": "x"}
    truth = {"total": "88.17", "date": "22/02/18", "company": "SUN"}
    assert answers.field_f1(found, truth) == (1, 3, 3)
    assert answers.same_value("1,234.50", "1234.5")
    assert answers.same_value("Sun  Wong-Kut SDN. BHD", "SUN WONG KUT SDN BHD")
    assert not answers.same_value("12", "13")


def test_iou() -> None:
    assert answers.iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(2 / 6)
    assert answers.iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert answers.iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0
