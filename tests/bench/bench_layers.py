"""Single layers on a GPU beside their peers: experts, latent attention, linears, at the sizes of `small` (and tiny's attention).

    PYTHONPATH=.types:. python tests/bench/bench_layers.py [experts,decode,linear,vision] [--seconds 200] [--tokens 1461,4096]

Medians of CUDA-graph replays over buffers that rotate through more memory than the L2 holds; random inputs; every kernel is
compared with an fp32 reference before it is timed, and not reported if it errs. One JSON object a row: microseconds, and the
share of the floor max(bytes / 3.00 TB/s, operations / 790 TFLOP/s).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import ops, reference
from dsvl2.kernels.packing import INT4, INT8, NF4, Format, PackedWeight, arrange
from tests.bench.peers.clock import clocked, error, replays

HIDDEN, WIDTH, EXPERTS, CHOSEN = 2048, 1408, 64, 6
BYTES, OPERATIONS = 3.00e12, 790e12
FORMS: dict[str, Format | None] = {"bf16": None, "int8": INT8, "int4": INT4, "nf4": NF4}
LARGEST_ERROR = 0.012
TOKENS = [1, 8, 32, 128, 1461, 4096]


def row(
    what: str, method: str, size: int, micros: float, moved: float, operations: float, **more: Any
) -> dict[str, Any]:
    floor = max(moved / BYTES, operations / OPERATIONS) * 1e6
    return {
        "what": what, "method": method, "size": size, "us": round(micros, 1), "floor_us": round(floor, 1),
        "share": round(floor / micros, 3), **more,
    }  # fmt: skip


def checked(name: str, got: Tensor, want: Tensor) -> float:
    """The relative error; raises when it is too large to report a time."""
    found = error(got, want)
    if not found < LARGEST_ERROR:
        raise AssertionError(f"{name} errs by {found:.4f}")
    return found


def grouped_mm(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """What transformers 5 does by default: sort, two grouped products, weights, sum."""
    order = idx.flatten().argsort()
    ends = torch.histc(idx.flatten().float(), EXPERTS, 0, EXPERTS - 1).cumsum(0, dtype=torch.int32)
    gate, up = F.grouped_mm(x[order // CHOSEN], gate_up.transpose(-2, -1), offs=ends).chunk(2, -1)
    y = F.grouped_mm(F.silu(gate) * up, down.transpose(-2, -1), offs=ends) * weight.flatten()[order, None]
    out = torch.empty_like(y)
    out[order] = y.to(out.dtype)
    return out.view(len(x), CHOSEN, -1).sum(1).to(x.dtype)


def routing(tokens: int, skew: float) -> tuple[Tensor, Tensor]:
    """Uniform experts, or by a Zipf law with an exponent."""
    chance = torch.arange(1, EXPERTS + 1, device="cuda").float() ** -skew
    idx = torch.multinomial(chance.expand(tokens, -1), CHOSEN)
    return idx, torch.rand(tokens, CHOSEN, device="cuda")


def packed_of(form: Format, weight: Tensor) -> PackedWeight:
    """A stack packed expert by expert, as loading does: all at once would need ten times its size."""
    done = [arrange(PackedWeight.of(form, part)) for part in weight]
    parts = {name: torch.stack([packed.parts[name] for packed in done]) for name in done[0].parts}
    return PackedWeight(done[0].form, parts, done[0].rows, done[0].columns)


def experts() -> Iterator[dict[str, Any]]:
    """Routed experts alone, routing given; then with the shared ones in the same format."""
    sets = 4
    wide = [
        (torch.randn(EXPERTS, 2 * WIDTH, HIDDEN, device="cuda", dtype=torch.bfloat16) * HIDDEN**-0.5,
         torch.randn(EXPERTS, HIDDEN, WIDTH, device="cuda", dtype=torch.bfloat16) * WIDTH**-0.5)
        for _ in range(sets)
    ]  # fmt: skip
    for name, form in FORMS.items():
        bits = 16 if form is None else form.bits
        stacks: list[Any] = wide
        if form is not None:
            stacks = [(packed_of(form, up.unflatten(1, (2, -1))), packed_of(form, down)) for up, down in wide]
        run = ops.moe_experts if form is None else ops.packed_experts
        shared_up = torch.randn(4 * WIDTH, HIDDEN, device="cuda", dtype=torch.bfloat16) * HIDDEN**-0.5
        shared_down = torch.randn(HIDDEN, 2 * WIDTH, device="cuda", dtype=torch.bfloat16) * WIDTH**-0.5
        for tokens, skew in ((1, 0), (8, 0), (32, 0), (128, 0), (128, 1), (1461, 0), (4096, 0)):
            if tokens not in TOKENS:
                continue
            x = torch.randn(tokens, HIDDEN, device="cuda", dtype=torch.bfloat16)
            routes = [routing(tokens, skew) for _ in range(16 if tokens == 1 else 4)]
            given = [(x, *route, *stacks[number % sets]) for number, route in enumerate(routes)]
            distinct = sum(len(route[0].unique()) for route in routes) / len(routes)
            moved = distinct * 3 * HIDDEN * WIDTH * bits / 8
            work = 2 * tokens * CHOSEN * 3 * HIDDEN * WIDTH
            found = None
            if tokens in (8, 128, 1461, 4096) and not skew:
                exact = [part if form is None else part.dequantize() for part in stacks[0]]
                want = reference.moe_experts_loop(
                    x.float(), *routes[0], exact[0].float().reshape(EXPERTS, -1, HIDDEN), exact[1].float()
                )
                found = checked(f"experts {name} {tokens}", run(*given[0]), want)
                del exact, want
            calls = [lambda part=part: run(*part) for part in given]
            yield row("experts", f"ours {name}", tokens, replays(calls), moved, work, skew=skew, error=found)
            if form is None and not skew:
                calls = [lambda part=part: grouped_mm(*part) for part in given]
                yield row("experts", "grouped_mm", tokens, replays(calls), moved, work)
                if tokens <= 128:
                    eager = clocked(lambda: reference.moe_experts_loop(*given[0]), 5)
                    yield row("experts", "loop, eager", tokens, eager, moved, work)
            if not skew:
                yield both(name, form, x, given, (shared_up, shared_down), moved, work)
        del stacks
        torch.cuda.empty_cache()


def both(
    name: str,
    form: Format | None,
    x: Tensor,
    given: list[Any],
    shared: tuple[Tensor, Tensor],
    moved: float,
    work: float,
) -> dict[str, Any]:
    """Routed and shared experts together, as a layer runs them."""
    up, down = (part[None] for part in shared)
    held: Any = (up, down)
    if form is not None:
        held = arrange(PackedWeight.of(form, up.unflatten(1, (2, -1)))), arrange(PackedWeight.of(form, down))
    calls = [lambda part=part: ops.moe_layer(*part[:3], part[3:], held) for part in given]
    bits = 16 if form is None else form.bits
    moved += 3 * HIDDEN * 2 * WIDTH * bits / 8
    work += 2 * len(x) * 3 * HIDDEN * 2 * WIDTH
    return row("layer", f"ours {name}", len(x), replays(calls), moved, work)


def decode() -> Iterator[dict[str, Any]]:
    """One token against 2,048 cached ones: latent attention of small (16 heads), plain heads of tiny (10)."""
    length, block = 2048, 64
    for what, planes, groups, heads, width, values in (("latent", 1, 1, 16, 576, 512), ("heads", 2, 10, 1, 128, 128)):
        for slots in (1, 8, 32, 128):
            shape = (planes, length // block * slots + 1, groups, block, width)
            size = torch.Size(shape).numel() * 2
            caches = [torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(max(2, int(4e8 / size)))]
            query = torch.randn(slots, groups, heads, width, device="cuda", dtype=torch.bfloat16) * width**-0.5
            lengths = torch.full((slots,), length, dtype=torch.int32, device="cuda")
            table = torch.arange(1, length // block * slots + 1, dtype=torch.int32, device="cuda").view(slots, -1)
            bias, begun = torch.zeros(slots, length, device="cuda"), table.tolist()
            sight = ops.Sight(table, lengths, bias, ops.spans(begun, shape[1], table.device))
            found = checked(
                what,
                ops.decode(query, caches[0], sight, values),
                reference.decode(query.float(), caches[0].float(), sight)[..., :values],
            )
            calls = [lambda c=c: ops.decode(query, c, sight, values) for c in caches]
            work = 2 * slots * groups * heads * length * (width + values)
            yield row(f"decode {what}", "ours", slots, replays(calls), size, work, error=found)
            if what == "latent":
                flat = [c[0, 1:, 0].reshape(slots, length, width) for c in caches]
                plain = [lambda c=c: torch_absorbed(query[:, 0], c, values) for c in flat]
                yield row(f"decode {what}", "two matmuls", slots, replays(plain), size, work)
            del caches


def torch_absorbed(query: Tensor, cache: Tensor, values: int) -> Tensor:
    return torch.bmm(torch.bmm(query, cache.transpose(1, 2)).softmax(-1), cache[..., :values])


def linear() -> Iterator[dict[str, Any]]:
    """Linears in all formats."""
    for columns, rows in ((2048, 2048), (2048, 5632), (12288, 2560), (2048, 102400)):
        plain = [
            torch.randn(rows, columns, device="cuda", dtype=torch.bfloat16) * columns**-0.5
            for _ in range(max(2, int(2e8 / (rows * columns * 2))))
        ]
        for name, form in FORMS.items():
            held: list[Any] = plain if form is None else [arrange(PackedWeight.of(form, weight)) for weight in plain]
            bits = 16 if form is None else form.bits
            for tokens in (1, 16, 64, 128):
                x = torch.randn(tokens, columns, device="cuda", dtype=torch.bfloat16)
                run: Callable[..., Tensor] = F.linear if form is None else ops.packed_linear
                exact = held[0].float() if form is None else held[0].dequantize()
                found = checked(f"linear {name}", run(x, held[0]), F.linear(x.float(), exact))
                del exact
                calls = [lambda w=w: run(x, w) for w in held]
                moved, work = rows * columns * bits / 8, 2 * tokens * rows * columns
                label = "F.linear" if form is None else f"ours {name}"
                yield row(f"linear {columns}->{rows}", label, tokens, replays(calls), moved, work, error=found)


def vision() -> Iterator[dict[str, Any]]:
    """The tower in bf16, eager launches and as a graph."""
    from dsvl2.model.config import VisionConfig
    from dsvl2.model.vision import VisionTower

    config = VisionConfig("siglip_so400m_patch14_384", 384, 14, 1152, 27, 16, 3.7362)
    tower = VisionTower(config).to("cuda", torch.bfloat16)
    for tiles in (7, 28):
        pixels = torch.randn(tiles, 3, 384, 384, device="cuda", dtype=torch.bfloat16)
        for method, micros in (
            ("eager", clocked(lambda: tower(pixels), 7)),
            ("graph", replays([lambda: tower(pixels)])),
        ):
            yield row("vision", method, tiles, micros, 0, tiles * 0.669e12)


def main() -> int:
    """Print the rows as they come; a kernel that errs is named and not timed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="?", default="experts,decode,linear,vision")
    parser.add_argument("--seconds", type=float, default=1e6, help="begin nothing after so long")
    parser.add_argument("--tokens", type=lambda text: [int(one) for one in text.split(",")], default=TOKENS)
    parser.add_argument("--forms", default=",".join(FORMS), help="of experts and linears")
    options = parser.parse_args()
    TOKENS[:] = options.tokens
    for name in set(FORMS) - set(options.forms.split(",")):
        del FORMS[name]
    known: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "experts": experts, "decode": decode, "linear": linear, "vision": vision,
    }  # fmt: skip
    end, failed = time.monotonic() + options.seconds, 0
    torch.manual_seed(0)
    for part in options.parts.split(","):
        try:
            with torch.inference_mode():
                for figures in known[part]():
                    print(json.dumps(figures), flush=True)
                    if time.monotonic() > end:
                        print(json.dumps({"what": part, "stopped": "no time left"}), flush=True)
                        return 3
        except Exception as trouble:  # the other parts are still worth measuring
            traceback.print_exc()
            print(json.dumps({"what": part, "failed": str(trouble)[:500]}), flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
