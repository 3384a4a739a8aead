"""Conversations: what the model is shown, what is forgotten when it gets long, and what is kept on disk."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from dsvl2.model.errors import ContextOverflow
from dsvl2.model.request import GenerationRequest, RequestSize
from dsvl2.pipelines.ask import AskPage, ImageBudget
from dsvl2.pipelines.chat import (
    SPEC,
    Conversation,
    SeenTalk,
    Shown,
    TextTalk,
    Turn,
    latest,
    load,
    new_path,
    save,
    transcript,
)
from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.errors import FileMissing, QuestionError, UnreadableFile
from tests.pipelines.answering import Answering

PAGE = Shown("a.png", 1)


def draw(shown: Shown) -> Image.Image:
    return Image.new("L", (100 + shown.page, 100), 200)


def talk(answer: Any = "yes", **more: Any) -> tuple[SeenTalk, Any]:
    engine = Answering(answer if callable(answer) else lambda request: answer, mode="page", **more)
    return SeenTalk(engine, draw, max_new_tokens=50), engine


def contents(request: GenerationRequest) -> list[tuple[str, str, int]]:
    return [(message.role, message.content, len(message.images)) for message in request.messages]


def test_later_turns_see_the_earlier_ones_and_the_image_once() -> None:
    seen, engine = talk()
    conversation = Conversation(turns=(Turn("user", "what is it?", (PAGE,)), Turn("assistant", "a cup")))
    reply = seen.say(conversation, "what colour?", (), None)
    assert contents(engine.requests[0]) == [
        ("user", "<image>\nwhat is it?", 1),
        ("assistant", "a cup", 0),
        ("user", "what colour?", 0),
    ]
    assert [message.shared for message in engine.requests[0].messages] == [7, None, 0]
    assert (reply.answer, reply.stopped) == ("yes", False)
    Draft202012Validator(SPEC.json_schema()).validate(json.loads(json.dumps(SPEC.record(reply))))


def test_the_answer_can_be_watched() -> None:
    seen, _ = talk("hello")
    told: list[str] = []
    seen.say(Conversation(), "say it", (PAGE,), told.append)
    assert told == ["h", "he", "hel", "hell", "hello"]


def test_ctrl_c_keeps_what_was_said_so_far() -> None:
    seen, _ = talk("hello")

    def stop(text: str) -> None:
        if text == "hel":
            raise KeyboardInterrupt

    reply = seen.say(Conversation(), "say it", (), stop)
    assert (reply.answer, reply.stopped) == ("hel", True)


class Short(Answering):
    """An engine with room for so many letters, and 30 a tile of every image."""

    def count(self, request: GenerationRequest) -> RequestSize:
        letters = sum(len(message.content) for message in request.messages)
        images = sum(len(message.images) for message in request.messages)
        tiles = images * min(request.tiles or (4 if images <= 2 else 1), 4)
        if letters + 30 * tiles > self.info.context_length:
            raise ContextOverflow("too long", "less")
        return RequestSize(letters + 30 * tiles, 30 * tiles, tiles)


def short(room: int) -> tuple[SeenTalk, Any]:
    engine = Short(lambda request: "ok", mode="page", context=room)
    return SeenTalk(engine, draw), engine


def test_the_oldest_turns_go_first_and_their_images_stay() -> None:
    seen, engine = short(200)
    turns = tuple(Turn(role, "x" * 20, (PAGE,) if n == 0 else ()) for n in range(3) for role in ("user", "assistant"))  # type: ignore[arg-type]
    turns = tuple(Turn(t.role, t.text, t.shown if t.role == "user" else ()) for t in turns)
    reply = seen.say(Conversation(turns=turns), "and now?", (), None)
    sent = contents(engine.requests[0])
    assert len(sent) == 3 and sent[0] == ("user", "<image>\n" + "x" * 20, 1) and sent[-1][1] == "and now?"
    assert [notice.code for notice in reply.notices] == ["forgotten"]
    assert "first 2 question(s)" in reply.notices[0].message


def test_then_images_get_fewer_tiles() -> None:
    seen, engine = short(100)
    reply = seen.say(Conversation(), "what?", (PAGE,), None)
    assert engine.requests[0].tiles == 2
    assert [notice.code for notice in reply.notices] == ["reduced"]


def test_what_cannot_fit_is_an_error() -> None:
    with pytest.raises(ContextOverflow):
        short(20)[0].say(Conversation(), "what is this?", (PAGE,), None)
    with pytest.raises(ContextOverflow):
        short(20)[0].say(Conversation(), "what is this, in so many words?", (), None)


def test_three_images_keep_their_tiles_within_the_budget() -> None:
    seen, engine = short(1000)
    seen.say(Conversation(), "which?", (PAGE, Shown("a.png", 2), Shown("b.png")), None)
    assert engine.requests[0].tiles is not None and engine.requests[0].tiles > 1
    seen.budget = ImageBudget(tiles=2)
    seen.say(Conversation(), "which?", (PAGE,), None)
    assert engine.requests[1].tiles == 2


def read_page(number: int, text: str) -> AskPage:
    line = Line(text, Box(10, 10, 500, 30))
    result = PageResult(number, (Block("paragraph", text, line.box, lines=(line,)),), 1000, 1000, 100.0)
    return AskPage("a.pdf", number, result, lambda: Image.new("L", (9, 9)))


def test_a_model_that_reads_answers_every_turn_from_the_pages() -> None:
    pages = [read_page(1, "The pump is old."), read_page(2, "The valve is new.")]
    engine = Answering({"how is the valve?": "new", "how is it?": "old"})
    text = TextTalk(engine, pages)
    reply = text.say(Conversation(), "how is the valve?", (), None)
    assert (reply.answer, reply.page, reply.quote) == ("new", 2, "The valve is new.")
    assert text.say(Conversation(page=2), "how is it?", (), None).answer is None
    assert text.say(Conversation(page=1), "how is it?", (), None).answer == "old"


@pytest.mark.parametrize("question", ["", " ", "?"])
def test_an_empty_turn_is_refused(question: str) -> None:
    with pytest.raises(QuestionError):
        talk()[0].say(Conversation(), question, (), None)


def test_conversations_are_kept_closed_to_others_and_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "chats"
    first, second = new_path(folder), folder / "later.json"
    talked = Conversation(
        ("a.pdf",), "nano", (Turn("user", "wer? – 'é'", (PAGE,)), Turn("assistant", "ich", (), True)), 3
    )
    save(first, Conversation())
    save(second, talked)
    assert latest(folder) == second and load(second) == talked
    assert stat.S_IMODE(second.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert transcript(talked).splitlines()[2:] == ["*[a.png page 1]*", "**wer? – 'é'**", "", "ich …"]


def test_no_conversation_and_damaged_ones_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no conversation"):
        latest(tmp_path / "none")
    with pytest.raises(FileMissing):
        load(tmp_path / "gone.json")
    for text in ("", "{", "[]", "{}", '{"schema": "x"}', '{"schema": "dsvl2/conversation/v1", "documents": [3]}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(UnreadableFile, match="no conversation"):
            load(tmp_path / "x.json")
