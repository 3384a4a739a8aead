"""Any schema, any page, any weights: valid JSON within the limit.

The default run takes a few of each kind of model; LONG_TESTS=1 takes 500 of each and prints what it found.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from dsvl2.model.errors import ConstraintError
from dsvl2.pipelines.extract import Options, View, extract, pages_of, read_schema

MODELS = ("nano", "tiny", "small", "base")
QUICK = {"nano": 4, "tiny": 6, "small": 6, "base": 6}


def one(seed: int, engine: Any, random_schema: Any, page_of: Any) -> tuple[int, int, bool]:
    """Extract by a random schema from one or two random pages; return (limit, longest answer, whether it was closed)."""
    rng = random.Random(seed)
    schema = random_schema(rng)
    form = read_schema(schema)
    views: list[View] = []
    for number in range(1, 1 + rng.choice([1, 1, 2])):
        page, image = page_of(rng, number)
        parts = pages_of([page], 700)
        bands = engine.info.reading.mode == "bands"
        views += (
            (parts or [View(number)])
            if bands
            else [View(number, parts[0].text if parts else None, lambda image=image: image)]
        )
    limit = rng.choice([60, 90, 150, 250])
    while True:
        try:
            extraction = extract("page", views, engine, form, options=Options(max_tokens=limit))
            break
        except ConstraintError as error:  # told before any work, with the least that would do
            assert "the limit is" in str(error) and str(limit) in str(error)
            limit *= 2
    assert json.loads(json.dumps(extraction.data)) == extraction.data
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    kind(schema, format_checker=kind.FORMAT_CHECKER).validate(extraction.data)
    assert extraction.token_limit == limit and extraction.most_tokens <= limit
    return limit, extraction.most_tokens, any(notice.code == "token_limit" for notice in extraction.notices)


@pytest.mark.parametrize("model", MODELS)
def test_every_result_is_valid_and_within_its_limit(
    model: str, engine_of: Callable[[str], Any], random_schema: Any, page_of: Any
) -> None:
    for seed in range(QUICK[model]):
        one(seed, engine_of(model), random_schema, page_of)


@pytest.mark.skipif(not os.environ.get("LONG_TESTS"), reason="LONG_TESTS=1 runs it: some minutes")
@pytest.mark.parametrize("model", MODELS)
def test_every_one_of_five_hundred_results_is_valid_and_within_its_limit(
    model: str, engine_of: Callable[[str], Any], random_schema: Any, page_of: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong: list[str] = []
    closed = longest = 0
    for seed in range(500):
        try:
            _, tokens, was_closed = one(1000 + seed, engine_of(model), random_schema, page_of)
            closed, longest = closed + was_closed, max(longest, tokens)
        except (AssertionError, jsonschema.ValidationError) as error:
            wrong.append(f"{seed}: {str(error)[:300]}")
    with capsys.disabled():
        print(
            f"\n{model}: {500 - len(wrong)} of 500 valid and within the limit; {closed} closed at it; {longest} tokens"
        )
    assert not wrong, "\n".join(wrong)
