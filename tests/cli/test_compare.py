"""`dsvl2 compare`: readings, documents and folders on the command line, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dsvl2_cli.side_by_side import Width, shown

Make = Callable[..., Path]


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    a.write_text("It is 100 by 90 pixels.")
    b.write_text("It is 100 by 91 pixels.")
    return a, b


def test_equal_readings_end_with_0(dsvl2: Any, texts: tuple[Path, Path]) -> None:
    done = dsvl2("compare", texts[0], texts[0])
    assert (done.code, done.err) == (0, "")
    assert "are the same: 6 words" in done.out


def test_a_difference_is_shown_on_one_line_and_ends_with_10(dsvl2: Any, texts: tuple[Path, Path]) -> None:
    done = dsvl2("compare", *texts)
    assert done.code == 10
    assert done.out.splitlines()[0] == "It is 100 by [-90-] {+91+} pixels."
    assert "1 place differs; CER 4.35 % (1 of 23 characters), WER 16.67 % (1 of 6 words)" in done.out


@pytest.mark.parametrize(("tolerance", "code"), [("5%", 0), ("0.05", 0), ("4%", 10), ("0", 10)])
def test_the_tolerance_decides(tolerance: str, code: int, dsvl2: Any, texts: tuple[Path, Path]) -> None:
    assert dsvl2("compare", *texts, "--tolerance", tolerance).code == code


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("{a}", "{b}", "--tolerance", "5"), 2, "--tolerance 5%"),
        (("{a}", "{b}", "--tolerance", "few"), 2, "no rate"),
        (("{a}", "{b}", "--ignore", "colour"), 2, "choose case, punctuation, typography"),
        (("{a}", "nowhere.json"), 4, "does not exist"),
        (("{a}", "nowhere.pdf"), 4, "does not exist"),
        (("{a}", "{folder}"), 2, "is a folder"),
        (("{folder}", "{folder}", "--html", "c.html"), 2, "--html pages/"),
        (("-", "-"), 2, "named twice"),
        (("{a}", "{b}", "--html", "{b}"), 5, "exists already"),
        (("{a}", "out.hocr"), 4, "does not exist"),
    ],
)
def test_mistakes_get_an_answer(
    words: tuple[str, ...], code: int, message: str, dsvl2: Any, texts: tuple[Path, Path]
) -> None:
    a, b = texts
    done = dsvl2("compare", *(word.format(a=a, b=b, folder=a.parent) for word in words))
    assert done.code == code
    assert message in done.err


def test_a_document_is_read_and_its_page_shown(dsvl2: Any, texts: tuple[Path, Path], pdf: Make, scripted: Any) -> None:
    truth = texts[0]
    truth.write_text("A page\n\nIt is 100 by 91 pixels.")
    page = truth.with_name("c.html")
    done = dsvl2("compare", truth, pdf(), "--dpi", "72", "--html", page)
    assert done.code == 10
    assert done.out.startswith("page 1: A page It is 100 by [-91-] {+90+} pixels.")
    assert "data:image/webp" in page.read_text()


def test_two_documents_show_both_scans(dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    done = dsvl2("compare", pdf("a.pdf"), pdf("b.pdf", widths=(110,)), "--dpi", "72", "--html", page)
    assert done.code == 10
    assert page.read_text().count("<figure>") == 2


def test_a_kept_reading_finds_its_scan_and_says_how_it_was_read(
    dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path, texts: tuple[Path, Path]
) -> None:
    kept = tmp_path / "kept.json"
    assert dsvl2("ocr", pdf(), "--dpi", "72", "-o", kept).code == 0
    done = dsvl2("compare", kept, tmp_path / "scan.pdf", "--dpi", "72")
    assert (done.code, "read with the same model and options" in done.out) == (0, True)
    assert "read with other options" in dsvl2("compare", kept, tmp_path / "scan.pdf", "--dpi", "73").out
    assert dsvl2("compare", kept, texts[0], "--html", tmp_path / "c.html").code == 10
    assert "data:image/webp" in (tmp_path / "c.html").read_text()


def test_two_folders_make_a_page_for_each_document_that_differs(dsvl2: Any, tmp_path: Path) -> None:
    texts = {"x/a & b #1.txt": ("one two", "one too"), "same.txt": ("s", "s"), "worse.txt": ("right", "wrong")}
    for side, name in ((side, name) for side in (0, 1) for name in texts):
        path = tmp_path / "ab"[side] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name][side])
    (tmp_path / "a" / "only.txt").write_text("here")
    (tmp_path / "a" / "same.docling.json").write_text("{}")
    done = dsvl2("compare", tmp_path / "a", tmp_path / "b", "--html", tmp_path / "out")
    assert (done.code, "index.html and 2 pages" in done.err) == (10, True)
    assert "one" in (tmp_path / "out/pages/x/a & b #1.html").read_text()
    assert not (tmp_path / "out/pages/same.html").exists()
    index = (tmp_path / "out/index.html").read_text()
    assert "4 documents, 3 differ." in index
    assert re.findall(r"<tr><td>(?:<a href=\"(.*?)\">)?(.*?)<", index) == [
        ("", "only"), ("pages/worse.html", "worse"), ("pages/x/a%20%26%20b%20%231.html", "x/a &amp; b #1"), ("", "same"),
    ]  # fmt: skip
    again = dsvl2("compare", tmp_path / "a", tmp_path / "b", "--html", tmp_path / "out")
    assert (again.code, "exists already" in again.err) == (5, True)
    assert dsvl2("compare", tmp_path / "a", tmp_path / "b", "--html", tmp_path / "out", "--force").code == 10


def test_folders_are_compared_by_name(dsvl2: Any, tmp_path: Path) -> None:
    for folder, words in (("a", {"x/1.md": "one", "2.txt": "two"}), ("b", {"x/1.md": "one", "3.txt": "three"})):
        for name, body in words.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
    done = dsvl2("compare", tmp_path / "a", tmp_path / "b")
    assert done.code == 10
    assert "2: missing in B\n3: missing in A\n" in done.out
    assert done.out.endswith("3 documents, 2 beyond the tolerance of 0 %\n")


def test_json_is_one_object_of_its_schema(dsvl2: Any, texts: tuple[Path, Path]) -> None:
    done = dsvl2("compare", *texts, "--json")
    record = json.loads(done.out)
    assert (done.code, record["exit_code"]) == (10, 10)
    jsonschema.validate(record, json.loads(dsvl2("schema", "compare").out))
    assert record["documents"][0]["comparison"]["changes"][0]["b"]["text"] == "91"
    assert json.loads(dsvl2("compare", texts[0], "gone.json", "--json").out)["error"]["code"] == "file_missing"


def test_standard_input_is_a_reading_too(process: Any, texts: tuple[Path, Path]) -> None:
    assert process("compare", "-", texts[1], stdin=texts[1].read_bytes()).code == 0


def test_a_wide_terminal_has_two_columns_and_a_narrow_one_lines() -> None:
    from dsvl2.pipelines.compare import compare_readings, parse_reading

    found = compare_readings(
        parse_reading(b"so it was \x1b[31m then", "a.txt"), parse_reading("so it is 東京 then".encode(), "b.txt")
    )
    wide = shown(found, Width(80, colour=False), context=6, most=0)
    assert "so it [-was \ufffd[31m-] then".ljust(38) + " │ so it {+is 東京+} then" in wide
    assert "\x1b[31mwas\x1b[0m" in shown(found, Width(80, colour=True), context=6, most=0)
    assert shown(found, Width(50, colour=False), context=6, most=0).startswith(
        "so it [-was \ufffd[31m-] {+is 東京+} then\n"
    )
    many = "\n".join(f"{k} same same same same same same same same same same same same same" for k in range(9))
    other = compare_readings(
        parse_reading(many.encode(), "a.txt"), parse_reading(many.replace("5", "x").replace("8", "y").encode(), "b.txt")
    )
    assert "... and 1 more passage; --most 0 shows all" in shown(other, Width(0, colour=False), context=1, most=1)


def test_a_long_difference_is_shown_by_its_ends(dsvl2: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("one " + " ".join(f"w{k}" for k in range(5000)))
    out = dsvl2("compare", tmp_path / "a.txt", tmp_path / "b.txt").out
    assert "w19 ... 4,960 words ... w4980" in out
    assert len(out) < 700
