"""`--lexicon` of ocr, batch and watch: known names in the place of doubtful readings of them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult, Word
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.review import Lexicon


@pytest.fixture
def reading(tmp_path: Path) -> Path:
    """A stored reading of one line, of which one word is in doubt."""
    box = Box(0, 0, 50, 10)
    line = Line("Mr Whitcornbe", box, 0.5, (Word("Mr", box, 0.99), Word("Whitcornbe", box, 0.5)))
    page = PageResult(1, (Block("paragraph", line.text, box, lines=(line,), confidence=0.7),), 100, 100, 72.0)
    path = tmp_path / "scan.json"
    path.write_text(get_format("json").render(Document("scan.pdf", (page,), 1, "0" * 64, None, (("task", "ocr"),))))
    return path


def test_a_known_name_takes_the_place_of_its_misreading(dsvl2: Any, reading: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Whitcombe\n")
    done = dsvl2("ocr", reading, "--lexicon", tmp_path / "names.txt", "-v")
    assert (done.code, done.out) == (0, "Mr Whitcombe\n")
    assert "1 word put right by the lexicon" in done.err
    assert "page 1: 'Whitcornbe' was read, and 'Whitcombe' is known" in done.err


def test_the_document_says_that_it_was_so_and_with_which(dsvl2: Any, reading: Path, tmp_path: Path) -> None:
    for name, words in (("a.txt", "Whitcombe"), ("b.txt", "Reed")):
        (tmp_path / name).write_text(words)
    plain, *known = (
        json.loads(dsvl2("ocr", reading, "-f", "json", *more).out)
        for more in (
            (),
            ("--lexicon", tmp_path / "a.txt"),
            ("--lexicon", tmp_path / "a.txt", "--lexicon", tmp_path / "b.txt"),
        )
    )
    assert "lexicon" not in plain["options"]
    assert len({record["fingerprint"] for record in (plain, *known)}) == 3
    assert known[0]["pages"][0]["warnings"][0]["code"] == "lexicon"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [(None, 4, "names.txt does not exist"), (b"", 4, "holds no word"), (b"{}", 4, "no file of corrections")],
)
def test_mistakes_get_an_answer(
    content: bytes | None, code: int, message: str, dsvl2: Any, reading: Path, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "names.txt").write_bytes(content)
    done = dsvl2("ocr", reading, "--lexicon", tmp_path / "names.txt")
    assert (done.code, done.out, message in done.err) == (code, "", True)


@pytest.fixture
def spelt(scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A lexicon whose first word takes the place of "pixels": the scripted engine says nothing that is in doubt."""

    def mend(page: PageResult, lexicon: Lexicon) -> PageResult:
        word = next(iter(lexicon.words))
        return replace(page, blocks=tuple(replace(b, text=b.text.replace("pixels", word)) for b in page.blocks))

    monkeypatch.setattr("dsvl2.pipelines.review.with_lexicon", mend)
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    (tmp_path / "names.txt").write_text("Pickles\n")
    return tmp_path / "names.txt"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_batch_writes_with_a_lexicon_and_without_and_reads_nothing_twice(
    dsvl2: Any, spelt: Path, pdf: Any, tmp_path: Path
) -> None:
    pdf("in/a.pdf", widths=(100,))
    run = ("batch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72")
    written = []
    for more in ((), ("--lexicon", spelt), ("--lexicon", spelt, "-f", "json"), ("--lexicon", spelt, "-f", "pdf"), ()):
        assert dsvl2(*run, *more).code in (0, 3)
        suffix = f".{more[-1]}" if "-f" in more else ".md"
        written.append((tmp_path / "out" / f"a{suffix}").read_bytes())
    plain, mended, record, searchable, again = written
    assert b"100 by 90 pixels" in plain and mended == plain.replace(b"pixels", b"Pickles") and again == plain
    assert "lexicon" in json.loads(record)["options"]
    with pymupdf.open(stream=searchable) as document:
        assert "100 by 90 Pickles" in document[0].get_text()
    with sqlite3.connect(tmp_path / "out" / ".dsvl2-run" / "manifest.sqlite") as db:
        assert db.execute("SELECT count(*) FROM results").fetchone() == (1,)
    db.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_watch_and_a_retry_have_the_lexicon_too(dsvl2: Any, spelt: Path, pdf: Any, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100,))
    known = ("--lexicon", spelt, "--dpi", "72")
    assert dsvl2("watch", tmp_path / "in", "-o", tmp_path / "out", "--once", "--settle", "0", *known).code == 0
    assert "Pickles" in (tmp_path / "out" / "a.md").read_text()
    (tmp_path / "out" / "a.md").unlink()
    assert dsvl2("batch", "retry", tmp_path / "out").code == 0
    assert "Pickles" in (tmp_path / "out" / "a.md").read_text()


def test_a_batch_of_another_task_and_a_lexicon_that_is_not_there_are_refused(
    dsvl2: Any, spelt: Path, pdf: Any, tmp_path: Path
) -> None:
    run = ("batch", pdf(), "-o", tmp_path / "out/", "--lexicon")
    done = dsvl2(*run, spelt, "--task", "ask", "-Q", "when?")
    assert (done.code, "--lexicon is not for the task ask" in done.err) == (2, True)
    done = dsvl2(*run, tmp_path / "gone.txt")
    assert (done.code, "gone.txt does not exist" in done.err) == (4, True)
    assert not (tmp_path / "out").exists()
