"""Pages drawn by processes of their own are the pages that the source gives, also when a process dies."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines import open_source
from dsvl2.pipelines.batch.aside import MOST, DrawnAside, hands_here
from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.documents import PageImage, ReadPage, UnreadablePage
from dsvl2.pipelines.run import ahead
from dsvl2.pipelines.sources import SourceOptions

COUNT = 9


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "nine.pdf"
    with pymupdf.open() as made:
        for number in range(COUNT):
            page = made.new_page(width=200, height=100 + number)
            page.insert_text((20, 50), f"page {number + 1} says something that is long enough to be used")
        made.save(path)
    return path


def shown(page: PageImage | ReadPage | UnreadablePage) -> tuple[Any, ...]:
    if isinstance(page, PageImage):
        return (
            page.number,
            page.image.mode,
            page.image.size,
            page.image.tobytes(),
            page.dpi,
            page.size_pt,
            page.layer_use,
        )
    return (page.number, repr(page))


@pytest.mark.parametrize("options", [SourceOptions(), SourceOptions(text_layer="auto"), SourceOptions(pages="2-8,1")])
def test_they_are_the_pages_of_the_source(document: Path, options: SourceOptions) -> None:
    with open_source(document, options) as source:
        want = [shown(page) for page in source]
        assert [shown(page) for page in DrawnAside(source, hands=2)] == want


def test_a_process_that_dies_or_cannot_open_costs_no_page(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source(document, SourceOptions()) as source:
        want = [shown(page) for page in source]
        drawn, got = DrawnAside(source, hands=2), list[Any]()
        for page in drawn:
            got.append(shown(page))
            if len(got) == 3:
                os.kill(drawn._children[0].pid, signal.SIGKILL)
        assert got == want
        monkeypatch.setattr(Child, "answer", lambda child: ({"error": ["file_unreadable", "", ""]}, []))
        assert [shown(page) for page in DrawnAside(source, hands=2)] == want


def test_who_is_ready_draws_while_another_starts(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One child of two opens the document when all else is done; it costs no page and nobody waits for it."""
    late, ask = list[tuple[Child, Any]](), Child.ask

    def told(child: Child, header: Any, blobs: Any = (), *, seconds: float) -> None:
        if header["op"] == "open" and not late:
            late.append((child, header))
        else:
            ask(child, header, blobs, seconds=seconds)

    with open_source(document, SourceOptions()) as source:
        want = [shown(page) for page in source]
        monkeypatch.setattr(Child, "ask", told)
        got = []
        for page in DrawnAside(source, hands=2):
            got.append(shown(page))
            if len(got) == COUNT - 2:
                ask(*late[0], seconds=60)
        assert got == want


def test_processes_begin_before_a_model_is_there(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = cast(Any, SimpleNamespace(info=SimpleNamespace(device="cuda:0")))
    with open_source(document, SourceOptions()) as source:
        monkeypatch.setattr("dsvl2.pipelines.batch.aside.GPU", document)  # a file that exists
        assert DrawnAside.begun(source, "cpu") is None
        begun = DrawnAside.begun(source, "auto")
        assert begun is not None and len(begun._children) == 2 and ahead(source, gpu, begun) is begun
        processes = [child._process for child in begun._children]
        assert all(process.is_alive() for process in processes)
        begun.close()
        assert not any(process.is_alive() for process in processes)
        monkeypatch.setattr("dsvl2.pipelines.batch.aside.GPU", document / "no such file")
        assert DrawnAside.begun(source, "auto") is None


def test_the_reading_process_computes_little_for_pages_drawn_aside(tmp_path: Path) -> None:
    """Of this thread's processor time, during which others of its process wait for Python's lock, however busy the machine."""
    path, scan = tmp_path / "scans.pdf", tmp_path / "scan.jpg"
    Image.effect_noise((1200, 1600), 60).convert("RGB").save(scan)
    with pymupdf.open() as made:
        for _ in range(7):
            page = made.new_page(width=600, height=800)
            page.insert_image(page.rect, filename=str(scan))
        made.save(path)
    spent = []
    with open_source(path, SourceOptions(dpi=144)) as source:
        for pages in (source, DrawnAside(source, hands=2)):
            turn = iter(pages)
            next(turn)  # processes have started, files are open
            start = time.thread_time()
            assert sum(1 for _ in turn) == 6
            spent.append(time.thread_time() - start)
    assert spent[1] < 0.5 * spent[0]


def test_only_a_gpu_and_a_long_file_are_worth_it(document: Path) -> None:
    gpu, cpu = (cast(Any, SimpleNamespace(info=SimpleNamespace(device=name))) for name in ("cuda:0", "cpu"))
    with open_source(document, SourceOptions()) as source:
        assert isinstance(ahead(source, gpu), DrawnAside)
        assert ahead(source, cpu) is ahead(source, None) is source
    with open_source(document.read_bytes(), SourceOptions(), name="x.pdf") as source:
        assert ahead(source, gpu) is source
    with open_source(document, SourceOptions(pages="1-3")) as source:
        assert ahead(source, gpu) is source


@pytest.mark.parametrize(("processors", "hands"), [(1, 2), (4, 2), (9, 4), (64, MOST)])
def test_half_of_the_processors_draw(processors: int, hands: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)), raising=False)
    assert hands_here() == hands
