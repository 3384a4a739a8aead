"""What may be wrong with a page that was read, in one word each: for closing lines, events and exit codes."""

from __future__ import annotations

from dsvl2.pipelines.documents import PageResult

UNREAD, WORDS, PASSAGE, MISSING, MADE_UP = "unread", "words", "passage", "missing", "made_up"
KINDS = (UNREAD, WORDS, PASSAGE, MISSING, MADE_UP)
_PASSAGE_WORDS = 8  # a block as long as this is told of by itself


def doubts_of(page: PageResult) -> tuple[str, ...]:
    """Return what speaks against a page's text, of KINDS; nothing for a page that failed or is blank.

    `unread`: there is text of which hardly a word could be right, so that none is given. `words`, or those of a `passage`:
    most are likelier wrong than right. `missing`: ink that looks like text and is explained by none. `made_up`: text that
    stands on no ink.
    """
    found = []
    if page.let_go:
        found.append(UNREAD)
    if page.mostly_doubtful:
        found.append(WORDS)
    elif _has_doubtful_passage(page):
        found.append(PASSAGE)
    if page.coverage is not None and page.coverage.unexplained and not page.let_go:
        found.append(MISSING)
    if page.coverage is not None and page.coverage.unsupported:
        found.append(MADE_UP)
    return tuple(found)


def _has_doubtful_passage(page: PageResult) -> bool:
    """Say whether most words of one of its longer blocks are likelier wrong than right."""
    if not page.calibrated:
        return False
    for block in page.blocks:
        words = [word.confidence for line in block.lines for word in line.words if word.confidence is not None]
        if len(words) >= _PASSAGE_WORDS and 2 * sum(sure < 0.5 for sure in words) > len(words):
            return True
    return False
