"""Review: one HTML page with scan and text side by side, and what a person corrected in it put back into the document."""

from dsvl2.pipelines.review.corrections import (
    Addition,
    BadCorrections,
    Correction,
    Corrections,
    apply_corrections,
    parse_corrections,
)
from dsvl2.pipelines.review.page import review_page
from dsvl2.pipelines.review.scans import ScanKeeper, data_uri

__all__ = [
    "Addition",
    "BadCorrections",
    "Correction",
    "Corrections",
    "ScanKeeper",
    "apply_corrections",
    "data_uri",
    "parse_corrections",
    "review_page",
]
