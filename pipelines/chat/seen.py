"""A conversation with a whole-page checkpoint: it sees the images and all earlier turns.

What was said before is run once and kept (see `Message.shared`). When it no longer fits the context, the oldest turns go
first, their images stay; then the images get fewer tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from dsvl2.model import GenerationRequest, GenerationResult, Message, ModelInfo, RequestSize, SamplingParams
from dsvl2.model.errors import ContextOverflow
from dsvl2.pipelines.ask import ImageBudget, check_question, parse_answer
from dsvl2.pipelines.ask.images import fit
from dsvl2.pipelines.chat.types import ChatReply, Conversation, Shown, Turn, Watch
from dsvl2.pipelines.documents import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

_MARK = "<image>"
ANSWER_TOKENS = 512


class ChatEngine(Protocol):
    """An engine that tells how an answer grows, and what a request costs before it runs."""

    @property
    def info(self) -> ModelInfo: ...

    def generate(
        self, requests: Sequence[GenerationRequest], watch: Callable[[int, str], None] | None = None
    ) -> list[GenerationResult]: ...

    def count(self, request: GenerationRequest) -> RequestSize: ...


class SeenTalk:
    """`draw` turns what was shown into an image, whenever it is needed again."""

    def __init__(
        self,
        engine: ChatEngine,
        draw: Callable[[Shown], Image],
        *,
        budget: ImageBudget | None = None,
        max_new_tokens: int = ANSWER_TOKENS,
    ) -> None:
        self.engine, self.draw = engine, draw
        self.budget, self.max_new_tokens = budget or ImageBudget(), max_new_tokens

    def say(
        self, conversation: Conversation, question: str, shown: tuple[Shown, ...], watch: Watch | None
    ) -> ChatReply:
        """Say the next turn.

        Raises:
            QuestionError: there is no question in it. ContextOverflow: this turn alone is too long.
        """
        turns = (*conversation.turns, Turn("user", check_question(question), shown))
        request, notices = self._fitted(turns)
        so_far = ""

        def grow(number: int, text: str) -> None:
            nonlocal so_far
            so_far = text
            if watch is not None:
                watch(text)

        try:
            (answer,) = self.engine.generate([request], grow)
        except KeyboardInterrupt:
            parsed = parse_answer(so_far)
            return _reply(question, parsed.value, None, notices + parsed.dropped, stopped=True)
        if answer.truncated:
            notices += (Notice("truncated", f"the model {answer.ending} (limit {self.max_new_tokens} tokens)"),)
        parsed = parse_answer(answer.text)
        sure = math.exp(min(sum(answer.logprobs) / len(answer.logprobs), 0.0)) if answer.logprobs else None
        text = (
            answer.text.strip() if parsed.value is None else parsed.value
        )  # in a conversation, declining is an answer
        return _reply(question, text or None, sure, notices + parsed.dropped)

    def _fitted(self, turns: tuple[Turn, ...]) -> tuple[GenerationRequest, tuple[Notice, ...]]:
        """Return a request that fits the context, and what it cost."""
        gone = 0
        while True:
            request = self._request(turns)
            images = sum(len(message.images) for message in request.messages)
            try:
                if images and (images > 2 or self.budget != ImageBudget()):
                    (request,), notices = fit([request], self.engine, self.budget, images)
                else:
                    self.engine.count(request)
                    notices = ()
            except ContextOverflow:
                if len(turns) == 1:
                    return self._reduced(request, images)
                turns, gone = _without_oldest(turns), gone + 1
                continue
            if gone:
                notices += (Notice("forgotten", f"the first {gone} question(s) and answers no longer fit the context"),)
            return request, notices

    def _reduced(self, request: GenerationRequest, images: int) -> tuple[GenerationRequest, tuple[Notice, ...]]:
        """Return the one turn that is left with fewer tiles; raises ContextOverflow if nothing helps."""
        if not images:
            self.engine.count(request)
        (fitted,), notices = fit([request], self.engine, self.budget, images)
        return fitted, notices

    def _request(self, turns: tuple[Turn, ...]) -> GenerationRequest:
        messages = []
        for number, turn in enumerate(turns):
            marks = "\n".join([_MARK] * len(turn.shown))
            images = tuple(self.draw(shown) for shown in turn.shown)
            text = turn.text.replace(_MARK, "image")
            content = f"{marks}\n{text}" if images else text
            shared = None if turn.role == "assistant" else len(marks) if number == 0 else 0
            messages.append(Message(turn.role, content, images, shared))
        return GenerationRequest(tuple(messages), SamplingParams(max_new_tokens=self.max_new_tokens))


def _without_oldest(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Drop the first question and answer; their images move to the next question."""
    first, rest = turns[0], turns[2:] if len(turns) > 2 else turns[-1:]
    return (Turn("user", rest[0].text, first.shown + rest[0].shown), *rest[1:])


def _reply(
    question: str, answer: str | None, confidence: float | None, notices: tuple[Notice, ...], *, stopped: bool = False
) -> ChatReply:
    return ChatReply(question, answer, confidence, None, None, None, None, stopped, notices)
