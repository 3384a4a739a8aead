"""Letters, memos and fax cover sheets: heads of labels, addresses in blocks, running text, a signature."""

from __future__ import annotations

from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.entries import Entry, usual
from dsvl2.pipelines.training.answers.forms import Form, columns, inline, tabbed
from dsvl2.pipelines.training.answers.sheet import Sheet
from dsvl2.pipelines.training.answers.tongues import ENGLISH
from dsvl2.pipelines.training.answers.values import Amounts, Dates

_OPEN = ("Dear {n},", "Dear Mr. {l}:", "Dear Ms. {l},", "Dear Sir or Madam,", "Dear {f},", "To whom it may concern:",
    "Gentlemen:", "Hello {f},",
         "Dear Dr. {l}:", "Dear Sirs,")  # fmt: skip
_CLOSE = ("Sincerely,", "Yours faithfully,", "Best regards,", "Very truly yours,", "Kind regards,",
    "Yours sincerely,", "Cordially,", "Regards,",
          "Respectfully,", "With best wishes,")  # fmt: skip
_MEMO = (
    "MEMORANDUM",
    "MEMO",
    "INTER-OFFICE MEMORANDUM",
    "INTERNAL CORRESPONDENCE",
    "Note to file",
    "FILE NOTE",
    "OFFICE MEMO",
    "Interoffice Memo",
)
_FAX = (
    "FAX",
    "FACSIMILE COVER SHEET",
    "FAX TRANSMISSION",
    "TELEFAX",
    "Fax Cover Page",
    "TELECOPIER TRANSMITTAL",
    "FACSIMILE MESSAGE",
    "Fax message",
)
_SIGNER = ("Who signed the letter?", "Who wrote the letter?", "Who is the letter from?", "Whose signature is it?",
    "Who is the author?",
           "Who sent the letter?", "What is the name of the signer?")  # fmt: skip
_GETS = ("Who is the letter addressed to?", "To whom is the letter written?", "Who is the recipient?",
    "Who received the letter?",
         "Who is the addressee?", "Who was this sent to?")  # fmt: skip

_DAYS = ("When was the letter written?", "What is the date of the letter?", "On what day was it written?")


def _body(form: Form, low: int, high: int) -> None:
    """Paragraphs of running text; a few state something that can be asked."""
    draw = form.draw
    from dsvl2.pipelines.training.answers.prose import statement

    pitch = form.size * draw.rng.uniform(1.2, 1.7)
    indent = draw.any((0.0, 0.0, 3.0)) * form.size
    for _ in range(draw.number(low, high)):
        pieces: list[str | tuple[str, int]] = []
        for _ in range(draw.number(1, 3)):
            if draw.chance(0.3):
                pieces += statement(draw, form.sheet)
            else:
                pieces.append(" " + draw.entry("sentence"))
        form.y = form.sheet.paragraph(form.left, form.y, pieces, form.right - form.left, pitch=pitch, indent=indent)
        form.y += pitch * draw.rng.uniform(0.4, 1.1)


