"""The registry's entry for grounding, and the prompts that it needs."""

from __future__ import annotations

from dsvl2.pipelines.grounding.parse import parse_grounding
from dsvl2.pipelines.grounding.types import GroundResult
from dsvl2.pipelines.tasks.base import Prompts, TaskSpec

DESCRIBE = "<image>\n<|grounding|>Describe the image in detail."

SPEC = TaskSpec(
    name="ground",
    summary="Find a phrase on a page, as boxes",
    prompts=Prompts(page="<image>\n<|ref|>{phrase}<|/ref|>."),
    parse=parse_grounding,
    result=GroundResult,
    batch="dsvl2.pipelines.grounding.batch:GroundBatch",
)
