"""Reading ahead: every tensor once, errors where they belong, memory bounded."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dsvl2.model import read_ahead
from dsvl2.model.read_ahead import ReadAhead
from dsvl2.model.weights import CheckpointReader
from tests.model.released import write_released


def test_threads_read_what_one_thread_reads(tmp_path: Path) -> None:
    write_released(tmp_path, "small")
    with CheckpointReader(tmp_path) as reader, ReadAhead(reader.read, reader.sizes()) as ahead:
        for name in reader.names:
            assert torch.equal(ahead.read(name), reader.read(name))


def test_each_is_read_once_in_any_order_and_no_more_than_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "WINDOW", 30)
    count: dict[str, int] = {}
    lock = threading.Lock()

    def read(name: str) -> Tensor:
        with lock:
            count[name] = count.get(name, 0) + 1
        return torch.tensor(int(name))

    sizes = {str(number): 10 for number in range(20)} | {"20": 500}
    with ReadAhead(read, sizes) as ahead:
        for name in ("1", "0", "19", *map(str, range(2, 19)), "20"):
            assert int(ahead.read(name)) == int(name)
            assert ahead._held <= 30 or len(ahead._begun) == 1
    assert {name for name, times in count.items() if times != 1} <= {"1", "19"}  # asked for before their turn


def test_a_failure_reaches_who_asks_for_the_tensor() -> None:
    def read(name: str) -> Tensor:
        if name == "b":
            raise ValueError("damaged")
        return torch.ones(1)

    with ReadAhead(read, {"a": 1, "b": 1, "c": 1}) as ahead:
        ahead.read("a")
        with pytest.raises(ValueError, match="damaged"):
            ahead.read("b")
