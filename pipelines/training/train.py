"""Train the embedded model: `python -m dsvl2.pipelines.training.train --data DIR --out RUN [--resume]`.

One process a device; under torchrun the gradients are averaged over all of them. The budget is wall-clock time, so the
rate reaches zero when the time is up. RUN holds recipe.json, log.jsonl, state.pt (for --resume) and weights.pt.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.config import ModelConfig
from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.batches import Supply, on_device
from dsvl2.pipelines.training.learner import Learner, StepResult
from dsvl2.pipelines.training.material import PROMPTS, Fresh, prompt_length
from dsvl2.pipelines.training.optim import Muon, split_parameters
from dsvl2.pipelines.training.recipe import LEVELS, Recipe
from dsvl2.pipelines.training.start import starting_weights
from dsvl2.pipelines.training.targets import Targets


@dataclass(slots=True)
class Progress:
    """Where a run stands; saved with the state."""

    step: int = 0
    elapsed: float = 0.0
    level: int = 0
    level_step: int = 0
    accuracy: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Cluster:
    """This process among its peers."""

    rank: int = field(default_factory=lambda: int(os.environ.get("RANK", "0")))
    local: int = field(default_factory=lambda: int(os.environ.get("LOCAL_RANK", "0")))
    world: int = field(default_factory=lambda: int(os.environ.get("WORLD_SIZE", "1")))

    def start(self) -> torch.device:
        """Join the group and return this process's device."""
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.set_device(self.local)
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")
        return torch.device("cuda", self.local) if cuda else torch.device("cpu")

    def mean(self, flat: Tensor) -> None:
        """Average in place over all processes."""
        if self.world > 1:
            dist.all_reduce(flat)
            flat /= self.world


