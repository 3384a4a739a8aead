"""The registry's entry for conversations."""

from __future__ import annotations

from dsvl2.pipelines.ask import parse_answer
from dsvl2.pipelines.chat.types import ChatReply
from dsvl2.pipelines.tasks.base import Prompts, TaskSpec

SPEC = TaskSpec(
    name="chat",
    summary="Talk about documents over several turns",
    prompts=Prompts(page="<image>\n{question}", nano="{page}\nQ: {question}"),
    parse=parse_answer,
    result=ChatReply,
)
