"""What a whole-page model prints is taken apart into blocks, whatever it is."""

from __future__ import annotations

import random

import pytest

from dsvl2.pipelines.documents import Block
from dsvl2.pipelines.formats.markdown import blocks_markdown
from dsvl2.pipelines.parsing import parse_markdown, plain_inline


def blocks(text: str) -> list[Block]:
    return [parsed.block for parsed in parse_markdown(text)]


def test_every_kind_of_block() -> None:
    text = (
        "# Title #\n\nA paragraph\nover two lines.\n- one\n  still one\n  * inner\n3. three\n\n"
        "| a | b \\| c |\n|---|:-:|\n| 1 | **2** |\n\n```py\nx = 1\n\ny\n```\n\n$$\nx^2\n$$\n\n---\n\\[ y \\]\nlast"
    )
    assert blocks(text) == [
        Block("heading", "Title", level=1),
        Block("paragraph", "A paragraph over two lines."),
        Block("list_item", "one still one"),
        Block("list_item", "inner", level=1),
        Block("list_item", "3. three"),
        Block("table", "a\tb | c\n1\t2", rows=(("a", "b | c"), ("1", "2"))),
        Block("code", "x = 1\n\ny"),
        Block("formula", "x^2"),
        Block("formula", "y"),
        Block("paragraph", "last"),
    ]


def test_spans_point_into_the_output() -> None:
    text = "<|ref|>x<|/ref|># Title\n\nbody <|det|>[[1,2,3,4]]<|/det|>text\n"
    parsed = parse_markdown(text)
    assert [text[p.start : p.end].strip() for p in parsed] == ["<|ref|>x<|/ref|># Title", text.split("\n")[2]]
    assert parsed[1].block.text == "body text"


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("**bold** and *it* and __b__ and _i_", "bold and it and b and i"),
        ("`code` ``a ` b``", "code a ` b"),
        ("[text](http://x) ![alt](a.png)", "text alt"),
        ("a\\*b \\# \\\\", "a*b # \\"),
        ("5 * 3 * 2, snake_case_name", "5 * 3 * 2, snake_case_name"),
        ("R&amp;D &lt;", "R&D <"),
        ("one<br>two", "one\ntwo"),
        ("\\*not\\* *yes*", "*not* yes"),
    ],
)
def test_inline_markup_comes_off(markup: str, plain: str) -> None:
    assert plain_inline(markup) == plain


@pytest.mark.parametrize(
    "text", ["", "\n\n", "```", "|", "$$", "\\[", "#", "# ", "- ", "|||", "<|det|>", "1.", "~~~\nx", "|a|"]
)
def test_odd_output_is_accepted(text: str) -> None:
    for parsed in parse_markdown(text):
        assert 0 <= parsed.start < parsed.end <= len(text)


def test_random_output_is_accepted() -> None:
    rng = random.Random(11)
    pieces = [
        *"#*_`|-[]()<>$\\&;:1a \n\n\t",
        "```",
        "$$",
        "<|det|>",
        "<|/det|>",
        "|---|",
        "- ",
        "\u2028",
        "\r\n",
        "\ue000",
        "\x00",
    ]
    for _ in range(3000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 40)))
        end = 0
        for parsed in parse_markdown(text):
            assert end <= parsed.start < parsed.end <= len(text)
            end = parsed.end
            assert parsed.block.text.strip()


def test_what_we_write_we_read_again() -> None:
    written = (
        Block("heading", "A *odd* title #1", level=2),
        Block("paragraph", "1. not a list, snake_case, <b>, R&D, a|b \\ `x`"),
        Block("list_item", "item"),
        Block("table", "a\tb\nc|d\te", rows=(("a", "b"), ("c|d", "e"))),
        Block("code", "# no heading"),
    )
    assert tuple(blocks(blocks_markdown(written))) == written
