"""Invoices, purchase orders and statements: blocks of addresses, pairs of labels and values, goods in columns, sums."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.invoicewords import (
    ASKS,
    COLUMNS,
    DATE,
    DUE,
    MORE,
    NAMES,
    NUMBER,
    SHIP,
    TITLES,
    TO,
    TOTALS,
)
from dsvl2.pipelines.training.answers.sheet import FactKind, Rows, Sheet
from dsvl2.pipelines.training.answers.sums import product
from dsvl2.pipelines.training.answers.tongues import ENGLISH
from dsvl2.pipelines.training.answers.values import Amounts, Dates

_PAY = ("When is the payment due?", "By when does it have to be paid?")


class _Invoice(Form):
    """A form with the notation of one firm's dates and amounts."""

    def __init__(self, draw: Draw) -> None:
        super().__init__(draw, "invoice")
        self.amounts, self.dates = Amounts(draw), Dates(draw)
        self.mark = draw.any((":", ":", "", ""))

    def pair(self, x: float, label: str, value: str, tag: int, form: int) -> None:
        """A label and its value: in one, apart, or one below the other."""
        label = label.rstrip(":") + self.mark
        if form == 0:
            self.sheet.write(x, self.y, label + " ", (value, tag))
        elif form == 1:
            self.sheet.write(x, self.y, label)
            self.sheet.write(self.right, self.y, (value, tag), align="right")
        elif form == 2:
            self.sheet.write(x, self.y, label)
            self.sheet.write(x + 11 * self.size, self.y, (value, tag))
        else:
            self.sheet.write(x, self.y, label, size=self.size * 0.85)
            self.feed(0.8)
            self.sheet.write(x, self.y, (value, tag))
        self.feed(0.95)


def invoice(draw: Draw) -> Sheet:
    """An invoice or its kin."""
    form = _Invoice(draw)
    sheet = form.sheet
    seller = sheet.fact(names=("seller", "supplier", "company", "issuer", "vendor"), keys=("seller", "supplier",
        "company", "vendor", "issuer"),
                        asks=("Who issued the invoice?", "Who is the invoice from?",
                            "Which company sent the invoice?"))  # fmt: skip
    top = form.y
    sheet.write(form.left, form.y, (draw.company(), seller), size=form.size * draw.any((1.0, 1.4, 1.8)))
    form.feed(1.2)
    address = sheet.fact(
        names=("address of the seller", "seller's address"),
        keys=("seller_address", "supplier_address"),
        asks=("Where is the seller?",),
    )
    for part in draw.address():
        sheet.write(form.left, form.y, (part, address))
        form.feed(0.85)
    after = form.y
    beside = draw.chance(0.5)
    x = form.left + (form.right - form.left) * draw.rng.uniform(0.52, 0.66) if beside else form.left
    form.y = top if beside else form.y + form.pitch
    title = sheet.fact(
        names=("kind of document", "title"), keys=("document_type", "title"), asks=("What kind of document is it?",)
    )
    sheet.write(x, form.y, (draw.pick(TITLES), title), size=form.size * 1.5)
    form.feed(1.4)
    _meta(form, x)
    form.y = max(form.y, after) + form.pitch * draw.rng.uniform(0.5, 1.5)
    _parties(form)
    total = _goods(form)
    _sums(form, total)
    if draw.chance(0.4):
        form.feed()
        form.prose()
    sheet.height = max(form.y + 30, 1000 * draw.rng.uniform(0.8, 1.2))
    return sheet


def _meta(form: _Invoice, x: float) -> None:
    """Number, dates and the like."""
    draw, sheet = form.draw, form.sheet
    how = draw.number(0, 3)
    day, due = form.dates.day(draw), form.dates.day(draw)
    label = draw.pick(NUMBER)
    form.pair(x, label, draw.code(), sheet.fact(label, names=("invoice number", "document number", "number of the invoice"),
              keys=("invoice_no", "number", "invoice_number", "document_no")), how)  # fmt: skip
    label = draw.pick(DATE)
    tag = sheet.fact(label, names=("date", "invoice date", "date of issue"), keys=("date", "invoice_date",
        "issue_date", "issued"), kind="date",
                     asks=("When was the invoice issued?", "When was it issued?"), plain=day.isoformat())  # fmt: skip
    form.pair(x, label, form.dates.write(day), tag, how)
    if draw.chance(0.5):
        label = draw.pick(DUE)
        tag = sheet.fact(label, names=("due date", "payment date", "date by which to pay"), keys=("due_date", "due",
            "pay_by"), kind="date",
                         asks=_PAY if draw.held else (*_PAY, *ENGLISH["due"][2]),
                         plain=due.isoformat())  # fmt: skip
        form.pair(x, label, form.dates.write(due), tag, how)
    for label in dict.fromkeys(draw.pick(MORE) for _ in range(draw.number(0, 3))):  # a set has no fixed order
        value = draw.code() if draw.chance(0.6) else draw.value()[:28]
        form.pair(x, label, value, sheet.fact(label), how)


