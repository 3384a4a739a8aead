"""`dsvl2 ask`: files and questions told apart, answers shown, mistakes explained."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from jsonschema import Draft202012Validator

from dsvl2.model.reading import ReadingProfile
from dsvl2_cli import engines
from dsvl2_cli.asking import is_file_word, split_words

LETTER = ["The pump delivers 412 litres per second.", "The valve costs 5,200 pounds.", "Signed by J. R. Whitcombe."]


def answering() -> Any:
    place = Path(__file__).parents[1] / "pipelines" / "answering.py"
    spec = importlib.util.spec_from_file_location("answering", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["answering"] = module
    spec.loader.exec_module(module)
    return module.Answering


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Put an engine in place that gives these answers; the value is the engine."""

    def put(answers: Any, mode: str = "bands", **more: Any) -> Any:
        engine = answering()(answers, mode=mode, **more)
        monkeypatch.setattr(engines, "make_engine", lambda settings: engine)
        monkeypatch.setattr(engines, "check_model", lambda name: None)
        monkeypatch.setattr(engines, "reading_profile", lambda settings: ReadingProfile(mode=mode))
        return engine

    return put


@pytest.fixture
def letter(tmp_path: Path) -> Callable[..., Path]:
    """A PDF with good text; one page for each argument."""

    def make(*pages: str, name: str = "letter.pdf", cover: str | None = None) -> Path:
        document = pymupdf.open()
        for text in pages or LETTER:
            page = document.new_page()
            more = (f"This is line {number} of a letter with good text in it." for number in range(12))
            lines = [text[at : at + 90] for at in range(0, len(text), 90)] if cover is not None else [text, *more]
            page.insert_text((72, 100), lines, fontsize=11)
        document.save(tmp_path / name)
        return tmp_path / name

    return make


def test_the_answer_comes_with_its_place(dsvl2: Any, model: Any, letter: Any) -> None:
    model({"what does the valve cost?": "5,200 pounds"})
    done = dsvl2("ask", letter(), "what does the valve cost?")
    assert (done.code, done.out) == (
        0,
        '5,200 pounds\n  page 2: "The valve costs 5,200 pounds." (89% sure)\n',
    )
    assert done.err == ""


def test_nothing_found_is_said_and_no_error(dsvl2: Any, model: Any, letter: Any) -> None:
    model({})
    done = dsvl2("ask", letter(), "who is king?")
    assert (done.code, done.out) == (0, "not in the document\n")


def test_json_is_one_object_a_question(dsvl2: Any, model: Any, letter: Any) -> None:
    model({"who signed?": "J. R. Whitcombe"})
    done = dsvl2("ask", letter(), "who signed?", "-Q", "why?", "--json")
    schema = json.loads(dsvl2("schema", "ask").out)
    found, missing = map(json.loads, done.out.splitlines())
    for record in (found, missing):
        Draft202012Validator(schema).validate(record)
    assert (found["answer"], found["page"], missing["answer"]) == ("J. R. Whitcombe", 3, None)
    assert len(found["evidence"][0]["box"]) == 4


