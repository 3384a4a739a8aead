"""Page lists read as qpdf reads them, and say what is wrong with them."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.errors import PageMissing, PageRangeError
from dsvl2.pipelines.pages import check_pages, parse_pages


@pytest.mark.parametrize(
    ("text", "count", "pages"),
    [
        ("1", 1, (1,)),
        ("1-3,8", 9, (1, 2, 3, 8)),
        ("z", 7, (7,)),
        ("r1", 7, (7,)),
        ("r2", 7, (6,)),
        ("r3-r1", 7, (5, 6, 7)),
        ("3-z", 5, (3, 4, 5)),
        ("5-z:even", 10, (6, 8, 10)),
        ("4-z:even", 10, (5, 7, 9)),
        ("5,7-9,12:odd", 15, (5, 8, 12)),
        ("5,7-9,12:even", 15, (7, 9)),
        (":even", 5, (2, 4)),
        (":odd", 1, (1,)),
        ("1-20,x5-10", 20, (*range(1, 5), *range(11, 21))),
        ("4-10,x7-9,12-8,xr5", 15, (4, 5, 6, 8, 9, 10, 12)),
        ("1-5,x1,x5", 5, (2, 3, 4)),
        ("1-3,x2,2", 3, (1, 2, 3)),
        ("3,1,2,2", 3, (1, 2, 3)),
        ("5-1", 5, (1, 2, 3, 4, 5)),
        (" 1 - 2 , Z ", 4, (1, 2, 4)),
    ],
)
def test_a_page_list_names_pages(text: str, count: int, pages: tuple[int, ...]) -> None:
    check_pages(text)
    assert parse_pages(text, count) == pages


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("1-3,foo", "'foo'"),
        ("1-", "'1-'"),
        ("-3", "'-3'"),
        ("1,,2", "''"),
        ("1--3", "'1--3'"),
        ("rz", "'rz'"),
        ("1.5", "'1.5'"),
        ("0", "'0'"),
        ("r0", "'r0'"),
        ("2-0", "'2-0'"),
        ("1:third", "':third'"),
        ("x3", "'x3'"),
        ("x3,1-5", "'x3'"),
        ("99999999999999999999", "'99999999999999999999'"),
        ("١", "'١'"),
    ],
)
def test_the_error_names_the_bad_token(text: str, token: str) -> None:
    with pytest.raises(PageRangeError, match=token.replace(".", r"\.")) as caught:
        check_pages(text)
    assert caught.value.code == "page_range"
    with pytest.raises(PageRangeError):
        parse_pages(text, 10)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_list_is_an_error(text: str) -> None:
    with pytest.raises(PageRangeError, match="empty"):
        check_pages(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("99", "page 99 does not exist: the document has 3 pages"),
        ("2-99", "page 99 (in '2-99') does not exist: the document has 3 pages"),
        ("r5", "page 'r5' does not exist: the document has 3 pages"),
        ("1-3,x7", "page 7 (in 'x7') does not exist: the document has 3 pages"),
    ],
)
def test_a_missing_page_is_told_with_the_count(text: str, said: str) -> None:
    with pytest.raises(PageMissing) as caught:
        parse_pages(text, 3)
    assert str(caught.value) == said
    assert caught.value.code == "page_missing"
    assert caught.value.hint


def test_one_page_is_not_called_pages() -> None:
    with pytest.raises(PageMissing, match=r"has 1 page$"):
        parse_pages("2", 1)


def test_a_list_that_leaves_nothing_is_an_error() -> None:
    with pytest.raises(PageRangeError, match="leaves no page"):
        parse_pages("1-3,x1-3", 3)
    with pytest.raises(PageRangeError, match="leaves no page"):
        parse_pages("1:even", 3)
