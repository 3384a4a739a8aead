"""What the closing line and the exit code say of pages whose text is unsure, or of which nothing could be read."""

from __future__ import annotations

import pytest

from dsvl2.pipelines import PageResult
from dsvl2.pipelines.batch.events import Counts
from dsvl2.pipelines.batch.reader import summary
from dsvl2.pipelines.documents import Block, Coverage, Line, Notice, Word
from dsvl2.pipelines.doubts import KINDS
from dsvl2_cli.batch_endings import closing_line as batch_closing_line
from dsvl2_cli.batch_progress import BatchReporter, Display
from dsvl2_cli.console import Console
from dsvl2_cli.doubting import Doubts
from dsvl2_cli.reports import Report, closing_line, exit_code

MAYBE = "(another script, handwriting, a picture, too coarse a scan?)"


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


def test_counts_are_whole_and_only_the_first_places_are_kept() -> None:
    doubts = Doubts(0.9)
    for number in range(1, 1201):
        doubts.add("a.pdf", number, ("words", "below"))
    doubts.add("a.pdf", 7, ("made_up",))
    assert doubts.phrases(sources=1, pages=1300) == [
        f"most words on 1,200 pages (1, 2, 3 and 1197 more) are likely wrong {MAYBE}",
        "1,200 pages (1, 2, 3 and 1197 more) below 0.9 confidence",
        "text without ink on 1 page (7)",
    ]
    assert all(len(places) <= 3 for places in doubts.places.values())


def test_every_doubt_that_a_page_can_have_is_told_in_words() -> None:
    for kind in KINDS:
        doubts = Doubts()
        doubts.add("a.pdf", 1, (kind,))
        assert len(doubts.phrases(sources=1, pages=1)) == 1, kind


def test_a_batch_tells_of_pages_in_doubt_and_of_what_was_noticed_in_files(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = BatchReporter(Console(), Display())
    reporter.document("a.pdf", 2, ["a.pdf is damaged and was repaired; pages may be missing"])
    unread = PageResult(2, warnings=(Notice("unreadable", "..."),))
    reporter.page("a.pdf", 1, "ok", None, 10, summary(PageResult(1), 0.0)["doubts"])
    reporter.page("a.pdf", 2, "ok", None, 0, summary(unread, 0.0)["doubts"])
    line = batch_closing_line(Counts(documents=3, pages=4, pages_done=4), 1.0, reporter.doubts)
    assert f"nothing on 1 page (a.pdf page 2) could be read with any certainty {MAYBE}" in line
    assert "warning: a.pdf is damaged and was repaired" in capsys.readouterr().err
