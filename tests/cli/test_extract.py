"""`dsvl2 extract`: one output for all documents, mistakes told before anything is read, and how a run ends."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2_cli import engines

FIELDS = "no, total: number"
ROWS = [
    "Invoice A-1031",
    "Total 88.17",
    *(f"This is line {number} of a letter with good text." for number in range(12)),
]


class Engine:
    """Answers every request for fields with the same JSON and every question with nothing."""

    asked = 0

    def __init__(self, answer: Any, mode: str) -> None:
        self.answer = answer if isinstance(answer, str) else json.dumps(answer)
        self.info = ModelInfo(
            name="scripted", path="", parameters=0, weight_bytes=0, scheme="none", dtype="float32", device="cpu",
            context_length=4096, vocab_size=512, fingerprint="0", reading=ReadingProfile(mode=mode),
        )  # fmt: skip

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        self.asked += len(requests)
        return [self._said("" if "\nQ: " in request.messages[0].content else self.answer) for request in requests]

    def _said(self, text: str) -> GenerationResult:
        count = len(text)
        return GenerationResult(text, (1,) * count, tuple(text), (0.0,) * count, "stop", Usage(9, 0, count, 0))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Engine]:
    """Put an engine in place that answers so."""

    def put(answer: Any, mode: str = "bands") -> Engine:
        engine = Engine(answer, mode)
        monkeypatch.setattr(engines, "make_engine", lambda settings: engine)
        monkeypatch.setattr(engines, "check_model", lambda name: None)
        monkeypatch.setattr(engines, "reading_profile", lambda settings: ReadingProfile(mode=mode))
        return engine

    return put


@pytest.fixture
def letter(tmp_path: Path) -> Callable[..., Path]:
    """A PDF with good text, one page for each of `pages`."""

    def make(name: str = "a.pdf", pages: int = 1) -> Path:
        document = pymupdf.open()
        for _ in range(pages):
            document.new_page().insert_text((72, 100), ROWS, fontsize=11)
        document.save(tmp_path / name)
        return tmp_path / name

    return make


GOOD = {"no": "A-1031", "total": 88.17}


def test_one_document_is_one_json_object(dsvl2: Any, model: Any, letter: Any) -> None:
    model(GOOD)
    done = dsvl2("extract", letter(), "-s", FIELDS)
    record = json.loads(done.out)
    assert done.code == 0 and record["data"] == GOOD
    assert record["fields"]["total"]["quote"] == "88.17" and record["fields"]["total"]["page"] == 1
    assert len(record["fields"]["total"]["box"]) == 4
    assert "2 fields from 1 page, 2 of them found on the page" in done.err


def test_a_rule_that_cannot_be_checked_is_told(dsvl2: Any, model: Any, letter: Any) -> None:
    model({"no": "A-1031", "total": 88.17, "rebate": None})
    done = dsvl2("extract", letter(), "-s", f"{FIELDS}, rebate: number", "--rule", "rebate < total", "--data-only")
    assert "the rule rebate < total could not be checked: rebate is missing" in done.err


def test_a_value_that_the_schema_demands_and_no_page_has_ends_with_10(dsvl2: Any, model: Any, letter: Any) -> None:
    model({"no": "B-77", "total": 88.17})
    done = dsvl2("extract", letter(), "-s", "no!, total: number")
    assert done.code == 10
    assert json.loads(done.out)["data"] == {"no": "B-77", "total": 88.17}
    assert "no: the schema demands a value that no page has" in done.err
    model({"no": None, "total": 88.17})
    assert dsvl2("extract", letter(), "-s", "no, total: number").code == 0


def test_a_demanded_value_of_a_blank_page_ends_with_10_and_its_name(dsvl2: Any, model: Any, tmp_path: Path) -> None:
    engine = model(GOOD)
    Image.new("L", (400, 300), 255).save(tmp_path / "blank.png")
    done = dsvl2("extract", tmp_path / "blank.png", "-s", "customer!, seats: integer!, total: number")
    assert done.code == 10 and engine.asked == 0
    assert json.loads(done.out)["data"] == {"customer": "", "seats": 0, "total": None}
    assert "customer, seats: the schema demands a value that no page has" in done.err
    assert dsvl2("extract", tmp_path / "blank.png", "-s", "customer, total: number").code == 0


def test_only_the_data(dsvl2: Any, model: Any, letter: Any) -> None:
    model(GOOD)
    assert json.loads(dsvl2("extract", letter(), "-s", FIELDS, "--data-only").out) == GOOD


def test_several_documents_are_lines_or_a_table(dsvl2: Any, model: Any, letter: Any) -> None:
    model(GOOD)
    paths = (letter("a.pdf"), letter("b.pdf"))
    lines = dsvl2("extract", *paths, "-s", FIELDS).out.splitlines()
    assert [json.loads(line)["data"] for line in lines] == [GOOD, GOOD]
    assert dsvl2("extract", *paths, "-s", FIELDS, "-o", "all.csv").code == 0
    rows = list(csv.reader(io.StringIO(Path("all.csv").read_text(encoding="utf-8"))))
    assert rows == [["source", "no", "total"], *([str(path), "A-1031", "88.17"] for path in paths)]
    assert dsvl2("extract", *paths, "-s", FIELDS, "-o", "all.xlsx").code == 0
    with zipfile.ZipFile("all.xlsx") as file:
        assert file.read("xl/worksheets/sheet1.xml").decode().count("<v>88.17</v>") == 2
    done = dsvl2("extract", *paths, "-s", FIELDS, "-f", "json")
    assert done.code == 2 and "jsonl" in done.err


def test_a_bad_document_keeps_the_others(dsvl2: Any, model: Any, letter: Any, tmp_path: Path) -> None:
    model(GOOD)
    broken = tmp_path / "broken.pdf"
    broken.touch()
    done = dsvl2("extract", letter(), broken, "-s", FIELDS, "-o", "out.jsonl")
    assert done.code == 3 and "file_empty" in done.err
    assert json.loads(Path("out.jsonl").read_text())["data"] == GOOD
    alone = dsvl2("extract", broken, "-s", FIELDS, "-o", "none.json")
    assert alone.code == 4 and not Path("none.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "no schema was given"),
        (["-s", "a: nubmer"], 9, "did you mean number?"),
        (["-s", "nosuch.json"], 9, "cannot be read"),
        (["-s", '{"type":"object","required":["a"],"properties":{"a":false}}'], 9, "cannot be there"),
        (["-s", FIELDS, "--rule", "totl > 0"], 2, "did you mean total?"),
        (["-s", FIELDS, "-f", "xml"], 2, "choose json, jsonl, csv, xlsx"),
        (["-s", FIELDS, "-o", "out.txt"], 2, "stands for no format"),
        (["-s", "a: {b}", "-f", "csv"], 9, "flat schema"),
        (["-s", FIELDS, "-o", "/proc/nosuch/x.json"], 5, "error[output"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(
    arguments: list[str], code: int, words: str, dsvl2: Any, model: Any, letter: Any
) -> None:
    engine = model(GOOD)
    done = dsvl2("extract", letter(), *arguments)
    assert (done.code, done.out) == (code, "") and words in done.err and "hint:" in done.err
    assert engine.asked == 0


def test_an_output_is_not_replaced_unasked(dsvl2: Any, model: Any, letter: Any) -> None:
    model(GOOD)
    Path("out.json").write_text("mine")
    assert dsvl2("extract", letter(), "-s", FIELDS, "-o", "out.json").code == 5
    assert Path("out.json").read_text() == "mine"
    assert dsvl2("extract", letter(), "-s", FIELDS, "-o", "out.json", "--force").code == 0


@pytest.mark.parametrize(("flag", "code"), [([], 0), (["--fail-on-rule"], 10)])
def test_a_rule_that_fails_is_told_and_may_end_the_run(
    flag: list[str], code: int, dsvl2: Any, model: Any, letter: Any
) -> None:
    model(GOOD)
    done = dsvl2("extract", letter(), "-s", FIELDS, "--rule", "total < 5", *flag)
    assert done.code == code and "the rule total < 5 does not hold: total is 88.17" in done.err
    assert json.loads(done.out)["rules"][0]["holds"] is False


def test_errors_are_json_when_json_is_asked_for(dsvl2: Any, model: Any, letter: Any) -> None:
    model(GOOD)
    done = dsvl2("extract", letter(), "-s", "a: {", "--json")
    assert done.code == 9 and json.loads(done.out)["error"]["code"] == "bad_schema"


def test_a_whole_page_model_sees_the_page_and_the_text_shows_where(dsvl2: Any, model: Any, letter: Any) -> None:
    engine = model(GOOD, mode="page")
    record = json.loads(dsvl2("extract", letter(pages=2), "-s", FIELDS).out)
    assert engine.asked == 2 and record["pages"] == [1, 2]
    assert record["data"] == GOOD and record["fields"]["no"]["quote"] == "A-1031"


def test_the_real_model_gives_valid_json_within_the_limit(dsvl2: Any, letter: Any) -> None:
    done = dsvl2("extract", letter(), "-s", "no, date: date, items[]: {text, amount: number}", "--max-tokens", 60)
    record = json.loads(done.out)
    assert done.code == 0 and set(record["data"]) == {"no", "date", "items"}
    assert record["token_limit"] == 60 >= record["most_tokens"]
    short = dsvl2("extract", letter(), "-s", FIELDS, "--max-tokens", 4)
    assert short.code == 4 and "the limit is 4" in short.err


def test_unsure_values_are_told_as_null_with_their_candidate(dsvl2: Any, model: Any, letter: Any) -> None:
    engine = model(GOOD)
    sure = engine._said

    def doubtful(text: str) -> GenerationResult:
        return replace(sure(text), logprobs=(-0.08,) * len(text))

    engine._said = doubtful
    done = dsvl2("extract", letter(), "-s", FIELDS)
    record = json.loads(done.out)
    assert done.code == 0 and record["data"] == {"no": "A-1031", "total": 88.17}
    done = dsvl2("extract", letter(), "-s", FIELDS, "--min-confidence", "0.65")
    assert done.code == 0 and json.loads(done.out)["data"] == {"no": None, "total": 88.17}
    assert "no: null; A-1031 was likeliest at 61 %, page 1" in done.err and "1 less than 65 % sure" in done.err
    demanded = dsvl2("extract", letter(), "-s", "no!, total: number", "--min-confidence", "0.65")
    assert demanded.code == 10 and json.loads(demanded.out)["demanded"] == ["no"]
    assert "no: the schema demands a value that no page has, or none surely" in demanded.err
