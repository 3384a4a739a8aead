"""Doubtful words are marked where they stand, and nothing else changes."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult, Word
from dsvl2.pipelines.formats import RenderOptions, get_format
from dsvl2.pipelines.formats.doubt import marked

BOX = Box(0, 0, 10, 10)


def line(text: str, *doubtful: str) -> Line:
    words = tuple(Word(word, BOX, 0.3 if word in doubtful else 0.99) for word in text.split())
    return Line(text, BOX, 0.5, words)


def shown(name: str, *blocks: Block, least: float | None = 0.9) -> str:
    return get_format(name).render(Document("s", (PageResult(1, blocks),)), RenderOptions(min_confidence=least))


def test_a_doubtful_word_carries_a_visible_mark() -> None:
    block = Block("paragraph", "the quick fox", lines=(line("the quick fox", "quick"),))
    assert shown("markdown", block) == "the quick[?] fox\n"
    assert shown("text", block) == "the quick[?] fox\n"
    assert '<p id="block_1_1">the <mark>quick</mark> fox</p>' in shown("html", block)


def test_nothing_is_marked_unasked() -> None:
    block = Block("paragraph", "the quick fox", lines=(line("the quick fox", "quick"),))
    assert shown("markdown", block, least=None) == "the quick fox\n"
    assert "<mark>" not in shown("html", block, least=None)


@pytest.mark.parametrize(("first", "second", "joined"), [("inspec-", "tion", "inspection"), ("two-", "A", "two-A")])
def test_a_word_over_two_lines_is_doubtful_if_a_part_is(first: str, second: str, joined: str) -> None:
    block = Block("paragraph", f"an {joined} on", lines=(line(f"an {first}", first), line(f"{second} on")))
    assert marked([block], 0.9)[0].text == f"an {joined}[?] on"


def test_cells_are_marked_in_rows_and_text_alike() -> None:
    lines = (line("a\tb c", "c"), line("d\te", "d"))
    (block,) = marked([Block("table", "a\tb c\nd\te", lines=lines, rows=(("a", "b c"), ("d", "e")))], 0.9)
    assert block.rows == (("a", "b c[?]"), ("d[?]", "e"))
    assert block.text == "a\tb c[?]\nd[?]\te"


def test_a_label_stays_a_label() -> None:
    block = Block("list_item", "3. the cost", lines=(line("3. the cost", "3.", "cost"),))
    assert shown("markdown", block) == "3. the cost[?]\n"


def test_a_block_without_known_words_is_marked_at_its_end() -> None:
    assert marked([Block("paragraph", "some text here", confidence=0.4)], 0.5)[0].text == "some text here[?]"
    assert marked([Block("paragraph", "some text here", confidence=0.6)], 0.5)[0].text == "some text here"
    assert marked([Block("paragraph", "some text here")], 0.5)[0].text == "some text here"


def test_text_that_its_lines_do_not_explain_is_marked_as_a_whole() -> None:
    block = Block("paragraph", "something else", lines=(line("the quick fox", "fox"),), confidence=0.2)
    assert marked([block], 0.9)[0].text == "something else[?]"


def test_the_mark_is_no_markup() -> None:
    from markdown_it import MarkdownIt

    block = Block("paragraph", "see note (a) now", lines=(line("see note (a) now", "note"),))
    assert "see note[?] (a) now" in MarkdownIt().render(shown("markdown", block))
