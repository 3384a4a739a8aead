"""The table of figures, with engines that read what they are told to."""

import json

import pytest
from PIL import Image

from dsvl2.model.request import GenerationRequest, Message, SamplingParams
from dsvl2.pipelines.evaluation import figures_of_reading, targets
from dsvl2.pipelines.evaluation.bench import Bench, NotMeasured, Row
from dsvl2.pipelines.evaluation.drawn_pages import prose_page
from dsvl2.pipelines.evaluation.figures_of_answers import refusals
from dsvl2.pipelines.evaluation.figures_of_reading import receipts, wordless
from dsvl2.pipelines.evaluation.kept import KeptEngine
from dsvl2.pipelines.evaluation.metrics import plain_word_f1
from dsvl2.pipelines.evaluation.wordless_pages import KINDS, wordless_page
from dsvl2.pipelines.evaluation.wordless_unseen import labelled_page
from tests.pipelines.answering import Answering


def request(text="Read.", tone=255, **sampling):
    image = Image.new("L", (8, 8), tone)
    return GenerationRequest((Message("user", f"<image>\n{text}", (image,)),), SamplingParams(**sampling))


def test_an_answer_is_kept_over_runs_and_given_only_for_the_same_request(tmp_path):
    engine = Answering(lambda request: f"answer {len(request.messages[0].content)}")
    first = KeptEngine(engine, tmp_path / "deep" / "answers.sqlite")
    told = first.generate([request(), request("Read it.")])
    assert (first.asked, first.kept) == (2, 0)
    again = KeptEngine(engine, tmp_path / "deep" / "answers.sqlite")
    others = [request(tone=254), request(max_new_tokens=7)]
    more = again.generate([request("Read it."), *others, request()])
    assert (again.asked, again.kept) == (2, 2)
    assert more[0] == told[1]
    assert more[3] == told[0]


def test_words_count_without_case_and_marks():
    assert plain_word_f1("TOTAL: RM 5.00", "total rm 5,00") == 1.0
    assert plain_word_f1("TOTAL", "TOTALS") == 0.0
    assert plain_word_f1("", "") == 1.0


def test_drawn_pages_know_where_their_words_are():
    page = prose_page(3, columns=2)
    assert page.text == prose_page(3, columns=2).text != prose_page(4, columns=2).text
    assert [word for text, _ in page.lines for word in text.split()] == [word for word, _ in page.words]
    for _, box in page.words[::17]:
        inside = page.image.crop((int(box.x0), int(box.y0), int(box.x1) + 1, int(box.y1) + 1))
        assert inside.getextrema()[0] < 60
    assert 2700 < len(prose_page(9, chars=3000).text) < 3300


@pytest.mark.parametrize("kind", KINDS)
def test_wordless_pages_are_of_their_kind_and_the_same_each_time(kind):
    number = KINDS.index(kind) + len(KINDS)
    named, image = wordless_page(number)
    assert named == kind
    assert image.tobytes() == wordless_page(number)[1].tobytes()


def test_invented_words_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(Bench, "sample", lambda self, small, full=None: 2)
    monkeypatch.setattr(figures_of_reading, "wordless_page", lambda number: ("diagram", labelled_page(number)[1]))
    said = wordless(Bench(Answering(lambda request: "<|y_2|>Certain information"), tmp_path, tmp_path, tesseract=False))
    silent = wordless(Bench(Answering(lambda request: ""), tmp_path, tmp_path, tesseract=False))
    assert [row.met for row in silent] == [True, True]
    assert said[1].met is False
    assert "diagram" in said[1].got


def test_word_rows_show_both_foldings(tmp_path):
    folder = tmp_path / "receipts"
    folder.mkdir()
    page = prose_page(5)
    page.image.save(folder / "a.png", dpi=(150, 150))
    record = {"id": "a", "file": "a.png", "lines": [{"text": text.upper()} for text, _ in page.lines]}
    (folder / "gt.jsonl").write_text(json.dumps(record) + "\n")
    plain, strict = receipts(
        Bench(Answering(lambda request: f"<|y_2|>{page.text}"), tmp_path, tmp_path, tesseract=False)
    )
    assert plain.count == "1 pages"
    assert float(plain.got) > float(strict.got)


def test_a_figure_that_cannot_be_measured_is_told_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    def absent(bench):
        raise NotMeasured("give --vocabulary FILE")

    rows = {
        "one": lambda bench: [Row("one", "3", ">= 2", True, "1 page", "1")],
        "two": absent,
        "three": lambda _: 1 / 0,
    }
    monkeypatch.setattr(targets, "figures", lambda: rows)
    report = targets.Report("scripted", full=False)
    targets.measure(Bench(Answering({}), tmp_path, tmp_path), ["two", "three", "one"], report, tmp_path / "out")
    table = (tmp_path / "out" / "figures.md").read_text()
    assert "| one | 3 | >= 2 | met | 1 | 1 page |" in table
    assert "two | not measured: give --vocabulary FILE" in table
    assert "three | not measured: ZeroDivisionError" in table
    assert json.loads((tmp_path / "out" / "figures.json").read_text())["rows"]["one"][0]["met"] is True
    assert "two" in capsys.readouterr().err


def test_mistakes_on_the_command_line_are_named(tmp_path, capsys):
    assert targets.main(["--eval-dir", str(tmp_path), "--only", "receits"]) == 2
    assert "receits" in capsys.readouterr().err
    assert targets.main(["--eval-dir", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err


def test_refusals_need_a_vocabulary(tmp_path):
    with pytest.raises(NotMeasured, match="--vocabulary"):
        refusals(Bench(Answering({}), tmp_path, tmp_path))
