"""A conversation: turns of text, and the images that were shown with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from dsvl2.pipelines.documents import Box, Notice

Watch = Callable[[str], None]
"""Told the answer so far whenever it changes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An image in a conversation: a page of a document, counted from 1."""

    path: str
    page: int = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said. `stopped`: the answer was broken off."""

    role: Literal["user", "assistant"]
    text: str
    shown: tuple[Shown, ...] = ()
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that is needed to go on with it. `documents` are paths; `page` limits questions to one page of them."""

    documents: tuple[str, ...] = ()
    model: str = ""
    turns: tuple[Turn, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ChatReply:
    """One answer. `answer` is null when the documents do not hold it."""

    question: str
    answer: str | None
    confidence: float | None
    source: str | None
    page: int | None
    quote: str | None = field(metadata={"help": "The page's own words around the answer, where they were found."})
    box: Box | None
    stopped: bool = field(metadata={"help": "The answer was broken off by Ctrl-C."})
    notices: tuple[Notice, ...] = ()


class Talk(Protocol):
    """A way to answer the next turn of a conversation."""

    def say(
        self, conversation: Conversation, question: str, shown: tuple[Shown, ...], watch: Watch | None
    ) -> ChatReply:
        """Answer `question`, said with the images `shown`, after the turns of the conversation.

        A KeyboardInterrupt while the model answers ends the answer, which is kept as far as it came.
        """
        ...
