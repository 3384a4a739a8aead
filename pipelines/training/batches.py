"""Batches for the trainer: worker processes, a replay buffer, and the move to the device.

Rendering is the bottleneck on few cores; when it falls behind, recent batches are used again under fresh degradation.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing import Value
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.degrade import degrade
from dsvl2.pipelines.training.material import ANSWER, CONTEXT, DECISION, Fresh, source
from dsvl2.pipelines.training.recipe import Recipe
from dsvl2.pipelines.training.targets import Targets, character_labels

Key = tuple[str, int]  # kind and width in tiles
WAITING = 160  # batches that may wait on the host, all kinds together
MOST_FAILURES = 20  # of a worker in making its material
KEPT = {"bands": 40, "formulas": 40, "answers": 1000}  # of a key, to be used again: text takes little room
AGAIN = 8  # so many recent batches of a key must be at hand before one is used again


class Renderer(IterableDataset[Fresh]):
    """Endless stream of batches for the curriculum level shared through ``level``.

    Every kind of the recipe comes as often as the training steps take one.
    """

    def __init__(self, data: Path, recipe: Recipe, level: Any, gate: Any, rank: int, start: int) -> None:
        self.data, self.recipe, self.level, self.gate, self.rank, self.start = data, recipe, level, gate, rank, start

    def __iter__(self) -> Iterator[Fresh]:
        info = get_worker_info()
        worker = info.id if info else 0
        torch.set_num_threads(1)
        if info is not None and hasattr(os, "nice"):
            os.nice(3)  # the process that feeds the device comes first
        rng = random.Random(hash((self.recipe.seed, self.rank, worker, self.start)))
        while info is not None and worker >= 4 and self.recipe.compile and not self.gate.value:
            time.sleep(0.1)  # few renderers while the compiler needs the cores
        streams = {
            kind: source(kind, rng, self.data, self.recipe, lambda: int(self.level.value)) for kind in self.recipe.kinds
        }
        made = {kind: rng.random() * self.recipe.every(kind) for kind in streams}
        failures = 0
        while True:
            kind = min(streams, key=lambda kind: made[kind])
            made[kind] += self.recipe.every(kind)
            try:
                yield next(streams[kind])
            except OSError:  # a file of the data that is not there will not come
                raise
            except Exception as error:  # a page in a million that cannot be made must not end a run
                failures += 1
                if failures > MOST_FAILURES:
                    raise
                sys.stderr.write(f"worker {worker}: {kind}: {error!r}\n")
                streams[kind] = source(kind, rng, self.data, self.recipe, lambda: int(self.level.value))


class Supply:
    """Hands out batches of a wanted kind and width; re-uses recent ones when rendering cannot keep up."""

    def __init__(self, data: Path, recipe: Recipe, *, rank: int, start: int, device: torch.device) -> None:
        self.level, self.gate = Value("i", 0), Value("i", 0)
        dataset = Renderer(data, recipe, self.level, self.gate, rank, start)
        workers = recipe.workers
        self.loader = DataLoader(
            dataset, batch_size=None, num_workers=workers, prefetch_factor=3 if workers else None,
            pin_memory=device.type == "cuda", in_order=False,
        )  # fmt: skip
        self.fresh: dict[Key, deque[Fresh]] = {}
        self.old: dict[Key, deque[Fresh]] = {}
        self.lock = threading.Lock()
        self.rendered = self.reused = 0
        self.failure: BaseException | None = None
        threading.Thread(target=self._fill, daemon=True).start()

    def _fill(self) -> None:
        try:
            for batch in self.loader:
                while sum(map(len, self.fresh.values())) > WAITING:
                    time.sleep(0.01)
                with self.lock:
                    self.fresh.setdefault((batch.kind, batch.columns), deque()).append(batch)
                    self.rendered += 1
        except BaseException as error:  # handed to the training thread, which raises it
            self.failure = error

    def get(self, kind: str, columns: int) -> Fresh:
        """Return a batch of ``kind`` and ``columns`` tiles if one is at hand, else one of another width."""
        while True:
            if self.failure is not None:
                raise RuntimeError("making the training material failed") from self.failure
            with self.lock:
                batch = self._take((kind, columns))
                if batch is None:
                    others = sorted((key for key in self.fresh if key[0] == kind), key=lambda k: -len(self.fresh[k]))
                    batch = next((found for key in others if (found := self._take(key)) is not None), None)
                if batch is not None:
                    return batch
            time.sleep(0.005)

    def _take(self, key: Key) -> Fresh | None:
        old = self.old.setdefault(key, deque(maxlen=KEPT[key[0]]))
        if self.fresh.get(key):
            batch = self.fresh[key].popleft()
            old.append(batch)
            return batch
        if len(old) >= AGAIN:
            self.reused += 1
            return random.choice(old)
        return None

    def new_level(self, level: int) -> None:
        """Move the renderers to a curriculum level and forget bands of the easier ones."""
        self.level.value = level
        with self.lock:
            for queues in (self.fresh, self.old):
                for key, queue in queues.items():
                    if key[0] == "bands":
                        queue.clear()


def on_device(
    batch: Fresh, device: torch.device, grid: int, strength: float, recipe: Recipe
) -> tuple[Tensor | None, Targets]:
    """Move a batch to the device, degrade its pictures, and bring the answers in line with what moved."""
    parts = {name: part.to(device, non_blocking=True) for name, part in batch.parts.items()}
    tokens = parts["tokens"].long()
    if batch.kind == "answers":
        roles = parts["roles"]
        weight = (roles >= ANSWER).float() + recipe.context_weight * (roles == CONTEXT)
        weight = weight + (recipe.decision_weight - 1) * (roles == DECISION)
        return None, Targets(tokens, weight, torch.zeros_like(tokens, dtype=torch.bool))
    weight = (tokens != nano.PAD).float()
    if batch.kind == "formulas":
        nowhere = torch.zeros(len(tokens), 1, 2, device=device)
        pictures, _ = degrade(parts["images"], nowhere, strength=strength * recipe.formula_strength)
        return pictures, Targets(tokens, weight, torch.zeros_like(tokens, dtype=torch.bool))
    lines, chars = parts["lines"], parts["chars"]
    count = chars.shape[1]
    pictures, points = degrade(
        parts["images"], torch.cat([chars[..., :2], lines], 1), strength=strength, alone=strength,
        coarse=recipe.coarse_share,
    )  # fmt: skip
    labels = character_labels(points[:, :count], chars[..., 2], batch.columns, grid)
    is_location = tokens == nano.FIRST_LOCATION
    nth = (is_location.long().cumsum(1) - 1).clamp(0, max(0, lines.shape[1] - 1))
    height = points[:, count:, 1].gather(1, nth)
    row = (height / nano.LOCATION_STEP).floor().long().clamp(0, nano.LOCATION_BINS - 1)
    weight = weight * (1 + (recipe.location_weight - 1) * is_location.float())
    weight[:, 0] *= torch.where(tokens[:, 0] == nano.EOS, recipe.nothing_weight, 1.0)
    return pictures, Targets(torch.where(is_location, nano.FIRST_LOCATION + row, tokens), weight, is_location, labels)
