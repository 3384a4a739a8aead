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
        drawn = DrawnAside(source, hands=2)
        children: list[Any] = []
        opens = drawn._opens
        monkeypatch.setattr(DrawnAside, "_opens", lambda self, child: children.append(child) or opens(child))
        got = []
        for page in drawn:
            got.append(shown(page))
            if len(got) == 3:
                os.kill(children[0].pid, signal.SIGKILL)
        assert got == want
        monkeypatch.setattr(DrawnAside, "_opens", lambda self, child: False)
        assert [shown(page) for page in DrawnAside(source, hands=2)] == want


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


@pytest.mark.parametrize(("processors", "hands"), [(1, 2), (4, 2), (10, 5), (64, MOST)])
def test_half_of_the_processors_draw(processors: int, hands: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)), raising=False)
    assert hands_here() == hands
