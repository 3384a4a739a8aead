"""Review: one HTML page with scan and text side by side, and what a person corrected in it put back into the document."""

from dsvl2.pipelines.review.corrections import (
    Addition,
    BadCorrections,
    Correction,
    Corrections,
    apply_corrections,
    parse_corrections,
)
from dsvl2.pipelines.review.lexicon import BadLexicon, Lexicon, joined, parse_lexicon, with_lexicon
from dsvl2.pipelines.review.page import review_page
from dsvl2.pipelines.review.scans import ScanKeeper, data_uri

__all__ = [
    "Addition",
    "BadCorrections",
    "BadLexicon",
    "Correction",
    "Corrections",
    "Lexicon",
    "ScanKeeper",
    "apply_corrections",
    "data_uri",
    "joined",
    "parse_corrections",
    "parse_lexicon",
    "review_page",
    "with_lexicon",
]
