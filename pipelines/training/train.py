"""Train the embedded model: `python -m dsvl2.pipelines.training.train --data DIR --out RUN [--resume]`.

One process a device; under torchrun the gradients are averaged over all of them. The budget is wall-clock time, so the
rate reaches zero when the time is up; with --until everything that went before counts too, restarts included.
RUN holds recipe.json, log.jsonl, state.pt (for --resume) and weights.pt, which is good at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.config import ModelConfig
from dsvl2.pipelines.training import adapter_file, nano, telling
from dsvl2.pipelines.training.average import Average
from dsvl2.pipelines.training.batches import Supply, on_device
from dsvl2.pipelines.training.checks import Checks
from dsvl2.pipelines.training.cluster import Cluster, Progress, flat_gradients, keep_own_device
from dsvl2.pipelines.training.ending import run_to_its_end
from dsvl2.pipelines.training.learner import Learner, StepResult
from dsvl2.pipelines.training.low_rank import averaged, taught_adapter
from dsvl2.pipelines.training.material import PROMPTS, Fresh
from dsvl2.pipelines.training.optim import Muon, parameter_groups
from dsvl2.pipelines.training.recipe import LEVELS, Recipe, changes_of
from dsvl2.pipelines.training.start import put_whole, starting_weights
from dsvl2.pipelines.training.targets import Targets
from dsvl2.pipelines.training.warmup import DONE, compile_blocks, keep_compiled, start_aside, take_compiled, warm_up

KEPT = "compiled.bin"  # in the folder of the run: for --compiled of later runs on such machines
STALE = 20.0  # s: what was taken over and still took so long was of other code
NUMBERS = 3  # beside the gradients: accuracy, seconds used, whether the compiler's cache is filled


class Trainer:
    """A learner, its optimisers and its supply of batches."""

    def __init__(
        self, recipe: Recipe, data: Path, out: Path, *, resume: bool, init: Sequence[Path] = (), until: float = 0.0,
        compiled: Path | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.out, self.until, self.compiled = recipe, out, until, compiled
        self.cluster = Cluster()
        self.device = self.cluster.start()
        torch.manual_seed(recipe.seed)
        torch.set_float32_matmul_precision("high")
        ops.use("dense")
        self.learner = Learner(ModelConfig.from_dict(nano.CONFIG)).to(self.device)
        self.progress = Progress()
        if init:
            self._begin_from(init)
        self.adapter = taught_adapter(self.learner, recipe)
        self.taught = self.adapter or self.learner  # whose parameters the optimisers move
        matrices, groups = parameter_groups(self.taught, recipe)
        self.muon = Muon(matrices, lr=recipe.muon_lr)
        fused = self.device.type == "cuda"
        self.adam = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-10, fused=fused)
        self.rest = [parameter for group in self.adam.param_groups for parameter in group["params"]]
        self.flat = flat_gradients(self.learner, NUMBERS)
        self.average: Average | None = None
        if resume and (out / "state.pt").exists():
            self._restore()
        if recipe.average_share and not self.cluster.rank:
            self.average = self.average or Average(self.taught)
        random.seed(recipe.seed * 977 + self.cluster.rank + self.progress.step)
        torch.manual_seed(recipe.seed * 977 + self.cluster.rank + self.progress.step + 1)
        self.supply = Supply(data, recipe, rank=self.cluster.rank, start=self.progress.step, device=self.device)
        self.supply.level.value = self.progress.level
        self.compiling = recipe.compile and self.device.type == "cuda"  # on a CPU it takes longer than it saves
        self.aside = self.compiling and recipe.compile_aside
        self.checks = Checks(data, recipe, self.device) if recipe.check_every and not self.cluster.rank else None
        self.started = time.monotonic() - self.progress.elapsed
        self.progress.elapsed = self.saved = self._elapsed()
        self.checked, self.stopping = float("-inf"), False
        self.latest: dict[str, StepResult] = {}

    def _elapsed(self) -> float:
        """Seconds of the budget that are used up."""
        return self.recipe.budget - (self.until - time.time()) if self.until else time.monotonic() - self.started

    def _restore(self) -> None:
        state = torch.load(self.out / "state.pt", map_location=self.device, weights_only=True)
        self.taught.load_state_dict(state["learner"])
        self.adam.load_state_dict(state["adam"])
        self.muon.load_state_dict(state["muon"])
        if "average" in state and not self.cluster.rank:
            self.average = Average(self.taught)
            self.average.load_state_dict(state["average"])
        self.progress = Progress(**state["progress"])

    def _begin_from(self, paths: Sequence[Path]) -> None:
        """Start from trained weights, with fresh optimisers and the last curriculum level."""
        found = starting_weights(paths, self.device)
        lacking = self.learner.load_state_dict(found, strict=False)
        if lacking.unexpected_keys or any("character_map" not in name for name in lacking.missing_keys):
            raise ValueError(f"{', '.join(map(str, paths))}: not the weights of this model")
        self.progress.level = min(self.recipe.last_level, len(LEVELS) - 1)
        self.progress.accuracy = 0.9

    def save(self) -> None:
        """Write the state and the weights alone."""
        if self.cluster.rank:
            return
        learner = self.taught.state_dict()
        progress = {name: getattr(self.progress, name) for name in Progress.__slots__}
        state: dict[str, Any] = {"learner": learner, "progress": progress}
        state |= {"adam": self.adam.state_dict(), "muon": self.muon.state_dict()}
        if self.average is not None:
            state["average"] = self.average.state_dict()
        put_whole(self.out / "state.pt", state)
        if self.adapter is not None:
            with averaged(self.average, self.adapter):
                put_whole(self.out / "adapter.pt", adapter_file.factors_of(self.adapter))
        else:
            weights = {key: value.half() for key, value in (learner | state.get("average", {})).items()}
            put_whole(self.out / "weights.pt", weights)
        self.saved = self.progress.elapsed

    def log(self, record: dict[str, Any]) -> None:
        """Append a line to the log and show it."""
        if self.cluster.rank:
            return
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        sys.stderr.write(telling.line(record, self.recipe.budget) + "\n")

    def compile(self) -> None:
        """Compile the blocks before the first step, while few renderers run."""
        taken = self.compiled is not None and take_compiled(self.compiled)
        compile_blocks(self.learner)
        seconds = warm_up(self.learner, self.recipe, self.device)
        self.log({"compiled": seconds, "taken over": taken, "s": round(self._elapsed(), 1)})
        if self.cluster.rank == 0 and (not taken or max(seconds) > STALE):
            keep_compiled(self.out / KEPT)

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
        for kind in recipe.kinds_at(progress.step):
            batch = self.supply.get(kind, self._columns(kind))
            clean = progress.level == 0 or random.random() < recipe.clean_share
            images, targets = on_device(batch, self.device, self.learner.grid, 0.3 if clean else 1.0, recipe)
            results[kind] = self.backward(kind, images, targets, late=share > 0.5)
            progress.seen[kind] = progress.seen.get(kind, 0) + _samples(batch)
        first = results[recipe.kinds[0]]
        self.latest |= results
        told = torch.tensor([self._elapsed(), float(self.aside and (self.out / DONE).exists())], device=self.device)
        self.flat[-NUMBERS:] = torch.cat([first.accuracy.float()[None], told.float()])
        self.cluster.mean(self.flat)
        if self.adapter is not None:
            self.adapter.collect()
        torch.nn.utils.clip_grad_norm_(self.rest, 1.0)
        scale = recipe.rate(progress.step, share)
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * scale
        self.adam.step()
        self.muon.step(scale)
        if self.adapter is not None:
            self.adapter.write()
        return results

    def _columns(self, kind: str) -> int:
        """Width of the next batch in tiles, the same on every process."""
        if kind == "answers":
            return 0
        mix = LEVELS[self.progress.level][1] if kind == "bands" else self.recipe.formula_mix
        return random.Random(self.progress.step).choices(range(1, nano.MAX_COLUMNS + 1), mix)[0]

    def advance(self) -> None:
        """Read the averaged clock and accuracy; move up a level when this one is learned; go over to compiled blocks."""
        accuracy, elapsed, compiled = self.flat[-NUMBERS:].tolist()
        progress = self.progress
        if self.average is not None:
            self.average.update(self.recipe.average_share)
        if compiled > 0.99:
            self.aside = False
            torch._dynamo.config.suppress_errors = True  # a graph that fails here runs uncompiled
            compile_blocks(self.learner)
            self.log({"compiled aside": progress.step, "s": round(elapsed, 1)})
        progress.elapsed = elapsed
        progress.accuracy += 0.1 * (accuracy - progress.accuracy)
        steps = progress.step - progress.level_step
        learned = progress.accuracy > LEVELS[progress.level][2] and steps >= self.recipe.level_min_steps
        if learned and progress.level < self.recipe.last_level:
            progress.level += 1
            progress.level_step = progress.step
            progress.accuracy = min(progress.accuracy, LEVELS[progress.level][2] - 0.25)
            self.supply.new_level(progress.level)

    def run(self) -> None:
        """Train until the budget or the step limit is used up."""
        machine = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        self.log({"devices": self.cluster.world, "device": machine, "from step": self.progress.step})
        if self.compiling and not self.aside:
            self.compile()
        elif self.aside and self.cluster.rank == self.cluster.world - 1:
            start_aside(self.out)
        self.supply.gate.value = 1
        mark, waiting = time.monotonic(), self.progress.step
        while self.progress.step < self.recipe.max_steps and not self.stopping:
            share = self.progress.elapsed / self.recipe.budget
            if share >= 1:
                break
            self.step(share)
            self.progress.step += 1
            if self.progress.step % 4 == 0 or self.progress.step < 4:
                self.advance()
                self.look()
            if self.progress.step % self.recipe.log_every == 0 or self.progress.step <= 3:
                self.report((time.monotonic() - mark) / max(1, self.progress.step - waiting))
                mark, waiting = time.monotonic(), self.progress.step
            self.flat.zero_()
            if self.progress.elapsed - self.saved > self.recipe.save_every:
                self.save()
        self.save()
        if self.compiling and not self.aside and self.cluster.rank == 0:
            keep_compiled(self.out / KEPT)  # with what was compiled on the way
        ended = {"stopped" if self.stopping else "done": self.progress.step}
        self.log(ended | {"elapsed": round(self.progress.elapsed, 1), "seen": self.progress.seen})

    def look(self) -> None:
        """Look at the held-out bands when it is time to."""
        if self.checks is None or self.progress.elapsed - self.checked < self.recipe.check_every:
            return
        begun = time.monotonic()
        self.checked = self.progress.elapsed
        with averaged(self.average, self.adapter):  # what would be saved now
            errors = self.checks.errors(self.learner)
        self.log({"held_out": errors, "s": round(self.checked, 1), "took": round(time.monotonic() - begun, 2)})

    def report(self, pace: float) -> None:
        """One log line."""
        progress = self.progress
        values: dict[str, Any] = {
            "step": progress.step, "s": round(progress.elapsed, 1), "level": progress.level,
            "mean_acc": round(progress.accuracy, 4), "ms": round(pace * 1000),
            "fresh": self.supply.rendered, "reused": self.supply.reused,
        }  # fmt: skip
        for kind, result in self.latest.items():
            values[kind] = telling.numbers(result, pictures=kind == "bands") | {"seen": progress.seen[kind]}
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
    parser.add_argument("--until", type=float, default=0.0, help="Unix time at which the budget is used up")
    parser.add_argument(
        "--compiled", type=Path, help="what an earlier run compiled on such a machine: RUN/compiled.bin"
    )
    parser.add_argument("--resume", action="store_true", help="go on from state.pt in --out")
    options = parser.parse_args(argv)
    keep_own_device()
    before = options.out / "recipe.json"  # a run that goes on keeps to its recipe
    recipe = Recipe.load(
        before if options.resume and not options.recipe and before.exists() else options.recipe,
        **changes_of(options.set),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    recipe.save(options.out / "recipe.json")
    how = {name: getattr(options, name) for name in ("resume", "init", "until", "compiled")}
    trainer = Trainer(recipe, options.data, options.out, **how)
    code = run_to_its_end(trainer, alone=trainer.cluster.world == 1)
    sys.stderr.flush()
    os._exit(code)  # renderer processes may be in the middle of a batch


if __name__ == "__main__":
    main()
