"""Made-up parts of documents: numbers, dates, names, references, legal sentences, code lines.

Everything is drawn from ``rng``; words of ordinary language come from a callable, so that a low-diversity band can
hand in its own few words.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Words = Callable[[int], list[str]]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_FIRST = ["James", "Mary", "Robert", "Patricia", "John", "Jennifer", "Michael", "Linda", "David", "Elizabeth",
    "William", "Barbara", "Anna", "Peter", "Paul", "Laura", "Emma", "Lucas", "Sofia", "José", "Zoë", "Łukasz",
    "Jürgen", "François", "Ágnes", "Øyvind", "Çağla", "Ștefan", "Nikola", "Chloé", "Marek", "Ingrid"]  # fmt: skip
_LAST = ["Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Wilson", "Anderson",
    "Taylor", "Moore", "Lee", "Clark", "Lewis", "Walker", "Müller", "García", "Nowak", "Dvořák", "Kovács", "Yılmaz",
    "Ionescu", "Horvat", "Bērziņš", "Sørensen", "O’Brien", "McDonald", "Ångström", "Lefèvre"]  # fmt: skip
_COMPANY = [
    "Global",
    "United",
    "First",
    "National",
    "General",
    "Pacific",
    "Atlantic",
    "Northern",
    "Summit",
    "Apex",
    "Delta",
    "Omega",
    "Vertex",
    "Pioneer",
]
_TRADE = [
    "Holdings",
    "Technologies",
    "Systems",
    "Industries",
    "Partners",
    "Logistics",
    "Energy",
    "Capital",
    "Media",
    "Foods",
    "Pharma",
    "Services",
]
_FORM = ("Inc.", "LLC", "Ltd.", "Corp.", "Corporation", "L.P.", "GmbH", "S.A.", "plc", "& Co.", "AG", "N.A.")
_STREET = ["Street", "Avenue", "Road", "Lane", "Drive", "Boulevard", "Court", "Way", "Place", "Parkway"]
_CITY = [
    "Springfield",
    "Riverside",
    "Fairview",
    "Madison",
    "Georgetown",
    "Arlington",
    "Ashland",
    "Dover",
    "Oxford",
    "Milton",
    "Kingston",
    "Zürich",
    "Győr",
]
STATES = [
    "Delaware",
    "California",
    "Texas",
    "New York",
    "Nevada",
    "Ohio",
    "Illinois",
    "Florida",
    "Georgia",
    "Virginia",
]
_NOUNS = ("Agreement", "Company", "Term", "Effective Date", "Notice", "Shares", "Party", "Fees", "Exhibit A")
TITLES = ["Definitions", "Term and Termination", "Representations and Warranties", "Indemnification",
    "Limitation of Liability", "Governing Law", "Confidentiality", "Notices", "Assignment", "Entire Agreement",
    "Severability", "Counterparts", "Force Majeure", "Payment Terms", "Intellectual Property", "Dispute Resolution",
    "Miscellaneous", "Introduction", "Summary", "Background", "Results", "Discussion", "Conclusions", "References",
    "Appendix A", "Acknowledgements", "Table of Contents", "Executive Summary", "Risk Factors",
    "Financial Statements", "Notes to the Accounts", "Abstract", "Methods", "Related Work", "Overview"]  # fmt: skip
KEYS = ["Invoice No.", "Invoice Number", "Date", "Due Date", "Order ID", "Customer", "Bill To", "Ship To", "Total",
    "Subtotal", "Tax", "VAT (20%)", "Discount", "Amount Due", "Balance", "Phone", "Fax", "E-mail", "Address",
    "Account", "Reference", "Item", "Quantity", "Unit Price", "Description", "Terms", "PO Number", "Name", "Company",
    "City", "State", "ZIP", "Country", "Notes", "Contact", "Status", "Weight", "Height", "Width", "Version",
    "Author", "Title", "Subject", "From", "To", "Cc", "Page", "Serial No.", "Model", "Size", "Colour", "Type",
    "Rate", "Hours", "Period", "Shipping", "Currency", "Department", "Project", "Approved by", "Prepared by", "Qty",
    "Price", "Amount", "No.", "Code", "Unit", "Mean", "SD", "n", "p-value", "Year", "Q1", "Q2", "Q3", "Q4",
    "Rechnung Nr.", "Datum", "Betrag", "Menge", "Gesamt", "Désignation", "Quantité", "Montant", "Fecha", "Importe",
    "IBAN", "BIC", "DOB", "Sex", "Height", "SSN"]  # fmt: skip
_UNITS = ("%", " %", "‰", "°", "°C", " kg", " mm", " m²", " cm³", "×")


def number(rng: Random) -> str:
    """A number as documents print them: plain, money, decimal, percentage, date, time, code."""
    kind = rng.randrange(16)
    if kind < 3:
        return str(rng.randint(0, 10 ** rng.randint(1, 6)))
    if kind < 6:
        return money(rng)
    if kind < 8:
        return f"{rng.uniform(-99, 999):.{rng.randint(1, 4)}f}"
    if kind == 8:
        return f"{rng.randint(0, 1000) / rng.choice((1, 10)):g}" + rng.choice(_UNITS)
    if kind < 11:
        return date(rng)
    if kind == 11:
        return f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}" + rng.choice(("", "", ":30", " a.m.", " PM"))
    if kind == 12:
        return (
            "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-") for _ in range(rng.randint(4, 14))).strip("-")
            or "A1"
        )
    if kind == 13:
        return f"({rng.randint(1, 9999):,})"
    if kind == 14:
        return f"{rng.randint(1, 99)}{rng.choice('–-/')}{rng.randint(1, 99)}"
    return f"{rng.randint(1, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 99)}"


def money(rng: Random) -> str:
    """An amount in one of several notations."""
    amount = rng.randint(0, 10 ** rng.randint(2, 8))
    cents = rng.randint(0, 99)
    kind = rng.randrange(7)
    if kind < 3:
        return f"{rng.choice(('$', '$', '$', 'US$', '£', '€', '¥'))}{amount:,}.{cents:02d}"
    if kind == 3:
        return f"{amount:,}".replace(",", ".") + f",{cents:02d} {rng.choice(('€', 'EUR', 'zł', 'Kč', 'Ft', 'CHF'))}"
    if kind == 4:
        return f"$ {amount:,}"
    return f"{amount:,}" if kind == 5 else f"({amount:,}.{cents:02d})"


def date(rng: Random) -> str:
    """A date."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1890, 2035)
    kind = rng.randrange(7)
    if kind < 2:
        return f"{MONTHS[month - 1]} {day}, {year}"
    if kind == 2:
        return f"{day} {MONTHS[month - 1][: rng.choice((3, 9))]} {year}"
    if kind == 3:
        return f"{year}-{month:02d}-{day:02d}"
    separator = rng.choice("/.-")
    return f"{day:02d}{separator}{month:02d}{separator}{year if kind < 6 else year % 100:02d}"


