"""Sentences as contracts have them, with made-up parties, dates and references."""

from __future__ import annotations

from random import Random

from dsvl2.pipelines.training.phrases import STATES, Words, address, company, date, money, person, reference, web

TERMS = ["Agreement", "Company", "Party", "Parties", "Effective Date", "Closing Date", "Confidential Information",
    "Purchase Price", "Services", "Term", "Licensee", "Licensor", "Supplier", "Customer", "Products", "Territory",
    "Affiliate", "Intellectual Property Rights", "Losses", "Governing Law", "Force Majeure", "Change of Control",
    "Material Adverse Effect", "Business Day", "Notice", "Shares", "Seller", "Buyer", "Indemnified Party",
    "Representatives", "Third Party", "Fees", "Royalties", "Exhibit A", "Schedule 1.1"]  # fmt: skip
_LEGAL = (
    "This {T} (this “{t}”) is entered into as of {d} (the “Effective Date”), by and between {c}, "
    "a {s} corporation (“{t2}”), and {c2}.",
    "WHEREAS, {t} desires to {w}, and {t2} is willing to {w2} on the terms set forth herein;",
    "NOW, THEREFORE, in consideration of the mutual covenants contained herein, the {t} and the {t2} agree as follows:",
    "“{t}” means {w}, including without limitation any {w2}, as set forth in {r}.",
    "Subject to {r}, each {t} shall {w} within {n} days after receipt of written notice from the {t2}.",
    "Notwithstanding anything to the contrary in {r}, in no event shall the {t} be liable for any {w} exceeding {m}.",
    "The {t} shall pay to the {t2} an amount equal to {m} ({w}) no later than {d}.",
    "Neither party may assign this {t} without the prior written consent of the {t2}, which "
    "consent shall not be unreasonably withheld.",
    "THE {U} IS PROVIDED “AS IS” AND WITHOUT WARRANTY OF ANY KIND, EXCEPT AS EXPRESSLY SET FORTH IN {R}.",
    "This {t} shall be governed by and construed in accordance with the laws of the State of {s}.",
    "IN WITNESS WHEREOF, the parties hereto have caused this {T} to be executed by "
    "their duly authorized representatives.",
    "All notices under {r} shall be in writing and sent to {a}, Attention: {p}.",
    "[***] Certain information has been omitted; the {t} may request a copy of {r} at {u}.",
    "Except as provided in {r} and {r2}, the {t} represents and warrants that {w}; provided, however, that {w2}.",
    "In the event of a {t} (as defined in {r}), {w} shall terminate on {d} at {h}.",
)


def legal(rng: Random, words: Words) -> str:
    """A sentence as contracts have them."""
    template = rng.choice(_LEGAL)
    t, t2 = rng.choice(TERMS), rng.choice(TERMS)
    few = " ".join(words(rng.randint(2, 12))).strip(".,;:")
    return template.format(
        t=t, t2=t2, T=rng.choice((t, "AGREEMENT", "Lease Agreement", "SERVICES AGREEMENT")), U=t.upper(),
            d=date(rng), c=company(rng),
        c2=company(rng), s=rng.choice(STATES), w=few or "proceed", w2=" ".join(words(rng.randint(1, 8))).strip(".,;:"),
        r=reference(rng), r2=reference(rng), R=reference(rng).upper(), n=rng.choice((5, 10, 15, 30, 45, 60, 90)),
            m=money(rng),
        a=", ".join(address(rng)), p=person(rng), u=web(rng, words), h=f"{rng.randint(1, 12)}:00 p.m.",
    )  # fmt: skip
