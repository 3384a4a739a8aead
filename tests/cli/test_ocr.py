"""`dsvl2 ocr` with a scripted engine: where results go, what is said, what happens when something fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("scripted_engine.py")
ROOT = SCRIPT.parents[2]
PAGE = "# A page\n\nIt is {} by 90 pixels.\n"

Make = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("scripted")


def test_the_result_goes_to_standard_output_and_nothing_else_does(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ocr", pdf(), "--dpi", "72")
    assert done.code == 0
    assert done.out.endswith(PAGE.format(100))
    assert "1 page read" in done.err


def test_standard_output_is_clean_even_if_libraries_print(pdf: Make) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "ocr", str(pdf()), "--dpi", "72"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == PAGE.format(100)
    assert "a library prints" in done.stderr


def test_documents_on_standard_output_are_kept_apart(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ocr", pdf("a.pdf", (100,)), pdf("b.pdf", (110,)), "--dpi", "72")
    assert done.out == PAGE.format(100) + "\n" + PAGE.format(110)


def test_text_that_may_be_missing_is_told_without_asking(
    dsvl2: Any, pdf: Make, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    whole = scripted.ScriptedEngine._answer
    monkeypatch.setattr(
        scripted.ScriptedEngine, "_answer", lambda self, request: replace(whole(self, request), finish_reason="length")
    )
    assert "text may be missing" in dsvl2("ocr", pdf()).err


def test_the_suffix_chooses_the_format_and_the_flag_overrides_it(dsvl2: Any, pdf: Make) -> None:
    path = pdf()
    assert dsvl2("ocr", path, "--dpi", "72", "-o", "out.txt").code == 0
    assert Path("out.txt").read_text() == "A page\n\nIt is 100 by 90 pixels.\n"
    assert dsvl2("ocr", path, "-o", "out.dat", "-f", "json").code == 0
    assert json.loads(Path("out.dat").read_text())["schema"] == "dsvl2/ocr/v1"


@pytest.mark.parametrize("name", ["md", "txt", "json", "jsonl", "tex", "html", "tsv", "hocr", "alto"])
def test_every_format_can_be_asked_for(name: str, dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ocr", pdf(widths=(100, 110)), "-f", name)
    assert done.code == 0
    assert "pixels" in done.out


def test_several_inputs_keep_their_tree(dsvl2: Any, pdf: Make, png: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf")
    png("in/deep/b.png")
    done = dsvl2("ocr", tmp_path / "in", "-o", "out")
    assert done.code == 0
    assert sorted(path.as_posix() for path in Path("out").rglob("*.md")) == ["out/a.md", "out/deep/b.md"]
    assert "2 of 2 documents done; wrote 2 files" in done.err


def test_a_pattern_that_the_shell_left_alone_is_followed(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    for name in ("in/a10.pdf", "in/a2.pdf", "in/deep/a3.pdf", "in/b.pdf"):
        pdf(name)
    done = dsvl2("ocr", tmp_path / "in/**/a*.pdf", "-o", "out/")
    assert done.code == 0
    assert sorted(path.as_posix() for path in Path("out").rglob("*.md")) == [
        "out/a10.md",
        "out/a2.md",
        "out/deep/a3.md",
    ]
    assert dsvl2("ocr", tmp_path / "in/c*.pdf").code == 4


def test_the_engine_is_loaded_once_and_only_when_needed(dsvl2: Any, pdf: Make, scripted: Any) -> None:
    dsvl2("ocr", "nosuch.pdf")
    assert scripted.ScriptedEngine.loaded == 0
    dsvl2("ocr", pdf("a.pdf"), pdf("b.pdf"), "-o", "out/")
    assert scripted.ScriptedEngine.loaded == 1


def test_blank_pages_never_reach_the_model(dsvl2: Any, tmp_path: Path, scripted: Any) -> None:
    from PIL import Image

    Image.new("L", (100, 100), 255).save(tmp_path / "blank.png")
    done = dsvl2("ocr", tmp_path / "blank.png")
    assert done.code == 0
    assert done.out == ""
    assert "1 blank" in done.err
    assert scripted.ScriptedEngine.calls == 0


def test_one_bad_page_keeps_the_rest(dsvl2: Any, pdf: Make, scripted: Any) -> None:
    path = pdf(widths=(100, scripted.BAD_WIDTH, 110))
    done = dsvl2("ocr", path, "--dpi", "72", "-o", "out.md")
    assert done.code == 3
    text = Path("out.md").read_text()
    assert "100 by 90" in text
    assert "110 by 90" in text
    assert "page 2" in done.err
    assert "1 page failed" in done.err


@pytest.mark.parametrize(("fail_on", "code"), [("partial", 3), ("failure", 0), ("never", 0)])
def test_fail_on_says_what_a_bad_page_means(fail_on: str, code: int, dsvl2: Any, pdf: Make, scripted: Any) -> None:
    path = pdf(widths=(100, scripted.BAD_WIDTH))
    assert dsvl2("ocr", path, "--dpi", "72", "--fail-on", fail_on).code == code


def test_one_bad_file_keeps_the_rest(dsvl2: Any, pdf: Make) -> None:
    Path("broken.pdf").touch()
    done = dsvl2("ocr", pdf("a.pdf"), "broken.pdf", "nosuch.pdf", pdf("b.pdf"), "-o", "out/")
    assert done.code == 3
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.md", "b.md"]
    assert "error[file_empty]" in done.err
    assert "error[file_missing]" in done.err
    assert "2 of 4 documents done" in done.err


def test_inputs_from_lists(dsvl2: Any, pdf: Make) -> None:
    Path("list.txt").write_text(f"{pdf('a.pdf')}\n\n{pdf('b.pdf')}\n")
    assert dsvl2("ocr", "@list.txt", "-o", "one/").code == 0
    Path("list0.txt").write_bytes(f"{pdf('a.pdf')}\0{pdf('b.pdf')}\0".encode())
    assert dsvl2("ocr", "--files-from", "list0.txt", "-o", "two/").code == 0
    assert sorted(path.name for path in Path("one").iterdir()) == sorted(path.name for path in Path("two").iterdir())


def test_a_document_named_twice_is_read_once(dsvl2: Any, pdf: Make) -> None:
    path = pdf()
    assert "1 page read" in dsvl2("ocr", path, path, "-o", "out.md").err


def test_standard_input(pdf: Make) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "ocr", "-", "--dpi", "72"],
        cwd=ROOT,
        input=pdf().read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.decode() == PAGE.format(100)


def test_page_markers_by_flag_and_by_configuration(dsvl2: Any, pdf: Make) -> None:
    path = pdf(widths=(100, 110))
    assert "<!-- page 2 -->" in dsvl2("ocr", path, "--page-markers").out
    Path("dsvl2.toml").write_text("page_markers = true\n")
    assert "<!-- page 2 -->" in dsvl2("ocr", path).out
    assert "<!-- page 2 -->" not in dsvl2("ocr", path, "--no-page-markers").out


def test_the_text_does_not_depend_on_the_batch_size(dsvl2: Any, pdf: Make) -> None:
    path = pdf(widths=(100, 110, 120, 130, 140))
    outputs = {dsvl2("ocr", path, "-f", "json", "--batch-size", size).out for size in (1, 2, 5, 9)}
    assert len(outputs) == 1


def test_the_json_report_carries_the_document(dsvl2: Any, pdf: Make) -> None:
    record = json.loads(dsvl2("ocr", pdf(), "--json").out)
    assert record["schema"] == "dsvl2/run/v1"
    assert record["exit_code"] == 0
    (document,) = record["documents"]
    assert document["status"] == "ok"
    assert document["document"]["schema"] == "dsvl2/ocr/v1"


def test_the_json_report_names_the_output(dsvl2: Any, pdf: Make) -> None:
    (document,) = json.loads(dsvl2("ocr", pdf(), "--json", "-o", "out.md").out)["documents"]
    assert document["output"] == "out.md"
    assert "document" not in document


def test_quiet_says_nothing_when_all_is_well(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ocr", pdf(), "-o", "out.md", "-q")
    assert done.out == ""
    assert done.err.replace("a library prints to standard output\n", "") == ""


def test_verbose_says_which_model_reads(dsvl2: Any, pdf: Make) -> None:
    assert "model scripted" in dsvl2("ocr", pdf(), "-v").err


def test_progress_events_are_json_lines(pdf: Make) -> None:
    command = [sys.executable, str(SCRIPT), "ocr", str(pdf(widths=(100, 131))), "--dpi", "72", "--progress", "json"]
    done = subprocess.run(
        [*command, "-o", os.devnull, "-f", "md"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if "a library prints" not in line]
    events = [json.loads(line) for line in lines]
    names = [event["event"] for event in events]
    assert names[:3] == ["start", "document", "page"]
    assert {"page_error", "document_end", "stop", "message"} <= set(names)
    assert [event["status"] for event in events if event["event"] == "page"] == ["ok", "failed"]


def test_no_bar_without_a_terminal(dsvl2: Any, pdf: Make) -> None:
    assert "\x1b[" not in dsvl2("ocr", pdf()).err


def test_a_bar_can_be_asked_for(dsvl2: Any, pdf: Make) -> None:
    assert "━" in dsvl2("ocr", pdf(), "--progress", "always").err


def test_offline_is_obeyed(pdf: Make) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import scripted_engine, socket\n"
        "from dsvl2_cli.app import run\nscripted_engine.install()\n"
        f"assert run(['ocr', '--offline', {str(pdf())!r}, '-q']) == 0\n"
        "try: socket.create_connection(('127.0.0.1', 9))\n"
        "except Exception as error: print(error.code, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "offline"


def interrupted(arguments: list[str], number: int = signal.SIGINT, times: int = 1) -> subprocess.CompletedProcess[str]:
    """Run until the engine waits on a slow page, send the signal, and return how it ended."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "ocr", "--dpi", "72", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        before = ""
        while "waiting" not in before:
            line = process.stderr.readline()
            assert line, before
            before += line
        for _ in range(times):
            process.send_signal(number)
        out, err = process.communicate(timeout=900)
        return subprocess.CompletedProcess([], process.returncode, out, before + err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_the_finished_pages_and_says_how_to_go_on(number: int, pdf: Make, tmp_path: Path) -> None:
    path = pdf(widths=(100, 110, 137, 120, 130))
    target = tmp_path / "out.md"
    done = interrupted([str(path), "-o", str(target)], number)
    assert done.returncode == 130
    assert not target.exists()
    text = (tmp_path / "out.md.partial").read_text()
    assert "100 by 90" in text
    assert "110 by 90" in text
    assert "pages 1-2 of" in done.stderr
    assert "--pages 3-5" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_among_documents_counts_the_whole_ones_and_names_the_other(pdf: Make, tmp_path: Path) -> None:
    whole, part = pdf("a.pdf", widths=(100, 110)), pdf("b.pdf", widths=(100, 137, 110))
    done = interrupted([str(whole), str(part), str(pdf("c.pdf")), "-o", str(tmp_path / "out/")])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.md", "b.md.partial"]
    assert f"go on with: dsvl2 ocr {part} --pages 2-3" in done.stderr
    assert f"1 of 2 documents done; wrote {tmp_path}/out/a.md" in done.stderr
    assert "1 more of 3 documents were not begun; dsvl2 batch goes on where it was stopped" in done.stderr


def test_an_interrupt_leaves_finished_pages_on_standard_output(pdf: Make) -> None:
    done = interrupted([str(pdf(widths=(100, 137)))])
    assert done.returncode == 130
    assert done.stdout == PAGE.format(100)


def test_an_interrupt_leaves_valid_json_on_standard_output(pdf: Make) -> None:
    done = interrupted([str(pdf(widths=(100, 137))), "-f", "json"])
    assert done.returncode == 130
    assert len(json.loads(done.stdout)["pages"]) == 1


def test_an_interrupt_before_the_first_page_writes_nothing(pdf: Make, tmp_path: Path) -> None:
    done = interrupted([str(pdf(widths=(137,))), "-o", str(tmp_path / "out.md")])
    assert done.returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan.pdf"]


def test_a_reader_that_goes_away_ends_it_quietly(pdf: Make) -> None:
    command = f'{sys.executable} {SCRIPT} ocr -q {pdf(widths=(100,) * 5)} | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "141"
    assert done.stderr.replace("a library prints to standard output\n", "") == ""


def test_a_searchable_pdf_is_the_original_with_the_text_on_it(dsvl2: Any, pdf: Make) -> None:
    import pymupdf

    path = pdf(widths=(100, 110))
    done = dsvl2("ocr", path, "--dpi", "72", "-o", "out/", "-f", "pdf")
    assert done.code == 0
    data, before = Path("out/scan.pdf").read_bytes(), path.read_bytes()
    assert data.startswith(before) or len(data) <= 1.1 * len(before)  # written anew only to stay small
    with pymupdf.open("out/scan.pdf") as written:
        assert "100 by 90" in " ".join(written[0].get_text().split())
        assert "110 by 90" in " ".join(written[1].get_text().split())


def test_a_searchable_pdf_on_standard_output_is_bytes(pdf: Make) -> None:
    command = [sys.executable, str(SCRIPT), "ocr", str(pdf()), "-f", "pdf"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(b"%PDF") and done.stdout.rstrip().endswith(b"%%EOF")


def test_an_image_becomes_a_searchable_pdf(dsvl2: Any, png: Make) -> None:
    assert dsvl2("ocr", png(), "-o", "out.pdf").code == 0
    assert Path("out.pdf").read_bytes().startswith(b"%PDF")


def test_a_searchable_pdf_never_replaces_its_original(dsvl2: Any, pdf: Make) -> None:
    path = pdf()
    before = path.read_bytes()
    done = dsvl2("ocr", path, "-o", path, "--force")
    assert done.code == 5
    assert "is one of the inputs" in done.err
    assert path.read_bytes() == before


def test_a_json_report_carries_no_pdf(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ocr", pdf(), "--json", "-f", "pdf")
    assert done.code == 2
    assert dsvl2("ocr", pdf(), "--json", "-o", "out.pdf").code == 0


@pytest.mark.parametrize(("fail_on", "code"), [("partial", 0), ("doubt", 10), ("never", 0)])
def test_low_confidence_can_end_a_run(fail_on: str, code: int, dsvl2: Any, pdf: Make, unsure: Any) -> None:
    done = dsvl2("ocr", pdf(), "--dpi", "72", "--min-confidence", "0.9", "--fail-on", fail_on)
    assert done.code == code
    assert "pixels.[?]" in done.out
    assert "1 page below 0.9 confidence" in done.err
    assert "not calibrated" in done.err


def test_sure_pages_are_not_in_doubt(dsvl2: Any, pdf: Make, scripted: Any) -> None:
    done = dsvl2("ocr", pdf(), "--dpi", "72", "--min-confidence", "0.9", "--fail-on", "doubt")
    assert done.code == 0
    assert "[?]" not in done.out


@pytest.mark.parametrize("value", ["90", "-0.1"])
def test_a_confidence_lies_between_0_and_1(value: str, dsvl2: Any, pdf: Make, scripted: Any) -> None:
    done = dsvl2("ocr", pdf(), "--min-confidence", value)
    assert done.code == 2
    assert "min_confidence must be at" in done.err


@pytest.fixture
def unsure(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripted engine with half the usual confidence."""
    answer = scripted.ScriptedEngine._answer

    def doubt(self: Any, request: Any) -> Any:
        result = answer(self, request)
        return replace(result, logprobs=(-0.7,) * len(result.logprobs))

    monkeypatch.setattr(scripted.ScriptedEngine, "_answer", doubt)
    return scripted


def test_a_review_page_is_written_beside_the_result(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    done = dsvl2("ocr", pdf(widths=(100, 120)), "--dpi", "72", "-o", tmp_path / "a.md", "--review", tmp_path / "a.html")
    assert done.code == 0
    assert (tmp_path / "a.md").exists()
    page = (tmp_path / "a.html").read_text()
    assert page.count("data:image/webp;base64,") == 2
    assert "open it in a browser" in done.err


@pytest.mark.parametrize(
    ("place", "code", "message"), [("-", 2, "written to a file"), ("a.html", 2, "would be the output")]
)
def test_a_review_page_needs_a_place_of_its_own(place: str, code: int, message: str, dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ocr", pdf(), "-o", "a.html", "--review", place)
    assert done.code == code
    assert message in done.err


def test_a_page_of_mostly_doubtful_words_ends_with_10_without_a_limit_of_ones_own() -> None:
    from dsvl2.pipelines import PageResult
    from dsvl2_cli.reports import Report, closing_line, exit_code

    report = Report("a.png", pages=[PageResult(1, confidence=0.3, calibrated=True)])
    assert exit_code([report], "doubt") == 10
    assert exit_code([report], "partial") == 0
    assert "most words on 1 page are likely wrong" in closing_line([report], 1.0)


def test_the_closing_line_names_the_first_few_pages_in_doubt() -> None:
    from dsvl2.pipelines.documents import Block, PageResult
    from dsvl2_cli.reports import Report, closing_line

    doubtful = [
        PageResult(n, (Block("paragraph", "x", confidence=0.2),), confidence=0.2, calibrated=True) for n in range(1, 6)
    ]
    sure = PageResult(9, (Block("paragraph", "x", confidence=0.9),), confidence=0.9, calibrated=True)
    several = Report("a.pdf", pages=[*doubtful[:2], sure])
    assert "2 pages (1, 2) below 0.5 confidence" in closing_line([several], 1.0, 0.5)
    assert "1 page below 0.5" in closing_line([Report("a.pdf", pages=doubtful[:1])], 1.0, 0.5)
    told = closing_line([Report("a.pdf", pages=doubtful), Report("b.pdf", pages=[sure])], 1.0, 0.5)
    assert "5 pages (a.pdf page 1, a.pdf page 2, a.pdf page 3 and 2 more) below 0.5" in told


def test_a_page_that_takes_too_long_fails_and_the_others_are_kept(
    dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path
) -> None:
    book, alone = pdf("book.pdf", (100, scripted.SLOW_WIDTH, 110)), pdf("alone.pdf", (scripted.SLOW_WIDTH,))
    out = tmp_path / "book.md"
    done = dsvl2("ocr", book, "-o", out, "--dpi", "72", "--page-timeout", "0.5")
    assert done.code == 3
    assert "page 2" in done.err and "error[timeout]" in done.err and "within 0.5 s" in done.err
    assert "100 by" in out.read_text() and "110 by" in out.read_text()
    assert dsvl2("ocr", alone, "--dpi", "72", "--page-timeout", "0.5").code == 12
    assert dsvl2("ocr", pdf(), "--dpi", "72", "--page-timeout", "0").code == 0
    assert dsvl2("ocr", pdf(), "--page-timeout", "-1").code == 2
