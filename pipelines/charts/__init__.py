"""Charts to data: words with places, marks by their geometry, printed values matched to marks, questions answered.

    chart = read_chart(image, engine)         # any model that reads bands
    print(to_csv(chart))

This door loads neither the model nor a drawing library.
"""

from dsvl2.pipelines.charts.answer import ChartAnswer, answer_chart
from dsvl2.pipelines.charts.answers_of_models import parse_chart
from dsvl2.pipelines.charts.code import to_code
from dsvl2.pipelines.charts.export import to_csv, to_long_csv, to_markdown
from dsvl2.pipelines.charts.plot import beside
from dsvl2.pipelines.charts.read import finish_chart, prepare_chart, read_chart, read_page, shows_chart, understand
from dsvl2.pipelines.charts.sandbox import Drawn, can_run_code, run_code
from dsvl2.pipelines.charts.task import PAGE_PROMPT, SPEC
from dsvl2.pipelines.charts.types import Axis, ChartData, Charts, PageChart, Point, Series, TextItem

__all__ = [
    "PAGE_PROMPT",
    "SPEC",
    "Axis",
    "ChartAnswer",
    "ChartData",
    "Charts",
    "Drawn",
    "PageChart",
    "Point",
    "Series",
    "TextItem",
    "answer_chart",
    "beside",
    "can_run_code",
    "finish_chart",
    "parse_chart",
    "prepare_chart",
    "read_chart",
    "read_page",
    "run_code",
    "shows_chart",
    "to_code",
    "to_csv",
    "to_long_csv",
    "to_markdown",
    "understand",
]
