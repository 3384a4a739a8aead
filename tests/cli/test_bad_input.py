"""Every bad input has its own code and one clear line with the remedy; no traceback, nothing half written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("scripted")


def check(done: Any, exit_code: int, code: str, what: str = "") -> None:
    """The shape of every failure: exit code, one error line of that code, a hint, no traceback, no output."""
    assert done.code == exit_code, done.err
    errors = [line for line in done.err.splitlines() if "error[" in line]
    assert len(errors) == 1
    assert errors[0].startswith(f"dsvl2: error[{code}]: ")
    assert what in errors[0]
    assert "\n  hint: " in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_no_such_file(dsvl2: Any) -> None:
    check(dsvl2("ocr", "nosuch.pdf", "-o", "out.md"), 4, "file_missing", "nosuch.pdf does not exist")
    assert files(Path()) == set()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["scan.pdf", "out.md"], "-o out.md"),
        (["scan.pdf", "out.docx"], "check the path"),
        (["nosuch*.pdf"], "no file matched the pattern"),
        (["out.md", "scan.pdf"], "check the path"),
    ],
)
def test_what_was_meant_by_a_word_that_leads_nowhere(
    words: list[str], hint: str, dsvl2: Any, pdf: Callable[..., Path]
) -> None:
    pdf().rename(Path("scan.pdf"))
    done = dsvl2("ocr", *words, "-o", "read/")
    assert f"hint: {hint}" in done.err or hint in done.err
    assert done.code == (4 if len(words) == 1 else 3)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("Scan.PDF", "did you mean scan.pdf?"),
        ("scna.pdf", "did you mean scan.pdf?"),
        ("below\\b.pdf", "did you mean below/b.pdf?"),
        ("C:\\Users\\me\\scan.pdf", "in WSL it would be /mnt/c/Users/me/scan.pdf"),
        ("other/thing.pdf", "check the path"),
    ],
)
def test_a_name_that_is_nearly_right_is_mended(word: str, hint: str, dsvl2: Any, pdf: Callable[..., Path]) -> None:
    pdf().rename(Path("scan.pdf"))
    Path("below").mkdir()
    pdf().rename(Path("below/b.pdf"))
    for command in (("ocr", word), ("inspect", word), ("ask", word, "q?"), ("compare", word, "scan.pdf")):
        done = dsvl2(*command)
        assert (done.code, hint in done.err) == (4, True), done.err


def test_a_file_whose_name_begins_with_an_at_sign_is_told_from_a_list(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    pdf().rename(Path("@scan.pdf"))
    done = dsvl2("ocr", "@scan.pdf")
    assert (done.code, "is given as ./@scan.pdf" in done.err) == (2, True)
    assert dsvl2("ocr", "./@scan.pdf", "--dpi", "72").code == 0
    assert "check the path" in dsvl2("ocr", "@gone.txt").err


def test_what_a_folder_holds_besides_is_counted(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    Path("in").mkdir()
    pdf().rename(Path("in/scan.pdf"))
    Path("in/gone.pdf").symlink_to("nowhere.pdf")
    Path("in/loop").symlink_to(".")
    Path("in/notes.txt").touch()
    for command in (("ocr", "in"), ("batch", "in")):
        done = dsvl2(*command, "-o", "out/", "--dpi", "72", "--force")
        assert "left out 3 files of other kinds: .txt, a link to a folder, a link to nothing" in done.err


def test_a_name_cannot_steer_the_terminal(dsvl2: Any) -> None:
    Path("a\x1b[31mred.pdf").write_text("no document")
    done = dsvl2("ocr", "a\x1b[31mred.pdf")
    assert "\x1b" not in done.err
    assert "a\ufffd[31mred.pdf" in done.err


def test_formats_that_others_make_of_ours_are_told(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    assert "pandoc out.md -o out.docx" in dsvl2("ocr", pdf(), "-o", "scan.docx").err
    assert "pandoc out.md -o out.epub" in dsvl2("ocr", pdf(), "-f", "epub").err
    assert "known formats: md, txt, json" in dsvl2("ocr", pdf(), "-f", "wav").err


def test_misspelt_names_are_told_before_anything_is_read(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    pdf().rename(Path("scan.pdf"))
    done = dsvl2("ocr", "scan.pdf", "nosuch.pdf", "-o", "out/", "--progress", "json")
    events = [json.loads(line)["event"] for line in done.err.splitlines() if line.startswith("{")]
    assert events.index("error") < events.index("document") and events.count("error") == 1


def test_a_file_in_the_place_of_a_command_or_of_an_option(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    pdf().rename(Path("my scan.pdf"))
    done = dsvl2("my scan.pdf")
    check(done, 2, "usage", "No such command")
    assert "hint: to read it: dsvl2 ocr 'my scan.pdf'" in done.err
    Path("my scan.pdf").rename("-scan.pdf")
    assert "is given as ./-scan.pdf" in dsvl2("ocr", "-scan.pdf").err


def test_no_input_at_all(dsvl2: Any) -> None:
    check(dsvl2("ocr"), 2, "usage", "no input")


def test_a_folder_without_documents(dsvl2: Any) -> None:
    Path("empty").mkdir()
    Path("empty/notes.docx").write_text("x")
    check(dsvl2("ocr", "empty", "-o", "out/"), 6, "no_documents", "empty")


def test_files_of_other_kinds_are_counted(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    pdf().rename(Path("a.pdf"))
    for name in ("b.docx", "c.docx", "README"):
        Path(name).write_text("x")
    assert "left out 3 files of other kinds: no suffix, .docx (2)\n" in dsvl2("ocr", ".", "-o", "../out/").err
    assert "left out 3 files of other kinds: no suffix, .docx (2)\n" in dsvl2("table", ".").err


def test_a_file_of_zero_bytes(dsvl2: Any) -> None:
    Path("zero.pdf").touch()
    check(dsvl2("ocr", "zero.pdf", "-o", "out.md"), 4, "file_empty", "zero.pdf")


def test_a_pdf_cut_off_in_its_header(dsvl2: Any) -> None:
    Path("cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Cata")
    check(dsvl2("ocr", "cut.pdf", "-o", "out.md"), 4, "file_unreadable", "cut.pdf")
    assert files(Path()) == {"cut.pdf"}


def test_a_pdf_cut_off_in_the_middle_is_repaired_or_refused(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    whole = pdf(widths=(100, 100, 100)).read_bytes()
    Path("cut.pdf").write_bytes(whole[: len(whole) // 2])
    done = dsvl2("ocr", "cut.pdf", "-o", "out.md")
    assert done.code in (0, 3, 4)
    assert "Traceback" not in done.err
    assert ("out.md" in files(Path())) == (done.code != 4)


def test_an_encrypted_pdf(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    path = pdf(encryption=4, user_pw="secret", owner_pw="owner")
    done = dsvl2("ocr", path, "-o", "out.md")
    check(done, 8, "file_encrypted", "is encrypted")
    assert "--password-file" in done.err


def test_a_wrong_password(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    path = pdf(encryption=4, user_pw="secret", owner_pw="owner")
    Path("pw.txt").write_text("wrong\n")
    done = dsvl2("ocr", path, "--password-file", "pw.txt")
    check(done, 8, "wrong_password")
    assert "wrong\n" not in done.err.replace("wrong_password", "")


def test_the_right_password_from_a_file_and_from_a_variable(
    dsvl2: Any, pdf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pdf(encryption=4, user_pw="sécret", owner_pw="owner")
    Path("pw.txt").write_text("sécret\n")
    assert dsvl2("ocr", path, "--password-file", "pw.txt").code == 0
    monkeypatch.setenv("MY_PASSWORD", "sécret")
    assert dsvl2("ocr", path, "--password-env", "MY_PASSWORD").code == 0
    monkeypatch.setenv("DSVL2_PASSWORD", "sécret")
    assert dsvl2("ocr", path).code == 0


def test_a_password_file_that_is_missing_is_a_usage_error(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    check(dsvl2("ocr", pdf(), "--password-file", "nosuch"), 2, "usage", "nosuch")


def test_a_wrong_suffix_is_read_by_content_with_a_warning(dsvl2: Any, png: Callable[..., Path]) -> None:
    done = dsvl2("ocr", png("photo.pdf"))
    assert done.code == 0
    assert "120 by 80" in done.out
    assert "warning" in done.err
    assert "PNG" in done.err


def test_a_file_that_is_no_document(dsvl2: Any) -> None:
    Path("letter.pdf").write_text("Dear Sir,\n")
    check(dsvl2("ocr", "letter.pdf"), 4, "file_unsupported", "plain text")


def test_a_bomb_image(dsvl2: Any, png: Callable[..., Path]) -> None:
    path = png(size=(3000, 2000))
    done = dsvl2("ocr", path, "--max-megapixels", "1")
    check(done, 4, "too_large", "megapixels")
    assert "--max-megapixels" in done.err


def test_too_many_pages(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    done = dsvl2("ocr", pdf(widths=(100, 100, 100)), "--max-pages", "2")
    check(done, 4, "too_large", "3 pages")


def test_page_99_of_3(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    done = dsvl2("ocr", pdf(widths=(100, 100, 100)), "--pages", "99", "-o", "out.md")
    check(done, 4, "page_missing", "page 99 does not exist: the document has 3 pages")
    assert "out.md" not in files(Path())


@pytest.mark.parametrize("pages", ["a", "1-", "0", "1,,2", ""])
def test_a_page_list_that_does_not_parse(pages: str, dsvl2: Any, pdf: Callable[..., Path]) -> None:
    check(dsvl2("ocr", pdf(), "--pages", pages), 2, "page_range")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_that_may_not_be_written(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    Path("closed").mkdir(mode=0o500)
    check(dsvl2("ocr", pdf(), "-o", "closed/out.md"), 5, "output_unwritable", "closed")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    check(dsvl2("ocr", pdf(), "-o", "/dev/full", "-f", "md"), 5, "output_unwritable", "No space left")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can make files")
def test_a_folder_that_takes_no_files(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    check(dsvl2("ocr", pdf(), "-o", "/proc/self/out.md"), 5, "output_unwritable", "/proc/self")


def test_an_output_below_a_file(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    Path("file").write_text("x")
    check(dsvl2("ocr", pdf(), "-o", "file/out.md"), 5, "output_unwritable", "file")


def test_an_output_that_exists(dsvl2: Any, pdf: Callable[..., Path], scripted: Any) -> None:
    Path("out.md").write_text("precious")
    check(dsvl2("ocr", pdf(), "-o", "out.md"), 5, "output_exists", "out.md")
    assert Path("out.md").read_text() == "precious"
    assert scripted.ScriptedEngine.loaded == 0
    assert dsvl2("ocr", pdf(), "-o", "out.md", "--force").code == 0
    assert Path("out.md").read_text() != "precious"


def test_several_documents_into_one_file(dsvl2: Any, pdf: Callable[..., Path], png: Callable[..., Path]) -> None:
    check(dsvl2("ocr", pdf(), png(), "-o", "out.md"), 5, "output_collision", "out.md")


def test_two_documents_that_would_share_an_output(
    dsvl2: Any, pdf: Callable[..., Path], png: Callable[..., Path]
) -> None:
    check(dsvl2("ocr", pdf("scan.pdf"), png("scan.png"), "-o", "out/"), 5, "output_collision")
    assert not Path("out").exists()


@pytest.mark.parametrize("arguments", [("-f", "docx"), ("-o", "out.docx")])
def test_an_unknown_format(arguments: tuple[str, str], dsvl2: Any, pdf: Callable[..., Path]) -> None:
    done = dsvl2("ocr", pdf(), *arguments)
    check(done, 2, "unknown_format", "docx")
    assert "markdown" in done.err or ".md" in done.err


def test_an_unknown_model(dsvl2: Any, pdf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    done = dsvl2("ocr", pdf(), "--model", "gpt-9")
    check(done, 7, "model_not_found", "gpt-9")
    assert "here: nano" in done.err


def test_a_model_folder_without_a_model(dsvl2: Any, pdf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path.cwd()
    monkeypatch.undo()
    check(dsvl2("ocr", pdf(), "--model", folder), 7, "model_not_found", "config.json")


def test_a_model_that_cannot_be_loaded_ends_the_run(
    dsvl2: Any, pdf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsvl2.model.errors import WeightsError
    from dsvl2_cli import engines

    def broken(settings: Any) -> Any:
        raise WeightsError("model.safetensors is cut short", "install the package again")

    monkeypatch.setattr(engines, "make_engine", broken)
    check(dsvl2("ocr", pdf("a.pdf"), pdf("b.pdf"), "-o", "out/"), 7, "bad_weights", "cut short")


def test_a_wrong_setting(dsvl2: Any, pdf: Callable[..., Path]) -> None:
    check(dsvl2("ocr", pdf(), "--batch-size", "0"), 2, "usage", "--batch-size")
    check(dsvl2("ocr", pdf(), "--fail-on", "always"), 2, "usage", "--fail-on")


def test_a_list_that_is_missing(dsvl2: Any) -> None:
    check(dsvl2("ocr", "@nosuch.txt"), 2, "usage", "nosuch.txt")
    check(dsvl2("ocr", "--files-from", "nosuch.txt"), 2, "usage", "nosuch.txt")


def test_the_only_page_failing_is_the_documents_failure(dsvl2: Any, pdf: Callable[..., Path], scripted: Any) -> None:
    path = pdf(widths=(scripted.BAD_WIDTH,))
    check(dsvl2("ocr", path, "--dpi", "72", "-o", "out.md"), 1, "internal", "the tower fell over")
    assert files(Path()) == set()


def test_out_of_memory_has_its_own_code(dsvl2: Any, pdf: Callable[..., Path], scripted: Any) -> None:
    path = pdf(widths=(scripted.HUGE_WIDTH,))
    done = dsvl2("ocr", path, "--dpi", "72", "-o", "out.md")
    assert done.code == 11, done.err


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_unicode(dsvl2: Any) -> None:
    Path("list.txt").write_bytes(b"no-\xff-such.pdf\n")
    done = dsvl2("ocr", "@list.txt", "--json")
    assert done.code == 4
    assert json.loads(done.out)["documents"][0]["error"]["code"] == "file_missing"


def test_errors_are_json_too(dsvl2: Any) -> None:
    done = dsvl2("ocr", "nosuch.pdf", "--json")
    record = json.loads(done.out)
    assert record["exit_code"] == done.code == 4
    assert record["documents"][0]["error"]["code"] == "file_missing"
    assert record["documents"][0]["error"]["hint"]
