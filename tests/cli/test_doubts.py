"""What the closing line and the exit code say of pages whose text is unsure, or of which nothing could be read."""

from __future__ import annotations

from dsvl2.pipelines import PageResult
from dsvl2.pipelines.documents import Block, Coverage, Line, Notice, Word
from dsvl2_cli.reports import Report, closing_line, exit_code


def passage(sure: float, words: int = 10) -> Block:
    line = Line("abc " * words, words=tuple(Word("abc", None, sure) for _ in range(words)))
    return Block("paragraph", line.text, lines=(line,), confidence=sure)


def told(page: PageResult) -> tuple[str, int]:
    report = Report("a.png", pages=[page])
    return closing_line([report], 1.0), exit_code([report], "doubt")


def test_a_page_of_which_nothing_could_be_read_is_told_with_what_it_may_be() -> None:
    unread = PageResult(1, warnings=(Notice("unreadable", "..."),), coverage=Coverage(0.0))
    line, code = told(unread)
    assert "nothing on 1 page could be read with any certainty (another script" in line and code == 10
    assert "may be missing" not in line


def test_one_passage_in_another_script_is_told_on_a_page_that_is_sure_otherwise() -> None:
    mixed = PageResult(1, (passage(0.99, 40), passage(0.3)), confidence=0.85, calibrated=True)
    line, code = told(mixed)
    assert "most words of a passage on 1 page are likely wrong" in line and code == 10
    few = PageResult(1, (passage(0.99, 40), passage(0.3, 4)), confidence=0.93, calibrated=True)
    assert "passage" not in told(few)[0] and told(few)[1] == 0
