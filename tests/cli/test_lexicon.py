"""`dsvl2 ocr --lexicon`: known names in the place of doubtful readings of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult, Word
from dsvl2.pipelines.formats import get_format


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
