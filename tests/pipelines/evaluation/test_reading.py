"""The evaluation from PDF to report with scripted readers: no model, no Tesseract, no network."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.evaluation import debian as eval_debian
from dsvl2.pipelines.evaluation import page_sets as eval_sets
from dsvl2.pipelines.evaluation import reading as evaluate
from dsvl2.pipelines.evaluation.page_sets import SetOptions, SetUnavailable, load_set
from dsvl2.pipelines.evaluation.readers import FunctionReader, OwnReader
from dsvl2.pipelines.evaluation.scan_simulation import ScanProfile, scan
from dsvl2.pipelines.evaluation.standin import located_lines

PROSE = "Whoever measures a reader should first of all read the page, for the truth is on paper and not in a file. "


def write_pdf(path: Path, pages: list[str], *, columns: int = 1) -> None:
    pdf = pymupdf.open()
    for text in pages:
        page = pdf.new_page(width=595, height=842)
        width = (595 - 100 - 20 * (columns - 1)) / columns
        for column in range(columns):
            left = 50 + column * (width + 20)
            page.insert_textbox(pymupdf.Rect(left, 60, left + width, 800), text, fontsize=10, fontname="tiro")
    pdf.save(path)


@pytest.fixture
def eval_dir(tmp_path: Path) -> Path:
    for name in ("contracts", "pages", "lines"):
        (tmp_path / name).mkdir()
    write_pdf(tmp_path / "contracts" / "agreement.pdf", ["first page of the agreement", "", "the third and last page"])
    Image.new("1", (64, 48), 1).save(tmp_path / "pages" / "phototest.png")
    Image.new("RGBA", (37, 11), (0, 0, 0, 0)).save(tmp_path / "lines" / "1.png")
    (tmp_path / "pages" / "gt.jsonl").write_text('{"id": "phototest", "file": "phototest.png", "text": "photo"}\n')
    rows = [{"id": "1", "file": "1.png", "text": text} for text in ("overwritten", "the line")]
    (tmp_path / "lines" / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_contracts_are_rasterised_in_grey_with_their_text_layer(eval_dir: Path, tmp_path: Path) -> None:
    pages = list(load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=75)))
    assert [page.name for page in pages] == ["agreemen:1", "agreemen:3"]
    assert pages[0].image.mode == "L"
    assert pages[0].image.size == (620, 878)
    assert pages[0].truth.split() == ["first", "page", "of", "the", "agreement"]


def test_only_the_first_pages_and_only_so_many(eval_dir: Path, tmp_path: Path) -> None:
    assert len(list(load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=30, first_pages=2)))) == 1
    assert len(list(load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=30), limit=1))) == 1


def test_scanned_contracts_differ_but_not_from_run_to_run(eval_dir: Path, tmp_path: Path) -> None:
    options = SetOptions(eval_dir, tmp_path, dpi=60)
    clean = next(load_set("contracts", options))
    first, second = (next(load_set("contracts-scan", options)) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.image.tobytes() != clean.image.tobytes()
    assert (first.truth, first.image.size) == (clean.truth, clean.image.size)


def test_phototest_comes_in_three_resolutions(eval_dir: Path, tmp_path: Path) -> None:
    pages = list(load_set("pages", SetOptions(eval_dir, tmp_path)))
    assert [(page.set, page.image.size) for page in pages] == [
        ("phototest@100", (32, 24)),
        ("phototest@150", (48, 36)),
        ("phototest@200", (64, 48)),
    ]


def test_lines_lie_on_white_paper_and_the_last_truth_holds(eval_dir: Path, tmp_path: Path) -> None:
    (line,) = load_set("lines", SetOptions(eval_dir, tmp_path))
    assert (line.truth, line.line, line.image.getextrema()) == ("the line", True, (255, 255))


def test_a_missing_folder_and_an_unknown_set_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetUnavailable) as missing:
        list(load_set("contracts", SetOptions(tmp_path, tmp_path)))
    assert "--eval-dir" in missing.value.hint
    with pytest.raises(SetUnavailable) as unknown:
        load_set("novels", SetOptions(None, tmp_path))
    assert "manuals" in unknown.value.hint


def test_debian_pages_come_from_the_cache_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = eval_debian.DebianPdf("some-doc", "1", "usr/share/doc/some/guide.pdf.gz", (2,))
    write_pdf(tmp_path / "guide.pdf", ["one", "two"])
    (tmp_path / "debian" / "some-doc").mkdir(parents=True)
    packed = gzip.compress((tmp_path / "guide.pdf").read_bytes())
    (tmp_path / "debian" / "some-doc" / "guide.pdf.gz").write_bytes(packed)
    monkeypatch.setitem(eval_sets.SETS, "manuals", eval_sets._debian("manuals", (document,)))
    (page,) = load_set("manuals", SetOptions(None, tmp_path, dpi=40))
    assert (page.name, page.truth.strip()) == ("guide:2", "two")


def test_the_page_rule_tells_columns_and_takes_prose_only(tmp_path: Path) -> None:
    write_pdf(tmp_path / "one.pdf", [PROSE * 20, PROSE, "Contents . . . . . . . . . . . . . 3\n" * 40])
    write_pdf(tmp_path / "two.pdf", [PROSE * 15], columns=2)
    with pymupdf.open(tmp_path / "one.pdf") as one, pymupdf.open(tmp_path / "two.pdf") as two:
        assert eval_debian.choose_pages(one, "one", count=3) == (1,)
        assert eval_debian.choose_pages(two, "two", count=3) == ()
        assert eval_debian.choose_pages(two, "two", count=3, columns=2) == (1,)


def test_every_listed_page_is_counted_from_one_and_named_once() -> None:
    for documents in (eval_debian.MANUALS, eval_debian.PAPERS, eval_debian.PROTOTYPE):
        names = [(document.name, page) for document in documents for page in document.pages]
        assert len(names) == len(set(names)) >= 13
        assert min(page for _, page in names) >= 1


def test_a_scan_turns_the_page_and_keeps_it_readable() -> None:
    page = Image.new("L", (401, 301), 255)
    ImageDraw.Draw(page).line((50, 150, 350, 150), fill=0, width=3)
    turned = np.asarray(scan(page, seed=3, profile=ScanProfile(skew=2.0, noise=0, speckles=0)), dtype=float)
    heights = [int(np.argmin(turned[:, x])) for x in (70, 330)]
    assert abs(heights[0] - heights[1]) == pytest.approx(260 * np.tan(np.radians(2.0)), abs=2)
    assert turned[:5].max() <= 243
    assert turned.min() > 10


def test_all_readers_read_each_page_before_the_next(eval_dir: Path, tmp_path: Path) -> None:
    order: list[tuple[str, str]] = []

    def reader(name: str, text: str) -> FunctionReader:
        def read(page: PageImage) -> str:
            order.append((name, page.source))
            return text

        return FunctionReader(name, read)

    pages = load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=30))
    readers = [reader("a", "the third and last page"), reader("b", "first page of the agreement")]
    rows = list(evaluate.measure(pages, readers, dump=tmp_path / "dump"))
    assert order == [("a", "agreemen:1"), ("b", "agreemen:1"), ("a", "agreemen:3"), ("b", "agreemen:3")]
    assert [row.errors.errors == 0 for row in rows] == [False, True, True, False]
    assert (tmp_path / "dump" / "contracts_agreemen-1.png").exists()
    lines = evaluate.table(rows).splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["contracts", "a", "2"], ["contracts", "b", "2"]]
    report = json.loads(json.dumps(evaluate.report(rows, readers, {})))
    assert [summary["reader"] for summary in report["summaries"]] == ["a", "b"]
    assert report["rows"][1]["cer"] == 0


class Parrot:
    """An engine that gives one answer to everything, in Markdown."""

    info = ModelInfo("parrot", "", 0, 0, "none", "float32", "cpu", 4096, 512, "f" * 64, ReadingProfile())

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        text = "# first page\n\nof the **agreement**\n"
        usage = Usage(1, 1, len(text), 1)
        return [GenerationResult(text, (0,) * len(text), tuple(text), (0.0,) * len(text), "length", usage)] * len(
            requests
        )


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_our_own_path_is_measured_by_the_words_on_the_page(eval_dir: Path, tmp_path: Path, form: str) -> None:
    pages = load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=60), limit=1)
    (row,) = evaluate.measure(pages, [OwnReader(Parrot(), form=form)])
    assert (row.reader, row.reading.note) == ("parrot", "truncated")
    assert row.reading.text.split()[:4] == ["first", "page", "of", "the"]


def test_the_stand_in_prints_lines_as_the_embedded_model_does() -> None:
    head = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext"
    words = [(1, 1, 10, 12, "Two"), (1, 2, 8, 16, "words"), (2, 1, 40, 8, "below")]
    rows = [f"5\t1\t1\t1\t{line}\t{word}\t0\t{top}\t9\t{high}\t90\t{text}" for line, word, top, high, text in words]
    table = "\n".join([head, "4\t1\t1\t1\t1\t0\t0\t0\t9\t9\t-1\t", *rows])
    assert "".join(located_lines(table, 8.0)) == "<|y_2|>Two words<|y_5|>below"


def test_pages_that_the_corpus_holds_are_left_out_before_reading(
    eval_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pdf(eval_dir / "contracts" / "agreement.pdf", [PROSE, "a page of which no corpus knows a single word at all"])
    (tmp_path / "corpus.txt").write_text("something\n" + PROSE)
    pages = load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=30))
    assert [page.name for page in evaluate.drop_shared(pages, tmp_path / "corpus.txt")] == ["agreemen:2"]
    assert "dropped" in capsys.readouterr().err


def test_the_program_measures_and_writes_its_report(
    eval_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "_readers", lambda options: [FunctionReader("echo", lambda page: "the  line")])
    out = tmp_path / "report.json"
    assert evaluate.main(["lines", "--eval-dir", str(eval_dir), "--out", str(out), "--worst", "1"]) == 0
    assert "normalisation:" in capsys.readouterr().out
    assert json.loads(out.read_text())["summaries"][0]["cer_mean"] == 0


def test_the_program_explains_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["lines", "--model", "none", "--cache", str(tmp_path)]) == 2
    assert evaluate.main(["lines", "--model", "none", "--against", "oracle", "--cache", str(tmp_path)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "nothing to measure" in errors[0]
    assert "oracle" in errors[1]


def test_nearly_empty_pages_have_a_line_of_their_own(eval_dir: Path, tmp_path: Path) -> None:
    write_pdf(eval_dir / "contracts" / "agreement.pdf", ["7", PROSE])
    pages = load_set("contracts", SetOptions(eval_dir, tmp_path, dpi=30))
    rows = list(evaluate.measure(pages, [FunctionReader("echo", lambda page: PROSE)]))
    lines = evaluate.table(rows).splitlines()[1:]
    assert [line.split()[0:3] for line in lines] == [["contracts", "echo", "1"], ["contracts", "<20", "echo"]]
