"""Formats are found by name and suffix; plain text is plain."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.documents import Block, Document, PageError, PageResult
from dsvl2.pipelines.errors import UnknownFormat
from dsvl2.pipelines.formats import FORMATS, RenderOptions, format_for_path, get_format


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("markdown", "markdown"),
        ("MD", "markdown"),
        ("txt", "text"),
        ("json", "json"),
        ("ndjson", "jsonl"),
        ("tex", "latex"),
        ("hocr", "hocr"),
        ("xml", "alto"),
    ],
)
def test_by_name(name: str, found: str) -> None:
    assert get_format(name).name == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.md", "markdown"),
        ("b/a.TXT", "text"),
        ("a.b.json", "json"),
        ("a.ndjson", "jsonl"),
        ("a.tex", "latex"),
        ("a.htm", "html"),
        ("a.tsv", "tsv"),
        ("a.xml", "alto"),
    ],
)
def test_by_suffix(path: str, found: str) -> None:
    assert format_for_path(path).name == found


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownFormat, match="unknown format 'docx'") as caught:
        get_format("docx")
    for known in FORMATS:
        assert known.suffixes[0].removeprefix(".").removesuffix(".json") in caught.value.hint


@pytest.mark.parametrize(("path", "said"), [("a.docx", "'.docx'"), ("a", "has no suffix")])
def test_an_unknown_suffix_lists_the_known(path: str, said: str) -> None:
    with pytest.raises(UnknownFormat, match=said) as caught:
        format_for_path(path)
    assert ".md" in caught.value.hint
    assert "-f" in caught.value.hint


def test_names_and_suffixes_are_unique() -> None:
    names = [known.name for known in FORMATS]
    suffixes = [suffix for known in FORMATS for suffix in known.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)


def test_plain_text() -> None:
    pages = (
        PageResult(
            1,
            (
                Block("heading", "Title"),
                Block("paragraph", "1. text *as is*"),
                Block("list_item", "bullet"),
                Block("list_item", "2. two", level=1),
                Block("figure", ""),
                Block("table", "", rows=(("a", "b\nc"), ("d", ""))),
            ),
        ),
        PageResult(2, blank=True),
        PageResult(3, error=PageError("x", "it is damaged")),
    )
    text = get_format("text").render(Document("s", pages))
    assert text == (
        "Title\n\n1. text *as is*\n\n- bullet\n  2. two\n\na\tb c\nd\t\n\f\f[page 3 could not be read: it is damaged]\n"
    )
    marked = get_format("text").render(Document("s", pages), RenderOptions(page_markers=True))
    assert marked.startswith("--- page 1 ---\n\nTitle")
    assert "\f--- page 2 ---\n\n\f--- page 3 ---" in marked
