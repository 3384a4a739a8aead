"""Making the embedded model: its data, its training, its measurement. The door for the program; the rest runs by `-m`."""

from dsvl2.pipelines.training.card import write_card
from dsvl2.pipelines.training.curves import draw

__all__ = ["draw", "write_card"]
