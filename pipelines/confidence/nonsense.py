"""Text of which next to no word can be right is let go: what a model makes of a picture in dots, for example."""

from __future__ import annotations

from dataclasses import replace

from dsvl2.pipelines.documents import Notice, PageResult

NONSENSE = 0.08
"""Share of words that can be expected to be right; the worst scans that are still of use have a third."""
NONSENSE_IN_LOOPS = 0.25
"""The same where the model repeated itself as well."""
_LOOPS = ("truncated", "loop_recovered")


def believable(page: PageResult) -> PageResult:
    """Return the page as it is, or without its text and with the notice `unreadable`. Needs calibrated confidences."""
    sure = page.confidence if page.calibrated else None
    looped = any(notice.code in _LOOPS for notice in page.warnings)
    if sure is None or sure >= (NONSENSE_IN_LOOPS if looped else NONSENSE):
        return page
    kept = tuple(block for block in page.blocks if block.kind == "figure")
    fact = f"what the model made of this page was let go: {sure:.0%} of its words can be expected to be right"
    return replace(page, blocks=kept, confidence=None, warnings=(*page.warnings, Notice("unreadable", fact)))
