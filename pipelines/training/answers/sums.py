"""What is bought and what it comes to: the goods of a receipt, and the sums below them."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.roll import Roll
from dsvl2.pipelines.training.answers.sheet import Rows, Written

_TOTAL = (
    "TOTAL", "Total", "Grand Total", "GRAND TOTAL", "Total Sales (Inclusive GST)", "Amount Due", "Nett Total", "Total RM",
    "TOTAL INCL. GST@6%", "Total Amount", "TOTAL AMOUNT", "Total Due", "BALANCE DUE", "Total Incl. GST", "Total Payable",
    "AMOUNT PAYABLE", "Total (RM)", "TOTAL:", "Total :", "NET TOTAL", "Total Inclusive of GST", "Rounded Total (RM)",
    "TOTAL TO PAY", "To Pay", "Amount To Be Paid", "Bill Total", "Total Rounded", "Final Total", "TOTAL SALES",
    "Total Inc. VAT",
    "Total Sales Inclusive GST:", "TOTAL EUR", "Total USD", "SUMME", "Gesamtbetrag", "TOTAL TTC", "Total a pagar", "Totale",
    "Te betalen", "Total Amt Payable:", "NETT AMT", "Total Sale", "Total After Rounding", "Amt Due", "Net Amount",
    "Total Gross",
    "TOTAL (INCL. TAX)", "Bill Amount", "Total Charge", "Total With GST 6%", "Zu zahlen", "Total incl. tax", "Payable",
)  # fmt: skip
_SUBTOTAL = (
    "Subtotal", "SUB-TOTAL", "Sub Total", "Total Excl. GST", "Total Before Tax", "Net Sales", "SUBTOTAL:",
    "Sub Total (Excl. GST)",
    "Total Excluding GST", "Sub-Total :", "Goods Total", "Zwischensumme", "Total Sales (Excluding GST)", "Amt. Excl. GST",
)  # fmt: skip
_TAX = (
    "GST 6%", "Tax", "VAT 20%", "Sales Tax", "GST (6%)", "TAX:", "MwSt 19%", "TVA 20%", "IVA 21%", "Total GST", "SST 6%",
    "GST @ 6%", "Tax 8.25%", "HST 13%", "GST Amount", "Service Tax 6%", "VAT", "Add GST", "BTW 21%",
)  # fmt: skip
_CHARGE = (
    "Service Charge",
    "Svc Chg 10%",
    "SERVICE CHARGE (10%)",
    "Delivery",
    "Serv. Charge 10%",
    "Packaging",
    "Surcharge",
)
_DISCOUNT = ("Discount", "DISC", "Less: Discount", "Total Discount", "Member Disc.", "Savings", "Promotion", "Voucher")
_ROUNDING = ("Rounding", "Rounding Adj.", "Rounding Adjustment:", "ROUND. ADJ", "Rounding Adj", "Rnd")
_CASH = ("CASH", "Cash", "Cash Received", "Paid", "VISA", "Tendered", "CASH TENDERED", "Payment", "Master Card",
    "Amount Tendered",
         "Cash Paid", "Amount Paid", "DEBIT", "Card", "Bar", "CASH RM", "Cash :", "EFTPOS", "Bank Card")  # fmt: skip
_CHANGE = (
    "CHANGE",
    "Change",
    "Change Due",
    "Balance",
    "Cash Change",
    "Change (RM)",
    "CHANGE DUE :",
    "Rückgeld",
    "Baki",
    "Change:",
)
_HEADS = (("Item", "Qty", "Price", "Amount"), ("Description", "Qty", "U.Price", "Total"), ("ITEM", "QTY", "RM", "RM"),
          ("Product", "Qty", "Unit", "Amt"), ("Qty", "Item", "", "Price"), ("Artikel", "Menge", "Preis",
              "Summe"))  # fmt: skip
_NAMES = (
    "total", "total amount", "amount due", "sum to pay", "grand total", "total price", "total sum", "amount to pay",
    "total paid",
    "final amount", "bill total", "total to be paid", "amount payable", "total cost", "receipt total", "overall total",
)  # fmt: skip
_KEYS = ("total", "total_amount", "amount_due", "grand_total", "sum", "total_due", "to_pay", "amount", "total_price")
_ASKS = (
    "How much do I have to pay?", "How much was paid in total?", "total due?", "What does it all cost?",
    "How much is the bill?",
    "What was the total?", "What is the total to pay?", "How much did the customer have to pay?", "How much did it cost?",
    "What is the amount due?", "What is the total amount of the receipt?", "How much is the total?",
    "How much money was spent?",
)  # fmt: skip


def product(draw: Draw) -> str:
    """The name of something that is sold."""
    thing = draw.thing("food", "food", "artifact", "substance", "plant")
    kind = draw.rng.random()
    if kind < 0.3:
        text = thing
    elif kind < 0.5:
        text = f"{draw.entry('adjective')} {thing}"
    elif kind < 0.65:
        text = f"{draw.invented()} {thing}"
    elif kind < 0.8:
        text = f"{thing} {draw.number(1, 999)}{draw.any(('g', 'ml', 'kg', 'L', 'mm', 'cm', 's', 'pcs', 'x10', 'W', ' PK'))}"
    else:
        text = f"{draw.invented()} {draw.code()}" if draw.chance(0.3) else draw.words(1, 3)
    text = text[:32].strip()
    return text.upper() if draw.chance(0.5) else text.title() if draw.chance(0.6) else text


def goods(roll: Roll) -> int:
    """Write the items; return what they cost together, in cents."""
    draw, sheet = roll.draw, roll.sheet
    names = {
        "text": draw.any(("text", "name", "description", "item", "product", "article")),
        "quantity": draw.any(("qty", "quantity", "count", "pieces")),
        "price": draw.any(("price", "unit_price", "each")),
        "amount": draw.any(("amount", "total", "sum", "line_total", "cost")),
    }
    numbers = ("quantity", "price", "amount")
    rows = Rows(
        ("items", "products", "positions", "lines", "articles", "goods", "line_items"),
        kinds={names[k]: "number" for k in numbers},
    )
    sheet.lists.append(rows)
    form = draw.number(0, 5)
    columns = (roll.left, *(roll.left + (roll.right - roll.left) * share for share in (0.62, 0.8, 1.0)))
    if draw.chance(0.6):
        _heads(roll, columns)
    total = 0
    for number in range(draw.rng.choices(range(1, 13), (9, 9, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1))[0]):
        count = 1 if draw.chance(0.6) else draw.number(2, 12)
        price = roll.amounts.cents(draw, 2, 5)
        total += count * price
        tags = {key: sheet.tag() for key in names}
        plain = roll.amounts.plain
        rows.plains |= {tags["quantity"]: str(count), tags["price"]: plain(price), tags["amount"]: plain(count * price)}
        shown = _item(roll, form, columns, number, (product(draw), count, price), tags)
        rows.entries.append({names[key]: tags[key] for key in names if key in shown})
    _item_questions(roll, rows, names)
    return total


def _heads(roll: Roll, columns: tuple[float, ...]) -> None:
    draw = roll.draw
    for number, (text, x) in enumerate(zip(draw.any(_HEADS), columns, strict=True)):
        roll.sheet.write(x, roll.y, roll.text(text), align="left" if not number else "right")
    roll.feed(draw.rng.uniform(1, 1.5))


def _item(
    roll: Roll, form: int, columns: tuple[float, ...], number: int, bought: tuple[str, int, int], tags: dict[str, int]
) -> frozenset[str]:
    """Write one item in one of several forms; return which of its facts are printed."""
    draw, sheet = roll.draw, roll.sheet
    text, count, price = bought
    name: Written = (text, tags["text"])
    pieces: Written = (str(count), tags["quantity"])
    each: Written = (roll.amounts.write(price), tags["price"])
    cost: Written = (roll.amounts.write(count * price), tags["amount"])
    tail = draw.any(("", "", " S", " SR", "*")) if draw.chance(0.1) else ""
    if form == 0:
        counted: tuple[Written, ...] = (pieces, draw.any((" x ", " ", "x "))) if count > 1 or draw.chance(0.3) else ()
        sheet.write(columns[0], roll.y, *counted, name)
        sheet.write(columns[3], roll.y, cost, tail, align="right")
        roll.feed()
        return frozenset(("text", "amount", "quantity") if counted else ("text", "amount"))
    if form == 1:
        for part, x in zip((pieces, each, cost), columns[1:], strict=True):
            sheet.write(x, roll.y, part, align="right")
        first, *rest = sheet.wrap(text, columns[1] - columns[0] - 40) or [text]
        sheet.write(columns[0], roll.y, (first, tags["text"]))
        roll.feed()
        for part in rest:
            roll.put((part, tags["text"]))
        return frozenset(("text", "quantity", "price", "amount"))
    lead = f"{number + 1} " if form == 4 else ""
    if form == 5:
        roll.put(draw.number_text(draw.number(5, 13)))
    else:
        roll.put(lead, name)
    mark = draw.any((" x ", " X ", " @ ", " pc # ", " PCS @ ", "  ", " * ", " pcs x "))
    sheet.write(
        columns[0] + draw.rng.uniform(0, 60),
        roll.y,
        "" if form != 3 else draw.number_text(6) + "  ",
        pieces,
        mark,
        each,
    )
    sheet.write(columns[3], roll.y, cost, tail, align="right")
    roll.feed()
    if form == 5:
        roll.put(name)
    return frozenset(("text", "quantity", "price", "amount"))


def _item_questions(roll: Roll, rows: Rows, names: dict[str, str]) -> None:
    """Natural questions about the items, those that have one answer."""
    draw, sheet = roll.draw, roll.sheet
    texts = {tag: text for item in sheet.items for text, tag in item.pieces if tag}
    called = [texts.get(entry.get(names["text"], 0), "") for entry in rows.entries]
    for entry, text in zip(rows.entries, called, strict=True):
        if called.count(text) != 1 or len(text) < 3:
            continue
        word = text.title() if draw.chance(0.3) else text.lower() if draw.chance(0.3) else text
        cost = draw.pick(("How much did the {t} cost?", "What is the amount for {t}?", "price of {t}",
            "What was paid for {t}?",
                          "How much is {t}?", "What does the {t} cost in total?", "amount of {t}?", "{t}"))  # fmt: skip
        sheet.natural.append((cost.format(t=word), entry[names["amount"]]))
        if names["quantity"] in entry:
            many = draw.pick(("How many {t} were bought?", "What is the quantity of {t}?", "qty of {t}", "How many {t}?",
                              "How often was {t} bought?", "Number of {t}?"))  # fmt: skip
            sheet.natural.append((many.format(t=word), entry[names["quantity"]]))
        if names["price"] in entry:
            unit = draw.pick(("What is the unit price of {t}?", "What does one {t} cost?", "unit price {t}", "Price per {t}?",
                              "How much is one {t}?", "single price of {t}"))  # fmt: skip
            sheet.natural.append((unit.format(t=word), entry[names["price"]]))


def sums(roll: Roll, cost: int) -> None:
    """Write subtotal, tax, rounding, the total that is to be paid, how it was paid."""
    draw, sheet, amounts = roll.draw, roll.sheet, roll.amounts
    roll.feed(draw.rng.uniform(0, 1))
    if draw.chance(0.2):
        roll.put(
            draw.any(("Total Qty", "No. of Items", "Items:", "Total Item(s)", "ITEM COUNT")),
            " ",
            str(draw.number(1, 30)),
        )
    total = cost
    if draw.chance(0.5):
        _line(roll, _SUBTOTAL, total, ("subtotal", "net amount", "amount before tax"), ("subtotal", "net", "sub_total"))
    if draw.chance(0.15):
        less = amounts.whole(total * draw.number(2, 30) // 100)
        _line(roll, _DISCOUNT, -less if draw.chance(0.6) else less, ("discount",), ("discount",))
        total -= less
    if draw.chance(0.15):
        charge = amounts.whole(total // 10)
        _line(roll, _CHARGE, charge, ("service charge",), ("service_charge",))
        total += charge
    if draw.chance(0.4):
        tax = amounts.whole(total * draw.any((6, 7, 10, 19, 20)) // 100)
        _line(roll, _TAX, tax, ("tax", "tax amount", "amount of tax"), ("tax", "tax_amount", "vat", "gst"))
        total += tax
    label = draw.pick(_TOTAL)
    if draw.chance(0.22):
        rounding = (round(total / 5) * 5 if draw.chance(0.7) else total - total % 10) - total
        before = draw.pick(_TOTAL)
        if before != label:
            roll.amount(before, total, sheet.fact(before))
            _line(roll, _ROUNDING, amounts.whole(rounding), ("rounding", "rounding adjustment"), ("rounding",))
            total = amounts.whole(total + rounding)
            label = draw.pick(("Rounded Total", "TOTAL (ROUNDED)", "Total Payable", "Net Total", "Amount To Be Paid",
                "Total Due",
                               "Total Rounded", "Amount Due", "NETT", "Balance To Pay", "Grand Total",
                               "Rounded Total (RM)"))  # fmt: skip
    tag = sheet.fact(label, names=_NAMES, keys=_KEYS, asks=_ASKS, kind="number", plain=amounts.plain(total))
    roll.amount(label, total, tag, size=draw.any((20, 20, 20, 26, 34)))
    _payment(roll, total)
    if draw.chance(0.35):
        _tax_table(roll, total)


def _line(roll: Roll, labels: tuple[str, ...], cents: int, names: tuple[str, ...], keys: tuple[str, ...]) -> None:
    label = roll.draw.pick(labels)
    tag = roll.sheet.fact(label, names=names, keys=keys, kind="number", plain=roll.amounts.plain(cents))
    roll.amount(label, cents, tag)


def _payment(roll: Roll, total: int) -> None:
    draw, amounts = roll.draw, roll.amounts
    if not draw.chance(0.75):
        return
    unit = draw.any((100, 1000, 5000, 1))
    paid = amounts.whole(-(-total // unit) * unit) if draw.chance(0.7) else total
    label = draw.pick(_CASH)
    asks = ("How much did the customer give?", "How much was given in cash?", "What was handed over?")
    tag = roll.sheet.fact(label, names=("amount paid", "cash received",
        "tendered amount") if label[:4].lower() == "cash" else (),
                          keys=("cash", "tendered"), asks=asks if label[:4].lower() == "cash" else (), kind="number",
                          plain=amounts.plain(paid))  # fmt: skip
    roll.amount(label, paid, tag)
    if paid != total or draw.chance(0.3):
        _line(roll, _CHANGE, paid - total, ("change", "change given", "money returned"), ("change", "change_due"))


def _tax_table(roll: Roll, total: int) -> None:
    """The block that says how much tax the total holds."""
    draw, sheet, amounts = roll.draw, roll.sheet, roll.amounts
    roll.feed(draw.rng.uniform(0.3, 1.5))
    rate = draw.any((6, 7, 10, 19, 20))
    net = amounts.whole(total * 100 // (100 + rate))
    if draw.chance(0.7):
        roll.put(draw.any(("GST Summary", "Tax Summary", "GST SUMMARY", "VAT Details")), center=draw.chance(0.3))
    xs = [roll.left + (roll.right - roll.left) * share for share in (0.0, 0.55, 1.0)]
    heads = draw.any(
        (
            ("Tax Code", "Amount (RM)", "Tax (RM)"),
            ("GST", "Amount", "Tax"),
            ("Code %", "Net Amt", "GST"),
            ("Rate", "Net", "VAT"),
        )
    )
    for line in (
        heads,
        (f"{draw.any(('SR', 'S', 'A', 'SR @'))} {rate}%", amounts.write(net), amounts.write(total - net)),
    ):
        for number, (text, x) in enumerate(zip(line, xs, strict=True)):
            sheet.write(x, roll.y, text, align="right" if number else "left")
        roll.feed()