def _parties(form: _Invoice) -> None:
    """The customer, and where the goods go, side by side or one below the other."""
    draw, sheet = form.draw, form.sheet
    both: list[tuple[str, str, tuple[str, ...], str]] = [
        (draw.pick(TO), "customer", ("customer", "buyer", "bill_to", "client"), "Who is the customer?")
    ]
    if draw.chance(0.5):
        both.append(
            (
                draw.pick(SHIP),
                "delivery address",
                ("ship_to", "delivery_address", "recipient"),
                "Where do the goods go?",
            )
        )
    top, deepest = form.y, form.y
    for number, (label, name, keys, ask) in enumerate(both):
        x = form.left + number * (form.right - form.left) * 0.5
        whole = draw.chance(0.5)  # all lines are the value, or only the first names the customer
        lines = [draw.company() if draw.chance(0.7) else draw.person(), *draw.address()]
        named = sheet.fact(
            "" if whole and name == "customer" else label, names=(name,), keys=keys, asks=(ask, f"What is the {name}?")
        )
        form.y = top
        sheet.write(x, form.y, label)
        form.feed(0.95)
        for place, part in enumerate(lines):
            sheet.write(x, form.y, (part, named if not place or name != "customer" else 0))
            form.feed(0.85)
        deepest = max(deepest, form.y)
    form.y = deepest + form.pitch * draw.rng.uniform(0.5, 1.5)


def _goods(form: _Invoice) -> int:
    """The table of goods; returns their sum in cents."""
    draw, sheet, amounts = form.draw, form.sheet, form.amounts
    heads = [draw.pick(labels) for labels, _ in COLUMNS]
    keys = [draw.any(names) for _, names in COLUMNS]
    kinds: dict[str, FactKind] = dict.fromkeys(keys[1:], "number")
    rows = Rows(("items", "lines", "positions", "line_items", "products", "goods"), kinds=kinds)
    sheet.lists.append(rows)
    xs = [form.left + (form.right - form.left) * share for share in (0.0, 0.6, 0.8, 1.0)]
    numbered = draw.chance(0.3)
    order = [0, 1, 2, 3]
    if draw.chance(0.2):
        xs = [form.left + (form.right - form.left) * share for share in (0.12, 0.05, 0.8, 1.0)]
    for number in order:
        sheet.write(xs[number], form.y, heads[number], align="right" if number else "left")
    form.feed(draw.rng.uniform(1, 1.5))
    total = 0
    for number in range(draw.number(1, 8)):
        count = draw.number(1, 20)
        price = amounts.cents(draw, 3, 6)
        total += count * price
        tags = [sheet.tag() for _ in keys]
        name = product(draw)
        texts = [name, str(count), amounts.write(price), amounts.write(count * price)]
        rows.plains |= {tags[1]: str(count), tags[2]: amounts.plain(price), tags[3]: amounts.plain(count * price)}
        first, *rest = sheet.wrap(name, xs[2] - xs[0] - 8 * form.size) or [name]
        sheet.write(xs[0], form.y, f"{number + 1} " if numbered else "", (first, tags[0]))
        for place in (1, 2, 3):
            sheet.write(xs[place], form.y, (texts[place], tags[place]), align="right")
        for part in rest[:2]:
            form.feed(0.8)
            sheet.write(xs[0], form.y, (part, tags[0]))
        form.feed(draw.rng.uniform(0.9, 1.1))
        rows.entries.append(dict(zip(keys, tags, strict=True)))
        asked = draw.any(
            (
                "How much is the {t}?",
                "What is the amount for {t}?",
                "price of {t} in total",
                "{t}: amount?",
                "What does {t} cost?",
            )
        )
        sheet.natural.append((asked.format(t=name), tags[3]))
        sheet.natural.append(
            (draw.any(("How many {t}?", "quantity of {t}", "How many {t} were ordered?")).format(t=name), tags[1])
        )
        sheet.natural.append(
            (
                draw.any(("What is the unit price of {t}?", "What does one {t} cost?", "unit price {t}")).format(
                    t=name
                ),
                tags[2],
            )
        )
    return total


def _sums(form: _Invoice, total: int) -> None:
    """Net, tax, the total that is to be paid, paid already, balance."""
    draw, sheet, amounts = form.draw, form.sheet, form.amounts
    form.feed(draw.rng.uniform(0.2, 1.5))
    x = form.left + (form.right - form.left) * draw.rng.uniform(0.45, 0.72)
    lines: list[tuple[str, int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = []
    if draw.chance(0.7):
        label = draw.any(("Subtotal", "Net amount", "Sub-total", "SUBTOTAL", "Nettobetrag", "Total excl. VAT"))
        lines.append((label, total, ("subtotal", "net amount"), ("subtotal", "net"), ()))
    if draw.chance(0.2):
        cost = amounts.cents(draw, 3, 4)
        lines.append(
            (
                draw.any(("Shipping", "Freight", "Delivery", "Postage")),
                cost,
                ("shipping costs",),
                ("shipping", "freight"),
                (),
            )
        )
        total += cost
    if draw.chance(0.65):
        rate = draw.any((6, 7, 19, 20, 21, 25))
        tax = amounts.whole(total * rate // 100)
        lines.append(
            (
                f"{draw.any(('VAT', 'Tax', 'GST', 'MwSt', 'TVA', 'Sales tax'))} {rate}%",
                tax,
                ("tax", "VAT", "tax amount"),
                ("tax", "vat"),
                (),
            )
        )
        total += tax
    lines.append((draw.pick(TOTALS), total, NAMES, ("total", "total_amount", "amount_due", "grand_total"), ASKS))
    money = draw.chance(0.5)
    for label, cents, names, keys, asks in lines:
        tag = sheet.fact(label, names=names, keys=keys, asks=asks, kind="number", plain=amounts.plain(cents))
        sheet.write(x, form.y, label.rstrip(":") + form.mark)
        text = amounts.write(cents)
        left = "" if not money or amounts.after else amounts.currency + (" " if amounts.space else "")
        sheet.write(
            form.right,
            form.y,
            left,
            (text, tag),
            f" {amounts.currency}" if money and amounts.after else "",
            align="right",
        )
        form.feed(draw.rng.uniform(0.9, 1.2))
