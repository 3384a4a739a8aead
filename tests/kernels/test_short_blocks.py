"""Experts in large blocks of tokens: the last block of an expert is computed as a smaller one where it holds few."""

from __future__ import annotations

import pytest
import torch

from dsvl2.kernels import ops
from dsvl2.kernels.packing import INT4, INT8, Format, PackedWeight, arrange
from tests.kernels.conftest import DEVICE, compare

pytestmark = pytest.mark.usefixtures("kernels")
HELD = [64 + 16, 64 + 17, 33, 64, 1, 0]  # pairs of each expert: in a last block of 16, 17, 33 (half and more), all, one


@pytest.mark.parametrize("form", [None, INT8, INT4])
def test_last_blocks_of_every_length(monkeypatch: pytest.MonkeyPatch, form: Format | None) -> None:
    from dsvl2.kernels.triton_backend import experts, tuning

    torch.manual_seed(0)
    size = tuning.Tile(64, 64, 64, 4, 2)
    monkeypatch.setattr(experts, "tile", lambda *given: size)
    idx = torch.repeat_interleave(torch.arange(len(HELD)), torch.tensor(HELD))
    idx = idx[torch.randperm(len(idx))][:, None].to(DEVICE)
    x, share = (torch.randn(len(idx), columns, device=DEVICE) for columns in (128, 1))
    gate_up, down = (torch.randn(6, *shape, device=DEVICE) * 0.1 for shape in ((128, 128), (128, 64)))
    if form is None:
        compare(lambda x, a, b: ops.moe_experts(x, idx, share, a, b), x, gate_up, down, dtype=torch.bfloat16)
        return
    stacks = [arrange(PackedWeight.of(form, part)) for part in (gate_up.unflatten(1, (2, -1)), down)]
    compare(lambda x: ops.packed_experts(x, idx, share, *stacks), x, dtype=torch.bfloat16)
