"""What the figures of a model are made with: the rows of their table, and what measures them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is, what was reached, what it is to reach; `met` None where that is not a number's matter.

    `beside` is what Tesseract reaches on the same images by the same metric; `count` says on what it stands.
    """

    what: str
    got: str
    target: str
    met: bool | None
    count: str
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the figures are measured with. `sample(small, full)` is how many of a thing to take."""

    engine: Engine
    eval_dir: Path
    cache: Path
    full: bool = False
    tesseract: bool = True
    vocabulary: Path | None = None
    formulas: Path | None = None

    def sample(self, small: int, full: int | None = None) -> int | None:
        """How many to measure; None is all."""
        return full if self.full else small


class NotMeasured(Exception):
    """A figure needs something that is not here; the message says what."""
