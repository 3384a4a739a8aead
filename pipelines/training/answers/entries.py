"""Labels and what is filled in beside them: usual ones of business papers, and invented ones that teach position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.sheet import FactKind, Sheet
from dsvl2.pipelines.training.answers.values import Amounts, Dates


@dataclass(slots=True)
class Entry:
    """A label and its value; an empty value was not filled in."""

    label: str
    value: str
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    kind: FactKind = "text"
    plain: str = ""

    def fact(self, sheet: Sheet) -> int:
        """Make it a fact of a page; return its tag."""
        return sheet.fact(
            self.label, names=self.names, keys=self.keys, asks=self.asks, kind=self.kind, plain=self.plain
        )


Maker = Callable[[Draw], str]


def _words(draw: Draw) -> str:
    return draw.words(1, 6).capitalize()


def _town(draw: Draw) -> str:
    return draw.entry("city")


def _place(draw: Draw) -> str:
    return ", ".join(draw.address())


def _count(draw: Draw) -> str:
    return str(draw.number(1, 10 ** draw.number(1, 5)))


def _job(draw: Draw) -> str:
    return draw.entry("job")


def _subject(draw: Draw) -> str:
    words = (draw.entry("adjective"), draw.thing("artifact", "act", "substance"), draw.words(0, 4))
    return " ".join(words).strip().capitalize()


def _long(draw: Draw) -> str:
    return draw.entry("sentence")


#: (labels, names, keys, whole questions, what is filled in)
_USUAL: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], Maker], ...] = (
    (("TO", "To", "ATTENTION", "Attn", "DELIVER TO", "Recipient", "ADDRESSEE", "Send to", "Addressed to"),
        ("recipient", "addressee"),
     ("to", "recipient", "addressee"), ("Who is it addressed to?", "To whom was it sent?", "Who is the recipient?",
         "Who gets this?"), Draw.person),
    (("FROM", "From", "SENDER", "Sent by", "ORIGINATOR", "Submitted by", "Sender's name"), ("sender", "author"),
        ("from", "sender"),
     ("Who sent it?", "Who is it from?", "Who is the sender?", "Who wrote this?"), Draw.person),
    (("SUBJECT", "Subject", "RE", "Re", "REFERENCE", "Regarding", "TITLE", "Topic"), ("subject", "topic"), ("subject",
        "re", "topic"),
     ("What is it about?", "What is the subject of this document?"), _subject),
    (("FAX", "Fax No.", "FAX NUMBER", "Telefax", "Fax #", "Telecopier No.", "Facsimile"), ("fax number",), ("fax",
        "fax_no"), (), Draw.phone),
    (("PHONE", "Phone No.", "TELEPHONE", "Tel", "Tel. No.", "Telephone #", "Daytime phone", "Ext. / Phone"),
        ("telephone number", "phone number"),
     ("phone", "telephone", "tel"), ("Which number can be called?",), Draw.phone),
    (("COMPANY", "Company", "FIRM", "Organization", "Employer", "Company name", "Customer", "CLIENT"), ("company", "firm"),
     ("company", "firm", "organisation"), ("Which company is named?",), Draw.company),
    (("MANUFACTURER", "Supplier", "VENDOR", "Contractor", "Maker", "Agency", "Distributor"), (), ("supplier",
        "vendor"), (), Draw.company),
    (("ADDRESS", "Address", "STREET ADDRESS", "Mailing address", "Ship to", "Bill to", "Location", "Residence"),
        ("address",), ("address",),
     ("Where does it go?",), _place),
    (("CITY", "City", "Town", "PLACE", "Place of birth", "City / State"), ("city", "town"), ("city", "town"), (), _town),
    (("NAME", "Name", "Full name", "APPLICANT", "Patient", "Patient name", "Insured", "Employee", "Contact",
        "CONTACT PERSON"),
     ("name",), ("name", "full_name"), ("Whose form is it?", "Who filled it in?"), Draw.person),
    (("APPROVED BY", "Approved by", "Requested by", "PREPARED BY", "Signed", "Authorized by", "Checked by",
        "Reviewed by", "Received by"),
     (), (), (), Draw.person),
    (("NO.", "Number", "FILE NO.", "Job No.", "PROJECT NO.", "Account no.", "Order No.", "Case Number", "Policy No.",
        "Serial #",
      "REQUEST NO.", "Sample No.", "Study number", "Form no.", "Reference no.", "Lot No.", "Code", "P.O. #",
      "Docket No."), (), (), (), Draw.code),
    (("NUMBER OF PAGES", "No. of pages", "Pages (incl. cover)", "Total pages", "PAGES",
        "Number of pages including cover sheet"),
     ("number of pages", "page count"), ("pages", "page_count"), ("How many pages were sent?",
         "How many pages are there?"), _count),
    (("QUANTITY", "Quantity", "Qty", "Amount", "No. of copies", "Units", "Circulation", "Sample size"), (), (), (), _count),
    (("E-MAIL", "Email", "e-mail address", "Mail"), ("e-mail address",), ("email",), (), Draw.email),
    (("POSITION", "Title", "Occupation", "Job title", "Profession", "FUNCTION"), (), ("position", "job_title"), (), _job),
    (("BRAND", "Product", "PRODUCT NAME", "Item", "Type", "Model", "MATERIAL", "Style", "Variety"), (), (), (), _words),
    (("REMARKS", "Comments", "NOTES", "DESCRIPTION", "Purpose", "Reason", "OBJECTIVE", "Background",
        "Special instructions", "Message",
      "CONCLUSION", "Summary", "METHOD", "Recommendation", "Findings", "Diagnosis", "Details"), (), (), (), _long),
    (("DEPARTMENT", "Division", "REGION", "Section", "Branch", "Unit", "Office", "Territory"), (), ("department",),
        (), _words),
    (("CC", "cc", "Copies to", "Distribution", "Copy to"), ("copy recipient",), ("cc",), ("Who gets a copy?",), Draw.person),
    (("TIME", "Time", "Hour", "Time sent"), ("time",), ("time",), ("At what time?",), Dates.time),
)  # fmt: skip
_DAYS = (("DATE", "Date", "Date:", "DATE SENT", "Date issued"), ("START DATE", "Begin", "From date", "Effective date",
    "Date received"),
         ("END DATE", "Completion date", "Due date", "Expires", "Date required"), ("Date of birth", "DOB",
             "Birth date", "BORN"))  # fmt: skip
_SUMS = ("TOTAL COST", "Amount", "Budget", "PRICE", "Estimated cost", "Fee", "Balance", "Salary", "Premium", "TOTAL",
    "Deposit",
         "Value", "Cost per unit", "Rate", "Sum insured", "Current balance", "Adjusted total", "Expenditure")  # fmt: skip
_WORDY = (
    "of",
    "for",
    "per",
    "no.",
    "date",
    "name",
    "type",
    "total",
    "code",
    "by",
    "to",
    "and",
    "number",
    "&",
    "/",
    "%",
    "#",
    "(if any)",
)


def usual(draw: Draw, dates: Dates, amounts: Amounts) -> Entry:
    """An entry that business papers have."""
    kind = draw.rng.random()
    if kind < 0.14:
        day = dates.day(draw)
        group = draw.rng.choices(_DAYS, (6, 2, 2, 1))[0]
        plain = group is _DAYS[0]
        return Entry(
            draw.pick(group), dates.write(day), ("date",) if plain else (), ("date",) if plain else (),
            ("When was it written?", "What date is given?", "Which date is on the document?") if plain else (),
            "date", day.isoformat(),
        )  # fmt: skip
    if kind < 0.22:
        cents = amounts.cents(draw, 3, 9)
        written = amounts.write(cents)
        shown = amounts.with_currency(written) if draw.chance(0.5) else written
        return Entry(draw.pick(_SUMS), shown, kind="number", plain=amounts.plain(cents))
    labels, names, keys, asks, make = draw.any(_USUAL)
    return Entry(draw.pick(labels), make(draw), names, keys, asks)


def invented(draw: Draw) -> Entry:
    """A label nobody has seen, with any value."""
    words = draw.words(1, 3).split()
    if draw.chance(0.35):
        words.insert(draw.number(0, len(words)), draw.any(_WORDY))
    if draw.chance(0.1):
        words.append(str(draw.number(1, 20)))
    value = draw.value() if draw.chance(0.88) else _long(draw)
    if not draw.held and draw.chance(0.12):  # a value with an aside, or two of them
        value = f"{value}{draw.any((' ({})', ' / {}', ', {}', ' - {}', ' {}', '; {}')).format(draw.value())}"
    return Entry(" ".join(words).capitalize(), value)


def entries(draw: Draw, count: int, share_invented: float, empty: float) -> list[Entry]:
    """So many entries in the habits of one form; some are left empty."""
    dates, amounts = Dates(draw), Amounts(draw)
    upper, mark = draw.rng.random(), draw.any((":", ":", ":", "", "", " :", ".", " -", "?"))
    numbers = ""  # official forms count their fields: 4. NAME, 4a) Name
    if not draw.held and draw.chance(0.12):
        numbers, start = draw.any(("{}. ", "{}. ", "{}) ", "({}) ", "{}a. ")), draw.number(1, 30)
    found = []
    for place in range(count):
        entry = invented(draw) if draw.chance(share_invented) else usual(draw, dates, amounts)
        if upper < 0.45:
            entry.label = entry.label.upper()
        elif upper < 0.6:
            entry.label = entry.label.title()
        if entry.label[-1] not in ":.?":
            entry.label += mark
        if numbers:
            entry.label = numbers.format(start + place) + entry.label
        if draw.chance(empty):
            entry.value = ""
        found.append(entry)
    return found
