"""Find the best tile sizes of the matrix kernels on this card, at the sizes of `small`; prints `measured.CARDS` for it.

    PYTHONPATH=.types:. python tests/bench/tune_tiles.py [--seconds 90] [--workers 14] [--bins 4,5] [--forms 0,2]
        [--kernels gate_up,down] [--write FILE]

Candidates are compiled by many processes into Triton's cache first, then timed one by one as graphs over rotating weights.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any

import torch

from dsvl2.kernels import ops
from dsvl2.kernels.packing import INT4, INT8, NF4
from dsvl2.kernels.triton_backend import alone, linear, tuning
from dsvl2.kernels.triton_backend.tuning import EXPERT_TOKENS, TOKENS, Tile
from tests.bench.bench_layers import replays
from tests.bench.profile_step import codes_of

FORMS = {0: None, 1: INT8, 2: INT4, 3: NF4}
PROMPTS = (1, 8, 32, 128, 300, 1461, 4096)  # one number of tokens in each bin of experts, 64 of which 6 are chosen
LINEAR_TOKENS = (1, 16, 32, 64, 128, 1461)
SETS = 3
BINS = (3, 2, 1, 0, 5, 6)


def weight(form: int, *shape: int) -> Any:
    """Random codes: what they say does not matter to the clock."""
    if form == 0:
        return torch.randn(*shape, device="cuda", dtype=torch.bfloat16) * shape[-1] ** -0.5
    found = FORMS[form]
    assert found is not None  # only the plain one has none
    return codes_of(found, *shape)


def candidates(kernel: str, tokens: int, form: int) -> Iterator[Tile]:
    """Tiles worth trying for so many tokens a program."""
    few = tokens <= 32
    wide = ((64, 4), (128, 4), (128, 8)) if tokens < 128 else ((64, 4), (64, 8), (128, 8))
    if tokens == 128 and kernel == "down":  # one accumulator: there are registers for it
        wide = (*wide, (256, 8))
    for rows, warps in ((16, 1), (32, 2), (64, 4), (128, 4)) if few else wide:
        for columns in (64, 128) if form == 0 and few else (64,):
            for stages in (3, 5, 7) if few else (3, 4):
                yield Tile(tokens, rows, columns, warps, stages)


def widths(place: int) -> tuple[int, ...]:
    """Tokens of a tile that are tried in a bin."""
    return {3: (16, 32), 5: (64, 128)}.get(place, (EXPERT_TOKENS[place],))


def jobs(
    bins: Sequence[int] = BINS, forms: Sequence[int] = (2, 0, 1, 3), *, only: str = ""
) -> list[tuple[str, int, int, Tile]]:
    """kernel, format, bin, tile: the most important first."""
    found = []
    for place in bins:
        for form in forms:
            for kernel in ("gate_up", "down") + (("linear", "head") if form else ()):
                if only and kernel not in only.split(","):
                    continue
                if kernel not in tuning.EXPERTS and place >= len(TOKENS):
                    continue
                for tokens in widths(place) if kernel in tuning.EXPERTS else (TOKENS[place],):
                    found += [(kernel, form, place, size) for size in candidates(kernel, tokens, form)]
    return found


def call(kernel: str, form: int, place: int, held: Any) -> Any:
    """Something that runs a kernel."""
    if kernel in ("gate_up", "down"):
        tokens, hidden = PROMPTS[place], 2048
        experts = held[1].parts["codes"].shape[0] if form else held[1].shape[0]
        x = torch.randn(tokens, hidden, device="cuda", dtype=torch.bfloat16)
        idx = torch.rand(tokens, experts, device="cuda").topk(6).indices
        share = torch.rand(tokens, 6, device="cuda")
        run = ops.packed_experts if form else ops.moe_experts
        return lambda: run(x, idx, share, *held)
    columns = held.columns
    x = torch.randn(LINEAR_TOKENS[place], columns, device="cuda", dtype=torch.bfloat16)
    return lambda: ops.packed_linear(x, held)


def operands(kernel: str, form: int, small: bool) -> Any:
    """Weights for a kernel; few experts compile to the same code."""
    if kernel in ("gate_up", "down"):
        hidden, width = 2048, 1408
        experts = 8 if small else 64
        up = weight(0, experts, 2 * width, hidden) if form == 0 else weight(form, experts, 2, width, hidden)
        return up, weight(form, experts, hidden, width)
    return weight(form, {"linear": 2048, "head": 102400}[kernel], 2048)


def set_tiles(kernel: str, form: int, place: int, size: Tile) -> None:
    """Make a tile the one in use; the other of the two expert kernels takes the default for as many tokens."""
    tuning.table[kernel, form, place] = size
    other = {"gate_up": "down", "down": "gate_up"}.get(kernel)
    if other:
        tuning.table[other, form, place] = tuning.default(other, size.tokens, 1 << 20)


def by_rows_off() -> None:
    """One or two tokens go through the tiled kernels too."""
    alone.MOST = linear.FEW = 0


def compile_some(some: list[tuple[str, int, int, Tile]]) -> int:
    """In a process of its own: run each once on small tensors."""
    by_rows_off()
    tuning._loaded_for.append("none")
    done = 0
    with torch.inference_mode():
        for kernel, form, place, size in some:
            try:
                set_tiles(kernel, form, place, size)
                call(kernel, form, place, operands(kernel, form, True))()
                torch.cuda.synchronize()
                done += 1
            except Exception as trouble:  # too much shared memory, say: not a candidate then
                print(kernel, form, size, type(trouble).__name__, flush=True)
    return done


def measure(end: float, todo: list[tuple[str, int, int, Tile]]) -> dict[tuple[str, int, int, int], tuple[float, Tile]]:
    """The best tile and its microseconds for each kernel, format, bin and width of a tile."""
    best: dict[tuple[str, int, int, int], tuple[float, Tile]] = {}
    held, of = [], None
    for kernel, form, place, size in todo:
        if time.monotonic() > end:
            break
        if of != (kernel, form):
            held, of = [], (kernel, form)
            held = [operands(kernel, form, False) for _ in range(1 if kernel == "head" else SETS)]
        try:
            set_tiles(kernel, form, place, size)
            micros = replays([call(kernel, form, place, one) for one in held], least=4e-4)
        except Exception as trouble:
            print(kernel, form, size, type(trouble).__name__, flush=True)
            continue
        print(json.dumps({"tried": [kernel, form, place, *astuple(size)], "us": round(micros, 1)}), flush=True)
        key = (kernel, form, place, size.tokens)
        if key not in best or micros < best[key][0]:
            best[key] = (micros, size)
    return best


def right(kernel: str, form: int, place: int, size: Tile) -> bool:
    """Whether a tile gives what the default one gives: a fast wrong answer is none."""
    held = operands(kernel, form, False)
    run = call(kernel, form, place, held)
    set_tiles(kernel, form, place, size)
    got = run().float()
    set_tiles(kernel, form, place, tuning.default(kernel, size.tokens, 1 << 20))
    want = run().float()
    return bool((got - want).norm() <= 0.005 * want.norm())


def chosen(best: dict[tuple[str, int, int, int], tuple[float, Tile]]) -> dict[tuple[str, int, int], Tile]:
    """One tile for each kernel, format and bin: gate_up and down have to agree on the tokens of theirs."""
    table = {}
    for kernel, form, place, tokens in best:
        rivals = {other[3] for other in best if other[:3] == (kernel, form, place)}
        if kernel in ("gate_up", "down"):
            pairs = {
                width: sum(best[name, form, place, width][0] for name in ("gate_up", "down"))
                for width in rivals
                if all((name, form, place, width) in best for name in ("gate_up", "down"))
            }
            if not pairs or min(pairs, key=pairs.__getitem__) != tokens:
                continue
        table[kernel, form, place] = best[kernel, form, place, tokens][1]
    return table


def numbers(text: str) -> tuple[int, ...]:
    """Numbers with commas between them."""
    return tuple(map(int, text.split(",")))


def main() -> int:
    """Compile, time, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--workers", type=int, default=max(1, min(14, (os.cpu_count() or 2) - 2)))
    parser.add_argument("--write", type=Path, help="also as a file for $DSVL2_TILES")
    parser.add_argument("--bins", type=numbers, default=BINS, help="bins of tokens, the most important first")
    parser.add_argument("--forms", type=numbers, default=(2, 0, 1, 3), help="format numbers")
    parser.add_argument("--kernels", default="", help="only these")
    options = parser.parse_args()
    start, todo = time.monotonic(), jobs(options.bins, options.forms, only=options.kernels)
    by_rows_off()
    tuning._loaded_for.append("none")  # what was measured before must not take part
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        parts = [todo[number :: options.workers] for number in range(options.workers)]
        compiled = sum(pool.map(compile_some, parts))
    print(
        json.dumps({"compiled": compiled, "of": len(todo), "seconds": round(time.monotonic() - start, 1)}), flush=True
    )
    with torch.inference_mode():
        best = measure(start + options.seconds, todo)
    for key, (micros, size) in best.items():
        print(json.dumps({"tile": list(key), "us": round(micros, 1), "best": str(size)}), flush=True)
    with torch.inference_mode():
        table = {key: size for key, size in sorted(chosen(best).items()) if right(*key, size)}
    card = torch.cuda.get_device_name()
    print(f"CARDS[{card!r}] =", flush=True)
    for key, size in table.items():
        print(f"    {key}: {astuple(size)},", flush=True)
    if options.write:
        options.write.write_text(json.dumps({card: [[*key, astuple(size)] for key, size in table.items()]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
