"""Whatever way is taken through the language of a schema, what comes out is valid by the jsonschema library."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path

import pytest

from dsvl2.model.constraints import NOTHING, Language, Ranges
from dsvl2.model.constraints.lark import to_lark
from dsvl2.pipelines.extract.grammar import grammar_of
from dsvl2.pipelines.extract.schema import read_schema, validation_errors
from dsvl2.pipelines.extract.shapes import Form

_spec = importlib.util.spec_from_file_location("random_schemas", Path(__file__).with_name("random_schemas.py"))
assert _spec is not None and _spec.loader is not None
random_schemas = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(random_schemas)


def drawn(ranges: Ranges, rng: random.Random) -> str:
    low, high = rng.choice(ranges)
    return chr(rng.randint(low, min(high, low + 200)))


def walk(language: Language, rng: random.Random, steps: int) -> str:
    """A random text of the language: so many characters of chance, then the ending."""
    written = ""
    for _ in range(steps):
        choices = language.first()
        if not choices:
            break
        char = drawn(choices, rng)
        after = language.step(char)
        if after is NOTHING or after.ending is None:
            continue
        language, written = after, written + char
    assert language.ending is not None
    return written + language.ending


def is_valid(form: Form, words: str) -> bool:
    errors = validation_errors(form, json.loads(words))
    return not [error for error in errors if "non-unique" not in error]


@pytest.mark.parametrize("seed", range(60))
def test_every_way_through_the_language_is_valid(seed: int) -> None:
    rng = random.Random(seed)
    form = read_schema(random_schemas.random_schema(rng))
    nano = frozenset(map(chr, range(32, 127))) | set("éöß")
    for alphabet in (None, nano):
        language = grammar_of(form)(alphabet)
        for steps in (0, 5, 60, 200):
            if language is not NOTHING:
                words = walk(language, rng, steps)
                assert is_valid(form, words), (form.schema, words)


@pytest.mark.parametrize("required", [True, False])
def test_many_fields_are_no_deep_recursion(required: bool) -> None:
    names = [f"f{number}" for number in range(150)]
    schema = {"type": "object", "properties": {name: {"type": ["string", "null"]} for name in names}}
    form = read_schema({**schema, "required": names if required else []})
    language = grammar_of(form)(None)
    assert language.ending is not None and is_valid(form, language.ending)
    assert to_lark(language).startswith("start: ")
