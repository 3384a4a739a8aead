"""Questions about documents: which pages to ask, what the model said, and where on the page it stands."""

from dsvl2.pipelines.ask.answers import parse_answer
from dsvl2.pipelines.ask.charts import ask_charts, with_charts
from dsvl2.pipelines.ask.images import ImageBudget, ask_images
from dsvl2.pipelines.ask.plan import CANDIDATES, READ_AT_MOST, check_question, check_reading
from dsvl2.pipelines.ask.promising import FEW, Survey, survey
from dsvl2.pipelines.ask.rank import rank
from dsvl2.pipelines.ask.task import SPEC
from dsvl2.pipelines.ask.text import ask_text
from dsvl2.pipelines.ask.types import AskPage, AskResult, Evidence, PageRef

__all__ = [
    "CANDIDATES",
    "FEW",
    "READ_AT_MOST",
    "SPEC",
    "AskPage",
    "AskResult",
    "Evidence",
    "ImageBudget",
    "PageRef",
    "Survey",
    "ask_charts",
    "ask_images",
    "ask_text",
    "check_question",
    "check_reading",
    "parse_answer",
    "rank",
    "survey",
    "with_charts",
]
