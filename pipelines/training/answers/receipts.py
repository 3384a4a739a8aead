"""Receipts of shops: head, goods, sums, payment, tax, foot, each in many forms and wordings."""

from __future__ import annotations

from dsvl2.pipelines.training.answers import shops
from dsvl2.pipelines.training.answers.draw import Draw, shuffled
from dsvl2.pipelines.training.answers.roll import Roll
from dsvl2.pipelines.training.answers.sheet import Sheet, Written
from dsvl2.pipelines.training.answers.sums import goods, sums

_FOOT = (
    "Thank you", "THANK YOU, PLEASE COME AGAIN", "Goods sold are not returnable", "Please keep this receipt",
    "Have a nice day!",
    "Exchange within 7 days with receipt", "Customer Copy", "Powered by {w}", "Follow us @{w}", "www.{w}.com",
    "Feedback: {p}",
    "BARANG YANG DIJUAL TIDAK BOLEH DITUKAR", "No refund for sale items", "You were served by {f}", "Vielen Dank", "Merci",
    "Points earned: {n}", "Member: {n}", "Wifi password: {w}{n}", "This is a computer generated receipt", "*** PAID ***",
)  # fmt: skip
_TITLES = ("TAX INVOICE", "RECEIPT", "Invoice", "CASH BILL", "SALES RECEIPT", "*** COPY ***",
    "Simplified Tax Invoice", "CASH SALES",
           "Official Receipt", "Bill", "Quittung", "Ticket", "Kassenbon")  # fmt: skip
_NUMBERS = ("Invoice No", "Receipt No.", "Bill No", "Inv No", "Receipt #", "Doc No.", "Trans", "Ticket", "Check #", "Order #",
            "Slip No", "Bon-Nr", "Transaction ID", "Bill#")  # fmt: skip
_PEOPLE = ("Cashier", "Served by", "Staff", "Salesperson", "Operator", "Clerk", "User", "Server", "Waiter")
_PLACES = ("Table", "Counter", "Terminal", "POS", "Till", "Register", "Station", "Pax", "Store", "Lane", "Pump")
_REGISTERED = (
    "GST Reg No",
    "GST ID",
    "Co. Reg. No",
    "VAT No.",
    "Tax ID",
    "USt-IdNr",
    "Company No",
    "ROC NO",
    "TIN",
    "ABN",
    "SIRET",
    "Company Reg",
    "Company Reg #",
    "GST Reg #",
    "Business Reg. No.",
    "Shop licence",
)
_OWNERS = ("Owned by:", "Operated by", "OWNER:", "A brand of", "by", "Prop.:", "Managed by:")


def receipt(draw: Draw) -> Sheet:
    """A receipt."""
    roll = Roll(draw)
    name = _head(roll)
    facts = shuffled(draw.rng, [_number, _day, _person])
    ends = not draw.held and draw.chance(0.16)  # with the day
    if ends:
        facts.remove(_day)
    late = facts[: draw.any((0, 0, 0, 1, 1, 2))]  # what stands below the sums
    for part in facts[len(late) :]:
        part(roll)
    if draw.chance(0.88):
        roll.feed(draw.rng.uniform(0, 1.5))
    sums(roll, goods(roll))
    roll.feed(draw.rng.uniform(0, 1.5))
    for part in late:
        part(roll)
    for _ in range(draw.number(0, 4)):
        text = draw.pick(_FOOT).format(w=draw.invented(), p=draw.phone(), f=draw.entry("first"), n=draw.number_text(5))
        roll.put(roll.text(text), center=draw.chance(0.7))
    if not draw.held and draw.chance(0.25):
        shops.again(roll, name)
    if ends:
        _day(roll, last=True)
    roll.sheet.height = roll.y + draw.rng.uniform(10, 200)
    return roll.sheet


