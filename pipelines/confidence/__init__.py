"""How far a reading can be trusted: calibrated confidence of words, lines, cells and fields, and text held against ink."""

from dsvl2.pipelines.confidence.accounting import coverage, coverage_notices
from dsvl2.pipelines.confidence.calibration import Calibration, load_calibration
from dsvl2.pipelines.confidence.nonsense import believable
from dsvl2.pipelines.confidence.scoring import (
    answer_confidence,
    calibration_of,
    refuses_above,
    score_page,
    together,
)

__all__ = [
    "Calibration",
    "answer_confidence",
    "believable",
    "calibration_of",
    "coverage",
    "coverage_notices",
    "load_calibration",
    "refuses_above",
    "score_page",
    "together",
]
