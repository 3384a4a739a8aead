"""Markdown shows the text as it was read. A CommonMark parser is the judge."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dsvl2.pipelines.documents import Block, Document, ModelStamp, PageError, PageResult
from dsvl2.pipelines.formats import RenderOptions, get_format
from dsvl2.pipelines.formats.facts import item_label
from dsvl2.pipelines.formats.markdown import blocks_markdown

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
BREAKS = ("softbreak", "hardbreak")


def shown(token: Token) -> str:
    """The text of an inline token; anything but text and line breaks is shown as its type."""
    out = []
    for child in token.children or []:
        if child.type in BREAKS or (child.type == "html_inline" and child.content == "<br>"):
            out.append("\n")
        else:
            out.append(child.content if child.type == "text" else f"<<{child.type}>>")
    return "".join(out)


def read_back(markdown: str) -> list[tuple[str, str]]:
    """Parse into (kind of the innermost block, text)."""
    found = []
    opened: list[str] = []
    for token in PARSER.parse(markdown):
        if token.nesting == 1:
            opened.append(token.type.removesuffix("_open"))
        elif token.nesting == -1:
            opened.pop()
        elif token.type == "inline":
            inner = [kind for kind in opened if kind != "paragraph"]
            found.append((inner[-1] if inner else "paragraph", shown(token)))
        else:
            found.append((token.type, token.content))
    return found


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Plain text, nothing to see.", "Plain text, nothing to see."),
        ("1. January", "1\\. January"),
        ("1986. A great year", "1986\\. A great year"),
        ("1.5 litres", "1.5 litres"),
        ("2) second", "2\\) second"),
        ("* a footnote", "\\* a footnote"),
        ("*one footnote mark", "*one footnote mark"),
        ("5 * 3 * 2", "5 * 3 * 2"),
        ("*both* sides", "\\*both\\* sides"),
        (
            "snake_case_name and __init__",
            "snake_case_name and \\_\\_init\\_\\_".replace("snake_case_name", "snake\\_case\\_name"),
        ),
        ("a snake_case_name", "a snake_case_name"),
        ("# no heading", "\\# no heading"),
        ("#hashtag", "#hashtag"),
        ("- dash", "\\- dash"),
        ("-5 degrees", "-5 degrees"),
        ("+ plus", "\\+ plus"),
        ("> quoted", "\\> quoted"),
        ("---", "\\---"),
        ("a < b and c > d", "a < b and c > d"),
        ("<b>bold</b>", "\\<b>bold\\</b>"),
        ("<!-- page 3 -->", "\\<!-- page 3 -->"),
        ("AT&T, R&D", "AT&T, R&D"),
        ("&copy; 2020", "\\&copy; 2020"),
        ("see [1] and [2]", "see [1] and [2]"),
        ("[a](b)", "[a]\\(b)"),
        ("[1]: http://x", "\\[1]: http://x"),
        ("C:\\temp\\*", "C:\\temp\\\\*"),
        ("`tick", "`tick"),
        ("`code`", "\\`code\\`"),
        ("$5 and $6", "$5 and $6"),
        ("~5 to ~6", "~5 to ~6"),
        ("10 | 20", "10 | 20"),
        ("two\nlines", "two\\\nlines"),
    ],
)
def test_text_is_escaped_where_it_must_be_and_not_elsewhere(text: str, markdown: str) -> None:
    assert blocks_markdown((Block("paragraph", text),)) == markdown
    assert read_back(markdown) == [("paragraph", text)]


def test_random_text_reads_back_as_it_was() -> None:
    pieces = [
        *"\\`*_{}[]()#+-.!|<>&~=:^$\"'/;1a ",
        "**",
        "&amp;",
        "](",
        "1. ",
        "- ",
        "# ",
        "~~",
        "```",
        "<a>",
        "---",
        "\n",
        "é",
    ]
    kinds = ("paragraph", "heading", "list_item", "table")
    rng = random.Random(20)
    for _ in range(4000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(1, 9)))
        kind = rng.choice(kinds)
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if not lines or item_label(text):
            continue  # a label makes an ordered list, which has its own test
        if kind == "table":
            block = Block("table", "", rows=((text, "x"), ("y", text)))
            cell = "\n".join(line.strip() for line in text.strip().split("\n"))
            wanted = [("th", cell), ("th", "x"), ("td", "y"), ("td", cell)]
        elif kind == "heading":
            block, wanted = Block("heading", text, level=1), [("heading", " ".join(" ".join(lines).split()))]
        else:
            block, wanted = Block(kind, text), [(kind, "\n".join(lines))]  # type: ignore[arg-type]
        markdown = blocks_markdown((block,))
        assert read_back(markdown) == wanted, (text, markdown)


def test_headings_have_their_level() -> None:
    blocks = (Block("heading", "Top", level=1), Block("heading", "Deep #", level=9), Block("heading", "None"))
    assert blocks_markdown(blocks) == "# Top\n\n###### Deep \\#\n\n# None"


def test_lists_are_tight_nested_and_keep_their_numbers() -> None:
    items = (
        Block("list_item", "first"),
        Block("list_item", "inner", level=1),
        Block("list_item", "second\nline"),
        Block("paragraph", "Between."),
        Block("list_item", "3. three"),
        Block("list_item", "4. four"),
        Block("list_item", "bullet", level=1),
        Block("list_item", "(a) lettered"),
        Block("list_item", "[ ] box"),
    )
    assert blocks_markdown(items) == (
        "- first\n  - inner\n- second\\\n  line\n\nBetween.\n\n3. three\n4. four\n   - bullet\n\n(a) lettered\n\n- \\[ ] box"
    )


def test_random_lists_keep_every_item() -> None:
    rng = random.Random(3)
    texts = ("foo", "1. bar", "(a) baz", "===", "---", "| a | b |", "[x] z", "2) q", "a) r")
    kinds = ("paragraph", "list_item", "list_item", "code")
    for _ in range(2000):
        blocks = tuple(
            Block(rng.choice(kinds), rng.choice(texts), level=rng.randint(0, 2))  # type: ignore[arg-type]
            for _ in range(rng.randint(1, 7))
        )
        found = read_back(blocks_markdown(blocks))
        texts_found = [text.strip("\n") for _, text in found]
        numbered = [b.kind == "list_item" and b.text[0].isdigit() for b in blocks]
        assert texts_found == [b.text[3:] if own else b.text for b, own in zip(blocks, numbered, strict=True)]


def test_tables_are_rectangular_pipe_tables() -> None:
    table = Block("table", "", rows=(("Name", "a|b"), ("x",), ("two\nlines", "5 * 3", "extra")))
    assert blocks_markdown((table,)) == (
        "| Name | a\\|b |  |\n| --- | --- | --- |\n| x |  |  |\n| two<br>lines | 5 * 3 | extra |"
    )


def test_code_and_formulas_are_fenced() -> None:
    blocks = (Block("code", "a = '```'\n  b"), Block("formula", " x^2 "))
    assert blocks_markdown(blocks) == "````\na = '```'\n  b\n````\n\n$$\nx^2\n$$"


def test_empty_blocks_leave_no_trace() -> None:
    blocks = (
        Block("figure", ""),
        Block("paragraph", "  "),
        Block("heading", ""),
        Block("table", ""),
        Block("paragraph", "x"),
    )
    assert blocks_markdown(blocks) == "x"


def document() -> Document:
    return Document(
        source='a "quoted": name.pdf',
        pages=(
            PageResult(1, (Block("paragraph", "One."),)),
            PageResult(2, blank=True),
            PageResult(3, error=PageError("file_unreadable", "page 3 is damaged --> really")),
            PageResult(5, (Block("paragraph", "Five."),)),
        ),
        page_count=7,
        sha256="ab" * 32,
        model=ModelStamp("nano", "cd" * 32, "int8", "float32", "cpu"),
        options=(("task", "ocr"), ("pages", "1-3,5"), ("dpi", None), ("color", False)),
    )


def test_a_document_without_extras_is_the_text_and_a_trace_of_failed_pages() -> None:
    text = get_format("markdown").render(document())
    assert text == "One.\n\n<!-- page 3 could not be read: page 3 is damaged - - really -->\n\nFive.\n"


def test_page_markers() -> None:
    text = get_format("md").render(document(), RenderOptions(page_markers=True))
    assert text.startswith("<!-- page 1 -->\n\nOne.\n\n<!-- page 2 -->\n\n<!-- page 3 -->\n\n<!-- page 3 could not")
    assert text.endswith("<!-- page 5 -->\n\nFive.\n")


def test_front_matter_is_yaml() -> None:
    text = get_format("markdown").render(document(), RenderOptions(front_matter=True))
    _, front, body = text.split("---\n", 2)
    facts = yaml_of(front)
    assert facts["source"] == 'a "quoted": name.pdf'
    assert facts["sha256"] == "ab" * 32
    assert (facts["pages"], facts["pages_read"], facts["pages_failed"]) == (7, "1-3,5", [3])
    assert facts["model"] == "nano"
    assert len(facts["fingerprint"]) == 64
    assert front.endswith('options:\n  task: "ocr"\n  pages: "1-3,5"\n  dpi: null\n  color: false\n')
    assert body.startswith("\nOne.")


def yaml_of(front: str) -> dict[str, Any]:
    """Read the top level of front matter: every value is JSON, which is YAML."""
    lines = [line.partition(": ") for line in front.splitlines() if ": " in line and not line.startswith(" ")]
    return {key: json.loads(value) for key, _, value in lines}


def test_odd_names_stay_yaml() -> None:
    odd = Document("\u2028 \x85 \ud800 # - {", ())
    front = get_format("markdown").render(odd, RenderOptions(front_matter=True))
    front.encode("utf-8")
    assert len(front.splitlines()) == 10
    assert yaml_of(front.split("---\n")[1])["source"] == "\u2028 \x85 \ud800 # - {"


@pytest.mark.parametrize("name", ["markdown", "text", "jsonl"])
@pytest.mark.parametrize("markers", [False, True])
def test_streaming_gives_the_same_bytes(name: str, markers: bool) -> None:
    options = RenderOptions(page_markers=markers)
    chosen = get_format(name)
    stream = chosen.stream(document(), options)
    assert stream is not None
    assert "".join(stream.page(page) for page in document().pages) == chosen.render(document(), options)


def test_what_needs_the_whole_document_does_not_stream() -> None:
    assert get_format("markdown").stream(document(), RenderOptions(front_matter=True)) is None
    assert get_format("json").stream(document()) is None
    assert get_format("latex").stream(document()) is None
