"""One peer in a process of its own: everything is made, compiled and checked beside the others, then timed alone.

A lock hands the GPU round: shared while a peer prepares, exclusive while it is timed.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from tests.bench.peers.cases import SHAPES, Cases, Method
from tests.bench.peers.clock import clocked, error, replays

LAYERS = {
    "ours": ("experts-bf16", "experts-int8", "experts-int4", "experts-nf4", "decode", "head"),
    "eager": ("experts", "decode"),
    "native": ("experts", "decode", "head"),
    "bnb": ("experts", "head"),
    "vllm": ("experts", "marlin", "nf4", "decode", "head"),
}


def main(peer: str, group: str, shape: str, device: str, lock: Path) -> int:
    """Print a JSON object for every case: microseconds, or why there are none; returns 1 if a check was red."""
    try:
        if peer == "vllm":
            importlib.import_module("tests.bench.peers.vllm").start()
        if peer == "bnb":
            importlib.import_module("bitsandbytes")
    except (ImportError, OSError) as trouble:
        said(peer=peer, absent=f"{type(trouble).__name__}: {trouble}"[:300])
        return 0
    with torch.inference_mode():
        if peer.startswith("whole-"):
            return whole(peer, shape, device, lock)
        return layers(peer, group, Cases(SHAPES[shape], device), lock)


def layers(peer: str, group: str, cases: Cases, lock: Path) -> int:
    """Prepare and check a group of cases, then time what is right."""
    made, red, ready = (
        importlib.import_module(f"tests.bench.peers.{peer}").GROUPS[group],
        0,
        list[tuple[Method, float]](),
    )
    with held(lock, alone=False):
        try:
            for method in made(cases):
                found = checked(method)
                if isinstance(found, str):
                    red = 1
                    said(peer=peer, **facts(method), refused=found)
                else:
                    ready.append((method, found))
        except Exception as trouble:  # what was made before is still worth measuring
            red = 1
            traceback.print_exc(limit=-6)
            said(peer=peer, group=group, failed=f"{type(trouble).__name__}: {trouble}"[:400])
        tidy()
    with held(lock, alone=True):
        for method, found in ready:
            try:
                micros = clocked(method.calls[0], 5) if method.eager else replays(method.calls)
            except Exception as trouble:
                red = 1
                said(peer=peer, **facts(method), failed=f"{type(trouble).__name__}: {trouble}"[:400])
                continue
            said(peer=peer, **facts(method), us=round(micros, 2), error=round(found, 5))
    return red


def checked(method: Method) -> float | str:
    """Run every call once (which compiles), compare the first with fp32: the error, or why the case is refused."""
    try:
        got = method.calls[0]()
        found = error(got, method.want)
        for call in method.calls[1:]:
            call()
        settle()
    except Exception as trouble:
        traceback.print_exc(limit=-4)
        return f"{type(trouble).__name__}: {trouble}"[:300]
    return found if found < method.tolerance else f"errs by {found:.4f}, more than {method.tolerance}"


def facts(method: Method) -> dict[str, Any]:
    """What a row says about its case."""
    return {
        "what": method.what, "method": method.method, "form": method.form, "size": method.size, "skew": method.skew,
        "eager": method.eager, "bytes": method.moved, "operations": method.work, **method.more,
    }  # fmt: skip


def whole(peer: str, shape: str, device: str, lock: Path) -> int:
    """A whole network, prompt and tokens."""
    from tests.bench.peers.whole import KINDS, timed

    kind = peer.removeprefix("whole-")
    toy = shape == "toy"
    length = 40 if toy else 1461
    try:
        with held(lock, alone=False):
            run = KINDS[kind]("small" if toy else shape, device, scaled=toy)
            run(length, 3)
        with held(lock, alone=True):
            said(peer=peer, what="whole", method=kind, form="bf16", size=1, prompt=length, **timed(run, length))
    except Exception as trouble:
        traceback.print_exc(limit=-6)
        said(peer=peer, what="whole", failed=f"{type(trouble).__name__}: {trouble}"[:400])
        return 1
    return 0


@contextmanager
def held(path: Path, *, alone: bool) -> Iterator[None]:
    """Hold the lock of the device."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
        settle()


def tidy() -> None:
    """Give back what preparing took: all peers together must fit the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def settle() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def said(**facts: Any) -> None:
    """One JSON object on a line."""
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5], Path(sys.argv[5])))
