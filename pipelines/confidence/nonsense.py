"""Text of which next to no word can be right is let go: what a model makes of a picture in dots, for example."""

from __future__ import annotations

from dataclasses import replace

from dsvl2.pipelines.documents import Notice, PageResult

NONSENSE = 0.15
"""Share of words that can be expected to be right; the worst scans that are still of use have a third."""
NONSENSE_IN_LOOPS = 0.25
"""The same where the model repeated itself as well."""
NONSENSE_IF_ODD, FEW = 0.3, 6
"""The same of a page without rows like those of print, a drawing or handwriting; and words, fewer of which stay: a stamp."""
PART_IF_ODD, TABLE_IF_ODD = 0.25, 0.5
"""Share of words of one block of such a page that can be expected to be right; of a table: boards and grids look like some."""
NONSENSE_IN_TABLES = 0.3
"""The same of a page that is mostly tables: prose with a third of its words right tells something, such cells nothing."""
_CIRCLES, MANY_CIRCLES, LINES_OF_CIRCLES = frozenset("Oo0"), 4, 3
"""Letters that a circle is read as; so many of them and no others, in so many lines, are the pieces of a board."""
_LOOPS = ("truncated", "loop_recovered")


def believable(page: PageResult, *, odd: bool = False) -> PageResult:
    """Return the page as it is, or without its text and with the notice `unreadable`. Needs calibrated confidences.

    odd: its ink is unlike print (`PageLayout.odd`).
    """
    sure = page.confidence if page.calibrated else None
    looped = any(notice.code in _LOOPS for notice in page.warnings)
    strange = odd and _words(page) >= FEW
    least = max(
        NONSENSE, NONSENSE_IN_LOOPS * looped, NONSENSE_IN_TABLES * _is_mostly_tables(page), NONSENSE_IF_ODD * strange
    )
    if _only_circles(page):
        return _let_go(page, "all that the model made out on this page are circles and strokes: it was let go")
    if sure is None or sure >= least:
        return _without_doubtful_parts(page) if odd and page.calibrated else page
    share = f"{sure:.0%} of its words can be expected to be right"
    return _let_go(page, f"what the model made of this page was let go: {share}")


def _let_go(page: PageResult, fact: str) -> PageResult:
    kept = tuple(block for block in page.blocks if block.kind == "figure")
    return replace(page, blocks=kept, confidence=None, warnings=(*page.warnings, Notice("unreadable", fact)))


def _only_circles(page: PageResult) -> bool:
    lines = [line.text for block in page.blocks for line in block.lines if line.text.strip()]
    letters = [letter for line in lines for letter in line if letter.isalnum()]
    return len(lines) >= LINES_OF_CIRCLES and len(letters) >= MANY_CIRCLES and _CIRCLES.issuperset(letters)


def _without_doubtful_parts(page: PageResult) -> PageResult:
    """Return the page of a drawing without the parts that are no labels."""
    kept = tuple(
        block
        for block in page.blocks
        if block.confidence is None or block.confidence >= (PART_IF_ODD if block.table is None else TABLE_IF_ODD)
    )
    lost = len(page.blocks) - len(kept)
    if not lost:
        return page
    parts = "1 part" if lost == 1 else f"{lost} parts"
    fact = f"what the model made of {parts} was let go: there may be a drawing or handwriting, and nothing that it can read"
    return replace(page, blocks=kept, warnings=(*page.warnings, Notice("part_unreadable", fact)))


def _words(page: PageResult) -> int:
    return sum(len(line.text.split()) for block in page.blocks for line in block.lines)


def _is_mostly_tables(page: PageResult) -> bool:
    inside = sum(len(block.lines) for block in page.blocks if block.table is not None)
    return 2 * inside > sum(len(block.lines) for block in page.blocks)
