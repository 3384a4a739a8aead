"""Segments: what a person sees as one label, value or cell."""

from __future__ import annotations

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.spatial import segments_of


def page(*blocks: Block, **facts: float) -> PageResult:
    return PageResult(1, blocks, width_px=1000, height_px=1000, **facts)  # type: ignore[arg-type]


def line(text: str, *words: tuple[str, float, float], top: float = 100.0, height: float = 20.0) -> Line:
    found = tuple(Word(word, Box(x0, top, x1, top + height)) for word, x0, x1 in words)
    return Line(text, Box(words[0][1], top, words[-1][2], top + height), 0.9, found)


def texts(result: PageResult) -> list[str]:
    return [segment.text for segment in segments_of(result)]


def test_a_wide_gap_parts_a_line_and_a_narrow_one_does_not() -> None:
    read = line("Invoice No. A 17", ("Invoice", 10, 80), ("No.", 86, 110), ("A", 300, 310), ("17", 316, 336))
    first, second = segments_of(page(Block("paragraph", read.text, lines=(read,))))
    assert (first.text, second.text) == ("Invoice No.", "A 17")
    assert first.box == Box(10, 100, 110, 120)
    assert second.box == Box(300, 100, 336, 120)
    assert second.confidence == 0.9


def test_a_tab_parts_a_line_even_without_a_wide_gap() -> None:
    read = line("a b\tc", ("a", 10, 20), ("b", 26, 36), ("c", 42, 52))
    assert texts(page(Block("paragraph", read.text, lines=(read,)))) == ["a b", "c"]


def test_words_are_estimated_where_a_line_carries_none() -> None:
    read = Line("left\tright", Box(0, 0, 400, 20))
    left, right = segments_of(page(Block("paragraph", read.text, lines=(read,))))
    assert left.box.x1 < right.box.x0


def test_rules_and_leaders_are_left_out() -> None:
    read = line("DATE: ______", ("DATE:", 10, 60), ("______", 70, 200))
    rule = Line("----------", Box(0, 200, 400, 204))
    dots = line("Chapter ..... 7", ("Chapter", 10, 60), (".....", 64, 120), ("7", 124, 130))
    dash = line("-", ("-", 10, 14))
    blocks = [Block("paragraph", each.text, lines=(each,)) for each in (read, rule, dots, dash)]
    assert texts(page(*blocks)) == ["DATE:", "Chapter 7", "-"]


def test_a_line_without_a_box_stands_below_the_one_before() -> None:
    block = Block("paragraph", "a b", lines=(Line("a", Box(10, 10, 20, 30)), Line("b")))
    assert [segment.box for segment in segments_of(page(block))] == [Box(10, 10, 20, 30), Box(10, 30, 20, 50)]


def test_a_page_without_any_box_gives_lines_one_below_the_other() -> None:
    block = Block("paragraph", "first\nsecond\n\nthird")
    found = segments_of(page(block))
    assert [segment.text for segment in found] == ["first", "second", "third"]
    assert found[0].box.y0 < found[1].box.y0 < found[2].box.y0


def test_cells_of_a_table_without_lines_are_segments() -> None:
    block = Block("table", "a\tb\nc\td", Box(0, 0, 100, 40), rows=(("a", "b"), ("c", "d")))
    assert texts(page(block)) == ["a", "b", "c", "d"]


def test_a_turned_page_is_split_along_its_text() -> None:
    words = (Word("up", Box(100, 800, 120, 900)), Word("far", Box(100, 100, 120, 200)))
    read = Line("up far", Box(100, 100, 120, 900), None, words)
    assert texts(page(Block("paragraph", "up far", lines=(read,)), rotation=90)) == ["up", "far"]


def test_nothing_read_gives_no_segment() -> None:
    assert segments_of(page()) == ()
    assert segments_of(page(Block("figure", "", Box(0, 0, 10, 10)))) == ()
