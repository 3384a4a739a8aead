"""The CUDA kernel of latent attention, run by an emulator of what it asks of a card: every thread, barrier, copy and product."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.kernels.cuda_backend import driver, latent


@pytest.fixture(scope="module")
def emulator(emulated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return emulated("latent")


def scattered(lengths: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """A cache of blocks in no order, NaN where no token is; their table, and a query."""
    columns = -(-max(lengths) // latent.SIZE)
    table = (torch.randperm(len(lengths) * columns).int() + 1).view(len(lengths), columns)
    cache = torch.full((len(lengths) * columns + 1, latent.SIZE, latent.WIDTH), float("nan"), dtype=torch.bfloat16)
    for row, length in zip(table, lengths, strict=True):
        tokens = torch.full((columns * latent.SIZE, latent.WIDTH), float("nan"), dtype=torch.bfloat16)
        tokens[:length] = torch.randn(length, latent.WIDTH)
        cache[row.long()] = tokens.unflatten(0, (columns, -1))
    query = torch.randn(len(lengths), latent.HEADS, latent.WIDTH) * latent.WIDTH**-0.5 * 3
    return cache, table, query.bfloat16()


@pytest.mark.parametrize(("shares", "lengths"), [(1, [417, 1]), (2, [300]), (3, [31]), (5, [331]), (8, [270])])
def test_every_number_of_blocks_of_a_row(emulator: ctypes.CDLL, shares: int, lengths: list[int]) -> None:
    """More tiles than the ring has room for, the last ones in part, blocks without any; what lies behind a row stays out."""
    torch.manual_seed(shares)
    cache, table, query = scattered(lengths)
    got = torch.full((len(lengths), latent.HEADS, latent.VALUES), float("nan"), dtype=torch.bfloat16)
    given = query, cache, table, torch.tensor(lengths).int(), got
    places = [ctypes.c_void_p(part.data_ptr()) for part in given]
    assert emulator.emulate(*places, len(lengths), table.shape[1], shares) == 0
    for row, length in enumerate(lengths):
        keys = cache[table[row].long()].flatten(0, 1)[:length].float()
        want = (query[row].float() @ keys.T).softmax(-1) @ keys[:, : latent.VALUES]
        assert float((got[row].float() - want).norm() / want.norm()) < 0.004


def test_a_kernel_that_errs_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(made: object, shares: int, query: Tensor, cache: Tensor, sight: ops.Sight) -> Tensor:
        found = []
        for row, blocks, length in zip(query.float(), sight.table.long(), sight.lengths.tolist(), strict=True):
            keys = cache[0, blocks, 0].flatten(0, 1)[:length].float()
            found.append((row @ keys.T).softmax(-1) @ keys[:, : latent.VALUES])
        return torch.stack(found).bfloat16() * made

    monkeypatch.setattr(latent, "_launched", plain)
    assert latent.right(1.0, 8, torch.device("cpu"))  # type: ignore[arg-type]
    assert not latent.right(1.01, 8, torch.device("cpu"))  # type: ignore[arg-type]


def test_what_fails_is_left_to_triton_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Tensor:
        raise driver.CudaError("cuLaunchKernelEx failed with 1")

    monkeypatch.setattr(latent, "_FAILED", {})
    monkeypatch.setattr(latent, "_launched", refused)
    monkeypatch.setattr(latent, "kernels", lambda device: {1: (None, 132)})
    cache, table, query = scattered([5])
    sight = ops.Sight(table, torch.tensor([5]))
    with pytest.warns(RuntimeWarning, match="takes Triton's kernels: cuLaunchKernelEx failed with 1"):
        assert latent.decode(query[:, None], cache[None, :, None], sight) is None
    assert list(latent._FAILED.values()) == ["cuLaunchKernelEx failed with 1"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert latent.state(0) == "CUDA kernel, checked on this card"
    monkeypatch.setattr(latent, "kernels", lambda device: {})
    monkeypatch.setitem(latent._FAILED, 0, "no driver")
    assert latent.state(0) == "Triton's kernels: no driver"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert latent.state(0).startswith("Triton's kernels (")


@pytest.mark.gpu
@pytest.mark.parametrize("rows", [8, 40, 140])
@torch.inference_mode()  # kernels are for inference only
def test_rows_of_a_step_on_a_card(rows: int) -> None:
    """Whatever number of blocks a row gets; the same bits every time."""
    torch.manual_seed(rows)
    lengths = torch.randint(1, 900, (rows,)).tolist()
    cache, table, query = (part.cuda() for part in scattered(lengths))
    sight = ops.Sight(table, torch.tensor(lengths, dtype=torch.int32, device="cuda"))
    assert rows >= latent.LEAST and latent.fits(query[:, None], cache[None, :, None], latent.VALUES)
    found = [ops.decode(query[:, None], cache[None, :, None], sight, latent.VALUES)[:, 0] for _ in range(3)]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    for row, length in enumerate(lengths):
        keys = cache[table[row].long()].flatten(0, 1)[:length].float()
        want = (query[row].float() @ keys.T).softmax(-1) @ keys[:, : latent.VALUES]
        assert float((found[0][row].float() - want).norm() / want.norm()) < 0.004


def test_room_in_shared_memory() -> None:
    assert all(latent.shared_bytes(shares) <= driver.MOST_SHARED for shares in latent.SHARES)


def test_as_many_blocks_as_run_at_once_and_are_of_use() -> None:
    many = {1: 132, 2: 66, 3: 39, 4: 30, 5: 22, 6: 17, 8: 15}
    assert [latent.shares_of(rows, 64, many) for rows in (8, 15, 16, 32, 66, 128, 200)] == [8, 8, 6, 3, 2, 1, 1]
    assert [latent.shares_of(8, tiles, many) for tiles in (2, 10, 128)] == [2, 5, 8]
