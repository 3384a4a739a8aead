"""What kind of answer is asked for, and what of an answer is of that kind."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.ask.kinds import asked_kind, held_to, only_rate, signer
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.spatial import Segment


def segments(*rows: str) -> list[Segment]:
    return [Segment(row, Box(50, 30 * k, 50 + 8 * len(row), 30 * k + 16)) for k, row in enumerate(rows) if row]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How much does the repair cost?", "money"),
        ("Wie hoch ist die Rate?", "money"),
        ("Wie viele Stühle sind es?", None),
        ("How many chairs are there?", None),
        ("What percentage is taken off?", "rate"),
        ("Quel est le taux ?", "rate"),
        ("What is the interest rate?", "rate"),
        ("Who signed it?", "signer"),
        ("Wer hat den Brief geschrieben?", "signer"),
        ("¿Cuándo es la reunión?", "day"),
        ("What is the telephone number?", "phone"),
        ("What is the hourly rate?", None),
        ("Which book is overdue?", None),
    ],
)
def test_the_words_of_a_question_say_what_kind_of_answer_it_wants(question: str, kind: str | None) -> None:
    assert asked_kind(question) == kind


@pytest.mark.parametrize(
    ("kind", "answer", "kept", "fits"),
    [
        ("money", "\u00a370. If you pay within 14 days", "\u00a370", True),
        ("money", "86,00 Euro. erfolgt jeweils zum Monatsersten", "86,00 Euro", True),
        ("money", "about 86 euros", "about 86 euros", True),
        ("money", "5 EUR or 7 EUR, as you like", "5 EUR or 7 EUR, as you like", True),
        ("money", "0341 998 12 40", "0341 998 12 40", False),
        ("rate", "1,200 EUR", "1,200 EUR", False),
        ("rate", "at 4.5 % for a year and longer", "4.5 %", True),
        ("rate", "4.5", "4.5", True),
        ("day", "or shortly after 16 February 2024", "16 February 2024", True),
        ("day", "tomorrow at noon", "tomorrow at noon", True),
        (None, "anything at all that was said", "anything at all that was said", True),
    ],
)
def test_an_answer_is_held_to_its_kind(kind: str | None, answer: str, kept: str, fits: bool) -> None:
    assert held_to(kind, answer) == (kept, fits)


def test_who_signed_stands_below_the_closing_formula() -> None:
    letter = (
        "Harbour & Lyle Ltd",
        "Dear Mr Brown,",
        "Jane Doe will call you.",
        "Yours sincerely,",
        "",
        "Ada M. Moss, Clerk",
    )
    assert signer(segments(*letter)) == "Ada M. Moss"
    assert signer(segments("Mit freundlichen Grüßen", "im Auftrag", "Jörg Seidel")) == "Jörg Seidel"
    assert signer(segments(*letter[:3])) is None and signer(segments("Kind regards", "your team", "of 12")) is None


def test_one_percentage_is_the_rate_and_two_are_not() -> None:
    assert only_rate(segments("interest of 4.5 % a year", "on 1,200 EUR")) == "4.5 %"
    assert only_rate(segments("4 % or 5 %")) is None and only_rate(segments("none")) is None
