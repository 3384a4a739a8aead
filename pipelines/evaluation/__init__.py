"""How well a model does on data at hand: sets, metrics, and one table for every engine."""

from dsvl2.pipelines.evaluation.engines import EngineUnavailable, Measured, TextEngine, check_pictures, engine_named
from dsvl2.pipelines.evaluation.items import Item, Prediction, TaskName
from dsvl2.pipelines.evaluation.own import OwnEngine
from dsvl2.pipelines.evaluation.run import measure, report, table
from dsvl2.pipelines.evaluation.scoring import Figure, Scored, figures, regressions, score
from dsvl2.pipelines.evaluation.sets import SetError, load_items

__all__ = [
    "EngineUnavailable",
    "Figure",
    "Item",
    "Measured",
    "OwnEngine",
    "Prediction",
    "Scored",
    "SetError",
    "TaskName",
    "TextEngine",
    "check_pictures",
    "engine_named",
    "figures",
    "load_items",
    "measure",
    "regressions",
    "report",
    "score",
    "table",
]
