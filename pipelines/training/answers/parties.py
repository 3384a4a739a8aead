"""Papers that name several parties or items alike: the same labels in every block, entries with a value far away.

What tells an answer from its neighbours is the block or the row that it stands in, and what is given for one party may be
missing for the next.
"""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.training.answers.draw import Draw, shuffled
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.sheet import Sheet
from dsvl2.pipelines.training.answers.values import Amounts, Dates

_ROLES = ("Shipper", "Consignee", "Carrier", "Buyer", "Seller", "Tenant", "Landlord", "Applicant", "Guarantor", "Insured",
    "Insurer", "Employer", "Employee", "Patient", "Physician", "Customer", "Supplier", "Agent", "Owner", "Driver",
          "Borrower", "Lender", "Contractor", "Client", "Sponsor", "Beneficiary", "Witness", "Manager")  # fmt: skip
_LABELS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "name": (("Name", "Full name", "Name:", "NAME"), ("name of the {r}", "{r}'s name")),
    "phone": (("Phone", "Tel.", "Telephone:", "Tel No", "Ph:"), ("phone number of the {r}", "{r}'s telephone number")),
    "fax": (("Fax", "Fax:", "Telefax", "Fax no."), ("fax number of the {r}", "{r}'s fax")),
    "email": (("E-mail", "Email:", "Mail"), ("e-mail address of the {r}", "{r}'s email")),
    "date": (("Date", "Date:", "Dated", "DATE"), ("date of the {r}'s signature", "date given for the {r}")),
    "place": (("Address", "Address:", "Street"), ("address of the {r}", "{r}'s address")),
    "city": (("City", "Town", "City:"), ("city of the {r}", "{r}'s city")),
    "account": (("Account", "Account no.", "A/C No:"), ("account number of the {r}", "{r}'s account number")),
    "amount": (("Amount", "Amount:", "Sum"), ("amount of the {r}", "sum given for the {r}")),
    "job": (("Title", "Position", "Occupation:"), ("position of the {r}", "{r}'s occupation")),
}
_ASKS = ("What is the {n}?", "What's the {n}?", "{n}", "{n}?", "Give the {n}.", "Which {n} is given?", "Find the {n}.",
    "Tell me the {n}", "What is written as {n}?")  # fmt: skip


def parties(draw: Draw) -> Sheet:
    """Two to four parties in columns or one below the other, with the same labels for each."""
    form = Form(draw, "parties")
    sheet = form.sheet
    form.pitch = form.size * draw.rng.uniform(1.25, 1.6)
    if draw.chance(0.6):
        form.title()
    roles = shuffled(draw.rng, _ROLES)[: draw.any((2, 2, 3, 4))]
    across = draw.any((1, 2, 2, 3)) if len(roles) < 4 else draw.any((1, 2))
    keys = shuffled(draw.rng, list(_LABELS))[: draw.number(2, 6)]
    labels = {key: draw.any(_LABELS[key][0]) for key in keys}
    wide = (form.right - form.left) / across
    dates, amounts = Dates(draw), Amounts(draw)
    style, tab = draw.any(("inline", "inline", "tabbed", "bare")), draw.rng.uniform(5, 8)
    top = form.y
    for number, role in enumerate(roles):
        x, y = form.left + number % across * wide, form.y
        sheet.write(x, y, role.upper() if style == "bare" else role + draw.any(("", ":")), size=form.size * 1.1)
        for key in keys:
            asks = [ask.format(r=role.lower()) for ask in _LABELS[key][1]]
            if draw.chance(0.2):  # not given for this one
                sheet.natural.append((draw.pick(_ASKS).format(n=draw.any(asks)), 0))
                continue
            y += form.pitch
            value = _value(draw, key, dates, amounts)
            tag = sheet.fact(names=asks, keys=(f"{role.lower()}_{key}",), kind="text")
            if style == "inline":
                sheet.write(x, y, labels[key] + " ", (value[: int(wide / form.size * 1.6)], tag))
            elif style == "tabbed":
                sheet.write(x, y, labels[key])
                sheet.write(x + tab * form.size, y, (value[: max(6, int((wide / form.size - tab) * 1.8))], tag))
            else:
                sheet.write(x, y, (value[: int(wide / form.size * 1.8)], tag))
        top = max(top, y)
        if number % across == across - 1 or number == len(roles) - 1:
            form.y = top + form.pitch * draw.rng.uniform(1.4, 2.2)
    if draw.chance(0.3):
        form.prose()
    other = draw.any([role for role in _ROLES if role not in roles])
    ask = draw.any(_LABELS[draw.any(keys)][1]).format(r=other.lower())
    sheet.natural.append((draw.pick(_ASKS).format(n=ask), 0))
    sheet.height = max(form.y + 40, draw.rng.uniform(200, 1000))
    return sheet


def _value(draw: Draw, key: str, dates: Dates, amounts: Amounts) -> str:
    makers: dict[str, Callable[[], str]] = {
        "name": draw.person if draw.chance(0.6) else draw.company, "phone": draw.phone, "fax": draw.phone,
        "email": draw.email, "date": lambda: dates.text(draw), "place": lambda: ", ".join(draw.address()[:2]),
        "city": lambda: draw.entry("city"), "account": lambda: draw.number_text(draw.number(6, 12)),
        "amount": lambda: amounts.money(draw), "job": lambda: draw.entry("job"),
    }  # fmt: skip
    return makers[key]()


def contents(draw: Draw) -> Sheet:
    """A list of chapters, tracks or rooms with a number or a value at the far end of each row, leaders between."""
    form = Form(draw, "contents")
    sheet = form.sheet
    form.pitch = form.size * draw.rng.uniform(1.25, 1.8)
    if draw.chance(0.7):
        form.title()
    kind = draw.any(("page", "page", "time", "date"))
    mark = draw.any(("", "", " . . . .", "....", " ......"))
    numbered, number, page, dates = draw.chance(0.4), 0, draw.number(1, 20), Dates(draw)
    for _ in range(draw.number(3, 16)):
        number, page = number + 1, page + draw.number(1, 30)
        text = (
            draw.words(1, 4).capitalize() if draw.chance(0.6) else f"{draw.entry('adjective')} {draw.thing('artifact')}"
        )
        text = text[:40]
        end, name = sheet.tag(), sheet.tag()
        value = str(page) if kind == "page" else dates.time(draw) if kind == "time" else dates.text(draw)
        lead = f"{number}. " if numbered else ""
        sheet.write(form.left, form.y, lead, (text, name), mark)
        sheet.write(form.right, form.y, (value, end), align="right")
        asks = {
            "page": (f"On which page is {text}?", f"Where does {text} begin?", f"Page of {text}"),
            "time": (f"When is {text}?", f"At what time does {text} start?", f"time of {text}"),
            "date": (f"When is {text}?", f"What is the date of {text}?", f"date for {text}"),
        }
        sheet.natural.append((draw.any(asks[kind]), end))
        sheet.natural.append((f"What is on page {value}?" if kind == "page" else f"What is at {value}?", name))
        form.feed()
    sheet.height = max(form.y + 40, draw.rng.uniform(200, 1000))
    return sheet
