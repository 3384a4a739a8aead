"""Confidences come from the letters' probabilities, through a calibration if there is one for these weights."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from dsvl2.model import GenerationRequest, GenerationResult, Message, Usage
from dsvl2.pipelines.confidence import Calibration, load_calibration, score_page, together
from dsvl2.pipelines.confidence.evidence import FEATURES, usual_width, word_evidence
from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.reading import PreparedPage, finish
from dsvl2.pipelines.words import Slant

BOX = Box(0, 0, 100, 10)
TEXT = "one twoo"


def line(text: str = TEXT, logprobs: tuple[float, ...] = (-0.01,) * 3 + (0.0,) + (-0.5,) * 4) -> Line:
    words = (Word("one", Box(0, 0, 45, 10)), Word("twoo", Box(50, 0, 100, 10)))
    return Line(text, BOX, 0.1, words, logprobs)


def page(*lines: Line) -> PageResult:
    return PageResult(1, (Block("paragraph", " ".join(k.text for k in lines), lines=lines),), 200, 100, 150.0)


def calibration(**more: object) -> Calibration:
    weights = tuple(-1.0 if name == "weakest" else 0.0 for name in FEATURES)
    curve = ((-8.0, 0.0), (0.0, 0.5), (4.0, 0.98))
    return replace(Calibration("f" * 64, 0.0, weights, curve, 0.5), **more)


def test_without_a_calibration_confidences_are_geometric_means() -> None:
    scored = score_page(page(line()), None)
    (found,) = scored.blocks[0].lines
    assert [word.confidence for word in found.words] == pytest.approx([math.exp(-0.01), math.exp(-0.5)])
    assert found.confidence == pytest.approx(math.exp(-2.03 / 8))
    assert scored.confidence == scored.blocks[0].confidence == pytest.approx((math.exp(-0.01) + math.exp(-0.5)) / 2)
    assert not scored.calibrated


def test_a_calibration_gives_words_lines_and_page_their_probability() -> None:
    scored = score_page(page(line()), calibration())
    (found,) = scored.blocks[0].lines
    sure, unsure = (word.confidence for word in found.words)
    assert sure == pytest.approx(0.98)  # -log(0.01) is off the curve
    assert unsure == pytest.approx(0.5 + 0.48 * -math.log(0.5) / 4)
    assert found.confidence == pytest.approx(unsure * sure**0.5)
    assert scored.confidence == pytest.approx((sure + unsure) / 2)
    assert scored.calibrated


def test_the_letters_probabilities_are_let_go() -> None:
    assert all(not k.logprobs for k in score_page(page(line()), None).blocks[0].lines)


def test_a_page_without_probabilities_stays_as_it_is() -> None:
    plain = page(Line("from a text layer", BOX))
    assert score_page(plain, calibration()) == plain
    whole = PageResult(1, (Block("paragraph", "a page read whole", confidence=0.7),), confidence=0.8)
    assert score_page(whole, calibration()) == whole


def test_a_page_without_a_line_has_no_raw_confidence_beside_calibrated_ones() -> None:
    """A chart alone: no share of words is right, and nobody is told that the model is not calibrated."""
    prepared = PreparedPage(PageResult(1, (), 200, 100, 150.0), (GenerationRequest((Message("user", "read"),)),))
    usage = Usage(1, 0, 2, 0)
    answer = GenerationResult("| a | b |", (1, 2), ("| a", " | b |"), (-0.1,) * 2, "stop", usage)
    assert finish(prepared, [answer], calibration()).confidence is None
    assert finish(prepared, [answer]).confidence == pytest.approx(math.exp(-0.1))


@pytest.mark.parametrize("odd", [(), (-0.1,), (-0.1,) * 9])
def test_probabilities_that_do_not_fit_the_text_count_as_unknown(odd: tuple[float, ...]) -> None:
    assert score_page(page(line(logprobs=odd)), calibration()).blocks[0].lines[0].confidence == 0.1


def test_doubt_grows_with_every_feature() -> None:
    sure, unsure = word_evidence(line())
    assert len(sure) == len(FEATURES)
    assert unsure[0] > sure[0]
    assert unsure[1] > sure[1]


def test_a_line_that_is_too_long_for_its_ink_is_seen() -> None:
    usual = usual_width([Block("paragraph", "", lines=(line(), line(), line()))], Slant(0, 0.0))
    (fits, *_), (odd, *_) = (
        word_evidence(line(), usual),
        word_evidence(line("a good deal more text", (0.0,) * 21), usual),
    )
    assert fits[FEATURES.index("misfit")] == pytest.approx(0)
    assert odd[FEATURES.index("misfit")] > 0.5


def test_parts_of_a_line_are_right_together() -> None:
    assert together(()) is None
    assert together((0.9,), calibration()) == 0.9
    assert together((0.81, 0.5), calibration()) == pytest.approx(0.5 * 0.9)
    assert together((0.81, 0.0), calibration()) == 0.0
    assert together((0.25, 1.0)) == pytest.approx(0.5)


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    kept = calibration(facts=(("words", 12), ("ece", 0.01)))
    (tmp_path / "confidence.json").write_text(kept.to_json())
    assert load_calibration(tmp_path, "f" * 64) == kept


def test_a_calibration_for_other_weights_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "confidence.json").write_text(calibration().to_json())
    assert load_calibration(tmp_path, "e" * 64) is None
    assert load_calibration(tmp_path / "nowhere", "f" * 64) is None
    assert load_calibration("", "f" * 64) is None


@pytest.mark.parametrize(
    "change",
    [
        {"version": 99},
        {"features": ["luck"]},
        {"curve": []},
        {"curve": [[0, 0.9], [1, 0.1]]},
        {"curve": [[0, 0.1], [1, 1.4]]},
        {"weights": [1]},
        {"bias": "high"},
    ],
)
def test_a_damaged_or_foreign_file_is_not_used(change: dict[str, object], tmp_path: Path) -> None:
    record = json.loads(calibration().to_json()) | change
    (tmp_path / "confidence.json").write_text(json.dumps(record))
    assert load_calibration(tmp_path, "f" * 64) is None
