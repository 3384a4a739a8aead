"""How kernels of few rows have a multiprocessor's memory parted: alike, as it is emptied in between otherwise."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

pytest.importorskip("triton")
from dsvl2.kernels.cuda_backend import driver
from dsvl2.kernels.triton_backend import alone, few, launch, likeliest, linear, merging, norm, rotary, router, stepping


def test_every_name_is_that_of_a_kernel() -> None:
    modules = alone, few, likeliest, linear, merging, norm, rotary, router, stepping
    assert all(any(hasattr(module, name) for module in modules) for name in launch.FEW_ROWS)


def test_kernels_of_few_rows_are_told_whether_they_are_loaded_already_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(launch, "shared_first", told.append)
    monkeypatch.setattr(launch, "_few", [])
    monkeypatch.setattr(launch, "_alike", [])
    for function, name in ((1, "_rows"), (2, "gate_up"), (3, "_linear")):
        launch._loaded(None, function, name, {}, "hash")
    assert not told  # not every model gains by it
    launch.part_alike()
    launch._loaded(None, 4, "_merge_values", {}, "hash")
    launch.part_alike()
    assert told == [1, 4]


def test_it_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refused(name: str, handle: ctypes.c_void_p, *rest: int) -> None:
        asked.append((name, handle.value, *rest))
        raise driver.CudaError("cuFuncSetAttribute failed with 1")

    monkeypatch.setattr(driver, "_driver", refused)
    driver.shared_first(7)
    assert asked == [("cuFuncSetAttribute", 7, 9, 100)]
