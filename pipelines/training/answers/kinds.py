"""Which kinds of pages there are, and how often each is drawn. A new kind is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.training.answers.charts import horizontal_bars, pie, vertical_bars
from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.forms import drill, form_page
from dsvl2.pipelines.training.answers.invoices import invoice
from dsvl2.pipelines.training.answers.letters import letter, memo
from dsvl2.pipelines.training.answers.prose import contract, prose
from dsvl2.pipelines.training.answers.receipts import receipt
from dsvl2.pipelines.training.answers.sheet import Sheet
from dsvl2.pipelines.training.answers.tables import laboratory, table_page
from dsvl2.pipelines.training.answers.unseen import directory, price_list, ticket

Maker = Callable[[Draw], Sheet]

#: name -> (maker, weight)
KINDS: dict[str, tuple[Maker, float]] = {
    "drill": (drill, 8),
    "receipt": (receipt, 20),
    "form": (form_page, 30),
    "vertical_bars": (vertical_bars, 9),
    "horizontal_bars": (horizontal_bars, 6),
    "pie": (pie, 2),
    "invoice": (invoice, 9),
    "table": (table_page, 9),
    "laboratory": (laboratory, 2),
    "letter": (letter, 4),
    "memo": (memo, 7),
    "prose": (prose, 3),
    "contract": (contract, 4),
}
#: Kinds that training never sees.
UNSEEN: dict[str, Maker] = {"directory": directory, "ticket": ticket, "price_list": price_list}
