"""A conversation with a model that reads by bands: every turn is a question about the pages, which were read once."""

from __future__ import annotations

from collections.abc import Sequence

from dsvl2.pipelines.ask import CANDIDATES, AskPage, ask_text, check_question
from dsvl2.pipelines.chat.types import ChatReply, Conversation, Shown, Watch
from dsvl2.pipelines.tasks.base import Engine


class TextTalk:
    """Answers from the text of pages; earlier turns are not looked at."""

    def __init__(self, engine: Engine, pages: Sequence[AskPage], candidates: int = CANDIDATES) -> None:
        self.engine, self.pages, self.candidates = engine, list(pages), candidates

    def say(
        self, conversation: Conversation, question: str, shown: tuple[Shown, ...], watch: Watch | None
    ) -> ChatReply:
        """Ask the pages (the one that was chosen, if any); the answer comes at once, when all candidates were asked.

        Raises:
            QuestionError: there is no question in it.
        """
        asked = check_question(question)
        chosen = [page for page in self.pages if conversation.page in (None, page.number)]
        (result,) = ask_text(chosen, [asked], self.engine, candidates=self.candidates)
        if watch is not None and result.answer is not None:
            watch(result.answer)
        evidence = result.evidence[0] if result.evidence else None
        return ChatReply(
            asked,
            result.answer,
            result.confidence,
            result.source,
            result.page,
            evidence.quote if evidence is not None else None,
            evidence.box if evidence is not None else None,
            False,
            result.notices,
        )
