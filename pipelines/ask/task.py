"""The registry's entry for questions."""

from __future__ import annotations

from dsvl2.pipelines.ask.answers import NOT_HERE, parse_answer
from dsvl2.pipelines.ask.types import AskResult
from dsvl2.pipelines.tasks.base import Prompts, TaskSpec

SPEC = TaskSpec(
    name="ask",
    summary="Answer a question from the pages of documents",
    prompts=Prompts(
        page=f"<image>\n{{question}}\nAnswer in the words of the page. If it does not say, answer: {NOT_HERE}.",
        nano="{page}\nQ: {question}",
    ),
    parse=parse_answer,
    result=AskResult,
    batch="dsvl2.pipelines.ask.batch:ask_batch",
)
