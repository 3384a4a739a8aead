"""A page's lines cut into cells after reading, where columns a word space apart are sure; and left alone where not."""

from __future__ import annotations

from dataclasses import replace

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.tables.tight import with_tight_tables
from dsvl2.pipelines.tables.types import TableCell, table_of

GOODS = (
    "Item              Qty  Price   Amount",
    "Garden twine, blue 31 131.80 4,085.80",
    "Wool felt 12 mm     4  20.00    80.00",
    "Slate tile 12 mm   30   3.40   102.00",
)


def line(number: int, row: str) -> Line:
    """A line in letters of one width, surer the further left they stand."""
    words, at = [], 0
    for text in row.split():
        at = row.index(text, at)
        words.append(Word(text, Box(100 + 10 * at, 50 + 30 * number, 99 + 10 * (at + len(text)), 66 + 30 * number)))
        at += len(text)
    text = "\t".join(" ".join(part.split()) for part in row.split("\t"))
    logs = tuple(-0.01 * k for k in range(len(text)))
    return Line(text, words[0].box.union(words[-1].box), None, tuple(words), logs)


def page(*blocks: Block) -> PageResult:
    return PageResult(1, blocks, 1000, 1400, 150.0)


def paragraph(start: int, *rows: str) -> Block:
    lines = tuple(line(start + k, row) for k, row in enumerate(rows))
    return Block("paragraph", " ".join(one.text for one in lines), Box(100, 50, 600, 900), lines=lines)


TEXT = [
    ["Item", "Qty", "Price", "Amount"],
    ["Garden twine, blue", "31", "131.80", "4,085.80"],
    ["Wool felt 12 mm", "4", "20.00", "80.00"],
    ["Slate tile 12 mm", "30", "3.40", "102.00"],
]


def test_a_paragraph_of_aligned_numbers_is_a_table_between_what_is_left_of_it() -> None:
    result = with_tight_tables(page(paragraph(0, "Goods of this delivery", *GOODS, "With kind regards")))
    assert [block.kind for block in result.blocks] == ["paragraph", "table", "paragraph"]
    table = result.blocks[1].table
    assert table is not None and [list(row) for row in table.texts()] == TEXT and table.header_rows == 1
    cell = table.cells[7]
    assert cell.text == "4,085.80" and cell.box == Box(390, 110, 469, 126)
    (own,) = (result.blocks[1].lines[number] for number in cell.lines)
    source = line(2, GOODS[1])
    assert own.logprobs == source.logprobs[source.text.index("4,085") :] and len(own.words) == 1
    assert result.blocks[0].text == "Goods of this delivery" and result.blocks[2].text == "With kind regards"


def test_a_table_of_too_few_columns_is_parted_from_its_sums() -> None:
    rows = [
        *GOODS,
        "Subtotal\t                                     4,267.80",
        "VAT\t                                       853.56",
    ]
    lines = tuple(line(k, row) for k, row in enumerate(rows))
    cells = [
        TableCell(0, 0, "all", lines=(0, 1, 2, 3)),
        TableCell(1, 0, "Sub", lines=(4,)),
        TableCell(2, 0, "VAT", lines=(5,)),
    ]
    block = Block("table", "", Box(0, 0, 900, 900), lines=lines, table=table_of(cells))
    goods, sums = with_tight_tables(page(block)).blocks
    assert goods.table is not None and [list(row) for row in goods.table.texts()] == TEXT
    assert sums.table is not None and sums.table.texts() == (("Subtotal", "4,267.80"), ("VAT", "853.56"))


def test_what_is_cut_already_or_no_table_is_left_as_it_is() -> None:
    apart = [line(k, row) for k, row in enumerate(GOODS)]
    pieces = tuple(Line(word.text, word.box, None, (word,)) for one in apart for word in one.words)
    known = Block("table", "", None, lines=pieces, table=table_of([TableCell(0, 0, "x")]))
    prose = paragraph(
        0,
        "in 1987 the 2 pumps of 1931",
        "gave 412 litres in 6 hours",
        "and 3 of the 14 were new",
        "as 8 men said on 5 days",
    )
    contents = paragraph(0, "1 Pumps ...... 12  3", "2 Tests ...... 14  7", "3 Costs ...... 19  9")
    units = paragraph(0, "Top  37 mm 0.75 in", "Foot 19 mm 1.75 in", "Left 20 mm 0.79 in")
    for block in (known, prose, contents, units, replace(paragraph(0, *GOODS), kind="code")):
        result = page(block)
        assert with_tight_tables(result) is result
