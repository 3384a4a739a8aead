"""How fast a model reads on this machine: pages, tokens, memory, a cold start, the share of what its memory allows."""

from dsvl2.pipelines.benchmark.machine import Machine, look_at_machine
from dsvl2.pipelines.benchmark.measuring import Decoding, Figures, PageTimes, Spread, measure, measure_cold_start
from dsvl2.pipelines.benchmark.page import example_page, one_line
from dsvl2.pipelines.benchmark.report import record, table

__all__ = [
    "Decoding",
    "Figures",
    "Machine",
    "PageTimes",
    "Spread",
    "example_page",
    "look_at_machine",
    "measure",
    "measure_cold_start",
    "one_line",
    "record",
    "table",
]