def letter(draw: Draw) -> Sheet:
    """A letter: letterhead, date, addressee, text, signature."""
    form = Form(draw, "letter")
    sheet = form.sheet
    dates = Dates(draw)
    centre = (form.left + form.right) / 2
    house = sheet.fact(names=("letterhead", "company", "organisation"), keys=("company", "organisation", "letterhead"),
                       asks=("Whose letterhead is it?", "Which company sent the letter?",
                           "On whose paper is it written?"))  # fmt: skip
    middle = draw.chance(0.5)
    sheet.write(
        centre if middle else form.left,
        form.y,
        (draw.company(), house),
        align="center" if middle else "left",
        size=form.size * 1.3,
    )
    form.feed()
    for part in draw.address():
        sheet.write(centre if middle else form.left, form.y, part, align="center" if middle else "left")
        form.feed(0.8)
    form.feed()
    day = dates.day(draw)
    date = sheet.fact(names=("date", "date of the letter"), keys=("date", "letter_date", "written_on"), kind="date",
        plain=day.isoformat(),
                      asks=_DAYS if draw.held else (*_DAYS, *ENGLISH["date"][2]))  # fmt: skip
    sheet.write(draw.any((form.left, centre, form.right - 12 * form.size)), form.y, (dates.write(day), date))
    form.feed(draw.rng.uniform(1.2, 2.5))
    name = draw.person()
    person = sheet.fact(
        names=("recipient", "addressee"),
        keys=("recipient", "addressee", "to"),
        asks=_GETS if draw.held else (*_GETS, "Who is the letter for?", "Who got the letter?"),
    )
    sheet.write(form.left, form.y, (name, person))
    form.feed(0.9)
    place = sheet.fact(
        names=("address of the recipient", "recipient's address"),
        keys=("recipient_address",),
        asks=("Where does the recipient live?",),
    )
    for part in [draw.company()] * draw.chance(0.5) + draw.address():
        sheet.write(form.left, form.y, (part, place))
        form.feed(0.9)
    form.feed()
    if draw.chance(0.4):
        entry = Entry(
            draw.any(("Re:", "RE:", "Subject:", "Ref.:", "Your ref:")),
            draw.words(3, 8).capitalize(),
            ("subject",),
            ("subject", "re"),
        )
        sheet.write(
            form.left + draw.any((0.0, 4.0)) * form.size, form.y, entry.label + " ", (entry.value, entry.fact(sheet))
        )
        form.feed(1.5)
    first, last = name.split()[0], name.split()[-1]
    sheet.write(form.left, form.y, draw.pick(_OPEN).format(n=name, f=first, l=last))
    form.feed(1.5)
    _body(form, 1, 4)
    x = draw.any((form.left, centre))
    sheet.write(x, form.y, draw.pick(_CLOSE))
    form.feed(draw.rng.uniform(1.5, 3.5))
    signer = sheet.fact(names=("signer", "sender", "author"), keys=("signer", "sender", "from", "author"), asks=_SIGNER)
    sheet.write(x, form.y, (draw.person(), signer))
    form.feed(0.9)
    if draw.chance(0.6):
        job = sheet.fact(names=("position of the signer", "title of the sender"), keys=("position", "job_title"),
                         asks=("What is the position of the signer?", "What is the sender's job?"))  # fmt: skip
        sheet.write(x, form.y, (draw.entry("job"), job))
        form.feed()
    sheet.height = max(form.y + 30, 1000)
    return sheet


def memo(draw: Draw) -> Sheet:
    """A memo or a fax cover sheet: labels at the top, then text."""
    form = Form(draw, "memo")
    form.invented, form.empty = 0.1, draw.any((0.0, 0.1, 0.2))
    fax = draw.chance(0.45)
    sheet = form.sheet
    if draw.chance(0.6):
        sheet.write(form.left if draw.chance(0.5) else form.right * 0.5, form.y, draw.company())
        form.feed()
        if draw.chance(0.5):
            sheet.write(form.left, form.y, ", ".join(draw.address())[:70])
            form.feed()
    title = sheet.fact(
        names=("title", "kind of document"), keys=("title", "document_type"), asks=("What kind of document is this?",)
    )
    sheet.write(
        (form.left + form.right) / 2,
        form.y,
        (draw.pick(_FAX if fax else _MEMO), title),
        align="center",
        size=form.size * 1.4,
    )
    form.feed(2)
    for _ in range(draw.number(1, 2)):
        draw.any((inline, tabbed, tabbed, columns))(form)
        form.feed(draw.rng.uniform(0, 1))
    if draw.chance(0.85):
        _body(form, 0 if fax else 1, 3)
    if draw.chance(0.4):
        dates, amounts = Dates(draw), Amounts(draw)
        entry = usual(draw, dates, amounts)
        entry.label = entry.label.rstrip(":") + ":"
        sheet.write(
            form.left, form.y, entry.label + " ", (sheet.wrap(entry.value, form.right * 0.5)[0], entry.fact(sheet))
        )
        form.feed()
    sheet.height = max(form.y + 30, 1000 * draw.rng.uniform(0.7, 1.1))
    if draw.chance(0.3):
        sheet.write(form.right, sheet.height - 25, draw.number_text(9), align="right")
    return sheet
