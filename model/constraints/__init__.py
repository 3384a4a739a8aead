"""Answers that must have a form: languages, their masks, and how an answer is brought to a valid end within its limit.

What is needed to describe a language is open to other layers; holding an answer to it is the engine's business.
"""

from dsvl2.model.constraints.language import (
    EMPTY,
    NOTHING,
    Chars,
    Language,
    Token,
    either,
    repeat,
    text,
    then,
)
from dsvl2.model.constraints.numbers import Bounds, Number
from dsvl2.model.constraints.ranges import EVERY, LAST, Ranges, merged, overlap, without
from dsvl2.model.constraints.rules import Name, settle
from dsvl2.model.constraints.shared import both

__all__ = [
    "EMPTY",
    "EVERY",
    "LAST",
    "NOTHING",
    "Bounds",
    "Chars",
    "Language",
    "Name",
    "Number",
    "Ranges",
    "Token",
    "both",
    "either",
    "merged",
    "overlap",
    "repeat",
    "settle",
    "text",
    "then",
    "without",
]
