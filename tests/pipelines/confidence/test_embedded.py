"""The calibration that is shipped is for the weights that are shipped, or there is none."""

from __future__ import annotations

import json
from pathlib import Path

from dsvl2.model.loading import fingerprint
from dsvl2.pipelines.confidence import load_calibration

NANO = Path(__file__).resolve().parents[3] / "model" / "embedded" / "nano"


def test_the_embedded_calibration_is_for_the_embedded_weights() -> None:
    path = NANO / "confidence.json"
    if not path.exists():  # then confidences are raw and marked as such: honest, if less useful
        return
    weights = fingerprint(NANO)
    assert load_calibration(NANO, weights) is not None, (
        "new weights: run `python -m dsvl2.pipelines.training.calibrate` and `make checksums` (or remove confidence.json)"
    )


def test_its_error_was_measured_to_be_small() -> None:
    path = NANO / "confidence.json"
    if path.exists():
        facts = json.loads(path.read_text())["facts"]
        assert facts["words"] >= 1000
        assert facts["ece"] <= 0.05
        assert facts["ece_equal_mass"] <= 0.05