def test_questions_come_from_a_file_or_standard_input(
    dsvl2: Any, model: Any, letter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model({"who signed?": "J. R. Whitcombe", "how much?": "5,200 pounds"})
    (tmp_path / "questions.txt").write_text("who signed?\n\nhow much?\n")
    out = dsvl2("ask", letter(), "--questions-from", tmp_path / "questions.txt").out
    assert out.startswith("Q: who signed?\nJ. R. Whitcombe\n") and "\n\nQ: how much?\n5,200 pounds\n" in out
    monkeypatch.setattr(sys, "stdin", io.StringIO("who signed?\n"))
    assert dsvl2("ask", letter(), "--questions-from", "-").out.startswith("J. R. Whitcombe\n")


def test_many_pages_are_ranked_and_the_rest_named(dsvl2: Any, model: Any, letter: Any) -> None:
    engine = model({"what is on sheet 37?": "thirty-seven herrings"})
    pages = [f"Sheet {number} tells of other things." for number in range(40)]
    pages[37] = "Sheet 37 tells of thirty-seven herrings."
    done = dsvl2("ask", letter(*pages), "what is on sheet 37?", "--candidates", "3")
    assert done.out.startswith("thirty-seven herrings\n  page 38:")
    assert "asked page" in done.err and "ranked lower: page" in done.err
    assert len(engine.requests) == 6, "three pages, each whole and the passage around the question's words"


def scan(folder: Path, pages: int) -> Path:
    drawn = pymupdf.open().new_page(width=200, height=200)
    drawn.insert_text((20, 60), "a black box", fontsize=24)
    document, picture, kept = pymupdf.open(), drawn.get_pixmap(dpi=100), 0
    for _ in range(pages):
        page = document.new_page(width=200, height=200)
        kept = page.insert_image(page.rect, xref=kept) if kept else page.insert_image(page.rect, pixmap=picture)
    document.save(folder / "scan.pdf")
    return folder / "scan.pdf"


def test_500_scanned_pages_get_a_plan_and_an_exit_code(dsvl2: Any, model: Any, tmp_path: Path) -> None:
    engine = model({})
    done = dsvl2("ask", scan(tmp_path, 500), "what is it about?")
    assert done.code == 4
    assert "error[too_many_pages]" in done.err and "--read-at-most 500" in done.err and "searchable.pdf" in done.err
    assert not engine.requests
    record = json.loads(dsvl2("ask", scan(tmp_path, 500), "what is it about?", "--json").out)
    assert record["error"]["code"] == "too_many_pages" and record["exit_code"] == 4


def garbled(text: str) -> str:
    return "".join(chr(ord(c) + 3) if c.isalpha() else c for c in text)


def test_hundreds_of_pages_are_ranked_by_stored_text_and_only_promising_bad_ones_read(
    dsvl2: Any, model: Any, letter: Any
) -> None:
    engine = model(
        lambda request: "<|y_5|>The herrings weigh 37 tons" if request.messages[-1].images else "37 tons", context=4096
    )
    spelt = "herrings " + "xqzkv wjpfq zxkcv bnmqw hjklz qwrtp xcvbn wkjhg zzxcv qpwmn tyghj " * 4
    pages = [garbled(f"Sheet {n} tells of other things.") if n % 2 else f"Sheet {n} tells of pumps." for n in range(70)]
    pages[2], pages[41] = " ", spelt
    done = dsvl2("ask", letter(*pages, cover=""), "how heavy are the herrings?", "--candidates", "2")
    assert done.code == 0 and "ranking 70 pages" in done.err and "1 promising page has no good text" in done.err
    assert "asked pages 1,42; ranked lower: pages 2,4-41,43-70; not read: page 3\n" in done.err
    assert sum(bool(request.messages[-1].images) for request in engine.requests) < 30  # the bands of one page


def test_hundreds_of_pages_without_one_good_word_get_the_plan(dsvl2: Any, model: Any, letter: Any) -> None:
    engine = model({})
    pages = [garbled(f"Sheet {n} tells of other things, and of them at some length.") * 3 for n in range(80)]
    done = dsvl2("ask", letter(*pages, cover=""), "who is the king?")
    assert done.code == 4 and "80 of 80 pages have no text to search" in done.err and not engine.requests


def test_a_whole_page_model_is_shown_the_pages(dsvl2: Any, model: Any, tmp_path: Path) -> None:
    engine = model({"what is it?": "a black box"}, mode="page")
    done = dsvl2("ask", scan(tmp_path, 2), "what is it?", "--json", "--tiles-per-image", "4")
    assert json.loads(done.out)["answer"] == "a black box"
    assert [request.tiles for request in engine.requests] == [4, 4]
    assert dsvl2("ask", scan(tmp_path, 2), "what is it?", "--together").out.startswith("a black box\n  page 1")
    assert len(engine.requests[-1].messages[0].images) == 2


def test_a_whole_page_model_ranks_many_scans_by_what_the_embedded_one_reads(
    dsvl2: Any, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = model({"what is it?": "a black box"}, mode="page")
    reader = answering()(lambda request: "<|y_5|>a box" if request.messages[-1].images else "", mode="bands")
    monkeypatch.setattr(engines, "make_engine", lambda settings: reader if settings.model == "nano" else seen)
    done = dsvl2("ask", scan(tmp_path, 5), "what is it?", "--model", "small", "--candidates", "2", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert record["answer"] == "a black box" and len(record["pages_asked"]) == 2 == len(seen.requests)
    assert len(record["pages_not_asked"]) == 3 and len(reader.requests) >= 5


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "no question was asked"),
        (["total?"], 2, "no document was named"),
        (["{letter}"], 2, "no question was asked"),
        (["{letter}", ""], 2, "question 1 is empty"),
        (["{letter}", "a?", " ?"], 2, "question 2 has no words"),
        (["{letter}", "x" * 700], 2, "700 characters, the most is 600"),
        (["gone.pdf", "total?"], 4, "gone.pdf does not exist"),
        (["https://example.org/a.pdf", "total?"], 2, "nothing is fetched"),
        (["{letter}", "--questions-from", "gone.txt"], 2, "gone.txt cannot be read"),
        (["-", "--questions-from", "-"], 2, "standard input cannot be both"),
        (["{letter}", "total?", "--candidates", "0"], 2, "candidates"),
    ],
)
def test_mistakes_are_explained(dsvl2: Any, model: Any, letter: Any, words: list[str], code: int, said: str) -> None:
    engine = model({})
    done = dsvl2("ask", *(word.replace("{letter}", str(letter())) for word in words))
    assert done.code == code
    assert said in " ".join(done.err.split())
    assert not engine.requests


def test_words_that_exist_or_look_like_documents_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("total due").write_text("x")
    words = ["-", "total due", "scan.PDF", "what is in scan.pdf?", "who", "page.2?", "a/b.tif", "\0", "x" * 9000]
    assert [is_file_word(word) for word in words] == [True, True, True, False, False, False, True, False, False]
    assert split_words(["a.png", "b?", "c.png"]) == (["a.png", "c.png"], ["b?"])
