"""How far a reading can be trusted: calibrated confidence of words, lines, cells and fields."""

from dsvl2.pipelines.confidence.calibration import Calibration, load_calibration
from dsvl2.pipelines.confidence.scoring import calibration_of, score_page, together

__all__ = ["Calibration", "calibration_of", "load_calibration", "score_page", "together"]
