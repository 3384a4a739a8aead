"""`dsvl2 chat`: a turn for each line, commands, history; and on a terminal."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from jsonschema import Draft202012Validator

from dsvl2.model.reading import ReadingProfile
from dsvl2_cli import engines

HERE = Path(__file__).resolve()


def answering() -> Any:
    place = HERE.parents[1] / "pipelines" / "answering.py"
    spec = importlib.util.spec_from_file_location("answering", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["answering"] = module
    spec.loader.exec_module(module)
    return module.Answering


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    document = pymupdf.open()
    for text in ("The pump delivers 412 litres per second.", "The valve costs 5,200 pounds."):
        lines = [text, *(f"This is line {number} of a letter with good text in it." for number in range(12))]
        document.new_page().insert_text((72, 100), lines, fontsize=11)
    document.save(tmp_path / "letter.pdf")
    return tmp_path / "letter.pdf"


Chat = Callable[..., Any]


@pytest.fixture
def chat(dsvl2: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Chat:
    """Talk: `chat(file, lines, answers)`; the value's `engine` keeps the requests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def talk(*arguments: object, lines: str, answers: Any, mode: str = "bands") -> Any:
        engine = answering()(answers, mode=mode)
        talk.engine = engine  # type: ignore[attr-defined]
        monkeypatch.setattr(engines, "make_engine", lambda settings: engine)
        monkeypatch.setattr(engines, "check_model", lambda name: None)
        monkeypatch.setattr(engines, "reading_profile", lambda settings: ReadingProfile(mode=mode))
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return dsvl2("chat", *arguments)

    return talk


ANSWERS = {"what does the valve cost?": "5,200 pounds", "how much water?": "412 litres per second"}


def test_every_line_is_a_turn(chat: Chat, letter: Path) -> None:
    done = chat(letter, lines="what does the valve cost?\n\nhow much water?\nwho?\n", answers=ANSWERS)
    assert (done.code, done.out) == (0, "5,200 pounds\n412 litres per second\nnot in the document\n")
    assert '  page 2: "The valve costs 5,200 pounds."' in done.err


def test_json_is_one_object_a_turn(chat: Chat, dsvl2: Any, letter: Path) -> None:
    done = chat(letter, "--json", lines="how much water?\nwho?\n", answers=ANSWERS)
    schema = json.loads(dsvl2("schema", "chat").out)
    records = [json.loads(line) for line in done.out.splitlines()]
    for record in records:
        Draft202012Validator(schema).validate(record)
    assert [record["page"] for record in records] == [1, None]


def test_a_conversation_goes_on(chat: Chat, letter: Path) -> None:
    first = chat(letter, lines="how much water?\n", answers=lambda request: "a lot", mode="page")
    assert first.out == "a lot\n"
    again = chat("-c", lines="and fire?\n", answers=lambda request: "none", mode="page")
    assert again.out == "none\n"
    messages = chat.engine.requests[0].messages  # type: ignore[attr-defined]
    assert [message.content for message in messages] == ["<image>\nhow much water?", "a lot", "and fire?"]


def test_pages_and_images_are_chosen_between_turns(chat: Chat, letter: Path, png: Any) -> None:
    lines = f"/page 2\nwhat?\n/image {png()}\nand this?\n/reset\nagain?\n"
    done = chat(letter, lines=lines, answers=lambda request: "x", mode="page")
    assert done.code == 0
    sent = [[len(message.images) for message in request.messages] for request in chat.engine.requests]  # type: ignore[attr-defined]
    assert sent == [[2], [2, 0, 1], [1]]


def test_a_page_limits_the_questions(chat: Chat, letter: Path) -> None:
    lines = "/page 1\nwhat does the valve cost?\n/page all\nwhat does the valve cost?\n"
    assert chat(letter, lines=lines, answers=ANSWERS).out == "not in the document\n5,200 pounds\n"


