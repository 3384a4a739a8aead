"""The metrics give what their published implementations gave on the same cases.

The figures were written down from runs of those programs on 2026-11-22: mmf b0ffc7fb (m4c_evaluators: ANLS, TextVQA),
pix2struct 945f27e (relaxed correctness), MMMU bb0b95a (multiple choice), PubTabNet 8ffde90 (TEDS, with thead, tbody and b
ignored, as it offers), jiwer 4.0.0 (CER, WER), Donut 4cfcf97 (field F1). MMMU draws lots where it finds no option; here
None.
"""

from __future__ import annotations

from typing import Any

import pytest

from dsvl2.pipelines.evaluation import answers
from dsvl2.pipelines.evaluation.metrics import compare
from dsvl2.pipelines.evaluation.scoring import true_table
from dsvl2.pipelines.tables.teds import teds

STOP_GO = ["stop"] * 3 + ["go"] * 7


@pytest.mark.parametrize(
    ("answer", "accepted", "published"),
    [
        ("Paris", ["paris"], 1.0),
        ("pari", ["paris"], 0.8),
        ("ab", ["abcd"], 0.5),
        ("abcdef", ["abcxyz"], 0.5),
        ("abc", ["abcde", "abcd"], 0.75),
        ("12/05/2024", ["12-05-2024"], 0.8),
        ("Total: 318.40", ["318.40"], 0.0),
        (" 318,40 ", ["318.40"], 0.8333),
        ("", ["x"], 0.0),
    ],
)
def test_anls(answer: str, accepted: list[str], published: float) -> None:
    assert answers.anls(answer, accepted) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize(
    ("answer", "truth", "published"),
    [
        ("105", "100", True), ("105.1", "100", False), ("95", "100", True), ("94.9", "100", False),
        ("-95", "100", False), ("0", "0", True), ("0.0", "0", False), ("0.001", "0", False), ("33%", "0.33", True),
        ("33", "33%", False), ("34%", "33%", True), ("1,200", "1200", False), ("Female", "female", True),
        ("Females", "female", False), ("1e3", "1000", True), ("$5", "5", False), ("2010", "2012", True),
    ],
)  # fmt: skip
def test_relaxed_accuracy(answer: str, truth: str, published: bool) -> None:
    assert answers.relaxed(answer, [truth]) == float(published)


@pytest.mark.parametrize(
    ("answer", "humans", "published"),
    [
        ("Stop!", STOP_GO, 0.9),
        ("go", STOP_GO, 1.0),
        ("two dogs", ["2 dogs"] * 10, 1.0),
        ("none", ["0"] * 2 + ["zero"] * 8, 1.0),
        ("don't walk", ["dont walk"] * 10, 1.0),
        ("the-end", ["the end"] * 10, 1.0),
        ("St. Louis", ["st louis"] * 2 + ["saint louis"] * 8, 0.6),
        ("coca-cola", ["coca cola"] * 5 + ["cocacola"] * 5, 1.0),
        ("john's", ["johns"] * 5 + ["john's"] * 5, 1.0),
        ("a dog", ["dog"] + ["cat"] * 9, 0.3),
        ("12:30", ["1230"] * 10, 0.0),
        ("10 , 20", ["10 20"] * 10, 1.0),
        ("let's go", ["lets go"] * 10, 0.0),
        ("it's", ["its"] * 10, 0.0),
    ],
)
def test_textvqa_accuracy(answer: str, humans: list[str], published: float) -> None:
    assert answers.vqa(answer, humans) == pytest.approx(published)


@pytest.mark.parametrize(
    ("answer", "published"),
    [
        ("B", "B"), ("(C)", "C"), ("C.", "C"), ("The answer is D", "D"), ("The answer is (B).", "B"),
        ("I think it is green, because it looks so.", "C"), ("Both (A) and (B), but finally (B)", "B"),
        ("A or B", "B"), ("Answer: C", "C"), ("Option D", "D"), ("It must be the colour blue here I think", "B"),
        ("The correct option is B because A is wrong", "A"), ("b", None),
    ],
)  # fmt: skip
def test_multiple_choice(answer: str, published: str | None) -> None:
    found = answers.choice(answer, ["red", "blue", "green", "none of them"])
    assert found == (None if published is None else "ABCD".index(published))


def rows(*lines: str) -> str:
    """A table from lines of cells; a cell `2>text` spans two columns, `2^text` two rows."""
    cells = [[_cell(cell) for cell in line.split("|")] for line in lines]
    return "<table>" + "".join(f"<tr>{''.join(line)}</tr>" for line in cells) + "</table>"


def _cell(text: str) -> str:
    for mark, name in ((">", "colspan"), ("^", "rowspan")):
        if mark in text:
            return f'<td {name}="{text[0]}">{text[2:]}</td>'
    return f"<td>{text}</td>"


@pytest.mark.parametrize(
    ("told", "truth", "published", "structure"),
    [
        (rows("a|b", "1|2", "3|4"), rows("a|b", "1|2", "3|4"), 1.0, 1.0),
        (rows("a|b", "1|2", "3|5"), rows("a|b", "1|2", "3|4"), 0.8889, 1.0),
        (rows("a|b", "1|2"), rows("a|b", "1|2", "3|4"), 0.6667, 0.6667),
        (rows("a", "1", "3"), rows("a|b", "1|2", "3|4"), 0.6667, 0.6667),
        (rows("2>head", "1|2"), rows("head|", "1|2"), 0.6667, 0.6667),
        (rows("alpha|beta", "10|20", "x|y", "p|q"), rows("alpha|bexa", "1O|20", "p|q"), 0.6875, 0.75),
        (rows("2^k|1", "2"), rows("2^k|1", "3"), 0.8, 1.0),
    ],
)
def test_teds(told: str, truth: str, published: float, structure: float) -> None:
    mine, theirs = true_table(told), true_table(truth)
    assert teds(mine, theirs) == pytest.approx(published, abs=1e-4)
    assert teds(mine, theirs, structure_only=True) == pytest.approx(structure, abs=1e-4)


@pytest.mark.parametrize(
    ("truth", "told", "cer", "wer"),
    [
        ("The quick brown fox", "The quikc brown fox", 0.105263, 0.25),
        ("one two three", "one three", 0.307692, 0.333333),
        ("a b", "a b c d", 1.333333, 1.0),
        ("Total: 12.50", "Totai 12,50", 0.25, 1.0),
        ("abc", "", 1.0, 1.0),
    ],
)
def test_error_rates(truth: str, told: str, cer: float, wer: float) -> None:
    errors = compare(truth, told)
    assert errors.cer == pytest.approx(cer, abs=1e-6) == errors.cer_strict
    assert errors.wer == pytest.approx(wer, abs=1e-6)


@pytest.mark.parametrize(
    ("found", "truth", "published"),
    [
        ({"total": "88.17", "date": "21/02/18", "extra": "x"}, {"total": "88.17", "date": "22/02/18", "company": "SUN"}, 1 / 3),
        ({"items": ["x", "y"]}, {"items": ["y", "z", "x"]}, 0.8),
        ({"items": ["x", "x"]}, {"items": ["x"]}, 2 / 3),
        ({"a": None}, {"a": "1"}, 0.0),
        ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}, 0.0),
    ],
)  # fmt: skip
def test_field_f1(found: dict[str, Any], truth: dict[str, Any], published: float) -> None:
    right, given, true = answers.field_f1(found, truth)
    assert 2 * right / (given + true) == pytest.approx(published)
