"""Where things are: phrases on pages as boxes, in pixels and on the checkpoints' grid of 0..999."""

from dsvl2.pipelines.grounding.boxes import Region, format_box, parse_region
from dsvl2.pipelines.grounding.draw import draw_boxes
from dsvl2.pipelines.grounding.ground import (
    check_phrase,
    describe_image,
    describe_read,
    ground_image,
    ground_read,
    scaled,
)
from dsvl2.pipelines.grounding.parse import GridBox, Mention, parse_grounding
from dsvl2.pipelines.grounding.search import Hit, find_phrase
from dsvl2.pipelines.grounding.task import SPEC
from dsvl2.pipelines.grounding.types import GroundedBox, GroundResult

__all__ = [
    "SPEC",
    "GridBox",
    "GroundResult",
    "GroundedBox",
    "Hit",
    "Mention",
    "Region",
    "check_phrase",
    "describe_image",
    "describe_read",
    "draw_boxes",
    "find_phrase",
    "format_box",
    "ground_image",
    "ground_read",
    "parse_grounding",
    "parse_region",
    "scaled",
]