def person(rng: Random) -> str:
    """A name, at times with a title or an initial."""
    middle = rng.choice(("", "", " " + rng.choice("ABCDEFGHJKLMPRSTW") + "."))
    return rng.choice(("", "", "", "Mr. ", "Ms. ", "Dr. ")) + f"{rng.choice(_FIRST)}{middle} {rng.choice(_LAST)}"


def company(rng: Random) -> str:
    """The name of a firm."""
    name = f"{rng.choice(_COMPANY)} {rng.choice(_TRADE)}, {rng.choice(_FORM)}"
    return name if rng.random() < 0.7 else f"{rng.choice(_LAST)} & {rng.choice(_LAST)} {rng.choice(_FORM)}"


def address(rng: Random) -> list[str]:
    """Two or three lines of an address."""
    state = rng.choice(STATES)
    lines = [f"{rng.randint(1, 9999)} {rng.choice(_LAST)} {rng.choice(_STREET)}"]
    if rng.random() < 0.4:
        suite, floor, box = rng.randint(1, 900), rng.randint(4, 30), rng.randint(10, 9999)
        lines.append(rng.choice((f"Suite {suite}", f"{floor}th Floor", f"P.O. Box {box}")))
    city, code = rng.choice(_CITY), rng.randint(10000, 99999)
    town = (
        f"{city}, {state} {code}",
        f"{code // 10} {city}",
        f"{city}, {state[:2].upper()} {code}-{code % 9000 + 1000}",
    )
    lines.append(rng.choice(town))
    return lines


def phone(rng: Random) -> str:
    """A telephone number."""
    a, b, c = rng.randint(200, 999), rng.randint(200, 999), rng.randint(0, 9999)
    return rng.choice(
        (f"({a}) {b}-{c:04d}", f"{a}-{b}-{c:04d}", f"+{rng.randint(1, 99)} {a} {b} {c:04d}", f"{a}.{b}.{c:04d}")
    )


