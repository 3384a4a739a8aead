"""What kind of answer a question asks for: an amount, a percentage, a day, a telephone number, who signed; in six languages.

A small model that found the right line may give too much of it, or the figure beside the one that was asked. What is of
the kind asked for is cut out of an answer; an answer that cannot be of it is believed less, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsvl2.pipelines.spatial import Segment

MONEY, RATE, DAY, PHONE, SIGNER = "money", "rate", "day", "phone", "signer"
OTHER = 0.4
"""What the score of an answer is multiplied with that is not of the kind asked for."""
_MORE = 2  # words beside a value that may belong to it
_ASKED = (
    (SIGNER, r"who (?:has )?signed|whose signature|by whom .*signed|wer hat .*(?:unterschrieben|unterzeichnet)|qui a signé"
             r"|quién (?:ha )?firm|chi ha firmato|wie heeft .*ondertekend|who wrote|wer hat .*geschrieben|qui a écrit"
             r"|quién escrib|chi ha scritto|wie heeft .*geschreven"),
    (RATE, r"what per ?cent|which per ?cent|percentage|per cent of|interest rate|rate of (?:interest|tax|vat|duty|return)"
           r"|(?:tax|vat|duty|discount|growth) rate|prozent|zinssatz|steuersatz|pour ?cent|taux|porcentaje|tipo de inter"
           r"|percentuale|tasso|aliquota|percentage|rentevoet"),
    (PHONE, r"\b(?:tele)?phone\b|\btelefon|téléphone|teléfono|telefoon|telefono\b|what number .*(?:call|ring)|rufnummer"),
    (MONEY, r"how much\b|what .*\bcosts?\b|what is the (?:price|cost|fee|charge)\b|how high\b|wie hoch|wie ?viel\b(?! \w+e[nr]\b)"
            r"|was kostet|combien coûte|quel est le (?:prix|montant|total)|cuánto (?:cuesta|es|vale)|quanto (?:costa|è)"
            r"|hoeveel kost|wat kost|hoe hoog"),
    (DAY, r"^(?:when|on (?:what|which) (?:day|date)|by when|until when|since when|what day|wann|bis wann|seit wann|quand"
          r"|¿?cuándo|quando|entro quando|wanneer)\b|what is the date|which date"),
)  # fmt: skip
_KINDS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ASKED)
_FIGURE = r"\d{1,3}(?:[ .,'\u2019\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,2})?(?![\d.,]*\d)"
_CURRENCY = r"[$\u20ac\u00a3\u00a5]|EUR(?:OS?)?|USD|GBP|CHF|euros?|dollars?|pounds?|francs?|Franken"
_MONEY = re.compile(rf"(?:{_CURRENCY})\s?(?:{_FIGURE})|(?:{_FIGURE})\s?(?:{_CURRENCY})(?!\w)", re.IGNORECASE)
_RATE = re.compile(
    rf"(?:{_FIGURE})\s?(?:%|per ?cent\b|Prozent\b|pour ?cent\b|por ciento\b|per cento\b|procent\b)", re.I
)
_PHONE = re.compile(r"(?<![\w.,])\+?\(?\d[\d ()/\u2013-]{5,}\d(?!\w)")
_CLOSING = re.compile(
    r"^(?:yours (?:sincerely|faithfully|truly)|sincerely|(?:kind|best|warm)(?:est)? (?:regards|wishes)|regards|respectfully"
    r"|with (?:kind|best|many) .{0,20}|mit (?:freundlichen?|besten?|herzlichen?) gr[uü](?:ß|ss)(?:en)?|hochachtungsvoll"
    r"|cordialement|bien (?:à vous|cordialement)|.{0,60}salutations (?:distinguées|cordiales)|atentamente|saludos.{0,20}"
    r"|(?:un )?cordial(?:es)? saludos?|cordiali saluti|distinti saluti|met vriendelijke groeten?|hoogachtend)\W*$",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Sir)\.? )?(?:[^\W\d_a-zß-ÿ][\w'\u2019-]*\.?[ ]){1,4}[^\W\d_a-zß-ÿ][\w'\u2019-]+"
)
_BELOW = 4  # lines below a closing formula in which the name stands


def asked_kind(question: str) -> str | None:
    """Return what kind of answer a question asks for; None if its words do not say."""
    words = " ".join(question.split())
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), None)


def held_to(kind: str | None, answer: str) -> tuple[str, bool]:
    """Return what of an answer is of a kind, and whether it can be of that kind at all.

    Only what has more than two words beside the value is cut: a unit or an "about" belongs to it.
    """
    spans = _spans(kind, answer)
    if spans is None:
        return answer, True
    if not spans:
        return answer, not _is_other(str(kind), answer)
    if len({" ".join(span.split()) for span in spans}) == 1:
        rest = answer.replace(spans[0], " ", 1).split()
        return (spans[0].strip() if len(rest) > _MORE else answer), True
    return answer, True


def _spans(kind: str | None, answer: str) -> list[str] | None:
    """The values of a kind in a text; None for kinds that are not told by their letters."""
    if kind == MONEY:
        return [match[0] for match in _MONEY.finditer(answer)]
    if kind == RATE:
        return [match[0] for match in _RATE.finditer(answer)]
    if kind == PHONE:
        return [match[0] for match in _PHONE.finditer(answer)]
    if kind == DAY:
        from dsvl2.pipelines.extract.printed import dates_in

        return [printed for printed, _ in dates_in(answer)]
    return None


def _is_other(kind: str, answer: str) -> bool:
    """Whether an answer without a value of the kind is plainly something else."""
    if kind == RATE:
        return _MONEY.search(answer) is not None or not any(map(str.isdigit, answer))
    if kind == MONEY:
        digits = sum(map(str.isdigit, answer))
        return digits == 0 or (digits > 7 and _PHONE.search(answer) is not None)
    return kind == PHONE and sum(map(str.isdigit, answer)) < 5


def only_rate(segments: Sequence[Segment]) -> str | None:
    """Return the one percentage that stands in some segments; None for none or several."""
    found = {" ".join(match[0].split()) for segment in segments for match in _RATE.finditer(segment.text)}
    return found.pop() if len(found) == 1 else None


def signer(segments: Sequence[Segment]) -> str | None:
    """Return the name below the closing formula of a letter; None if it has no such formula, or no name there."""
    closings = [number for number, segment in enumerate(segments) if _CLOSING.match(segment.text.strip())]
    if len(closings) != 1:
        return None
    box = segments[closings[0]].box
    under = sorted(
        (
            other
            for other in segments
            if other.box.y0 > (box.y0 + box.y1) / 2 and other.box.x0 < box.x1 + box.x1 - box.x0
        ),
        key=lambda other: (other.box.y0, other.box.x0),
    )
    for segment in under[:_BELOW]:
        match = _PERSON.match(segment.text.strip())
        if match is not None:
            return match[0].strip(" ,")
    return None
