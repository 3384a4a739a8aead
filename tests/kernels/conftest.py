"""What the kernel tests share: outputs that begin as NaN, and the measure of an error."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dsvl2.kernels import cuda_backend, ops

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RATIO = 1.5  # a kernel may err so much more than plain PyTorch in the same number format
FLOOR = {torch.float32: 3e-6, torch.bfloat16: 1e-3}  # relative; below it rounding of the result decides

EMULATED, SOURCES = Path(__file__).parent / "emulated", Path(cuda_backend.__file__ or "").parent
COMPILER = shutil.which("g++")


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ctypes.CDLL]:
    """Compile the CUDA source of a name with what runs it on a CPU."""

    def compiled(name: str) -> ctypes.CDLL:
        if COMPILER is None:
            pytest.skip("there is no C++ compiler")
        folder = tmp_path_factory.mktemp("emulator")
        for path in (
            *EMULATED.glob("*.cuh"),
            EMULATED / f"{name}.cpp",
            SOURCES / "nibbles.cuh",
            SOURCES / f"{name}.cu",
        ):
            shutil.copy(path, folder)
        command = [COMPILER, "-std=c++17", "-O2", "-w", "-shared", "-fPIC", "-o", f"{name}.so", f"{name}.cpp"]
        subprocess.run(command, cwd=folder, check=True)
        return ctypes.CDLL(str(folder / f"{name}.so"))

    return compiled


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """New memory holds NaN or absurd numbers: what a kernel fails to write, or reads too early, shows."""
    real, real_like = torch.empty, torch.empty_like

    def poison(tensor: Tensor) -> Tensor:
        return tensor.fill_(float("nan") if tensor.is_floating_point() else 99)

    monkeypatch.setattr(torch, "empty", lambda *given, **named: poison(real(*given, **named)))
    monkeypatch.setattr(torch, "empty_like", lambda *given, **named: poison(real_like(*given, **named)))


@pytest.fixture
def rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter cuts fp32 off to bf16, a GPU rounds to the nearest: make it round."""
    if torch.cuda.is_available():
        return
    from triton.runtime import interpreter

    convert = interpreter._convert_float

    def rounded(data: Any, source: Any, target: Any, mode: Any) -> Any:
        if (source.name, target.name) != ("fp32", "bf16"):
            return convert(data, source, target, mode)
        bits = data.view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)

    monkeypatch.setattr(interpreter, "_convert_float", rounded)


@pytest.fixture
def kernels(triton_runs: None, poisoned: None, rounding: None) -> Iterator[None]:
    """Everything inside runs Triton kernels, interpreted where there is no GPU."""
    with torch.inference_mode(), ops.backend("triton"):
        yield


def assert_as_good(got: Tensor, plain: Tensor, exact: Tensor) -> None:
    """`got` is finite and errs no more than RATIO times what plain PyTorch does, both against fp32."""
    assert got.shape == exact.shape
    assert torch.isfinite(got).all()
    if not exact.numel():
        return
    size = exact.double().norm() + 1e-30
    mine, others = ((part.double() - exact.double()).norm() / size for part in (got, plain))
    assert mine <= RATIO * others + FLOOR[got.dtype], f"error {mine:.2e}, plain {others:.2e}"


def compare(run: Callable[..., Tensor], *given: Any, dtype: torch.dtype) -> None:
    """Run an op as a kernel and plain in `dtype`, and plain in fp32 on the same rounded inputs."""
    rounded = [part.to(dtype) if isinstance(part, Tensor) and part.is_floating_point() else part for part in given]
    wide = [part.float() if isinstance(part, Tensor) and part.is_floating_point() else part for part in rounded]
    got = run(*rounded)
    with ops.backend("plain"):
        assert_as_good(got, run(*rounded), run(*wide))


@pytest.fixture(params=[512, 3])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, triton_runs: None) -> None:
    """Few tokens count as many to the router, or do not."""
    from dsvl2.kernels.triton_backend import router

    monkeypatch.setattr(router, "MANY", request.param)