def web(rng: Random, words: Words) -> str:
    """An e-mail address, a URL or a path."""
    a, b = (_plain(words, rng) for _ in range(2))
    end = rng.choice(("com", "org", "net", "co.uk", "de", "edu", "gov", "io", "eu", "fr"))
    kind = rng.randrange(6)
    if kind < 2:
        return f"{a}{rng.choice(('.', '_', '', '-'))}{b}@{_plain(words, rng)}.{end}"
    if kind < 4:
        return f"{rng.choice(('http://', 'https://', ''))}www.{a}.{end}/{b}" + rng.choice(
            ("", ".html", f"?id={rng.randint(1, 9999)}", "/")
        )
    return rng.choice(
        (f"/usr/{a}/{b}.txt", f"C:\\{a}\\{b}.doc", f"~/{a}/{b}", f"{a}_{b}.{rng.choice(('pdf', 'py', 'c', 'csv'))}")
    )


def reference(rng: Random) -> str:
    """A legal or scholarly reference."""
    a, b = rng.randint(1, 20), rng.randint(1, 19)
    letter, roman = rng.choice("abcdefgh"), rng.choice(("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"))
    return rng.choice((f"Section {a}.{b}", f"Section {a}.{b}({letter})({roman})", f"§ {a}.{b}",
        f"Article {roman.upper()}", f"§{a}({letter})",
                       f"clause {a}({letter})", f"paragraph ({letter})", f"Exhibit {letter.upper()}",
                       f"Schedule {a}.{b}", f"[{a}]", f"[{a}, {a + b}]",
                       f"Fig. {a}", f"Table {b}", f"Eq. ({a}.{b})", f"pp. {a * 10}–{a * 10 + b}",
                       f"Art. {a} Abs. {b} BGB", f"{a} U.S.C. § {b}01"))  # fmt: skip


def code_line(rng: Random, words: Words) -> str:
    """A line of a program, a shell or a configuration file."""
    a, b, c = (_plain(words, rng) for _ in range(3))
    n = rng.randint(0, 99)
    return rng.choice((
        f"{a}({b}, {c});", f"{a} = {b}({c})", f"if ({a} == {b}) {{", "}", "else:", f"return {a}", f"{a}.{b} = {n}",
        f"$ {a} -{b[:1]} {c}",
        f"--{a}={b}", f"{a}: {b}", f"for {a} in range({n}):", f"def {a}_{b}(self, {c}):", f"#include <{a}.h>",
            f'printf("%d\\n", {a});',
        f"{a}[{n}] += {b} * {c};", f"<{a} {b}=\"{c}\">", f"// {a} {b} {c}", f"import {a}.{b}",
            f"SELECT {a} FROM {b} WHERE {c} = {n};",
        f"{{\"{a}\": {n}, \"{b}\": \"{c}\"}}", f"0x{n:04x} {a.upper()}", f"@{a}", f"{a} && {b} || !{c}",
        f"{a} >= {n} ? {b} : {c}",
    ))  # fmt: skip


def gibberish(rng: Random, alphabet: str) -> str:
    """A string that no language model can guess."""
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 10)))


def special(rng: Random, words: Words) -> str:
    """Something other than an ordinary word, for the middle of running text."""
    kind = rng.randrange(10)
    if kind < 3:
        return number(rng)
    if kind < 5:
        return reference(rng)
    if kind == 5:
        return web(rng, words)
    word = _plain(words, rng)
    quoted = rng.choice(("“{}”", "‘{}’", '"{}"', "«{}»", "„{}“", "({})", "[{}]", "‹{}›", "‚{}‘", "“{},”", "({}),",
        "{}/{}", "{}—{}", "{} – {}",
                         "{}®", "{}™", "© {}", "{}†", "{}‡", "{}*", "{}…", "<{}>", "{{{}}}", "#{}", "@{}",
                         "{} & {}"))  # fmt: skip
    if kind < 8:
        return quoted.format(word, _plain(words, rng))
    return rng.choice(
        (person(rng), company(rng), phone(rng), f"{word}_{_plain(words, rng)}", word.upper(), f"“{rng.choice(_NOUNS)}”")
    )


def _plain(words: Words, rng: Random) -> str:
    word = "".join(c for c in "".join(words(1)) if c.isalnum()).lower()
    return word[:14] or "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 8)))
