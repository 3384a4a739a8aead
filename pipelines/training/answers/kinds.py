"""Which kinds of pages there are, and how often each is drawn. A new kind is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.training.answers.bills import bill
from dsvl2.pipelines.training.answers.charts import horizontal_bars, pie, vertical_bars
from dsvl2.pipelines.training.answers.draw import Draw
from dsvl2.pipelines.training.answers.forms import drill, form_page
from dsvl2.pipelines.training.answers.invoices import invoice
from dsvl2.pipelines.training.answers.letters import letter, memo
from dsvl2.pipelines.training.answers.notes import notes
from dsvl2.pipelines.training.answers.parties import contents, parties
from dsvl2.pipelines.training.answers.post import post
from dsvl2.pipelines.training.answers.prose import contract, prose
from dsvl2.pipelines.training.answers.receipts import receipt
from dsvl2.pipelines.training.answers.sheet import Sheet
from dsvl2.pipelines.training.answers.tables import laboratory, table_page
from dsvl2.pipelines.training.answers.unseen import directory, price_list, ticket

Maker = Callable[[Draw], Sheet]

#: name -> (maker, weight)
KINDS: dict[str, tuple[Maker, float]] = {
    "drill": (drill, 7),
    "receipt": (receipt, 28),
    "form": (form_page, 34),
    "vertical_bars": (vertical_bars, 3),
    "horizontal_bars": (horizontal_bars, 2),
    "pie": (pie, 1),
    "invoice": (invoice, 9),
    "table": (table_page, 9),
    "laboratory": (laboratory, 2),
    "letter": (letter, 5),
    "memo": (memo, 7),
    "prose": (prose, 5),
    "contract": (contract, 7),
    "notes": (notes, 14),
    "parties": (parties, 9),
    "contents": (contents, 4),
    "bill": (bill, 16),
    "post": (post, 24),
}
#: Kinds that pages held out for measuring are made of, beside those that training never sees: the same since the third run.
MEASURED = tuple(name for name in KINDS if name not in ("notes", "parties", "contents", "bill", "post"))
#: Kinds that training never sees.
UNSEEN: dict[str, Maker] = {"directory": directory, "ticket": ticket, "price_list": price_list}
