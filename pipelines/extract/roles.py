"""What the columns of a table of goods are for: by their headings, and by count times price being the amount."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

WHAT, COUNT, PRICE, AMOUNT = "what", "count", "price", "amount"
_WORDS = {
    AMOUNT: (
        "amount amounts total totals sum value line_total extended betrag gesamt gesamtpreis summe wert montant total_ht"
        " importe importo totale bedrag totaal valor subtotal"
    ),
    COUNT: (
        "qty quantity quant unit_count pcs pieces count counts ordered number_of pack packs anzahl menge stk stück"
        " quantité qté cantidad cant unidades quantità qtà aantal stuks hours days"
    ),
    PRICE: (
        "price prices rate each unit_price unit_cost cost per einzelpreis stückpreis preis prix pu precio prezzo prijs"
        " stukprijs tarif fee"
    ),
    WHAT: (
        "text item items name names description descriptions article articles goods product products designation"
        " particulars service services position what title details bezeichnung beschreibung artikel ware produkt leistung"
        " désignation libellé descripción artículo concepto descrizione articolo prodotto omschrijving"
    ),
}
_ROLE = {word: role for role, words in _WORDS.items() for word in words.split()}
_UNIT = frozenset({"unit", "each", "per", "single", "einzel", "unitaire", "unitario", "stuk"})
_SUMMING = (
    "total totals subtotal sum balance due pay vat tax gst net gross cash change paid given back tendered card amount"
    " summe gesamt gesamtsumme gesamtbetrag zwischensumme endbetrag brutto netto bar gegeben rückgeld zurück mwst ust"
    " zahlbetrag zahlen montant ttc ht tva rendu espèces payer iva importe efectivo cambio totale subtotale imponibile resto"
    " contanti totaal subtotaal btw wisselgeld contant betalen"
)
_BESIDE = (
    "sub to payable payment taxes hst visa mastercard credit debit rounding tip service discount shipping grand of incl"
    " excl including excluding carried over brought forward zu sous à base te eur usd gbp chf euro €"
)
_NAMES = frozenset(_SUMMING.split())
_SUMS = _NAMES | frozenset(_BESIDE.split())
_CENT = 0.0101
_FEWEST, _MOST_ROWS_OFF = 2, 0.2


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a heading or a field's name, folded."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|[^\w€]+|_+", " ", text)
    return tuple(apart.casefold().split())


def role_of(text: str) -> str | None:
    """Return what a heading or a field's name speaks of; None if it is none of these."""
    words = words_of(text)
    named = _ROLE.get("_".join(words))
    if named is not None:
        return named
    roles = {_ROLE[word] for word in words if word in _ROLE}
    if PRICE in roles or (AMOUNT in roles and _UNIT.intersection(words)):
        return AMOUNT if AMOUNT in roles and not _UNIT.intersection(words) else PRICE
    return next((role for role in (AMOUNT, COUNT, WHAT) if role in roles), None)


def is_sum(label: str) -> bool:
    """Say whether the words of a row name a sum, a tax or a payment and nothing else."""
    words = [word for word in words_of(label) if not word.isdigit()]
    return bool(words) and set(words) <= _SUMS and bool(_NAMES.intersection(words))


def products(columns: Sequence[Sequence[float | None]], whole: Sequence[bool]) -> dict[int, str]:
    """Return the roles of three columns of numbers of which two make the third in nearly every row; {} if none do.

    columns: the numbers by column and row, None where there is none; whole: whether a column has no decimals in print.
    """
    for count, price, amount in permutations(range(len(columns)), 3):
        rows = [row for row in zip(columns[count], columns[price], columns[amount], strict=True) if None not in row]
        right = sum(abs(a * b - c) <= _CENT for a, b, c in rows if a is not None and b is not None and c is not None)
        told = any(a not in (1, 0) and b not in (1, 0) for a, b, _ in rows)
        if right < _FEWEST or right < (1 - _MOST_ROWS_OFF) * len(rows) or not told:
            continue
        if whole[price] and not whole[count]:
            continue  # the other way round
        return {count: COUNT, price: PRICE, amount: AMOUNT}
    return {}


def first_sum(values: Sequence[float | None], labels: Sequence[str]) -> int:
    """Return the row from which on a column holds sums: one that is named so, or is all the rows before it together."""
    so_far = 0.0
    for row, (value, label) in enumerate(zip(values, labels, strict=True)):
        together = row >= _FEWEST and value is not None and abs(value - so_far) <= _CENT and abs(value) > _CENT
        if is_sum(label) or together:
            return row
        so_far += value or 0.0
    return len(values)
