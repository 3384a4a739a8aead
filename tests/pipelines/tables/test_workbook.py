"""Tables as Excel workbooks: whole files, typed cells, and numbers only where they are read in one way."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import pytest

from dsvl2.pipelines.tables import TableCell, table_of, table_of_rows
from dsvl2.pipelines.tables.sheet import decimal_mark, number_of, table_sheet
from dsvl2.pipelines.tables.workbook import Cell, Sheet, column_letters, sheet_names, to_xlsx

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def part(data: bytes, name: str) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return ElementTree.fromstring(file.read(name))


def values(data: bytes, number: int = 1) -> dict[str, str]:
    found = {}
    for cell in part(data, f"xl/worksheets/sheet{number}.xml").iter(f"{MAIN}c"):
        text = "".join(cell.itertext())
        if text:
            found[cell.get("r", "")] = f"{cell.get('t', 'n')}:{text}"
    return found


def test_every_part_is_there_and_well_formed() -> None:
    data = to_xlsx([Sheet("a", [[Cell("x")]]), Sheet("b", [])])
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        for name in file.namelist():
            ElementTree.fromstring(file.read(name))
    overrides = {node.get("PartName") for node in part(data, "[Content_Types].xml") if node.get("PartName")}
    assert overrides == {"/xl/workbook.xml", "/xl/styles.xml", "/xl/worksheets/sheet1.xml", "/xl/worksheets/sheet2.xml"}
    targets = {node.get("Id"): node.get("Target") for node in part(data, "xl/_rels/workbook.xml.rels")}
    assert targets == {"rId1": "worksheets/sheet1.xml", "rId2": "worksheets/sheet2.xml", "rId3": "styles.xml"}


def test_cells_have_types_and_text_is_never_a_formula() -> None:
    row = [Cell("=1+1"), Cell(3), Cell(2.5, "0.0"), Cell(True), Cell(None), Cell("a\x00<&\nb"), Cell("  kept ")]
    data = to_xlsx([Sheet("a", [row])])
    assert values(data) == {
        "A1": "inlineStr:=1+1",
        "B1": "n:3",
        "C1": "n:2.5",
        "D1": "b:1",
        "F1": "inlineStr:a<&\nb",
        "G1": "inlineStr:  kept ",
    }
    assert [node.get("formatCode") for node in part(data, "xl/styles.xml").iter(f"{MAIN}numFmt")] == ["0.0"]


def test_the_same_sheets_give_the_same_bytes_and_none_gives_a_file_all_the_same() -> None:
    assert to_xlsx([Sheet("a", [[Cell(1)]])]) == to_xlsx([Sheet("a", [[Cell(1)]])])
    assert [node.get("name") for node in part(to_xlsx([]), "xl/workbook.xml").iter(f"{MAIN}sheet")] == ["Sheet1"]


def test_names_that_excel_takes() -> None:
    wanted = ["a/b:c", "A B C", "", "x" * 40, "X" * 31, "'quoted'", "History", "["]
    found = sheet_names(wanted)
    assert found[:3] == ["a b c", "A B C (2)", "Sheet"] and found[5:7] == ["quoted", "History (2)"]
    assert len({name.casefold() for name in found}) == len(wanted)
    assert all(1 <= len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in found)


def test_columns_go_on_after_z() -> None:
    assert [column_letters(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


def test_spans_are_merged_and_the_head_stays() -> None:
    table = table_of(
        [
            TableCell(0, 0, "Both", colspan=2, header=True),
            TableCell(1, 0, "left", rowspan=2),
            TableCell(1, 1, "5"),
            TableCell(2, 1, "007"),
        ]
    )
    data = to_xlsx([table_sheet(table, "t")])
    sheet = part(data, "xl/worksheets/sheet1.xml")
    assert [node.get("ref") for node in sheet.iter(f"{MAIN}mergeCell")] == ["A1:B1", "A2:A3"]
    assert [node.get("ySplit") for node in sheet.iter(f"{MAIN}pane")] == ["1"]
    assert values(data) == {"A1": "inlineStr:Both", "A2": "inlineStr:left", "B2": "n:5", "B3": "inlineStr:007"}
    repeated = to_xlsx([table_sheet(table, "t", repeat=True)])
    assert values(repeated)["B1"] == "inlineStr:Both" and b"mergeCell" not in repeated


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1,234.50"], "."),
        (["1.234,50"], ","),
        (["0.5", "17"], "."),
        (["1,234,567"], "."),
        (["1'234.5"], "."),
        (["1234.500"], "."),
        (["1,234", "17"], ""),
        (["0.5", "0,5"], ""),
        (["12 345", "a.b", "v1.2.3"], ""),
    ],
)
def test_the_decimal_mark_is_what_the_table_shows(texts: list[str], mark: str) -> None:
    assert decimal_mark(texts) == mark


@pytest.mark.parametrize(
    ("text", "decimal", "value", "shown"),
    [
        ("17", "", 17, "0"),
        ("−3", "", -3, "0"),
        ("0", "", 0, "0"),
        ("1,234", "", "1,234", ""),
        ("1,234", ".", 1234, "#,##0"),
        ("1,234", ",", 1.234, "0.000"),
        ("1.234,5", ",", 1234.5, "#,##0.0"),
        ("1,234.50", ".", 1234.5, "#,##0.00"),
        ("1,234.50", ",", "1,234.50", ""),
        ("1.234.567", ".", "1.234.567", ""),
        ("0.5", ",", "0.5", ""),
        ("1'234", ".", 1234, "#,##0"),
        ("00123", ".", "00123", ""),
        ("1234567890123456", "", "1234567890123456", ""),
        ("5 %", ".", "5 %", ""),
        ("", ".", "", ""),
        ("1,234,56", ".", "1,234,56", ""),
    ],
)
def test_numbers(text: str, decimal: str, value: object, shown: str) -> None:
    found = number_of(text, decimal)
    assert found == (value, shown) and type(found[0]) is type(value)


def test_a_ragged_table_and_an_empty_one() -> None:
    assert values(to_xlsx([table_sheet(table_of_rows([["a"], ["1", "2"]]), "t")])) == {
        "A1": "inlineStr:a",
        "A2": "n:1",
        "B2": "n:2",
    }
    assert values(to_xlsx([table_sheet(table_of_rows([]), "t")])) == {}
