"""Two readings held against each other: alignment, figures, pages, and what may be ignored."""

from __future__ import annotations

import itertools
import json
import random
import time

import pytest

from dsvl2.pipelines import Block, Box, Document, Line, PageError, PageResult, Word, document_record, get_format
from dsvl2.pipelines.compare import (
    BadReading,
    Change,
    Comparison,
    compare_readings,
    comparison_page,
    comparison_record,
    parse_reading,
    passages,
    reading_of,
)
from dsvl2.pipelines.compare.align import align


def text(a: str, b: str, *ignore: str) -> Comparison:
    return compare_readings(parse_reading(a.encode(), "a.txt"), parse_reading(b.encode(), "b.txt"), ignore=ignore)


def changes(found: Comparison) -> list[tuple[int | None, str, str]]:
    return [
        (section.page, " ".join(t.text for t in change.a), " ".join(t.text for t in change.b))
        for section in found.sections
        for change in section.changes
    ]


@pytest.fixture
def document() -> Document:
    """Two pages; a word of the first is broken at a line's end."""

    def line(words: str, y: float) -> Line:
        placed = tuple(Word(word, Box(10 + 50 * k, y, 50 + 50 * k, y + 12)) for k, word in enumerate(words.split()))
        return Line(words, Box(10, y, 400, y + 12), words=placed)

    first = Block(
        "paragraph",
        "The old installation runs",
        Box(10, 10, 400, 40),
        lines=(line("The old instal-", 10), line("lation runs", 30)),
    )
    second = Block("heading", "A second page", Box(10, 10, 400, 22), level=1, lines=(line("A second page", 10),))
    pages = (PageResult(1, (first,), 500, 700), PageResult(2, (second,), 500, 700))
    return Document("scan.pdf", pages, 2, sha256="0" * 64)


def test_random_texts_are_covered_whole_and_equal_runs_are_equal() -> None:
    for seed in range(60):
        draw = random.Random(seed)
        a = draw.choices("abcdefghijklmnop", k=draw.randrange(60))
        b = [draw.choice("abcxyz") if draw.random() < 0.2 else word for word in a if draw.random() > 0.15]
        runs = align(a, b)
        assert [word for run in runs for word in a[run.a0 : run.a1]] == a
        assert [word for run in runs for word in b[run.b0 : run.b1]] == b
        assert all(a[run.a0 : run.a1] == b[run.b0 : run.b1] for run in runs if run.same)
        assert all(one.same != other.same for one, other in itertools.pairwise(runs))


def test_what_differs_is_found_and_counted() -> None:
    found = text("the old brass gauges were read", "the old bras gages were all read")
    assert changes(found) == [(None, "brass gauges", "bras gages"), (None, "", "all")]
    assert (found.characters, found.words) == (2 + 4, 3)
    assert found.chars == len("the old brass gauges were read")
    assert found.total_words == 6
    assert [change.kind for change in found.changes] == ["replaced", "added"]


def test_white_space_and_bullets_never_count() -> None:
    assert text("one  two\n\n- three\n", "one two three").same
    assert not text("one two three", "one twothree").same


@pytest.mark.parametrize(
    ("a", "b", "ignore"),
    [
        ("The END", "the end", "case"),
        ("yes, he said - so", "yes he said so", "punctuation"),
        ("“quoted” — ﬁne", '"quoted" - fine', "typography"),
        ("the instal-\nlation", "the installation", "typography"),
    ],
)
def test_what_is_ignored_does_not_count(a: str, b: str, ignore: str) -> None:
    assert not text(a, b).same
    assert text(a, b, ignore).same


def test_something_unknown_to_ignore_is_refused() -> None:
    with pytest.raises(ValueError, match="none of case"):
        text("a", "b", "colour")


def test_an_empty_side_is_all_added_or_removed() -> None:
    assert text("", "").same
    assert text("", "two words").cer == 10.0
    assert [change.kind for change in text("two words", "").changes] == ["removed"]


