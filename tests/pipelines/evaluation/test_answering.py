"""Measuring answers: figures, items from cached readings, and a model that is asked page by page."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from dsvl2.model import GenerationRequest, GenerationResult, Usage
from dsvl2.pipelines.batch.codec import pack_result
from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.evaluation import tally as scores
from dsvl2.pipelines.evaluation.answering import Item, ask, charts, forms, main, receipts, report, write
from dsvl2.pipelines.training.answers.readings import cache_path, cached_chart


@pytest.mark.parametrize(
    ("answer", "truths", "right"),
    [
        ("88.17", ["88.17"], True),
        ("ab co.", ["AB  Co"], True),
        ("88.1", ["88.17"], False),
        ("", ["x"], False),
        ("b", ["a", "b"], True),
    ],
)
def test_exact_folds_case_blanks_and_marks_at_the_ends(answer: str, truths: Sequence[str], right: bool) -> None:
    assert scores.exact(answer, truths) is right


def test_anls_is_one_for_a_copy_and_zero_below_half() -> None:
    assert scores.anls("Hello", ["hello"]) == 1.0
    assert scores.anls("Hallo", ["hello"]) == pytest.approx(0.8)
    assert scores.anls("xyz", ["hello"]) == 0.0
    assert scores.anls("", ["hello"]) == 0.0


def test_relaxed_accepts_five_per_cent_and_units_but_no_other_words() -> None:
    assert scores.relaxed("33%", "33")
    assert scores.relaxed("1 050", "1000")
    assert not scores.relaxed("1 051", "1000")
    assert scores.relaxed("singapore", "Singapore")
    assert not scores.relaxed("Singapore", "12")


def test_fields_count_leaves_of_both_sides() -> None:
    truth = '{"a":"X","n":88.10,"items":[{"t":"p"},{"t":null}]}'
    assert scores.fields_right('{"a":"x","n":88.1,"items":[{"t":"p"}]}', truth) == (True, 3, 3)
    assert scores.fields_right('{"a":"y","b":"z"}', truth) == (True, 0, 4)
    assert scores.fields_right("{", truth) == (False, 0, 3)


def test_a_tally_keeps_questions_without_an_answer_apart() -> None:
    prompts = ["Q: a", "Q: b", "Q: c", "Q: d", "JSON: x"]
    found = scores.tally(prompts, [["1"], ["2"], [""], [""], ['{"x":null}']], ["1", "", "", "9", '{"x":null}'])
    assert (found.asked, found.exact, found.lost) == (2, 0.5, 0.5)
    assert (found.missing, found.refused) == (2, 0.5)
    assert (found.lists, found.json, found.fields) == (1, 1.0, 0.0)


class Echo:
    """Answers with the last word of the page's first row, and counts its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.info = SimpleNamespace(path="", fingerprint="of no file")

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        self.calls.append(len(requests))
        texts = [request.messages[0].content.split("\n")[0].split(">")[-1] for request in requests]
        return [GenerationResult(text, (), (), (), "stop", Usage(1, 0, 1, 0)) for text in texts]


def keep(cache: Path, image: Path, *lines: tuple[str, float, float]) -> None:
    blocks = tuple(Block("paragraph", text, lines=(Line(text, Box(x, y, x + 90, y + 12)),)) for text, x, y in lines)
    path = cache_path(cache, image)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zlib.decompress(pack_result(PageResult(1, blocks, 400, 400), image.name)))


def test_sets_are_asked_from_their_readings_and_what_was_not_read_is_left_out(tmp_path: Path) -> None:
    cache, sets = tmp_path / "cache", tmp_path / "sets"
    rows = {
        "forms": [
            {"id": "f", "file": "f.png", "pairs": [["Date:", "3 May"], ["Date:", "4 May"], ["No", "7"]]},
            {"id": "g", "file": "g.png", "pairs": [["a", "b"]]},
        ],
        "receipts": [{"id": "r", "file": "r.png", "fields": {"company": "Shop", "total": "9.50"}}],
        "charts": [{"id": "c", "file": "c.png", "question": "How many in 2019?", "answer": "12"}],
    }
    for name, found in rows.items():
        (sets / name).mkdir(parents=True)
        (sets / name / "gt.jsonl").write_text("\n".join(map(json.dumps, found)) + "\n")
    keep(cache, Path("forms/f.png"), ("Date:", 10, 10), ("3 May", 200, 10))
    keep(cache, Path("receipts/r.png"), ("Shop", 10, 10), ("9.50", 200, 40))
    keep(cache, Path("charts/c.png"), ("no words", 10, 10))
    cache_path(cache, Path("charts/c.png")).with_suffix(".chart.json").write_text(
        json.dumps({"size": [400, 400], "texts": [["12", [0, 0, 9, 9], 0.9], ["2019", [0, 390, 20, 399], 0.9]]})
    )
    filled = forms(sets / "forms", cache)
    assert [(item.prompt, item.truths, item.on_page) for item in filled] == [
        ("Q: Date:", ("3 May", "4 May", "3 May 4 May"), True),
        ("Q: No", ("7",), False),
    ]
    bought = receipts(sets / "receipts", cache)
    assert [item.part for item in bought] == ["company", "total", "json"]
    assert json.loads(bought[-1].truths[0]) == {"company": "Shop", "date": None, "address": None, "total": "9.50"}
    (shown,) = charts(sets / "charts", cache)
    assert shown.spatial.endswith("2019")
    assert cached_chart(cache, Path("charts/other.png")) is None


def test_questions_about_a_page_go_together_and_every_answer_is_kept(tmp_path: Path) -> None:
    items = [
        Item("forms", "fields", "1", "<|y_0|><|y_0|><|y_1|>one", "Q: a", ("one",), True),
        Item("forms", "fields", "1", "<|y_0|><|y_0|><|y_1|>one", "Q: b", ("",), None),
        Item("charts", "questions", "2", "<|y_0|><|y_0|><|y_1|>20", "Q: c", ("21",), False),
    ]
    engine = Echo()
    answered = ask(engine, items)  # type: ignore[arg-type]
    assert engine.calls == [2, 1]
    assert [each.answer for each in answered] == ["one", "one", "20"]
    lines = report(answered)
    assert "charts" in lines[0] and "relaxed 100.0%" in lines[0]
    assert "exact 100.0%" in lines[1] and "1 without answer: refused 0.0%" in lines[1]
    write(tmp_path / "out.jsonl", answered)
    kept = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["prompt"], row["answer"]) for row in kept] == [("Q: a", "one"), ("Q: b", "one"), ("Q: c", "20")]


@pytest.mark.parametrize(
    ("arguments", "said"), [([], "nothing to ask"), (["--eval-dir", "nowhere", "--cache", "."], "receipts/gt.jsonl")]
)
def test_the_command_says_what_is_missing(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err
