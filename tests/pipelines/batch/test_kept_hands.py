"""Readers that are kept from one batch to the next: loaded once, and replaced when they are gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dsvl2.model.errors import ModelError
from dsvl2.pipelines import batch, get_format
from dsvl2.pipelines.batch import children
from tests.pipelines.batch.kills import Instant

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


@dataclass(frozen=True)
class Loads:
    """Makes engines, and leaves a line for each."""

    told: Path
    works: bool = True

    def __call__(self) -> Instant:
        with self.told.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if not self.works:
            raise ModelError("no such model", "name another")
        return Instant()

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self.told.read_text().split()]


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Iterator[batch.KeptHands]:
    monkeypatch.setattr(children, "METHOD", "fork")
    made = batch.KeptHands(batch.BatchOptions(decode_memory=None))
    yield made
    made.let_go()


@pytest.fixture
def read(
    tmp_path: Path, hands: batch.KeptHands, document: Callable[..., Path]
) -> Iterator[Callable[[Any], batch.Counts]]:
    """Read a new document of so many pages with the engines of some maker; the run folder stays open, as in a watch."""
    rounds = iter(range(99))

    def call(maker: Any, pages: int = 2, workers: int = 1) -> batch.Counts:
        number = next(rounds)
        path = document(tmp_path / f"{number}.pdf", [100 + 10 * number + page for page in range(pages)])
        engines = batch.EngineSpec((maker,) * workers, "instant", eager=workers > 1)
        options = batch.BatchOptions(decode_memory=None)
        files = batch.plan_files([path], target=lambda path: tmp_path / "out" / path.with_suffix(".md"))
        output = batch.OutputPlan(get_format("markdown"), tree=True)
        return batch.run_batch(folder, files, output, engines, options=options, hands=hands)

    with batch.RunFolder.begin(tmp_path / "run") as folder:
        yield call


@pytest.fixture
def document() -> Callable[..., Path]:
    def make(path: Path, widths: list[int]) -> Path:
        import pymupdf

        with pymupdf.open() as made:
            for width in widths:
                made.new_page(width=width, height=90).draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
            made.save(path)
        return path

    return make


def test_an_engine_is_loaded_once_for_all_rounds(read: Any, hands: batch.KeptHands, tmp_path: Path) -> None:
    maker = Loads(tmp_path / "loads")
    for _ in range(3):
        assert read(maker).documents_failed == 0
    (pid,) = maker.pids
    os.kill(pid, 0)  # it is there
    hands.let_go()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert len(list((tmp_path / "out").glob("*.md"))) == 3


def test_two_readers_of_one_maker_are_both_kept(read: Any, tmp_path: Path) -> None:
    maker = Loads(tmp_path / "loads")
    for _ in range(3):
        assert read(maker, 6, workers=2).documents_failed == 0
    assert len(maker.pids) == 2


def test_one_that_died_meanwhile_is_loaded_again(read: Any, tmp_path: Path) -> None:
    maker = Loads(tmp_path / "loads")
    read(maker)
    os.kill(maker.pids[0], signal.SIGKILL)
    time.sleep(0.2)
    assert read(maker).documents_failed == 0
    assert len(maker.pids) == 2


def test_another_maker_gets_an_engine_of_its_own_and_one_that_fails_is_not_kept(read: Any, tmp_path: Path) -> None:
    one, other, bad = (Loads(tmp_path / name, works=name != "bad") for name in ("one", "other", "bad"))
    read(one)
    read(other)
    for _ in range(2):
        with pytest.raises(batch.EngineFailed, match="no such model"):
            read(bad)
    read(one)
    assert [len(maker.pids) for maker in (one, other, bad)] == [1, 1, 2]
