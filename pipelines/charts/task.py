"""The registry's entry for charts."""

from __future__ import annotations

from dsvl2.pipelines.charts.answers_of_models import parse_chart
from dsvl2.pipelines.charts.types import Charts
from dsvl2.pipelines.tasks import Prompts, TaskSpec

# The released checkpoints know tables in Markdown from their document data (spec.md 9); there is no official chart prompt.
PAGE_PROMPT = "<image>\nExtract the data of this chart as a table in Markdown, one row for each label."

SPEC = TaskSpec(
    name="chart",
    summary="Turn a chart into its data series",
    prompts=Prompts(page=PAGE_PROMPT, nano="<image>\nRead."),
    parse=parse_chart,
    result=Charts,
    batch="dsvl2.pipelines.charts.batch:ChartBatch",
)
