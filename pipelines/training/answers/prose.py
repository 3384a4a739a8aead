"""Running text that states facts: who, when, where, how much; contracts' first pages; title pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.forms import Form
from dsvl2.pipelines.training.answers.sheet import Rows, Sheet, Written
from dsvl2.pipelines.training.answers.values import Amounts, Dates

#: Sentences with marked places, and for each place how it is asked ({x} are the sentence's other words).
_SAYS: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
    ("The {thing} of {city} was {verb} in {year} by {person}.",
     {"year": ("When was the {thing} of {city} {verb}?", "In what year was the {thing} {verb}?"),
      "person": ("Who {verb} the {thing} of {city}?", "By whom was the {thing} {verb}?"),
      "city": ("Where was the {thing} {verb} by {person}?",)}),
    ("{person}, {job} of {company}, said that {money} would be spent on the {thing}.",
     {"money": ("How much would be spent on the {thing}?", "How much money goes to the {thing}?"),
      "person": ("Who is the {job} of {company}?", "Who said it?"), "company": ("Which company does {person} work for?",),
      "job": ("What is {person}'s position?", "What does {person} do at {company}?")}),
    ("On {date}, {company} sold its {thing} in {city} to {buyer} for {money}.",
     {"date": ("When did {company} sell its {thing}?", "When was the {thing} sold?"),
         "money": ("For how much was the {thing} sold?", "What did {buyer} pay?"),
      "buyer": ("To whom did {company} sell its {thing}?", "Who bought the {thing}?"), "city": ("Where is the {thing}?",),
      "company": ("Who sold the {thing}?",)}),
    ("The meeting will take place on {date} in {city} at {time}.",
     {"date": ("When does the meeting take place?", "What is the date of the meeting?"),
         "city": ("Where will the meeting be?", "In which city is the meeting?"),
      "time": ("At what time is the meeting?", "When does the meeting begin?")}),
    ("In {year}, {count} {things} were counted in {country}, {share} more than in the year before.",
     {"count": ("How many {things} were counted in {country} in {year}?", "How many {things} were there?"),
         "year": ("In which year were the {things} counted?",),
      "share": ("By how much did the number of {things} grow?",), "country": ("Where were the {things} counted?",)}),
    ("Please send the {thing} to {person} at {company} before {date}.",
     {"person": ("To whom is the {thing} to be sent?", "Who gets the {thing}?"),
         "date": ("By when is the {thing} to be sent?", "What is the deadline for the {thing}?"),
      "company": ("Where does {person} work?",)}),
    ("{person} was born in {city} on {date} and worked as {job}.",
     {"date": ("When was {person} born?", "What is {person}'s date of birth?"), "city": ("Where was {person} born?",),
         "job": ("What did {person} work as?",)}),
    ("Our order no. {code} of {date} for {count} {things} has not arrived.",
     {"code": ("What is the order number?", "Which order has not arrived?"), "date": ("When was it ordered?",),
         "count": ("How many {things} were ordered?",)}),
    ("The {thing} measures {size} and weighs {weight}.",
     {"size": ("How big is the {thing}?", "What are the measures of the {thing}?"),
         "weight": ("How much does the {thing} weigh?", "What is the weight of the {thing}?")}),
    ("For questions call {person} at {phone} or write to {email}.",
     {"person": ("Who can be called for questions?", "Who answers questions?"),
         "phone": ("Which number can be called for questions?", "What is the phone number?"),
      "email": ("What is the e-mail address?", "Where can I write to?")}),
    ("About {share} of the {things} in {country} belong to {company}.",
     {"share": ("What share of the {things} belongs to {company}?",
         "What percentage of {things} does {company} own?"), "company": ("Who owns {share} of the {things}?",)}),
    ("The {thing} in {city} is open from {time} and admission costs {money}.",
     {"time": ("From what time is the {thing} open?", "When does the {thing} open?"),
         "money": ("How much is admission?", "What does it cost to see the {thing}?")}),
)  # fmt: skip
_VERBS = (
    "built",
    "founded",
    "designed",
    "described",
    "discovered",
    "opened",
    "restored",
    "invented",
    "painted",
    "closed",
    "sold",
    "painted",
)


def _parts(draw: Draw) -> dict[str, str]:
    """Words for the places of a sentence."""
    dates, amounts = Dates(draw), Amounts(draw)
    thing = draw.any(
        (
            draw.thing("artifact", "group", "plant", "animal", "food"),
            f"{draw.entry('adjective')} {draw.thing('artifact', 'act')}",
        )
    )
    count = draw.number(2, 10 ** draw.number(1, 6))
    return {
        "thing": thing, "things": f"{draw.thing('animal', 'artifact', 'plant', 'person')}s", "verb": draw.pick(_VERBS),
        "city": draw.entry("city"), "country": draw.entry("country"), "year": str(draw.number(1600, 2024)),
        "person": draw.person(),
        "job": draw.entry("job"), "company": draw.company(), "buyer": draw.company() if draw.chance(0.6) else draw.person(),
        "money": amounts.money(draw), "date": dates.text(draw), "time": dates.time(draw), "phone": draw.phone(),
        "email": draw.email(),
        "count": f"{count:,}" if draw.chance(0.6) else str(count),
        "share": f"{draw.rng.uniform(0, 100):.{draw.number(0, 1)}f} {draw.any(('%', 'percent', 'per cent'))}",
        "code": draw.code(), "size": f"{draw.number(2, 900)} x {draw.number(2, 900)} {draw.any(('mm', 'cm', 'm'))}",
        "weight": f"{draw.number(1, 9000)} {draw.any(('kg', 'g', 'tons', 'lbs'))}",
    }  # fmt: skip


def statement(draw: Draw, sheet: Sheet) -> list[Written]:
    """A sentence in pieces; its facts are added to the sheet."""
    sentence, asked = draw.any(_SAYS)
    words = _parts(draw)

    def asks(part: str) -> Iterator[str]:
        if part in asked:
            yield draw.any(asked[part])

    return filled(sheet, sentence, words, asks)


def filled(
    sheet: Sheet, sentence: str, words: Mapping[str, str], asks: Callable[[str], Iterable[str]]
) -> list[Written]:
    """A sentence whose {parts} are words, in pieces with tags; `asks` gives what is asked about a part, in its order."""
    pieces: list[Written] = [" "]
    for number, part in enumerate(sentence.replace("}", "{").split("{")):
        if number % 2 == 0:
            pieces.append(part)
            continue
        tag = sheet.tag()
        pieces.append((words[part], tag))
        sheet.natural += [(question.format(**words), tag) for question in asks(part)]
    return spaced(pieces)


def spaced(pieces: list[Written]) -> list[Written]:
    """Move blanks between pieces to the front of the later one, as `Sheet.flow` wants them."""
    result: list[Written] = []
    blank = False
    for piece in pieces:
        text, tag = piece if isinstance(piece, tuple) else (piece, 0)
        if not text.strip():
            blank = blank or bool(text)
            continue
        lead = " " if blank or text[0] == " " else ""
        blank = text[-1] == " "
        result.append((lead + text.strip(), tag))
    return result


def prose(draw: Draw) -> Sheet:
    """A page of text with a few facts in it."""
    from dsvl2.pipelines.training.answers.letters import _body

    form = Form(draw, "prose")
    form.size = form.sheet.size = min(form.size, 14)
    if draw.chance(0.6):
        form.title()
    _body(form, 2, 5)
    if not form.sheet.natural:
        form.y = form.sheet.paragraph(
            form.left, form.y, statement(draw, form.sheet), form.right - form.left, pitch=form.size * 1.4
        )
    form.sheet.height = max(form.y + 30, draw.rng.uniform(500, 1100))
    return form.sheet


_LAW = ("This Agreement shall be governed by and construed in accordance with the laws of {j}.",
    "This Agreement is governed by the laws of the State of {j}.",
        "Governing Law. The laws of {j} apply to this Agreement.",
        "The validity and interpretation hereof shall be governed by {j} law.",
        "This contract is subject to the law of {j}.", "All disputes shall be settled by the courts of {j}.")  # fmt: skip
_TERM = ("The term of this Agreement shall be {t} from the Effective Date.", "This Agreement shall remain in force for {t}.",
         "Term. This Agreement begins on the date above and continues for a period of {t}.",
         "The Agreement expires after {t}.",
         "The obligations hereunder survive for {t} after termination.", "The lease runs for {t}.")  # fmt: skip
_BEGIN = ("THIS AGREEMENT is made and entered into as of {d}, by and between {a} and {b}.",
    "This Agreement is entered into as of the {d} between the undersigned {a} and {b}, with an office in that state.",
    "This Agreement entered into as of {d}, is hereby made by and between {a} on the one hand, and {b} on the other hand.",
    "This Agreement (the “Agreement”), dated as of {d}, is between {a} and {b}.",
          "This contract is concluded on {d} between {a}, and {b}.", "AGREEMENT made this {d} by {a} and {b}.",
          "Effective {d}, {a} and {b} agree as follows:",
          "The undersigned, {a} and {b}, have on {d} agreed as follows.",
          "BETWEEN {a} AND {b}. Date of agreement: {d}.")  # fmt: skip
_ROLES = ("(“Seller”)", "(the “Company”)", "(hereinafter “Licensee”)", "(the \"Buyer\")", "(“Employer”)",
    "(the “Executive”)", ", a {s} corporation", "(“Landlord”)", "",
          ", a limited liability company of {s}", "(“Recipient”)", "(collectively, the “Parties”)")  # fmt: skip


def contract(draw: Draw) -> Sheet:
    """The first page of a contract: parties, date, term and law among legal sentences."""
    form = Form(draw, "contract")
    sheet, dates = form.sheet, Dates(draw)
    form.size = sheet.size = min(form.size, 14)
    form.title()
    day = dates.day(draw)
    date = sheet.fact(names=("effective date", "date of the agreement", "date"), keys=("effective_date", "date",
        "agreement_date"), kind="date",
                      asks=("When does the agreement take effect?", "When was the agreement made?",
                          "What is the effective date?"), plain=day.isoformat())  # fmt: skip
    parties = [sheet.tag(), sheet.tag()]
    key = draw.any(("name", "party"))
    sheet.lists.append(Rows(("parties", "contract_parties"), [{key: tag} for tag in parties]))
    for tag, asks in zip(parties, ("Who is the first party?", "Who is the second party?"), strict=True):
        sheet.natural.append((draw.any((asks, asks.replace("party", "party to the agreement"))), tag))
    parts: dict[str, list[Written]] = {"d": [(dates.write(day), date)]}
    for place, tag in zip("ab", parties, strict=True):
        name = draw.company() if draw.chance(0.75) else draw.person()
        role = draw.pick(_ROLES).format(s=draw.entry("region"))
        parts[place] = [(name, tag), role if role.startswith(",") else f" {role}"]
    pieces = _filled(draw.pick(_BEGIN), parts)
    paragraphs = [pieces]
    if draw.chance(0.75):
        law = sheet.fact(names=("governing law", "jurisdiction", "applicable law"), keys=("governing_law",
            "jurisdiction", "law"),
                         asks=("Which law governs the agreement?", "The laws of which state apply?",
                             "What is the governing law?"))  # fmt: skip
        paragraphs.append(
            _filled(
                draw.pick(_LAW),
                {"j": [(draw.any((draw.entry("region"), draw.entry("country"), "Delaware", "New York")), law)]},
            )
        )
    if draw.chance(0.6):
        term = sheet.fact(names=("term", "term of the agreement", "duration"), keys=("term", "duration", "period"),
                          asks=("How long does the agreement last?", "For how long is the agreement valid?",
                              "What is the term?"))  # fmt: skip
        number = draw.number(1, 10)
        text = draw.any(
            (
                f"{number} years",
                f"{number} months",
                f"({number}) years",
                f"{number * 30} days",
                f"{draw.any(('two', 'three', 'five', 'ten'))} years",
            )
        )
        paragraphs.append(_filled(draw.pick(_TERM), {"t": [(text, term)]}))
    for _ in range(draw.any((1, 2, 3, 4, 6, 8))):
        filler = " ".join(draw.entry("legal" if draw.chance(0.6) else "sentence") for _ in range(draw.number(1, 3)))
        paragraphs.insert(draw.number(1, len(paragraphs)), [filler])
    pitch = form.size * draw.rng.uniform(1.25, 1.9)
    for number, paragraph in enumerate(paragraphs):
        lead: list[Written] = [f"{number}. "] if number and draw.chance(0.4) else []
        form.y = (
            sheet.paragraph(form.left, form.y, spaced([*lead, *paragraph]), form.right - form.left, pitch=pitch)
            + 0.6 * pitch
        )
    sheet.height = max(form.y + 40, 1000)
    return sheet


def _filled(sentence: str, parts: dict[str, list[Written]]) -> list[Written]:
    pieces: list[Written] = []
    for number, part in enumerate(sentence.replace("}", "{").split("{")):
        pieces += parts[part] if number % 2 else [part]
    return pieces
