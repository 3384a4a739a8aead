"""Calibrations are fitted to what was right, and their errors measured as the papers say."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines.confidence.calibration import parse
from dsvl2.pipelines.confidence.evidence import FEATURES
from dsvl2.pipelines.documents import Block, Line, PageResult
from dsvl2.pipelines.evaluation.page_sets import EvalPage
from dsvl2.pipelines.training import calibration_work
from dsvl2.pipelines.training.calibration_answers import (
    Judged,
    best_limit,
    declining,
    fit_answers,
    measured_answers,
    out_of_fold,
)
from dsvl2.pipelines.training.calibration_fit import (
    area_under_curve,
    calibration_error,
    calibration_error_by_mass,
    figures,
    fit,
)
from dsvl2.pipelines.training.calibration_pages import ReadWord, by_rows, documents, right_words, strip
from dsvl2.pipelines.training.calibration_pages import judged as judged_words
from dsvl2.pipelines.training.calibration_splits import document_of, measured_splits, parts_of
from dsvl2.pipelines.training.calibration_work import Plan, words_of_strips


def words(count: int, seed: int) -> list[ReadWord]:
    """Words that are wrong the likelier the larger the first feature is; the second says nothing."""
    rng = random.Random(seed)
    found = []
    for k in range(count):
        doubt = rng.uniform(-6, 2)
        vector = (doubt, *(rng.gauss(0, 1) for _ in FEATURES[1:]))
        found.append(
            ReadWord(
                vector,
                rng.random() > 1 / (1 + 2.718 ** (-1.5 * doubt)),
                f"{k // 900}:document {k // 900}:{k // 90}:{k // 6}",
                0.5,
            )
        )
    return found


def test_a_fit_is_calibrated_on_words_it_has_not_seen() -> None:
    found = fit(words(6000, 1), "f" * 64)
    held_out = figures(words(6000, 2), lambda word: found.word(word.features), found.together)
    assert held_out["ece"] < 0.02
    assert held_out["ece_equal_mass"] < 0.02
    assert held_out["ece_lines"] < 0.05
    assert held_out["auc"] > 0.85
    assert found.weights[0] < -1
    assert all(weight <= 0 for weight in found.weights)


def test_lines_are_fitted_apart_and_never_surer_than_their_least_sure_word() -> None:
    found = fit(words(6000, 1), "f" * 64)
    assert len(found.lines) == 4
    assert parse(json.loads(found.to_json())) == found
    assert found.together([0.42]) == 0.42
    sure = [found.together([0.9] * many) for many in range(1, 30)]
    assert all(a >= b for a, b in pairwise(sure))
    assert found.together([0.9, 0.8]) <= 0.8
    assert found.together([0.3, 0.8]) < found.together([0.5, 0.8]) < found.together([0.5, 0.95])
    assert found.together([0.0, 1.0]) < 0.01
    few = fit(words(3000, 1)[:200], "f" * 64)
    assert few.lines == ()
    assert 0 < few.together([0.9, 0.8]) <= 0.8


def test_a_feature_that_speaks_for_words_is_left_out() -> None:
    turned = [ReadWord((-w.features[0], *w.features[1:]), w.right, w.line, w.raw) for w in words(3000, 3)]
    assert fit(turned, "f" * 64).weights[0] == 0


def test_the_expected_calibration_error() -> None:
    assert calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)
    assert calibration_error([0.9] * 10, [True] * 4 + [False] * 6) == pytest.approx(0.5)
    assert calibration_error([0.1, 0.9], [True, True]) == pytest.approx(0.5)
    assert calibration_error_by_mass([0.99] * 30, [True] * 27 + [False] * 3) >= 0.09


def test_ranking_quality() -> None:
    assert area_under_curve([0.1, 0.2, 0.8, 0.9], [False, False, True, True]) == 1
    assert area_under_curve([0.5, 0.5], [True, False]) == 0.5
    assert area_under_curve([0.5], [True]) == 0.5


def test_words_are_right_where_the_truth_has_them() -> None:
    assert right_words(["a", "b", "x", "d"], ["a", "b", "c", "d"]) == [True, True, False, True]
    assert right_words(["c", "d", "e", "a", "b", "f"], ["a", "b", "f", "c", "d", "e"]) == [True] * 6  # columns swapped
    assert right_words(["z", "a", "b"], ["a", "b", "q", "z"])[0] is False  # alone and elsewhere: chance
    assert right_words([], ["a"]) == []


def test_words_are_right_in_the_order_of_the_file_or_row_by_row() -> None:
    numbers = [[(300.0, y, 320.0, y + 10, f"{y}")] for y in range(0, 100, 20)]
    titles = [[(10.0, y + 1.0, 60.0, y + 11.0, f"t{y}"), (70.0, y, 90.0, y + 10, "of")] for y in range(0, 100, 20)]
    file = [word for part in (*titles, *reversed(numbers)) for word in part]
    rows = [word[4] for word in by_rows(file)]
    assert rows == [word for y in range(0, 100, 20) for word in (f"t{y}", "of", f"{y}")]
    line = Line(" ".join(rows), logprobs=(-0.1,) * len(" ".join(rows)))
    page = EvalPage("x", "x:1", Image.new("L", (9, 9)), 150, " ".join(word[4] for word in file))
    read = PageResult(1, (Block("paragraph", line.text, lines=(line,)),), 9, 9)
    assert not all(word.right for word in judged_words(read, page))
    assert all(word.right for word in judged_words(read, replace(page, other_order=" ".join(rows))))


def test_every_split_is_measured_by_a_fit_to_other_documents() -> None:
    some = words(6000, 4)
    parts = parts_of(some, 3)
    assert sum(map(len, parts)) == 6000
    names = [{document_of(word) for word in part} for part in parts]
    assert all(not (a & b) for a, b in pairwise([*names, names[0]]))
    facts, lines = measured_splits(some, "f" * 64, 3)
    assert len(lines) == 4 and lines[-1].startswith("all splits: 6000 words")
    assert facts["splits"] == 3 and facts["lines"] == 1000
    assert facts["ece"] <= facts["ece_worst"] < 0.05
    first = set(map(id, parts[0]))
    turned = [replace(word, right=not word.right) if id(word) in first else word for word in some]  # as nobody else is
    assert measured_splits(turned, "f" * 64, 3)[0]["ece_worst"] > 0.3
    with pytest.raises(ValueError, match="two documents"):
        measured_splits(some[:800], "f" * 64, 3)


def test_a_strip_is_the_same_whenever_it_is_asked_for_and_none_is_of_a_scored_page(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    for number in range(3):
        pdf.new_page().insert_text(
            (72, 72), "\n".join(f"Words of line {k} on page {number} of a manual." for k in range(40))
        )
    first = documents()[0]  # of octave, pages 83, 803 and 993 are scored, and others
    folder = tmp_path / "debian" / first.package
    folder.mkdir(parents=True)
    (folder / Path(first.member).name).write_bytes(pdf.tobytes())
    one, again, other = (strip(0, seed, tmp_path) for seed in (1, 1, 2))
    assert one is not None and again is not None and other is not None
    assert one.image.tobytes() == again.image.tobytes() and one.truth == again.truth
    assert other.truth != one.truth or other.image.size != one.image.size
    assert one.truth.startswith("Words of line")


def test_strips_are_judged_in_order_in_this_process_if_there_is_one_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def one(plan: Plan, engine: object, number: int) -> list[ReadWord]:
        asked.append(number)
        return words(3, number)

    monkeypatch.setattr(calibration_work, "_strip_words", one)
    monkeypatch.setattr(calibration_work, "_engine_of", lambda plan: None)
    found = list(words_of_strips(Plan("nano", 1, tmp_path, 1), 4, jobs=1))
    assert found == [words(3, number) for number in range(4)] and asked == [0, 1, 2, 3]


def judged(count: int, seed: int, kind: str = "answer") -> list[Judged]:
    """Answers of a model that is far too sure of itself."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        truth = rng.uniform(-2, 4)
        raw = 1 / (1 + 2.718 ** -(2.5 * truth + 2))
        found.append(Judged(kind, raw, rng.random() < 1 / (1 + 2.718**-truth)))
    return found


