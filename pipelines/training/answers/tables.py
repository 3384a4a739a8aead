"""Tables that are asked by row and column: accounts, timetables, results of laboratories, lists of anything."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.entries import entries
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.sheet import Rows, Sheet
from dsvl2.pipelines.training.answers.values import Amounts

_CELL = (
    "What is the {c} of {r}?", "{c} of {r}", "What is the {c} for {r}?", "{r}, {c}", "{r}: {c}?",
    "How much is the {c} of {r}?",
    "What {c} does {r} have?", "In the row {r}, what is the {c}?", "What is in column {c} of row {r}?", "{r} {c}",
    "Which {c} has {r}?",
    "What value does {r} have under {c}?", "Give the {c} of {r}.", "How many {c} for {r}?", "What was {r}'s {c}?",
    "{c}, {r}?",
    "What is the value of {c} in the row {r}?", "According to the table, what is the {c} of {r}?",
    "What is listed as {c} for {r}?",
)  # fmt: skip
_FIRST = ("Which {h} has {c} {v}?", "Which {h} has a {c} of {v}?", "In which row is {c} {v}?",
    "What has the {c} {v}?", "Whose {c} is {v}?",
          "{v} is the {c} of which {h}?")  # fmt: skip
_HEADS = ("Name", "Item", "Code", "Year", "Country", "Amount", "Price", "Total", "Result", "Unit", "Date", "Type",
    "Number", "Share", "Rate",
          "Mean", "Value", "Size", "Weight", "Change", "Budget", "Actual", "Status", "Quantity", "Score", "Rank",
          "Area", "Cost", "Jan", "Feb",
          "Mar", "Q1", "Q2", "Q3", "Q4", "2016", "2017", "2018", "2019", "2020", "No.", "Grade", "Hours",
          "Reference range", "Points")  # fmt: skip
_ANALYTES = ("Glucose", "Sodium", "Potassium", "Haemoglobin", "WBC", "RBC", "Platelets", "Cholesterol", "HDL", "LDL",
    "Triglycerides", "Creatinine",
             "Urea", "ALT (SGPT)", "AST", "Bilirubin, total", "TSH", "Ferritin", "Calcium", "Uric acid", "HbA1c",
             "MCV", "Hematocrit", "CRP",
             "Albumin", "Vitamin D", "Iron", "Phosphate", "INR", "ESR")  # fmt: skip
_UNITS = ("mg/dL", "mmol/L", "g/dL", "%", "U/L", "10^3/uL", "fL", "ng/mL", "mIU/L", "g/L", "umol/L", "mm/h")


class Column:
    """One column: its head and how its cells are filled."""

    def __init__(self, draw: Draw) -> None:
        self.head = draw.pick(_HEADS) if draw.chance(0.5) else draw.words(1, 2).capitalize()
        self.kind = draw.rng.choices(
            ("whole", "decimal", "money", "percent", "word", "code", "any"), (5, 5, 3, 2, 2, 2, 1)
        )[0]
        self.digits = draw.number(1, 6)
        self.amounts = Amounts(draw)
        self.right = self.kind in ("whole", "decimal", "money", "percent") and draw.chance(0.6)

    def cell(self, draw: Draw) -> str:
        """What stands in one cell."""
        if self.kind == "whole":
            return f"{draw.number(0, 10**self.digits):,}" if draw.chance(0.5) else str(draw.number(0, 10**self.digits))
        if self.kind == "decimal":
            return f"{draw.rng.uniform(0, 10 ** min(self.digits, 3)):.{1 + self.digits % 3}f}"
        if self.kind == "money":
            return self.amounts.write(self.amounts.cents(draw, 3, 8))
        if self.kind == "percent":
            return f"{draw.rng.uniform(0, 100):.{self.digits % 2}f}%"
        if self.kind == "word":
            return draw.words(1, 2)
        return draw.code() if self.kind == "code" else draw.value()[:24]


def table_page(draw: Draw) -> Sheet:
    """A page with a table, with text before and behind it at times."""
    form = Form(draw, "table")
    if draw.chance(0.5):
        form.title()
    if draw.chance(0.25):
        form.prose()
    columns = [Column(draw) for _ in range(draw.number(2, 6))]
    labels = dict.fromkeys(_row_label(draw) for _ in range(draw.number(2, 14)))
    corner = draw.any(("", draw.pick(_HEADS), draw.words(1, 2).capitalize()))
    write_table(form, corner, columns, [[label, *(column.cell(draw) for column in columns)] for label in labels])
    if draw.chance(0.25):
        form.prose()
    form.sheet.height = form.y + draw.rng.uniform(20, 500)
    return form.sheet


def _row_label(draw: Draw) -> str:
    text = draw.any((draw.words(1, 3).capitalize(), draw.entry("country"), draw.person(), draw.thing("food",
        "artifact", "act").capitalize(),
                     draw.company(), draw.code(), str(draw.number(1950, 2025)), draw.entry("city")))  # fmt: skip
    return text[:30].strip()


def write_table(form: Form, corner: str, columns: list[Column], cells: list[list[str]]) -> None:
    """Write head and rows; facts are the cells, asked by row and column."""
    draw, sheet = form.draw, form.sheet
    heads = [column.head for column in columns]
    widths = [max(sheet.wide(row[0]) for row in cells) + form.size]
    widths += [max(sheet.wide(text) for text in [min(column.head.split(), key=len),
        *(row[n + 1] for row in cells)]) + form.size
               for n, column in enumerate(columns)]  # fmt: skip
    room = form.right - form.left
    spread = max(room / max(sum(widths), 1), 0.5) if draw.chance(0.6) or sum(widths) > room else 1.15
    widths = [wide * spread for wide in widths]
    lefts = [form.left + sum(widths[:number]) for number in range(len(widths))]
    _head(form, corner, columns, lefts, widths)
    table = Rows(("rows", "entries", "table", "records", "lines", "data"))
    name = draw.any(("name", "label", "item", "row"))
    blank = draw.any((0.0, 0.0, 0.08))
    step = draw.rng.uniform(0.9, 1.3)
    for row in cells:
        record: dict[str, int] = {name: sheet.tag()}
        below = form.y
        for number, part in enumerate(sheet.wrap(row[0], max(widths[0], 60))[:3]):
            below = form.y + number * form.size * 1.2
            sheet.write(form.left, below, (part, record[name]))
        for number, (column, text) in enumerate(zip(columns, row[1:], strict=True), 1):
            tag = sheet.tag()
            if not draw.chance(blank):
                x = lefts[number] + (widths[number] - form.size if column.right else 0)
                sheet.write(x, form.y, (text, tag), align="right" if column.right else "left")
            record[_key(column.head)] = tag
            if heads.count(column.head) == 1:
                asked = draw.pick(_CELL).format(c=_said(draw, column.head), r=_said(draw, row[0]))
                sheet.natural.append((asked, tag))
                values = [other[number] for other in cells]
                if values.count(text) == 1 and draw.chance(0.12):
                    asked = draw.pick(_FIRST).format(h=(corner or "row").lower(), c=_said(draw, column.head), v=text)
                    sheet.natural.append((asked, record[name]))
        table.entries.append(record)
        form.y = max(below, form.y) + form.pitch * step
    if len(set(map(_key, heads))) == len(heads) and len(cells) < 9 and all(map(_key, heads)):
        sheet.lists.append(table)
    if draw.chance(0.5):
        other = draw.words(2, 3).capitalize()
        sheet.natural.append((draw.pick(_CELL).format(c=draw.any(heads), r=other), 0))


def _head(form: Form, corner: str, columns: list[Column], lefts: list[float], widths: list[float]) -> None:
    """The head row; long heads take two lines and stand on the lower one."""
    sheet = form.sheet
    parts = [sheet.wrap(column.head, max(width, 30))[:3] for column, width in zip(columns, widths[1:], strict=True)]
    deepest = max(map(len, parts))
    if corner:
        sheet.write(form.left, form.y + (deepest - 1) * form.size * 1.2, corner)
    for column, lines, left, width in zip(columns, parts, lefts[1:], widths[1:], strict=True):
        for number, part in enumerate(lines):
            y = form.y + (deepest - len(lines) + number) * form.size * 1.2
            x = left + (width - form.size if column.right else 0)
            sheet.write(x, y, part, align="right" if column.right else "left")
    form.y += (deepest - 1) * form.size * 1.2
    form.feed(form.draw.rng.uniform(1, 1.5))


def _said(draw: Draw, text: str) -> str:
    return text.lower() if draw.chance(0.35) else text


def _key(head: str) -> str:
    return "_".join("".join(c if c.isascii() and c.isalnum() else " " for c in head.casefold()).split())[:20]


def laboratory(draw: Draw) -> Sheet:
    """Results of a laboratory: who, when, and a table of values with units and ranges."""
    form = Form(draw, "laboratory")
    form.invented = 0.2
    form.title()
    chosen = entries(draw, draw.number(2, 6), 0.2, 0.05)
    middle = (form.left + form.right) / 2
    for number, entry in enumerate(chosen):
        tag = entry.fact(form.sheet)
        x = middle if number % 2 else form.left
        form.sheet.write(x, form.y, entry.label + " ", ((form.sheet.wrap(entry.value, 0.3 * form.right)[:1] or [""])[0] and (
            form.sheet.wrap(entry.value, 0.3 * form.right)[0], tag)) or "")  # fmt: skip
        if number % 2:
            form.feed()
    form.feed(1.5)
    names = list(
        dict.fromkeys(
            draw.any(_ANALYTES) if draw.chance(0.7) else draw.words(1, 2).capitalize()
            for _ in range(draw.number(3, 12))
        )
    )
    result, unit, reference, flag = (Column(draw) for _ in range(4))
    result.head = draw.any(("Result", "Value", "Results", "Your value"))
    unit.head, reference.head, flag.head = (
        draw.any(("Unit", "Units")),
        draw.any(("Reference range", "Normal", "Ref. interval", "Range")),
        "Flag",
    )
    cells = []
    for name in names:
        value = draw.rng.uniform(0.1, 10 ** draw.number(1, 3))
        low, high = value * draw.rng.uniform(0.4, 1.1), value * draw.rng.uniform(1.11, 2)
        digits = draw.number(0, 2)
        cells.append(
            [
                name,
                f"{value:.{digits}f}",
                draw.any(_UNITS),
                f"{low:.{digits}f} - {high:.{digits}f}",
                "L" if value < low else "",
            ]
        )
    write_table(form, draw.any(("Test", "Analyte", "Parameter", "Examination")), [result, unit, reference, flag], cells)
    form.sheet.height = form.y + draw.rng.uniform(20, 400)
    return form.sheet
