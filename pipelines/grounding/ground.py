"""Look for a phrase on a page, or describe the page with boxes: by what was read, or by a whole-page checkpoint."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.pipelines.documents import Box, Notice, PageResult
from dsvl2.pipelines.errors import QuestionError
from dsvl2.pipelines.grounding.boxes import Region, to_grid, to_pixels
from dsvl2.pipelines.grounding.parse import Grounding, parse_grounding
from dsvl2.pipelines.grounding.search import find_phrase
from dsvl2.pipelines.grounding.task import DESCRIBE, SPEC
from dsvl2.pipelines.grounding.types import GroundedBox, GroundResult
from dsvl2.pipelines.tasks.base import Engine, Parsed, fill

if TYPE_CHECKING:
    from PIL.Image import Image

ANSWER_TOKENS = 600
_TOKEN = re.compile(r"<\|[^<>\n]{0,40}\|>|<image>")
_LABEL = 80


def check_phrase(phrase: str) -> str:
    """Return a phrase in one line without special tokens.

    Raises:
        QuestionError: nothing is left.
    """
    asked = " ".join(_TOKEN.sub(" ", phrase).split())
    if not any(character.isalnum() for character in asked):
        raise QuestionError("the phrase is empty", hint='write what to look for: dsvl2 ground scan.png "total due"')
    return asked


def ground_read(source: str, page: PageResult, phrase: str, region: Region | None = None) -> GroundResult:
    """Find a phrase among the words that were read on a page.

    Raises:
        BoxOutside: the region is not on the page.
    """
    asked = check_phrase(phrase)
    size = (page.width_px, page.height_px)
    inside = region.on(*size) if region is not None else None
    boxes = tuple(
        GroundedBox(hit.text, box, to_grid(box, *size), hit.score)
        for hit in find_phrase(page, asked)
        for box in hit.boxes
        if inside is None or _within(box, inside)
    )
    return GroundResult(source, page.number, size, asked, None, boxes)


def describe_read(source: str, page: PageResult, region: Region | None = None) -> GroundResult:
    """Describe a page by what was read: its blocks in reading order, each with its box."""
    size = (page.width_px, page.height_px)
    inside = region.on(*size) if region is not None else None
    lines, boxes = [], []
    for block in page.blocks:
        if block.box is None or (inside is not None and not _within(block.box, inside)):
            continue
        text = " ".join(block.text.split())
        label = text if len(text) <= _LABEL else text[: _LABEL - 3] + "..."
        kind = block.kind.replace("_", " ")
        lines.append(f"{kind}: {label}" if label else kind)
        boxes.append(GroundedBox(lines[-1], block.box, to_grid(block.box, *size), block.confidence))
    return GroundResult(source, page.number, size, None, "\n".join(lines), tuple(boxes))


def _within(box: Box, region: Box) -> bool:
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return region.x0 <= x <= region.x1 and region.y0 <= y <= region.y1


def ground_image(
    source: str, number: int, image: Image, phrase: str, engine: Engine, region: Region | None = None
) -> GroundResult:
    """Ask a whole-page checkpoint where a phrase is on an image."""
    asked = check_phrase(phrase)
    return _seen(source, number, image, fill(SPEC.prompts.page, phrase=asked), engine, region, phrase=asked)


def describe_image(
    source: str, number: int, image: Image, engine: Engine, region: Region | None = None
) -> GroundResult:
    """Ask a whole-page checkpoint for a description that says where things are."""
    return _seen(source, number, image, DESCRIBE, engine, region, phrase=None)


def _seen(
    source: str, number: int, image: Image, prompt: str, engine: Engine, region: Region | None, *, phrase: str | None
) -> GroundResult:
    """Show the image (or the region of it) and bring the boxes back to the whole page."""
    width, height = image.size
    part = region.on(width, height) if region is not None else Box(0.0, 0.0, float(width), float(height))
    shown = (
        image if region is None else image.crop((int(part.x0), int(part.y0), math.ceil(part.x1), math.ceil(part.y1)))
    )
    message = Message("user", prompt, (shown,), shared=len("<image>"))
    sampling = SamplingParams(max_new_tokens=ANSWER_TOKENS)
    (answer,) = engine.generate([GenerationRequest((message,), sampling)])
    parsed = parse_grounding(answer.text)
    boxes = _placed(parsed, answer, shown.size, (int(part.x0), int(part.y0)), (width, height))
    notices = parsed.dropped
    if answer.truncated:
        notices += (Notice("truncated", f"the model {answer.ending}: places may be missing"),)
    description = parsed.value.text if phrase is None else None
    return GroundResult(source, number, (width, height), phrase, description, boxes, notices)


def _placed(
    parsed: Parsed[Grounding],
    answer: GenerationResult,
    shown: tuple[int, int],
    offset: tuple[int, int],
    page: tuple[int, int],
) -> tuple[GroundedBox, ...]:
    confidence = math.exp(min(sum(answer.logprobs) / len(answer.logprobs), 0.0)) if answer.logprobs else None
    placed = []
    for mention in parsed.value.mentions:
        for grid in mention.boxes:
            box = to_pixels(grid.sides, *shown)
            moved = Box(box.x0 + offset[0], box.y0 + offset[1], box.x1 + offset[0], box.y1 + offset[1])
            placed.append(GroundedBox(mention.label, moved, to_grid(moved, *page), confidence))
    return tuple(placed)


def scaled(boxes: Sequence[GroundedBox], factor: float) -> tuple[GroundedBox, ...]:
    """Return boxes for the same page drawn larger or smaller."""
    return tuple(
        replace(one, box=Box(*(side * factor for side in (one.box.x0, one.box.y0, one.box.x1, one.box.y1))))
        for one in boxes
    )
