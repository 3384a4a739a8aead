"""Questions: many wordings for every fact, mistypings, and questions whose answer is not on the page."""

from __future__ import annotations

from collections import Counter

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.sheet import Fact, Sheet

BY_LABEL = (
    "{l}", "{l}", "{l}", "{l}", "{l}", "{l}?", "{b}", "{b}?", '"{l}"', 'What is the value of the field "{l}"?',
    'What is written next to "{l}"?', 'What is written after "{b}"?', 'What does the field "{b}" say?',
    "What is the {b}?", "What's the {b}?", "What is given for {b}?", 'What stands beside "{l}"?', 'Value of "{b}"',
    'Which value does "{l}" have?', "Give the value of {b}.", "Find {b}.", "Read the field {b}.", "Extract {b}",
    'What is filled in for "{b}"?', "what is entered under {b}?", 'Which text belongs to "{l}"?', "field: {b}",
    'What comes after "{l}"?', "Copy what is written at {b}.", "What is the entry for {b}?", "Tell me the {b}.",
    'What does it say at "{l}"?', "value for {b}", "What is the content of the {b} field?", "Which {b} is given?",
    'What is mentioned in the "{b}" field?', "What is mentioned as {b}?", "What is {b}?", "What {b} is stated?",
)  # fmt: skip
BY_NAME = (
    "{n}", "{n}?", "What is the {n}?", "What is the {n}?", "What's the {n}?", "what is the {n}", "Which {n} is given?",
    "Give me the {n}.", "Tell me the {n}.", "Find the {n}.", "What {n} is shown?", "the {n}", "Extract the {n}.",
    "What is the {n} on this document?", "Can you tell me the {n}?", "What is the {n} mentioned?", "Read out the {n}",
    "I need the {n}.", "What {n} is printed here?", "Please give the {n}", "What does it say about the {n}?",
    "Do you see the {n}?", "What is the {n} according to the document?", "What is the {n} stated on the page?",
)  # fmt: skip
_ABSENT = (
    "passport number", "warranty period", "mother's maiden name", "IBAN", "VAT number", "flight number", "blood type",
    "policy number", "room number", "tracking number", "serial number", "shoe size", "licence plate", "page count",
    "fax number", "delivery date", "discount", "project number", "date of birth", "middle name", "social security number",
    "account number", "e-mail address", "web site", "cashier", "table number", "tip", "signature", "supplier", "colour",
    "weight", "height", "diagnosis", "prescribed dose", "interest rate", "due date", "purchase order number", "version",
)  # fmt: skip


def question(draw: Draw, fact: Fact) -> str:
    """One way to ask for a fact."""
    kinds: list[str] = []
    if fact.asks:
        kinds += ["ask"] * 3
    if fact.names:
        kinds += ["name"] * 3
    if fact.label:
        kinds += ["label"] * (2 if kinds else 1)
    kind = draw.any(kinds)
    if kind == "ask":
        return spoken(draw, draw.pick(fact.asks))
    if kind == "name":
        return spoken(draw, draw.pick(BY_NAME).format(n=draw.pick(fact.names)))
    return ask_label(draw, fact.label)


def ask_label(draw: Draw, label: str) -> str:
    """One way to ask what belongs to a printed label."""
    form = draw.pick(BY_LABEL)
    words = label.split()
    if len(words) > 2 and draw.chance(0.07):  # few name a label to its end
        label = " ".join(words[:-1] if draw.chance(0.5) else words[1:])
    bare = label.rstrip(" :.?#*-") or label
    if draw.chance(0.25):
        bare = draw.any((bare.lower(), bare.title(), bare.upper()))
    text = form.replace("{l}", label).replace("{b}", bare)
    return text if draw.chance(0.8) else spoken(draw, text)


def spoken(draw: Draw, text: str) -> str:
    """A question as it is typed: at times without capitals or with a slip of the finger."""
    kind = draw.rng.random()
    if kind < 0.12:
        text = text.lower()
    elif kind < 0.15:
        text = text.upper()
    elif kind < 0.2:
        text = text.rstrip("?. ")
    if draw.chance(0.07) and len(text) > 6:
        place = draw.number(1, len(text) - 3)
        left, pair, right = text[:place], text[place : place + 2], text[place + 2 :]
        text = left + draw.any((pair[::-1], pair[:1], pair + pair[1:])) + right
    return text


def ambiguous_labels(sheet: Sheet) -> set[str]:
    """Labels that more than one fact of the page carries."""
    seen: set[str] = set()
    twice: set[str] = set()
    for fact in sheet.facts:
        key = bare_label(fact.label)
        if key:
            (twice if key in seen else seen).add(key)
    return twice


