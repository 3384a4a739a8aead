"""Experts in three launches after the sort: gate and up with SiLU, down, weighted sum. Any weight format.

Shared experts ride along in the same launches, cut into experts as wide as the routed ones that every token goes to, in a format
of their own if need be. Letters: N tokens, k experts a token, P = N k pairs, H hidden, I expert width, E experts, NS shared ones;
BN, BM, BK as in `tiles`. Row P + h N + t of what lies between is token t's in shared expert h.
"""

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend import alone, nibbles
from dsvl2.kernels.triton_backend.expert_kernels import WIDE, combine, down, gate_up
from dsvl2.kernels.triton_backend.gated import gated
from dsvl2.kernels.triton_backend.launch import chained, interpreting, on, power
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.sorting import Blocks, everyone, sort
from dsvl2.kernels.triton_backend.tiles import INT4, NF4
from dsvl2.kernels.triton_backend.tuning import Tile, default, expert_bin, tile, width_of

MANY = 64  # tokens of a tile in a shared expert at most: its weights are unpacked once for all of them
# The same beside small tiles of routed experts in bf16 or int8, which then have more registers and shared memory: at 128 tokens
# on an H100 408 -> 406 and 239 -> 230 us; int4 loses by it (153 -> 159).
FEWER = 32
LAID = range(
    1, 5
)  # bins of tokens for which NF4 is looked up in shared memory: 8/32/128 tokens 97/148/189 us, not 109/167/210
LONG = 512  # tokens from which the shared experts, where they are plain, are left to the vendor's matrix products


Weight = PackedWeight | Tensor
Pair = tuple[Weight, Weight]


def experts(x: Tensor, idx: Tensor, weight: Tensor, routed: Pair, shared: Pair | None = None) -> Tensor:
    """See `ops.moe_layer`. The sum over k is taken in fp32 in the order of idx."""
    count = len(x)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    if count == 0:
        return out
    x, weight = x.contiguous(), weight.float().contiguous()
    if alone.fits(x, routed, shared):
        return alone.experts(x, idx, weight, routed, shared, out)
    plus = _aside(x, routed, shared)
    spread, halves = _through(x, routed, idx, None if plus is not None else shared)
    (hidden, per_token), wide = (x.shape[1], idx.shape[1]), min(power(x.shape[1]), 1024)
    with on(x):
        combine[(count, triton.cdiv(hidden, wide))](
            spread, weight, spread if plus is None else plus, out, count, hidden,
            K=per_token, NS=halves, PLUS=plus is not None, BH=wide, num_warps=4, **chained(x),
        )  # fmt: skip
    return out


def swiglu(x: Tensor, pair: Pair) -> Tensor:
    """One expert that takes every row of x [N, H]."""
    if not len(x):
        return torch.empty_like(x)
    if (plain := _vendor(x, pair)) is not None:
        return plain
    x = x.contiguous()
    if alone.fits(x, None, pair):
        return alone.experts(x, None, None, None, pair, torch.empty_like(x))
    return _through(x, pair, None, None)[0]


def _vendor(x: Tensor, pair: Pair) -> Tensor | None:
    """Plain weights and many tokens: products of large matrices are best left to the vendor's library."""
    gate_up, down = pair
    if len(x) < LONG or not isinstance(gate_up, Tensor) or not isinstance(down, Tensor) or not x.is_cuda:
        return None
    return F.linear(gated(F.linear(x, gate_up[0])), down[0])


def _aside(x: Tensor, routed: Pair, shared: Pair | None) -> Tensor | None:
    """What the shared experts give when they do not ride along: none, many tokens, or no whole number of routed widths."""
    if shared is None:
        return None
    width, wide = _sizes(routed[1])[1], _sizes(shared[1])[1]
    if width % 64 or wide % width:
        return swiglu(x, shared)
    return _vendor(x, shared)


def _through(x: Tensor, pair: Pair, idx: Tensor | None, shared: Pair | None) -> tuple[Tensor, int]:
    """What the experts of each pair return, [N k + NS N, H], and NS; idx None: all rows go to the first."""
    (stack, width, hidden), per_token = _sizes(pair[1]), 1 if idx is None else idx.shape[1]
    halves = 0 if shared is None else _sizes(shared[1])[1] // width
    rows = len(x) * per_token
    held = [Operand.of(part, x.device) for part in pair]
    beside = held if shared is None else [Operand.of(part, x.device) for part in shared]
    place = expert_bin(rows / stack)
    busy = min(rows, stack) + rows // width_of(place) + halves
    first = tile("gate_up", held[0].form, place, busy * width, x)
    second = tile("down", held[1].form, place, busy * hidden, x)
    if second.tokens != first.tokens:  # both run over the same blocks
        second = default("down", first.tokens, busy * hidden)
    blocks = everyone(rows, first.tokens, x.device) if idx is None else sort(idx, stack, first.tokens)
    total = rows + halves * len(x)
    middle = torch.empty(total, width, dtype=x.dtype, device=x.device)
    spread = torch.empty(total, hidden, dtype=x.dtype, device=x.device)
    given, many = (len(x), len(blocks.expert)), min(max(power(len(x)), first.tokens), _most(held[0].form, first))
    options = {
        "WIDTH": width,
        "PER_TOKEN": per_token,
        "NS": halves,
        "SM": many,
        "ASM": held[0].fast(x) or beside[0].fast(x),
        "LAID": place in LAID and held[0].form == beside[0].form == NF4 and held[0].fast(x) and nibbles.tables(),
        **chained(x),
    }
    forms = {"FORM": held[0].form, "SHARED_FORM": beside[0].form}
    with on(x):
        gate_up[_grid(blocks, halves * -(-len(x) // many), width, first)](
            x,
            *held[0].tensors,
            *beside[0].tensors,
            middle,
            *blocks,
            *given,
            K=hidden,
            **forms,
            **options,
            **_options(first),
        )
        down[_grid(blocks, halves * -(-len(x) // many), hidden, second)](
            middle, *held[1].tensors, *beside[1].tensors, spread, *blocks, *given,
            H=hidden, **forms, **options, **_options(second),
        )  # fmt: skip
    return spread, halves


def _most(form: int, size: Tile) -> int:
    """Tokens of a tile in a shared expert at most."""
    return MANY if size.tokens >= WIDE.value or form in (INT4, NF4) else FEWER


def _sizes(down: PackedWeight | Tensor) -> tuple[int, int, int]:
    """Experts, expert width, hidden width."""
    if isinstance(down, Tensor):
        return down.shape[0], down.shape[2], down.shape[1]
    return down.parts["codes"].shape[0], down.columns, down.rows


def _grid(blocks: Blocks, beside: int, rows: int, size: Tile) -> tuple[int, int]:
    grid = len(blocks.expert) + beside, triton.cdiv(rows, size.rows)
    return grid[::-1] if size.tokens >= WIDE.value else grid


def _options(size: Tile) -> dict[str, int | bool]:
    return {
        "BM": size.tokens, "BN": size.rows, "BK": size.columns, "EXACT": interpreting(),
        "num_warps": size.warps, "num_stages": size.stages,
    }  # fmt: skip
