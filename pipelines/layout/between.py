"""Figures and outlines between the lines of a column: where they part its text, and where they come in reading order."""

from __future__ import annotations

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.types import InkLine, Region


def between_figures(
    members: list[int], lines: tuple[InkLine, ...], figures: list[Box], stamps: list[Box]
) -> list[list[int]]:
    """Cut a leaf's lines where a figure stands between two of them, and where an outline around some begins and ends."""
    parts: list[list[int]] = []
    for k in members:
        last = lines[parts[-1][-1]] if parts else None
        divided = last is not None and any(
            last.middle < (box.y0 + box.y1) / 2 < lines[k].middle and box.x0 < lines[k].x1 and box.x1 > lines[k].x0
            for box in figures
        )
        if last is None or divided or _holder(last, stamps) != _holder(lines[k], stamps):
            parts.append([])
        parts[-1].append(k)
    return parts


def _holder(line: InkLine, stamps: list[Box]) -> Box | None:
    """Return the outline that a line stands in."""
    x, y = (line.x0 + line.x1) / 2, line.middle
    return next((box for box in stamps if box.x0 < x < box.x1 and box.y0 < y < box.y1), None)


def insert_figure(regions: list[Region], figure: Region) -> None:
    """Put a figure before the first text region of its column that lies below it."""
    middle = (figure.box.y0 + figure.box.y1) / 2
    for k, region in enumerate(regions):
        overlaps = min(region.box.x1, figure.box.x1) > max(region.box.x0, figure.box.x0)
        if overlaps and (region.box.y0 + region.box.y1) / 2 > middle:
            regions.insert(k, figure)
            return
    regions.append(figure)