def _head(roll: Roll) -> str:
    """Name, numbers, address, ways to reach the shop; returns its name."""
    draw, sheet = roll.draw, roll.sheet
    center = draw.chance(0.7)
    if draw.chance(0.16):  # a sign, a brand, a name: not what the shop is called in full
        roll.put(draw.any((draw.person(), draw.invented(), draw.words(1, 2), draw.invented().upper())), center=center)
    name = draw.company()
    company = sheet.fact(
        names=("company name", "name of the shop", "company", "store name", "merchant", "seller", "shop", "vendor",
            "business name"),
        keys=("company", "shop", "merchant", "seller", "store", "vendor", "company_name", "store_name"),
        asks=("Which shop is this receipt from?", "Who issued this receipt?", "Where was this bought?", "What shop is it?",
              "Where did I shop?", "Which company issued the receipt?", "Whose receipt is it?", "Who is the seller?"),
    )  # fmt: skip
    before = ""
    if draw.chance(0.12):  # beside the name: a number that the till prints, or whose sign was above
        before = (
            draw.any((draw.code(), draw.number_text(draw.number(4, 9)), draw.any(_OWNERS), draw.any(_OWNERS))) + " "
        )
    if not before and not draw.held and draw.chance(0.4):
        name = shops.name_lines(roll, company, center=center)
    else:
        for part in sheet.wrap(roll.text(name) if draw.chance(0.7) else name.upper(), roll.width * 0.8, 24):
            roll.put(before, (part, company), center=center, size=draw.any((20, 24, 30)))
            before = ""
    if draw.chance(0.5):
        place = draw.any(("({})", "{}", "Co. Reg. No: {}", "({})", "Company No {}", "Company Reg #{}", "CO.REG {}"))
        roll.put(place.format(f"{draw.number_text(6)}-{draw.any('ABDHKMPTUVWX')}"), center=center)
    if draw.chance(0.15):
        site = draw.any(("Site: {}", "Branch {}", "Store {}", "#{}", "Outlet: {}", "({})"))
        roll.put(site.format(draw.any((draw.number_text(4), draw.entry("city")))), center=center)
    if draw.chance(0.88):
        address = sheet.fact(
            names=("address", "address of the shop", "store address", "location", "shop address", "company address"),
            keys=("address", "store_address", "shop_address", "location", "merchant_address"),
            asks=("Where is the shop?", "What is the address of the shop?", "Where is the store located?",
                "Which address is given?",
                  "What is the full address?", "In which street is the shop?"),
        )  # fmt: skip
        lines = draw.address()
        if not draw.held and draw.chance(0.45):
            lines = shops.address_lines(draw, roll.width * draw.rng.uniform(0.55, 0.95), roll)
        elif draw.chance(0.4):
            lines = sheet.wrap(", ".join(lines), roll.width * draw.rng.uniform(0.5, 0.85))
        for number, part in enumerate(lines):
            comma = "," if number < len(lines) - 1 and not part.endswith(",") and draw.chance(0.6) else ""
            roll.put((roll.text(part + comma), address), center=center)
        if draw.chance(0.2):  # what follows an address and is none
            roll.put(draw.any((draw.phone(), draw.email(), f"www.{draw.invented()}.com", draw.entry("first"),
                draw.number_text(draw.number(7, 12)), draw.words(1, 3), draw.any(_REGISTERED))), center=center)  # fmt: skip
    _contact(roll, center)
    if draw.chance(0.6):
        roll.feed(draw.rng.uniform(0, 1))
        roll.put(draw.pick(_TITLES), center=draw.chance(0.8))
    return name


def _contact(roll: Roll, center: bool) -> None:
    draw, sheet = roll.draw, roll.sheet
    for labels, value, names in (
        (("Tel", "TEL", "Telephone", "Phone", "Tel No.", "Ph", "Tel/Fax"), draw.phone(), ("phone number", "telephone")),
        (_REGISTERED, draw.number_text(draw.number(6, 12)), ()),
        (("Email", "E-mail", "Mail"), draw.email(), ("e-mail address", "email")),
    ):
        if draw.chance(0.45):
            label = roll.text(draw.pick(labels)) + draw.any((":", " :", ": ", ".", ""))
            keys = ("phone", "tel") if "phone number" in names else ("email",) if names else ()
            tag = sheet.fact(label, names=names, keys=keys)
            roll.put(f"{label} ", (value, tag), center=center)


def _pair(roll: Roll, label: str, value: str, tag: int) -> None:
    """A label and a value in one of the receipt's ways."""
    draw, sheet = roll.draw, roll.sheet
    kind = draw.rng.random()
    if kind < 0.55 or not label:
        roll.put(f"{label} " if label else "", (value, tag))
    elif kind < 0.75:
        sheet.write(roll.left, roll.y, label)
        sheet.write(roll.middle, roll.y, (value, tag))
        roll.feed()
    elif kind < 0.9:
        sheet.write(roll.left, roll.y, label)
        sheet.write(roll.right, roll.y, (value, tag), align="right")
        roll.feed()
    else:
        sheet.write(roll.left, roll.y, label.rstrip(": "))
        sheet.write(roll.middle, roll.y, ": ", (value, tag))
        roll.feed()


