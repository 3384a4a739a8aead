"""Two readings held against each other, word by word: with another model's, an older version's, or what a person wrote."""

from dsvl2.pipelines.compare.html import comparison_page
from dsvl2.pipelines.compare.index import Listed, comparison_index
from dsvl2.pipelines.compare.readings import OTHER_OUTPUTS, READING_SUFFIXES, BadReading, parse_reading, reading_of
from dsvl2.pipelines.compare.record import SCHEMA, comparison_record, passages, read_alike
from dsvl2.pipelines.compare.run import IGNORABLE, compare_readings
from dsvl2.pipelines.compare.types import Change, Comparison, Piece, Reading, Same, Section, Token

__all__ = [
    "IGNORABLE",
    "OTHER_OUTPUTS",
    "READING_SUFFIXES",
    "SCHEMA",
    "BadReading",
    "Change",
    "Comparison",
    "Listed",
    "Piece",
    "Reading",
    "Same",
    "Section",
    "Token",
    "compare_readings",
    "comparison_index",
    "comparison_page",
    "comparison_record",
    "parse_reading",
    "passages",
    "read_alike",
    "reading_of",
]
