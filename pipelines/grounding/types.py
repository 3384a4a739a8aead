"""What looking for a phrase on a page comes to."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsvl2.pipelines.documents import Box, Notice


@dataclass(frozen=True, slots=True)
class GroundedBox:
    """One place. `grid` is the box as the released checkpoints write it: 0..999 along each side of the page image."""

    label: str = field(metadata={"help": "What stands or is shown there."})
    box: Box
    grid: tuple[int, int, int, int]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class GroundResult:
    """What was found on one page; no boxes means: not there. A description replaces the phrase under --describe."""

    source: str
    page: int
    page_size: tuple[int, int] = field(metadata={"help": "Width and height of the page image in pixels."})
    phrase: str | None
    description: str | None
    boxes: tuple[GroundedBox, ...]
    notices: tuple[Notice, ...] = ()
