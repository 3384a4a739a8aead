"""Kinds of pages that are only for measuring: training never draws them."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.forms import Form, above
from dsvl2.pipelines.training.answers.sheet import Rows, Sheet
from dsvl2.pipelines.training.answers.sums import product
from dsvl2.pipelines.training.answers.values import Amounts, Dates


def directory(draw: Draw) -> Sheet:
    """Cards of people in two or three columns: name, work, telephone."""
    form = Form(draw, "directory")
    sheet = form.sheet
    form.title()
    count = draw.any((2, 3))
    rows = Rows(("people", "contacts", "entries"))
    for _ in range(draw.number(2, 5)):
        for column in range(count):
            x = form.left + column * (form.right - form.left) / count
            name, phone, work = draw.person(), draw.phone(), draw.entry("job")[:28]
            tags = {"name": sheet.tag(), "phone": sheet.tag(), "job": sheet.tag()}
            sheet.write(x, form.y, (name, tags["name"]))
            sheet.write(x, form.y + form.size * 1.4, (work, tags["job"]))
            sheet.write(x, form.y + form.size * 2.8, "Tel. ", (phone, tags["phone"]))
            sheet.natural.append((f"What is the telephone number of {name}?", tags["phone"]))
            sheet.natural.append((f"What does {name} do?", tags["job"]))
            sheet.natural.append((f"Who has the number {phone}?", tags["name"]))
            rows.entries.append(tags)
        form.y += form.size * 5
    if len(rows.entries) < 7:
        sheet.lists.append(rows)
    sheet.height = form.y + 40
    return sheet


def ticket(draw: Draw) -> Sheet:
    """A ticket: cells with a small label above or below what counts."""
    form = Form(draw, "ticket")
    sheet, dates = form.sheet, Dates(draw)
    form.title()
    for label, value, ask in (
        ("From", draw.entry("city"), "Where does the journey begin?"),
        ("To", draw.entry("city"), "Where does the journey end?"),
        ("Passenger", draw.person(), "Who travels?"),
        ("Departure", f"{dates.text(draw)} {Dates.time(draw)}", "When does it leave?"),
        ("Seat", f"{draw.number(1, 60)}{draw.any('ABCDEF')}", "Which seat is it?"),
    ):
        tag = sheet.fact(label, asks=(ask,), keys=(label.lower(),))
        x = draw.any((form.left, (form.left + form.right) / 2))
        sheet.write(x, form.y, label, size=form.size * 0.8)
        form.feed(0.8)
        sheet.write(x, form.y, (value, tag), size=form.size * 1.2)
        form.feed(1.2)
    above(form)
    sheet.height = form.y + 40
    return sheet


def price_list(draw: Draw) -> Sheet:
    """What is for sale, in two columns: name at the left, price at the right of each."""
    form = Form(draw, "price_list")
    sheet, amounts = form.sheet, Amounts(draw)
    form.title()
    wide = (form.right - form.left) / 2
    for _ in range(draw.number(3, 12)):
        for column in range(2):
            name, tag = product(draw), sheet.tag()
            x = form.left + column * (wide + form.size)
            sheet.write(x, form.y, name[:26])
            sheet.write(x + wide - form.size, form.y, (amounts.money(draw), tag), align="right")
            sheet.natural.append((f"How much is {name[:26]}?", tag))
        form.feed()
    sheet.height = form.y + 60
    return sheet
