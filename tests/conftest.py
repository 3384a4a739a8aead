"""Shared by all tests: where things lie, a network that is switched off, and gpu tests only where there is a GPU."""

from __future__ import annotations

import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Set before torch is imported. The networks of the tests are tiny: on a busy machine of two cores a second thread made
# them three times slower (its threads wait for each other), and on an idle one it gains next to nothing.
os.environ.setdefault("OMP_NUM_THREADS", "1")
if not Path("/dev/nvidiactl").exists():  # Triton kernels are interpreted then; read when the first one is imported
    os.environ.setdefault("TRITON_INTERPRET", "1")
for variable in [name for name in os.environ if name.startswith("DSVL2_")]:
    del os.environ[variable]
# Made-up examples are the same in every run, so that a change is judged by what it changes; LONG_TESTS=1 takes new ones.
if find_spec("hypothesis") and not os.environ.get("LONG_TESTS"):
    from hypothesis import settings

    settings.register_profile("same", derandomize=True)
    settings.load_profile("same")


# A worker takes whole files, in this order: a long one begun last would leave the other worker idle.
LONG = [
    "pipelines/training/test_train.py", "pipelines/batch/test_kills.py", "pipelines/batch/test_hostile.py",
    "kernels/test_triton.py", "model/test_triton_path.py", "cli/test_batch.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))
    if not any(item.get_closest_marker("gpu") for item in items):
        return
    import torch

    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def triton_runs() -> None:
    """Skip where Triton is absent, or too old to be interpreted beside this NumPy."""
    triton = pytest.importorskip("triton")
    import torch

    if torch.cuda.is_available():
        return
    if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9):
        pytest.skip("needs a CUDA device, or the interpreter of Triton 3.9")
    _replace_the_language_once_a_kernel()


def _replace_the_language_once_a_kernel() -> None:
    """Triton's interpreter looks for its own functions to replace at every call of a device function: 40 % of its time.

    Within a kernel they stay replaced, so once for each module that device functions of the kernel come from will do.
    """
    from triton.runtime import interpreter

    replace, done = interpreter._patch_lang, set[int]()

    def once(function: Any) -> Any:
        module, begins = id(function.__globals__), not done
        if module in done:
            return None  # of a device function; only the kernel's own is put back
        done.add(module)
        scope = replace(function)
        if begins:
            put_back = scope.restore
            scope.restore = lambda: (done.clear(), put_back())
        return scope

    interpreter._patch_lang = once


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection but a local socket fails the test that tried it."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            pytest.fail(f"a test tried to reach {address!r}")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def sample_scan() -> Path:
    """The sample scan of `make demo`: one page, no text layer."""
    return ROOT / "examples" / "data" / "scan.pdf"
