"""Compiling the network's blocks: here, or aside in another process while training goes on uncompiled.

`python -m dsvl2.pipelines.training.warmup RUN` reads RUN/recipe.json, fills the compiler's cache with what a step of
that recipe needs, and leaves the file RUN/compiled behind. It sees no data. Blocks of a kind share one graph.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from dsvl2.kernels import ops
from dsvl2.model.config import ModelConfig
from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.learner import Learner
from dsvl2.pipelines.training.material import PROMPTS, answer_width
from dsvl2.pipelines.training.recipe import Recipe
from dsvl2.pipelines.training.targets import Targets

DONE = "compiled"
_GROUP = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
#: (tiles, characters) of bands: one on either side of every size at which the compiler parts its graphs.
_SHAPES = ((3, 900), (1, 60), (4, 1500), (2, 620))
#: Of a full batch, the few rows that sorting by length leaves over: below 20,480 tokens the compiler parts its graphs
#: (256 numbers a token, 5,242,880 in all: `can_fuse` of Inductor), which stopped run 9 for a while at its first such batch.
REST = 0.3


def compile_blocks(learner: Learner) -> None:
    """Let every block be compiled when it is next called, for any size."""
    torch._dynamo.config.cache_size_limit = 64
    model = learner.model
    for block in (*model.vision.blocks, *model.language.model.layers):
        block.compile(dynamic=True)


def dummy(
    recipe: Recipe, kind: str, columns: int, longest: int, device: torch.device, share: float = 1.0
) -> tuple[Any, Targets]:
    """Pictures and targets of a step's size without content; `share` of the usual tokens in a batch of conversations."""
    if kind == "answers":
        tokens = torch.full((max(2, int(share * recipe.answer_tokens) // longest), longest + 1), 20, device=device)
        return None, Targets(tokens, torch.ones_like(tokens).float(), tokens < 0)
    size = (recipe.batch_sizes if kind == "bands" else recipe.formula_sizes)[columns - 1]
    tokens = torch.full((size, answer_width(longest, columns, PROMPTS[kind])), nano.FIRST_CHARACTER, device=device)
    images = torch.ones(size, nano.TILE, nano.TILE * columns, device=device)
    return images, Targets(tokens, torch.ones_like(tokens).float(), tokens < 0)


def warm_up(learner: Learner, recipe: Recipe, device: torch.device) -> list[float]:
    """Losses and gradients of one dummy batch of each size; returns the seconds that each took."""
    seconds = []
    jobs = [("bands", columns, longest, 1.0) for columns, longest in _SHAPES if "bands" in recipe.kinds]
    jobs += [("formulas", 2, 80, 1.0)] * ("formulas" in recipe.kinds)
    jobs += [("answers", 0, 1024, share) for share in (1.0, REST) if "answers" in recipe.kinds]
    for kind, columns, longest, share in jobs:
        begun = time.monotonic()
        images, targets = dummy(recipe, kind, columns, longest, device, share)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.amp):
            loss = learner(images, targets, PROMPTS[kind], recipe, late=False).loss
        loss.backward()
        for parameter in learner.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(round(time.monotonic() - begun, 1))
    return seconds


def start_aside(out: Path) -> subprocess.Popen[bytes] | None:
    """Start the compiling process on this process's device; it tells in RUN/warmup.log how it went."""
    if (out / DONE).exists():  # a run that goes on: the cache is there
        return None
    environment = {key: value for key, value in os.environ.items() if key not in _GROUP and "TORCHELASTIC" not in key}
    command = [sys.executable, "-m", "dsvl2.pipelines.training.warmup", str(out)]
    with (out / "warmup.log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)


def take_compiled(path: Path) -> bool:
    """Take over what an earlier run on a like machine and the same PyTorch compiled; False if there is nothing to take."""
    try:
        return path.is_file() and torch.compiler.load_cache_artifacts(path.read_bytes()) is not None
    except Exception:  # of another version, or cut short: it is compiled anew
        return False


def keep_compiled(path: Path) -> None:
    """Keep what was compiled in this process for later runs."""
    kept = torch.compiler.save_cache_artifacts()
    if kept is not None:
        path.write_bytes(kept[0])


def main(argv: Sequence[str] | None = None) -> None:
    """Compile for one run."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.warmup", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run, with its recipe.json")
    parser.add_argument("--compiled", type=Path, help="file to keep what was compiled in, for `train --compiled`")
    options = parser.parse_args(argv)
    out: Path = options.run
    recipe = Recipe.load(out / "recipe.json")
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    torch.set_float32_matmul_precision("high")
    ops.use("dense")
    learner = Learner(ModelConfig.from_dict(nano.CONFIG)).to(device)
    compile_blocks(learner)
    seconds = warm_up(learner, recipe, device)
    if options.compiled:
        keep_compiled(options.compiled)
    (out / f".{DONE}").write_text(json.dumps(seconds), encoding="utf-8")
    (out / f".{DONE}").replace(out / DONE)


if __name__ == "__main__":
    main()
