"""What travels inside a PDF and is not read is told."""

from __future__ import annotations

import pymupdf
import pytest

from dsvl2.pipelines.sources import open_source


def pdf_with(*names: str, portfolio: bool = False) -> bytes:
    document = pymupdf.open()
    document.new_page(width=200, height=200)
    for name in names:
        document.embfile_add(name, b"something", filename=name)
    if portfolio:
        document.xref_set_key(document.pdf_catalog(), "Collection", "<</Type/Collection/View/T>>")
    return bytes(document.tobytes())


def told(data: bytes) -> list[str]:
    with open_source(data) as source:
        return [notice.message for notice in source.notices if notice.code == "pdf_attachments"]


@pytest.mark.parametrize("names", [(), ("factur-x.xml",), ("notes.txt", "sums.xlsx")])
def test_attachments_that_could_not_be_read_anyway_are_passed_over(names: tuple[str, ...]) -> None:
    assert told(pdf_with(*names)) == []


def test_a_scan_inside_a_pdf_is_told() -> None:
    (message,) = told(pdf_with("factur-x.xml", "minutes.PDF"))
    assert "carries a file inside that is not read: minutes.PDF; " in message


def test_everything_inside_a_portfolio_is_told_and_few_are_named() -> None:
    (message,) = told(pdf_with("a.docx", "b.msg", "c.pdf", "d.tif", "e.txt", portfolio=True))
    assert "carries 5 files inside that are not read: a.docx, b.msg, c.pdf and 2 more; " in message
