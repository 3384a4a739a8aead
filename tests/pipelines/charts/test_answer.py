"""Questions answered from a chart's data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.charts import Axis, ChartData, Point, Series, answer_chart
from dsvl2.pipelines.charts.question import words_of
from dsvl2.pipelines.documents import Box


def series(name: str, **values: float) -> Series:
    points = [
        Point(label.replace("_", " "), value, "printed", Box(10 * k, 0, 10 * k + 8, value), 1.0)
        for k, (label, value) in enumerate(values.items())
    ]
    return Series(name, tuple(points))


def labelled(pairs: dict[str, float], name: str = "", measure: str = "Sales") -> ChartData:
    one = Series(name, tuple(Point(k, v, "printed", Box(0, 0, 1, 1), 1.0) for k, v in pairs.items()))
    return ChartData("bar", series=(one,), value_axis=Axis(measure, "euros", "linear"), label_axis=Axis("Country"))


FRUIT = ChartData(
    "bar",
    "Fruit sold",
    Axis("Month"),
    Axis("Sales in tonnes", "tonnes", "linear"),
    (series("Apples", January=10, February=30, March=20), series("Pears", January=5, February=12, March=40)),
)
CLUBS = labelled({"Norway": 12, "Chile (2019)": 7, "New Zealand": 31, "Guinea pigs": 4, "Q2 '13": 9, "Mar '15": 8})


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What were the sales of pears in March?", "40"),
        ("How many apples were sold in February?", "30"),
        ("Which month had the highest sales of apples?", "February"),
        ("In which month were the fewest pears sold?", "January"),
        ("What was the highest sales value of pears?", "40"),
        ("What is the difference in sales of apples between January and February?", "20"),
        ("What is the sum of the sales of pears for January and March?", "45"),
        ("What is the average sales of apples?", "20"),
        ("How many more pears than apples were sold in March?", "20"),
        ("When were 12 tonnes of pears sold?", "February"),
        ("Which month had the second highest sales of apples?", "March"),
    ],
)
def test_a_plain_question_is_answered(question: str, answer: str) -> None:
    found = answer_chart(FRUIT, question)
    assert found is not None
    assert found.text == answer
    assert found.points


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many clubs are there in Chile?", "7"),
        ("What is the value for new zealand's clubs?", "31"),
        ("How many guinea pig clubs are there?", "4"),
        ("How many were there in the second quarter of 2013?", "9"),
        ("How many were there in March 2015?", "8"),
        ("How many countries have more than 8 clubs?", "3"),
        ("What is the ratio of New Zealand to Norway?", "2.5833"),
    ],
)
def test_labels_are_found_in_other_words(question: str, answer: str) -> None:
    found = answer_chart(CLUBS, question)
    assert found is not None
    assert found.text == answer


@pytest.mark.parametrize(
    "question", ["", "   ", "What is the population of Peru?", "Who wrote this?", "difference between Norway and Peru?"]
)
def test_what_the_chart_does_not_say_is_not_answered(question: str) -> None:
    assert answer_chart(CLUBS, question) is None


def test_no_chart_answers_nothing() -> None:
    assert answer_chart(ChartData(), "What was the highest value?") is None


def test_the_evidence_is_the_mark() -> None:
    found = answer_chart(FRUIT, "What were the sales of apples in March?")
    assert found is not None
    assert found.box == FRUIT.series[0].points[2].box
    assert found.confidence == pytest.approx(1.0, abs=0.2)


def test_dates_have_one_form() -> None:
    assert words_of("Q2 '13") == words_of("second quarter of 2013")
    assert words_of("Mar '15") == words_of("in March 2015")
    assert words_of("Dec 1998") == words_of("December '98")


@given(st.text(max_size=80))
@settings(max_examples=40)
def test_any_question_is_taken(question: str) -> None:
    answer_chart(FRUIT, question)


def test_a_name_inside_another_and_names_of_shared_words_are_kept_apart() -> None:
    names = {"Very good": 8.0, "Good": 5.0, "Poor": 3.0, "Very poor": 1.0}
    points = tuple(Point(name, value, "printed", Box(0, 0, 1, 1), 1.0) for name, value in names.items())
    chart = ChartData("bar", series=(Series("", points),))
    asked = {"between Very good and Poor": "5", "between Very poor and Good": "4", "between Good and Poor": "2"}
    for place, want in asked.items():
        answer = answer_chart(chart, f"What is the difference {place}?")
        assert answer is not None and answer.text == want