def test_every_form_of_a_reading_is_the_same_reading(document: Document) -> None:
    names = {"markdown": "r.md", "text": "r.txt", "json": "r.json", "jsonl": "r.jsonl"}
    readings = [parse_reading(get_format(form).render(document).encode(), name) for form, name in names.items()]
    run = {"schema": "dsvl2/run/v1", "documents": [{"document": document_record(document)}]}
    readings.append(parse_reading(json.dumps(run).encode(), "<stdin>"))
    for reading in readings:
        assert compare_readings(reading_of(document), reading).same, reading.name
    assert [token.page for token in readings[1].tokens] == [1, 1, 1, 1, 2, 2, 2]


def test_a_change_has_its_page_and_the_boxes_of_its_words(document: Document) -> None:
    other = parse_reading(b"The new installation runs\n\nA third page", "b.txt")
    found = compare_readings(reading_of(document), other)
    assert changes(found) == [(1, "old", "new"), (2, "second", "third")]
    record = comparison_record(found)
    assert record["changes"][0]["a"]["boxes"] == [{"page": 1, "box": [60.0, 10.0, 100.0, 22.0]}]
    broken = next(token for token in reading_of(document).tokens if token.text == "installation")
    assert broken.box == Box(110, 10, 150, 22)


def test_pages_come_from_the_side_that_has_them(document: Document) -> None:
    found = compare_readings(parse_reading(b"The new installation runs\n\nA third page", "a.txt"), reading_of(document))
    assert changes(found) == [(1, "new", "old"), (2, "third", "second")]


def test_text_that_moved_over_a_page_break_is_no_difference() -> None:
    assert text("one two three\fthree four", "one two three three\ffour").same


def test_passages_have_context_and_near_ones_come_together() -> None:
    words = [f"w{k}" for k in range(60)]
    other = list(words)
    other[10], other[14], other[50] = "X", "Y", "Z"
    found = text(" ".join(words), " ".join(other))
    shown = [list(group) for section in found.sections for group in passages(section, 3)]
    assert [sum(isinstance(piece, Change) for piece in group) for group in shown] == [2, 1]
    assert [" ".join(t.text for t in piece.a) for piece in shown[1]] == ["w47 w48 w49", "w50", "w51 w52 w53"]


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"\xff\xfe\x00", "a.txt", "UTF-8"),
        (b"{", "a.json", "no reading"),
        (b"", "a.json", "empty"),
        (b'{"schema": "x"}', "a.json", "no reading of a document"),
        (b"[1]", "a.json", "no reading"),
        (b'{"schema": "dsvl2/ocr/v1", "pages": 3}', "a.json", "no reading"),
        (b"<html>", "a.hocr", "not compared as it stands"),
    ],
)
def test_what_is_no_reading_is_told(data: bytes, name: str, message: str) -> None:
    with pytest.raises(BadReading, match=message) as caught:
        parse_reading(data, name)
    assert caught.value.hint


def test_a_long_book_with_few_changes_takes_no_time() -> None:
    draw = random.Random(3)
    vocabulary = [f"word{k}" for k in range(3000)]
    words = draw.choices(vocabulary, weights=[1 / (k + 1) for k in range(3000)], k=40_000)
    other = [word + "x" if draw.random() < 0.01 else word for word in words if draw.random() > 0.002]
    begin = time.process_time()
    found = text(" ".join(words), " ".join(other))
    assert 300 < len(found.changes) < 600
    assert time.process_time() - begin < 20


def test_the_page_is_whole_and_nothing_in_it_is_markup(document: Document) -> None:
    nasty = parse_reading(b"The <script>alert(1)</script> installation runs\n\nA second page", "<b>.txt")
    found = compare_readings(reading_of(document), nasty)
    html = comparison_page(found, {1: "data:image/webp;base64,AAAA"})
    assert "<script" not in html
    assert "&lt;b&gt;.txt" in html
    assert "default-src 'none'" in html
    assert 'href="#c1" style="left:12.00%;top:1.43%;width:8.00%;height:1.71%"' in html
    assert html.count("<figure>") == 1
    assert "Nothing differs" in comparison_page(compare_readings(nasty, nasty))


def test_a_page_that_failed_is_named(document: Document) -> None:
    broken = Document("scan.pdf", (document.pages[0], PageResult(2, error=PageError("x", "y"))), 2)
    found = compare_readings(reading_of(document), reading_of(broken))
    assert changes(found) == [(2, "A second page", "")]
    assert comparison_record(found)["b"]["failed_pages"] == [2]
    assert "Pages 2 could not be read in B" in comparison_page(found)
