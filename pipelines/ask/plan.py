"""What is refused before any work: questions that cannot be asked, and more pages to read than anyone would wait for."""

from __future__ import annotations

from collections.abc import Sequence

from dsvl2.pipelines.errors import QuestionError, TooManyPages

CANDIDATES = 6
"""Pages asked for each question."""
READ_AT_MOST = 30
"""Pages read by the model for a call of `ask`, unless more are asked for."""
SECONDS_A_PAGE = 4.0
"""A rough figure for a plan: the embedded model on two cores."""
LONGEST = 600


def check_question(question: str, number: int = 1) -> str:
    """Return a question without surrounding white space.

    Raises:
        QuestionError: it is empty or longer than 600 characters.
    """
    asked = " ".join(question.split())
    if not any(character.isalnum() for character in asked):
        raise QuestionError(
            f"question {number} is empty" if not asked else f"question {number} has no words: {asked!r}"
        )
    if len(asked) > LONGEST:
        raise QuestionError(
            f"question {number} has {len(asked)} characters, the most is {LONGEST}",
            hint="ask one thing at a time; several questions cost hardly more than one",
        )
    return asked


def check_reading(unread: Sequence[int], total: int, limit: int | None, name: str) -> None:
    """Refuse to read more scanned pages than would be waited for, with a plan that works.

    unread: numbers of the pages without good text of their own, out of `total` pages. limit: what was asked for, None: nothing.

    Raises:
        TooManyPages.
    """
    if limit is not None or len(unread) <= READ_AT_MOST:
        return
    minutes = len(unread) * SECONDS_A_PAGE / 60
    raise TooManyPages(
        f"{name}: {len(unread)} of {total} pages have no text to search and would have to be read first, "
        f"about {minutes:.0f} minutes on two cores",
        hint="read it once with `dsvl2 ocr FILE -o searchable.pdf` and ask that: then a question takes seconds; "
        f"or choose pages with --pages 1-{READ_AT_MOST}, or allow it with --read-at-most {len(unread)}",
    )