def _labelled(roll: Roll, options: tuple[str, ...]) -> str:
    return roll.text(roll.draw.pick(options)) + roll.draw.any((":", ":", " :", "", "."))


def _number(roll: Roll) -> None:
    draw = roll.draw
    if draw.chance(0.75):
        label = _labelled(roll, _NUMBERS)
        names = ("receipt number", "invoice number", "number of the receipt", "document number", "bill number")
        tag = roll.sheet.fact(
            label, names=names, keys=("receipt_no", "invoice_no", "number", "receipt_number", "document_no")
        )
        _pair(roll, label, draw.code(), tag)
    if draw.chance(0.3):
        label = _labelled(roll, _PLACES)
        _pair(roll, label, str(draw.number(1, 99)), roll.sheet.fact(label))


def _day(roll: Roll, *, last: bool = False) -> None:
    """The day of the purchase, mostly with the time; `last` where nothing but the end of the paper follows."""
    draw, sheet = roll.draw, roll.sheet
    day, time = roll.dates.day(draw), roll.dates.time(draw)
    label = draw.any(
        ("Date", "DATE", "Date:", "DATE :", "Invoice Date:", "Datum", "Date/Time:", "", "", "Bill Date :", "Trx Date")
    )
    label = "" if last else label
    asks = ("When was this bought?", "When was the purchase?", "On which day was the receipt issued?",
        "What date is on the receipt?",
            "When did I buy this?", "What is the date of the receipt?", "What day is printed?")  # fmt: skip
    tag = sheet.fact(
        label,
        names=("date", "date of purchase", "receipt date", "date of the receipt", "transaction date", "issue date"),
        keys=("date", "purchase_date", "receipt_date", "issued", "transaction_date", "day"),
        asks=asks, kind="date", plain=day.isoformat(),
    )  # fmt: skip
    kind = 0.0 if last else draw.rng.random()
    clock = sheet.fact(
        "Time:" if kind >= 0.5 else "",
        names=("time", "time of purchase"),
        keys=("time",),
        asks=("At what time?", "What time was it?"),
    )
    written: Written = (roll.dates.write(day), tag)
    if last:
        shops.last_day(roll, written, (time, clock))
    elif kind < 0.14:  # all in a row, as tills print it
        before = draw.any(
            (draw.entry("first").upper(), draw.code(), "REG " + draw.number_text(2), "POS" + draw.number_text(2))
        )
        after = draw.any(("", " " + draw.number_text(draw.number(3, 8)), " " + draw.code(), " #" + draw.number_text(4)))
        row: list[Written] = [written, draw.any((" ", " ", "  ", " / ", "-")), (time, clock)]
        row = row if draw.chance(0.8) else row[::-1]
        roll.put(before + " " if draw.chance(0.75) else "", *row, after)
    elif kind < 0.18:
        sheet.write(roll.left, roll.y, written, " ", (time, clock), draw.any((" ", " - ")))
        sheet.write(roll.right, roll.y, "No.: ", draw.number_text(8), align="right")
        roll.feed()
    elif kind < 0.42:
        roll.put(f"{label} " if label else "", written, draw.any((" ", "  ", ", ")), (time, clock))
    elif kind < 0.7:
        roll.sheet.write(roll.left, roll.y, f"{label} " if label else "", written)
        roll.sheet.write(roll.right, roll.y, "Time: " if kind >= 0.5 else "", (time, clock), align="right")
        roll.feed()
    else:
        _pair(roll, label, written[0], tag)
        if draw.chance(0.5):
            _pair(roll, "Time:", time, clock)
        else:
            sheet.facts.remove(next(fact for fact in sheet.facts if fact.tag == clock))


def _person(roll: Roll) -> None:
    draw = roll.draw
    if draw.chance(0.5):
        label = _labelled(roll, _PEOPLE)
        tag = roll.sheet.fact(label, names=(label.rstrip(" :.").lower(), "name of the cashier"), keys=("cashier", "staff"),
                              asks=("Who served the customer?",))  # fmt: skip
        _pair(
            roll, label, draw.any((draw.entry("first"), draw.code(), draw.person(), draw.entry("first").upper())), tag
        )