def drop_shared_names(sheet: Sheet) -> None:
    """Let facts that go by the same name be asked by their labels only: nobody could say which is meant."""
    counts = Counter(name for fact in sheet.facts for name in {*fact.names, *fact.keys})
    for fact in sheet.facts:
        if any(counts[name] > 1 for name in (*fact.names, *fact.keys)):
            fact.names = fact.keys = fact.asks = ()


def bare_label(label: str) -> str:
    """A label's letters and digits."""
    return "".join(c for c in label.casefold() if c.isalnum())


def missing_question(draw: Draw, sheet: Sheet) -> str | None:
    """A question that the page does not answer: a field it lacks, a label like one that it has, a thing like another."""
    page = " ".join(item.text for item in sheet.items).casefold()
    names = {name.casefold() for fact in sheet.facts for name in (*fact.names, *fact.keys)}
    if not draw.held and draw.chance(0.5):
        return _about_another(draw, sheet, page) if draw.chance(0.6) else _kin(draw, names, page)
    kind = draw.rng.random()
    labels = [fact.label for fact in sheet.facts if len(fact.label) > 3]
    if kind < 0.45 and labels:
        label = _near_miss(draw, draw.any(labels))
        return ask_label(draw, label) if _absent(label, page) else None
    if kind < 0.8:
        name = draw.pick(_ABSENT)
        if name.casefold() in names or not _absent(name, page):
            return None
        return (
            spoken(draw, draw.pick(BY_NAME).format(n=name)) if draw.chance(0.6) else ask_label(draw, name.title() + ":")
        )
    label = draw.words(1, 3)
    return (
        ask_label(draw, draw.any((label.upper() + ":", label.title(), label + ":"))) if _absent(label, page) else None
    )


_KIN = {
    "phone": ("fax number", "mobile number", "emergency number", "phone number of the bank"),
    "fax": ("mobile number", "extension"), "date": ("due date", "expiry date", "date of birth", "delivery date",
        "date of the last change", "date of payment"),
    "total": ("deposit", "discount", "tip", "amount refunded", "balance brought forward", "delivery charge"),
    "address": ("delivery address", "web site", "address of the bank", "billing address", "previous address"),
    "company": ("name of the bank", "insurance company", "parent company", "name of the guarantor"),
    "number": ("customer number", "tax number", "membership number", "tracking number", "licence number", "page number"),
    "name": ("middle name", "maiden name", "name of the spouse", "name of the witness"),
    "time": ("closing time", "time of arrival", "delivery time"), "recipient": ("copy recipient", "name of the assistant"),
    "term": ("notice period", "renewal period", "penalty"), "law": ("place of arbitration", "number of the licence"),
}  # fmt: skip


def _kin(draw: Draw, names: set[str], page: str) -> str | None:
    """A question for something of the kind that the page has, which it has not: its telephone is given, its fax is asked."""
    near = [other for word, others in _KIN.items() if any(word in name for name in names) for other in others]
    near = [other for other in near if other not in names and _absent(other, page)]
    return spoken(draw, draw.pick(BY_NAME).format(n=draw.any(near))) if near else None


def _about_another(draw: Draw, sheet: Sheet, page: str) -> str | None:
    """A question as the page answers it, about someone or something that is not on the page."""
    asked = [text for text, _ in sheet.natural]
    if not asked:
        return None
    text = draw.any(asked)
    parts = (part.strip() for item in sheet.items for part in (item.text, *(piece for piece, _ in item.pieces)))
    texts = dict.fromkeys(parts)  # a set would be in another order in every process
    named = [part for part in texts if len(part) > 3 and part.casefold() in text.casefold()]
    if not named:
        return None
    old = max(named, key=len)
    place = text.casefold().index(old.casefold())
    count = len(old.split())
    new = draw.any(
        (draw.words(count, count + 1), draw.person(), draw.company(), draw.thing("artifact", "food", "plant"))
    )
    if any(c.isdigit() for c in old):
        new = "".join(draw.number_text(1) if c.isdigit() else c for c in old)
    new = new.upper() if old.isupper() else new.title() if old.istitle() else new
    return spoken(draw, text[:place] + new + text[place + len(old) :]) if _absent(new, page) else None


def _near_miss(draw: Draw, label: str) -> str:
    """A label of which one word is another."""
    words = label.split()
    place = draw.number(0, len(words) - 1)
    new = draw.any(
        (draw.word(), draw.any(("Due", "Ship", "New", "Second", "Old", "Home", "Net", "Alternate", "Previous")))
    )
    tail = ":" if words[place].endswith(":") else ""
    new = new.upper() if words[place].isupper() else new.title() if words[place][:1].isupper() else new.lower()
    return " ".join([*words[:place], new + tail, *words[place + 1 :]])


def _absent(text: str, page: str) -> bool:
    """Say whether a text's words are not all on the page: whoever asks may have one of them in mind."""
    words = [word for word in text.casefold().rstrip(":?").split() if len(word) > 2]
    return bool(words) and not all(word in page for word in words)