class Trainer:
    """A learner, its optimisers and its supply of batches."""

    def __init__(self, recipe: Recipe, data: Path, out: Path, *, resume: bool, init: Sequence[Path] = ()) -> None:
        self.recipe, self.out = recipe, out
        self.cluster = Cluster()
        self.device = self.cluster.start()
        torch.manual_seed(recipe.seed)
        torch.set_float32_matmul_precision("high")
        ops.use("dense")
        self.learner = Learner(ModelConfig.from_dict(nano.CONFIG)).to(self.device)
        matrices, rest = split_parameters(self.learner)
        self.muon = Muon(matrices, lr=recipe.muon_lr)
        fused = self.device.type == "cuda"
        self.rest = rest
        self.adam = torch.optim.AdamW(
            rest, lr=recipe.adam_lr, betas=(0.9, 0.98), weight_decay=0.01, eps=1e-10, fused=fused
        )
        self.flat = self._flat_gradients()
        self.progress = Progress()
        if resume and (out / "state.pt").exists():
            self._restore()
        elif init:
            self._begin_from(init)
        random.seed(recipe.seed * 977 + self.cluster.rank + self.progress.step)
        torch.manual_seed(recipe.seed * 977 + self.cluster.rank + self.progress.step + 1)
        self.supply = Supply(data, recipe, rank=self.cluster.rank, start=self.progress.step, device=self.device)
        self.supply.level.value = self.progress.level
        self.started = time.monotonic() - self.progress.elapsed
        self.saved = self.progress.elapsed

    def _flat_gradients(self) -> Tensor:
        """Make every gradient a view of one buffer, so that one all-reduce serves them all; three numbers ride along."""
        parameters = list(self.learner.parameters())
        flat = torch.zeros(sum(p.numel() for p in parameters) + 3, device=self.device)
        start = 0
        for parameter in parameters:
            parameter.grad = flat[start : start + parameter.numel()].view_as(parameter)
            start += parameter.numel()
        return flat

    def _restore(self) -> None:
        state = torch.load(self.out / "state.pt", map_location=self.device, weights_only=True)
        self.learner.load_state_dict(state["learner"])
        self.adam.load_state_dict(state["adam"])
        self.muon.load_state_dict(state["muon"])
        self.progress = Progress(**state["progress"])

    def _begin_from(self, paths: Sequence[Path]) -> None:
        """Start from trained weights, with fresh optimisers and the last curriculum level."""
        found = starting_weights(paths, self.device)
        lacking = self.learner.load_state_dict(found, strict=False)
        if lacking.unexpected_keys or any("character_map" not in name for name in lacking.missing_keys):
            raise ValueError(f"{', '.join(map(str, paths))}: not the weights of this model")
        self.progress.level = len(LEVELS) - 1
        self.progress.accuracy = 0.9

    def save(self) -> None:
        """Write the state and the weights alone, each whole or not at all."""
        if self.cluster.rank:
            return
        learner = self.learner.state_dict()
        progress = {name: getattr(self.progress, name) for name in Progress.__slots__}
        state = {
            "learner": learner,
            "adam": self.adam.state_dict(),
            "muon": self.muon.state_dict(),
            "progress": progress,
        }
        weights = {key: value.half() for key, value in learner.items()}
        for name, content in (("state.pt", state), ("weights.pt", weights)):
            torch.save(content, self.out / f".{name}")
            os.replace(self.out / f".{name}", self.out / name)
        self.saved = self.progress.elapsed

    def log(self, record: dict[str, Any]) -> None:
        """Append a line to the log and show it."""
        if self.cluster.rank:
            return
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        sys.stderr.write(" ".join(f"{key} {value}" for key, value in record.items()) + "\n")

    def compile(self) -> None:
        """Compile the blocks on dummy batches of awkward shapes, before the clock of the schedule matters."""
        torch._dynamo.config.cache_size_limit = 64
        model = self.learner.model
        for block in (*model.vision.blocks, *model.language.model.layers):
            block.compile(dynamic=True)
        grid = self.learner.grid
        for columns, length in ((3, 900), (1, 60), (4, 1500), (2, 620)):
            begun = time.monotonic()
            size = self.recipe.batch_sizes[columns - 1]
            length = -(-(prompt_length(columns) + length) // 64) * 64 - prompt_length(columns) + 1
            images = torch.ones(size, nano.TILE, nano.TILE * columns, device=self.device)
            tokens = torch.full((size, length), nano.FIRST_CHARACTER, device=self.device)
            labels = torch.zeros(size, columns, grid * grid, 8, dtype=torch.long, device=self.device)
            self.backward(
                "bands", images, Targets(tokens, torch.ones_like(tokens).float(), tokens < 0, labels), late=False
            )
            self.flat.zero_()
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            self.log({"compiled": columns, "seconds": round(time.monotonic() - begun, 1)})
            self.supply.gate.value = 1

    def backward(self, kind: str, images: Tensor | None, targets: Targets, *, late: bool) -> StepResult:
        """Losses and gradients of one batch."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.amp):
            result: StepResult = self.learner(images, targets, PROMPTS[kind], self.recipe, late=late)
        (result.loss * self.recipe.weight(kind)).backward()
        return result

    def step(self, share: float) -> dict[str, StepResult]:
        """Render, degrade, learn: one batch of every kind at ``share`` of the budget."""
        progress, recipe = self.progress, self.recipe
        results: dict[str, StepResult] = {}
        for kind in recipe.kinds:
            batch = self.supply.get(kind, self._columns(kind))
            clean = progress.level == 0 or random.random() < recipe.clean_share
            images, targets = on_device(batch, self.device, self.learner.grid, 0.3 if clean else 1.0, recipe)
            results[kind] = self.backward(kind, images, targets, late=share > 0.5)
            progress.seen[kind] = progress.seen.get(kind, 0) + _samples(batch)
        first = results[recipe.kinds[0]]
        self.flat[-3:] = torch.stack([first.accuracy.float(), self._clock(), first.text.detach().float()])
        self.cluster.mean(self.flat)
        torch.nn.utils.clip_grad_norm_(self.rest, 1.0)
        scale = recipe.rate(progress.step, share)
        for group in self.adam.param_groups:
            group["lr"] = recipe.adam_lr * scale
        self.adam.step()
        self.muon.step(scale)
        return results

    def _columns(self, kind: str) -> int:
        """Width of the next batch in tiles, the same on every process."""
        if kind == "answers":
            return 0
        mix = LEVELS[self.progress.level][1] if kind == "bands" else self.recipe.formula_mix
        return random.Random(self.progress.step).choices(range(1, nano.MAX_COLUMNS + 1), mix)[0]

    def _clock(self) -> Tensor:
        return torch.tensor(time.monotonic() - self.started, device=self.device, dtype=torch.float32)

    def advance(self) -> None:
        """Read the averaged clock and accuracy; move up a level when this one is learned."""
        accuracy, elapsed, _ = self.flat[-3:].tolist()
        progress = self.progress
        progress.elapsed = elapsed
        progress.accuracy += 0.1 * (accuracy - progress.accuracy)
        steps = progress.step - progress.level_step
        if progress.accuracy > LEVELS[progress.level][2] and steps >= self.recipe.level_min_steps:
            progress.level += 1
            progress.level_step = progress.step
            progress.accuracy = min(progress.accuracy, LEVELS[progress.level][2] - 0.25)
            self.supply.new_level(progress.level)

    def run(self) -> None:
        """Train until the budget or the step limit is used up."""
        if self.recipe.compile:
            self.compile()
        self.supply.gate.value = 1
        mark, waiting = time.monotonic(), self.progress.step
        while self.progress.step < self.recipe.max_steps:
            share = self.progress.elapsed / self.recipe.budget
            if share >= 1:
                break
            result = self.step(share)
            self.progress.step += 1
            if self.progress.step % 4 == 0 or self.progress.step < 4:
                self.advance()
            if self.progress.step % self.recipe.log_every == 0 or self.progress.step <= 3:
                self.report(result, (time.monotonic() - mark) / max(1, self.progress.step - waiting))
                mark, waiting = time.monotonic(), self.progress.step
            self.flat.zero_()
            if self.progress.elapsed - self.saved > self.recipe.save_every:
                self.save()
        self.save()
        self.log({"done": self.progress.step, "elapsed": round(self.progress.elapsed, 1), "seen": self.progress.seen})

    def report(self, results: dict[str, StepResult], pace: float) -> None:
        """One log line."""
        progress = self.progress
        values: dict[str, Any] = {
            "step": progress.step, "s": round(progress.elapsed, 1), "level": progress.level,
            "mean_acc": round(progress.accuracy, 4), "ms": round(pace * 1000),
            "fresh": self.supply.rendered, "reused": self.supply.reused,
        }  # fmt: skip
        for kind, result in results.items():
            numbers = {"loss": result.text, "acc": result.accuracy, "exact": result.exact, "balance": result.balance}
            if kind == "bands":
                numbers |= {
                    "loc": result.location_accuracy,
                    "map": result.character_map,
                    "map_acc": result.map_accuracy,
                }
            seen = {"seen": progress.seen[kind]}
            values[kind] = {name: round(float(number.detach()), 4) for name, number in numbers.items()} | seen
        self.log(values)


def _samples(batch: Fresh) -> int:
    return len(batch.parts["tokens"])


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by the collect command")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--recipe", type=Path, help="JSON file with recipe fields")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=JSON", help="override one recipe field")
    parser.add_argument(
        "--init", type=Path, nargs="+", default=(), help="weights.pt files or checkpoint folders to start from"
    )
    parser.add_argument("--resume", action="store_true", help="go on from state.pt in --out")
    options = parser.parse_args(argv)
    changes = {key: json.loads(value) for key, value in (item.split("=", 1) for item in options.set)}
    recipe = Recipe.load(options.recipe, **changes)
    options.out.mkdir(parents=True, exist_ok=True)
    recipe.save(options.out / "recipe.json")
    Trainer(recipe, options.data, options.out, resume=options.resume, init=options.init).run()
    sys.stderr.flush()
    os._exit(0)  # renderer processes may be in the middle of a batch


if __name__ == "__main__":
    main()