def test_a_conversation_is_saved(chat: Chat, letter: Path, tmp_path: Path) -> None:
    lines = (
        f"how much water?\n/save {tmp_path}/talk.md\n/save {tmp_path}/talk.json\n//page?\n/help\n/quit\nnever said?\n"
    )
    done = chat(letter, lines=lines, answers=ANSWERS)
    assert "**how much water?**" in (tmp_path / "talk.md").read_text()
    assert json.loads((tmp_path / "talk.json").read_text())["turns"][1]["text"] == "412 litres per second"
    assert done.out == "412 litres per second\nnot in the document\n" and "/reset" in done.err


def test_a_bad_line_does_not_end_the_conversation(chat: Chat, letter: Path) -> None:
    lines = "/dance\n/page 9\n/image gone.png\n/save\n?\nhow much water?\n"
    done = chat(letter, lines=lines, answers=ANSWERS)
    assert (done.code, done.out) == (3, "412 litres per second\n")
    for said in ("/dance is no command", "there is no page 9", "gone.png does not exist", "names no file", "no words"):
        assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "nothing to talk about"),
        (("-c",), 4, "no conversation to go on with"),
        (("-",), 2, "standard input holds"),
    ],
)
def test_mistakes_are_explained(chat: Chat, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = chat(*arguments, lines="", answers={})
    assert done.code == code and said in done.err


SLOW = """
import sys, time, importlib.util
spec = importlib.util.spec_from_file_location("answering", sys.argv.pop(1))
module = importlib.util.module_from_spec(spec); sys.modules["answering"] = module; spec.loader.exec_module(module)
from dsvl2_cli import engines
from dsvl2.model.reading import ReadingProfile
class Slow(module.Answering):
    def generate(self, requests, watch=None):
        def slowly(number, text):
            watch(number, text); time.sleep(0.02)
        return super().generate(requests, slowly)
answers = lambda request: "tick " * (400 if "long" in request.messages[-1].content else 2)
engines.make_engine = lambda settings: Slow(answers, mode="page")
engines.check_model = lambda name: None
engines.reading_profile = lambda settings: ReadingProfile()
from dsvl2_cli.app import main
main()
"""


# Takes the terminal and becomes the program. Not as preexec_fn: Python code between fork and exec may wait for ever for a
# lock that another thread of the tests held.
TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.ours, theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE, *command], stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def wait_for(self, text: str, seconds: float = 900.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(end - time.monotonic(), 0))
            assert ready, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.ours, 4096).decode(errors="replace")
            except OSError:
                break
        assert text in self.seen, self.seen
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal of its own")
def test_on_a_terminal_answers_stream_and_ctrl_c_stops_one(letter: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb", "PYTHONWARNINGS": "ignore"}
    links = [str(HERE.parents[2] / ".types"), str(HERE.parents[2])] if os.environ.get("PYTHONPATH") else []
    environment |= {"PYTHONPATH": ":".join(links)} if links else {}
    (tmp_path / "slow.py").write_text(SLOW)
    helper = HERE.parents[1] / "pipelines" / "answering.py"
    terminal = Terminal([sys.executable, str(tmp_path / "slow.py"), str(helper), "chat", str(letter)], environment)
    terminal.wait_for("2 pages; /help")
    terminal.wait_for("> ")
    terminal.type("a long story?\n")
    terminal.wait_for("tick tick")
    terminal.type("\x03")
    terminal.wait_for("stopped")
    terminal.wait_for("> ")
    terminal.type("a short one?\n")
    terminal.wait_for("tick tick")
    terminal.wait_for("> ")
    terminal.type("\x04")
    terminal.wait_for("go on with: dsvl2 chat -c")
    assert terminal.process.wait(timeout=900) == 0
    (kept,) = (tmp_path / "state").rglob("*.json")
    turns = json.loads(kept.read_text())["turns"]
    assert [turn["stopped"] for turn in turns] == [False, True, False, False]
    assert re.fullmatch(r"(tick )*tick?", turns[3]["text"] + " tick")
