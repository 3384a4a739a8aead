"""What commands share while they work: documents, pages, output, exit codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.common import Common
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.session import Leave
from dsvl2_cli.work import Work

Make = Callable[..., Path]


@contextmanager
def working(**flags: Any) -> Iterator[Work]:
    common = Common(dpi=72.0, **flags)
    with common.session() as now, Work(common, now) as work:
        yield work


def read_and_leave(path: Path) -> None:
    with working() as work:
        with work.open(work.document(str(path))) as source:
            work.read(source)
        work.leave()


def test_pages_are_read_and_the_engine_is_loaded_once(scripted: Any, pdf: Make) -> None:
    scripted.ScriptedEngine.loaded = 0
    with working() as work:
        for path in (pdf("a.pdf", (100, 110)), pdf("b.pdf")):
            with work.open(work.document(str(path))) as source:
                pages = work.read(source)
                assert [page.number for page in pages] == list(source.selected)
                assert all("pixels" in page.text for page in pages)
        assert work.exit is Exit.OK
    assert scripted.ScriptedEngine.loaded == 1


def test_a_failed_page_is_told_and_makes_the_result_partial(scripted: Any, pdf: Make, capfd: Any) -> None:
    with pytest.raises(Leave) as left:
        read_and_leave(pdf(widths=(100, scripted.BAD_WIDTH)))
    assert left.value.exit is Exit.PARTIAL
    assert "page 2: RuntimeError: the tower fell over" in capfd.readouterr().err


def test_when_no_page_could_be_read_the_exit_code_says_why(scripted: Any, pdf: Make) -> None:
    with pytest.raises(Leave) as left:
        read_and_leave(pdf(widths=(scripted.HUGE_WIDTH,)))
    assert left.value.exit is Exit.OUT_OF_MEMORY


def test_some_pages_only(scripted: Any, pdf: Make) -> None:
    with working() as work, work.open(work.document(str(pdf(widths=(100, 110, 120))))) as source:
        assert [page.number for page in work.read(source, numbers=(3, 1))] == [3, 1]


def test_a_folder_of_several_is_not_one_document(scripted: Any, pdf: Make, capfd: Any) -> None:
    pdf("d/a.pdf"), pdf("d/b.pdf")
    with pytest.raises(Leave) as left, working() as work:
        work.document(str(pdf("d/a.pdf").parent))
    assert left.value.exit is Exit.USAGE
    assert "holds 2 documents" in capfd.readouterr().err


def test_output_is_checked_first_and_never_replaced_unasked(scripted: Any, tmp_path: Path) -> None:
    place = tmp_path / "out.txt"
    with working() as work:
        work.check_output(str(place), False)
        work.deliver("one", str(place))
    with pytest.raises(Leave) as left, working() as work:
        work.check_output(str(place), False)
    assert left.value.exit is Exit.OUTPUT
    with working() as work:
        work.deliver(b"two", str(place), force=True)
    assert place.read_text() == "two"
