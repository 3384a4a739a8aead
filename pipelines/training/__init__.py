"""Making the embedded model: its data, its training, its measurement. The door for the program; the rest runs by `-m`."""

from dsvl2.pipelines.training.card import write_card
from dsvl2.pipelines.training.curves import draw
from dsvl2.pipelines.training.needs import lacking
from dsvl2.pipelines.training.pairs import Pair, PairsError, read_pairs
from dsvl2.pipelines.training.recipe import FineTuning, Recipe, changes_of, named_recipe

__all__ = [
    "FineTuning",
    "Pair",
    "PairsError",
    "Recipe",
    "changes_of",
    "draw",
    "lacking",
    "named_recipe",
    "read_pairs",
    "write_card",
]