def test_answers_are_calibrated_by_kind_and_only_with_enough_of_them() -> None:
    few = [Judged("null", 0.9, True)] * 79
    found = replace(fit(words(3000, 1), "f" * 64), answers=fit_answers([*judged(600, 1), *few]))
    assert [kind for kind, _ in found.answers] == ["answer"]
    assert found.answer("null", 0.37) == 0.37
    others = [*judged(3000, 2), *few]
    measured, lines = measured_answers(others, [found.answer(one.kind, one.raw) for one in others])
    assert measured["ece_answer"] < 0.04
    assert "raw 0.1" in lines[0]
    assert parse(json.loads(found.to_json())) == found


def test_every_answer_is_measured_by_curves_that_did_not_see_it() -> None:
    some = judged(900, 5)
    sure = out_of_fold(some)
    assert len(sure) == 900
    measured, _ = measured_answers(some, sure)
    assert measured["ece_answer"] < 0.06
    turned = [replace(one, right=not one.right) for one in some[:180]]  # the first part, as nobody else is
    assert out_of_fold([*turned, *some[180:]])[:180] == sure[:180]
    assert out_of_fold([]) == []


def test_a_surer_answer_is_never_less_likely_right() -> None:
    turned = [Judged("field", 1 - one.raw, one.right) for one in judged(400, 3)]
    ((_, curve),) = fit_answers(turned)
    assert len({share for _, share in curve}) == 1


def test_the_limit_for_declining_is_set_where_both_targets_hold_or_not_at_all() -> None:
    """100 questions without an answer, 300 with one; a model that declines 85 and 3 of them by itself."""
    none = [Judged("absent", 0.9, True, 0.9, answerable=False)] * 85
    none += [Judged("answer", 0.6, False, 0.22, answerable=False)] * 8 + [Judged("answer", 0.9, False, 0.01, False)] * 7
    some = [Judged("absent", 0.7, False, 0.7, pressed=Judged("answer", 0.25, True, 0.7))] * 9
    some += [Judged("answer", 0.8, True, 0.18)] * 30 + [Judged("answer", 0.95, True, 0.001)] * 261
    fields = [Judged("field", 0.5, True)] * 50
    curve = declining([*none, *some, *fields])
    assert (curve[0].limit, curve[0].refused, curve[0].lost) == (None, 0.85, 0.03)
    assert all(a.refused <= b.refused and a.lost <= b.lost for a, b in pairwise(curve[1:]))
    limit = best_limit(curve)
    assert limit is not None and 0.18 <= limit < 0.22
    hopeless = declining([*none, *some, *[Judged("answer", 0.8, True, 0.3)] * 60])
    assert best_limit(hopeless) is None
    (declined,) = [one.declined_above(0.2) for one in none[85:86]]
    assert (declined.kind, declined.raw, declined.right) == ("absent", 0.22, True)
    assert some[0].declined_above(0.75) == some[0].pressed
    assert some[0].declined_above(None) == some[0].declined_above(0.6) == some[0]
    found = replace(fit(words(3000, 1), "f" * 64), refuse=0.2)
    assert parse(json.loads(found.to_json())) == found
