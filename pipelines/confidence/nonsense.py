"""Text of which next to no word can be right is let go: what a model makes of a picture in dots, for example."""

from __future__ import annotations

from dataclasses import replace

from dsvl2.pipelines.documents import Notice, PageResult

NONSENSE = 0.08
"""Share of words that can be expected to be right; the worst scans that are still of use have a third."""
NONSENSE_IN_LOOPS = 0.25
"""The same where the model repeated itself as well."""
NONSENSE_IN_TABLES = 0.3
"""The same of a page that is mostly tables: prose with a third of its words right tells something, such cells nothing."""
_LOOPS = ("truncated", "loop_recovered")


def believable(page: PageResult) -> PageResult:
    """Return the page as it is, or without its text and with the notice `unreadable`. Needs calibrated confidences."""
    sure = page.confidence if page.calibrated else None
    looped = any(notice.code in _LOOPS for notice in page.warnings)
    least = max(NONSENSE, NONSENSE_IN_LOOPS * looped, NONSENSE_IN_TABLES * _is_mostly_tables(page))
    if sure is None or sure >= least:
        return page
    kept = tuple(block for block in page.blocks if block.kind == "figure")
    fact = f"what the model made of this page was let go: {sure:.0%} of its words can be expected to be right"
    return replace(page, blocks=kept, confidence=None, warnings=(*page.warnings, Notice("unreadable", fact)))


def _is_mostly_tables(page: PageResult) -> bool:
    inside = sum(len(block.lines) for block in page.blocks if block.table is not None)
    return 2 * inside > sum(len(block.lines) for block in page.blocks)
