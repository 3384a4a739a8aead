"""The registry's entry for extraction."""

from __future__ import annotations

import json
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.asking import PROMPTS
from dsvl2.pipelines.extract.types import Extraction
from dsvl2.pipelines.tasks.base import Parsed, TaskSpec


def parse_fields(output: str) -> Parsed[Any]:
    """Return the JSON of an answer; None, and why, for what is none. Never raises."""
    try:
        return Parsed(json.loads(output))
    except (ValueError, RecursionError) as error:
        return Parsed(None, (Notice("bad_answer", f"the answer is no JSON: {error}"),))


SPEC = TaskSpec(
    name="extract",
    summary="Extract fields by a schema, each with its place on the page",
    prompts=PROMPTS,
    parse=parse_fields,
    result=Extraction,
    batch="dsvl2.pipelines.extract.batch:ExtractBatch",
)
