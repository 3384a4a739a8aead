"""One worker for each GPU that may be used; the CPU's cores are shared out otherwise."""

from __future__ import annotations

import pytest

from dsvl2_cli.batch_engines import devices


def test_every_visible_gpu_gets_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert devices("auto") == devices("cuda") == ("cuda:0", "cuda:1")
    assert devices("cuda:1") == ("cuda:1",)
    assert devices("cpu") == ("cpu",)


def test_without_one_the_choice_is_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices("auto") == ("auto",)
    assert devices("cuda") == ("cuda",)  # fails when it is loaded, with a message
