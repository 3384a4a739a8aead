"""Write an Excel workbook (Office Open XML, ECMA-376 part 1, 18): sheets of typed cells, merged ones, a head that stays.

Text is written as inline strings, which no spreadsheet takes for a formula. The same sheets give the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Value = str | int | float | bool | None
MOST_LETTERS, MOST_ROWS = 32_767, 1_048_576  # of a cell, of a sheet: Excel's limits
_NARROW, _WIDE = 8, 60  # columns are as wide as their longest line, within these
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = (1980, 1, 1, 0, 0, 0)
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, how a number is shown (an Excel format such as `#,##0.00`), and how many rows and columns it covers."""

    value: Value = None
    shown: str = ""
    rowspan: int = 1
    colspan: int = 1


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of cells; a place that a cell above or to the left covers is None. The first `head` rows are bold and stay."""

    name: str
    rows: Sequence[Sequence[Cell | None]]
    head: int = 0


def to_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """Return the sheets as an .xlsx file; one without a sheet gets an empty one, as Excel opens no other.

    Raises:
        ValueError: a sheet has more rows than Excel holds.
    """
    sheets = sheets or [Sheet("Sheet1", ())]
    names = sheet_names(sheet.name for sheet in sheets)
    styles = _Styles()
    bodies = [_sheet(sheet, styles) for sheet in sheets]
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{escape(name, QUOTES)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, names, strict=True)
    )
    parts = {
        "[Content_Types].xml": _content_types(numbers),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            [*(("worksheet", f"worksheets/sheet{n}.xml") for n in numbers), ("styles", "styles.xml")]
        ),
        "xl/styles.xml": styles.xml(),
        **{f"xl/worksheets/sheet{n}.xml": body for n, body in zip(numbers, bodies, strict=True)},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, xml in parts.items():
            file.writestr(zipfile.ZipInfo(name, _TIME), _XML + xml, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


QUOTES = {'"': "&quot;"}


def sheet_names(wanted: Iterable[str]) -> list[str]:
    """Return names that Excel takes: 1 to 31 letters, none of []:*?/\\, no apostrophe at an end, no two alike."""
    names: list[str] = []
    taken: set[str] = set()
    for name in wanted:
        plain = " ".join(re.sub(r"[\[\]:*?/\\]", " ", _NOT_XML.sub("", name)).split()).strip("' ") or "Sheet"
        found, number = plain[:31].rstrip("' "), 1
        while found.casefold() in taken or found.casefold() == "history":  # a name that Excel keeps for itself
            number += 1
            found = f"{plain[: 28 - len(str(number))].rstrip()} ({number})"
        taken.add(found.casefold())
        names.append(found)
    return names


def column_letters(number: int) -> str:
    """Return the letters of a column, counted from 0: A, B, ..., Z, AA."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


class _Styles:
    """The cell formats in use: number 0 is plain; others are added when first asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], int] = {("", False): 0}

    def number(self, shown: str, bold: bool) -> int:
        return self._known.setdefault((shown, bold), len(self._known))

    def xml(self) -> str:
        shown = list(dict.fromkeys(text for text, _ in self._known if text))
        formats = "".join(
            f'<numFmt numFmtId="{164 + n}" formatCode="{escape(text, QUOTES)}"/>' for n, text in enumerate(shown)
        )
        cells = "".join(
            f'<xf numFmtId="{164 + shown.index(text) if text else 0}" fontId="{int(bold)}" fillId="0" borderId="0" xfId="0" '
            'applyNumberFormat="1" applyFont="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>'
            for text, bold in self._known
        )
        font = '<sz val="11"/><name val="Calibri"/>'
        return (
            f'<styleSheet xmlns="{_MAIN}">'
            + (f'<numFmts count="{len(shown)}">{formats}</numFmts>' if shown else "")
            + f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
            '<fills count="2"><fill><patternFill patternType="none"/></fill>'
            '<fill><patternFill patternType="gray125"/></fill></fills>'
            '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            f'<cellXfs count="{len(self._known)}">{cells}</cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
        )


def _sheet(sheet: Sheet, styles: _Styles) -> str:
    if len(sheet.rows) > MOST_ROWS:
        raise ValueError(f"{len(sheet.rows):,} rows are more than a sheet holds ({MOST_ROWS:,})")
    rows, merged = [], []
    for r, row in enumerate(sheet.rows):
        cells = []
        for c, cell in enumerate(row):
            if cell is None:
                continue
            place = f"{column_letters(c)}{r + 1}"
            cells.append(_cell(cell, place, styles.number(cell.shown, r < sheet.head)))
            if cell.rowspan > 1 or cell.colspan > 1:
                last = f"{column_letters(c + cell.colspan - 1)}{r + cell.rowspan}"
                merged.append(f'<mergeCell ref="{place}:{last}"/>')
        rows.append(f'<row r="{r + 1}">{"".join(cells)}</row>')
    pane = f'<pane ySplit="{sheet.head}" topLeftCell="A{sheet.head + 1}" activePane="bottomLeft" state="frozen"/>'
    view = (
        f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        if 0 < sheet.head < len(sheet.rows)
        else ""
    )
    joined = f'<mergeCells count="{len(merged)}">{"".join(merged)}</mergeCells>' if merged else ""
    return (
        f'<worksheet xmlns="{_MAIN}">{view}{_widths(sheet)}<sheetData>{"".join(rows)}</sheetData>{joined}</worksheet>'
    )


def _cell(cell: Cell, place: str, style: int) -> str:
    start, value = f'<c r="{place}" s="{style}"', cell.value
    if value is None or value == "":
        return f"{start}/>"
    if isinstance(value, bool):
        return f'{start} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"{start}><v>{value!r}</v></c>"
    text = escape(_NOT_XML.sub("", value)[:MOST_LETTERS])
    return f'{start} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _widths(sheet: Sheet) -> str:
    longest: dict[int, int] = {}
    for row in sheet.rows:
        for c, cell in enumerate(row):
            if cell is not None and cell.colspan == 1 and cell.value is not None:
                longest[c] = max(longest.get(c, 0), *(len(line) for line in (str(cell.value) + "\n").split("\n")))
    columns = (
        f'<col min="{c + 1}" max="{c + 1}" width="{min(max(width + 2, _NARROW), _WIDE)}" customWidth="1"/>'
        for c, width in sorted(longest.items())
    )
    return f"<cols>{''.join(columns)}</cols>" if longest else ""


def _content_types(numbers: Iterable[int]) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPES}.worksheet+xml"/>' for n in numbers
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>{sheets}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>'
    )


def _relations(parts: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATION}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(parts, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'
