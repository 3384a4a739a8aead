"""Rendered tables parse back to the same grid."""

import csv
import io
import subprocess

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.tables.drawn import block_of
from dsvl2.pipelines.tables.parse import parse_tables
from dsvl2.pipelines.tables.render import to_csv, to_html, to_latex, to_markdown
from dsvl2.pipelines.tables.types import TableCell, table_of

WORDS = st.text("ab<>&|\\_%$#{}~^\"' ,;\u00e9", max_size=8).map(lambda text: " ".join(text.split()))
TABLES = st.lists(
    st.builds(
        TableCell,
        row=st.integers(0, 4),
        column=st.integers(0, 4),
        text=WORDS,
        rowspan=st.integers(1, 3),
        colspan=st.integers(1, 3),
    ),
    min_size=1,
    max_size=10,
).map(table_of)
SPANNED = table_of(
    [
        TableCell(0, 0, "Kind", 2, 1, header=True),
        TableCell(0, 1, "Years", 1, 2, header=True),
        TableCell(1, 1, "1996", header=True),
        TableCell(1, 2, "1997", header=True),
        TableCell(2, 0, "[a]"),
        TableCell(2, 1, "5 %"),
        TableCell(2, 2, "6_7"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_html_parses_back(table):
    # a last row or column in which no cell begins only stretches other cells, and parsing cuts it
    assume(any(cell.column == table.columns - 1 for cell in table.cells))
    assume(any(cell.row == table.rows - 1 for cell in table.cells))
    ((back,), _) = parse_tables(to_html(table))
    assert [(c.row, c.column, c.rowspan, c.colspan, c.text) for c in back.cells] == [
        (c.row, c.column, c.rowspan, c.colspan, c.text) for c in table.cells
    ]


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_csv_parses_back(table):
    assert tuple(map(tuple, csv.reader(io.StringIO(to_csv(table, repeat=True))))) == table.texts(repeat=True)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_latex_rows_have_every_column(table):
    for line in to_latex(table).splitlines()[2:-2]:
        cells = line.replace("\\&", "").split(" & ")
        spans = sum(int(c.split("{")[1].split("}")[0]) if c.lstrip().startswith("\\multicolumn") else 1 for c in cells)
        assert spans == table.columns


def test_heads_are_marked_in_html():
    text = to_html(SPANNED)
    assert text.index("<thead>") < text.index("1997") < text.index("</thead>") < text.index("[a]")


def test_markdown_escapes_bars():
    assert to_markdown(table_of([TableCell(0, 0, "a|b")])).splitlines()[0] == "| a\\|b |"


def test_spans_reach_the_document_formats():
    document = Document("x", (PageResult(1, (block_of(SPANNED),)),))
    assert '<th rowspan="2">Kind</th>' in get_format("html").render(document)
    assert "\\multicolumn{2}{c}{Years}" in get_format("latex").render(document)


@pytest.mark.slow
def test_latex_compiles(tmp_path):
    document = Document("x", (PageResult(1, (block_of(SPANNED),)),))
    (tmp_path / "t.tex").write_text(get_format("latex").render(document))
    try:
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no TeX here")
    assert done.returncode == 0, done.stdout[-800:]
