"""Rendered batches for the trainer: worker processes, a replay buffer, and the move to the device.

Rendering is the bottleneck on few cores; when it falls behind, recent batches are used again under fresh degradation.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Value
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dsvl2.model.layout import token_count
from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.degrade import degrade
from dsvl2.pipelines.training.fonts import Resources
from dsvl2.pipelines.training.learner import Targets, character_labels
from dsvl2.pipelines.training.recipe import LEVELS, Recipe
from dsvl2.pipelines.training.render import LINE_MARK, Batch, make_batch

WIDTHS = tuple(range(1, nano.MAX_COLUMNS + 1))
LENGTH_STEP = 64  # whole sequences are padded to multiples of this: fewer shapes to compile


@dataclass(frozen=True, slots=True)
class Fresh:
    """A rendered batch on the host: images uint8 [B,384,384m], tokens int16 [B,L], lines [B,K,2], chars [B,N,3]."""

    columns: int
    images: Tensor
    tokens: Tensor
    lines: Tensor
    chars: Tensor

    def pin_memory(self) -> Fresh:
        """Called by the loader's pinning thread."""
        pinned = (t.pin_memory() for t in (self.images, self.tokens, self.lines, self.chars))
        return Fresh(self.columns, *pinned)


def prompt_length(columns: int) -> int:
    """Tokens before the answer: prompt text and image."""
    before, after = nano.prompt_ids()
    return len(before) + len(after) + token_count(nano.SIDE, columns, 1)


def to_tokens(batch: Batch, columns: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Model token ids [B, L] of a rendered batch: characters, location placeholders (bin 0), eos, padding."""
    rendered = batch.tokens
    lengths = (rendered != 0).sum(1)
    fixed = prompt_length(columns) - 1  # the last answer token is never an input
    length = -(-(fixed + int(lengths.max()) + 1) // LENGTH_STEP) * LENGTH_STEP - fixed
    tokens = np.full((len(rendered), length), nano.PAD, np.int16)
    ids = np.where(rendered == LINE_MARK, nano.FIRST_LOCATION, rendered + (nano.FIRST_CHARACTER - 1))
    width = min(length, rendered.shape[1])
    tokens[:, :width] = np.where(rendered[:, :width] == 0, nano.PAD, ids[:, :width])
    tokens[np.arange(len(rendered)), lengths] = nano.EOS
    return tokens


class Renderer(IterableDataset[Fresh]):
    """Endless stream of batches for the curriculum level shared through ``level``."""

    def __init__(self, data: Path, recipe: Recipe, level: Any, gate: Any, rank: int, start: int) -> None:
        self.data, self.recipe, self.level, self.gate, self.rank, self.start = data, recipe, level, gate, rank, start

    def __iter__(self) -> Iterator[Fresh]:
        info = get_worker_info()
        worker = info.id if info else 0
        torch.set_num_threads(1)
        rng = random.Random(hash((self.recipe.seed, self.rank, worker, self.start)))
        while info is not None and worker >= 4 and not self.gate.value:
            time.sleep(0.1)  # few renderers while the compiler needs the cores
        resources = Resources.load(self.data)
        while True:
            stage, mix, _ = LEVELS[self.level.value]
            columns = rng.choices(WIDTHS, mix)[0]
            size = self.recipe.batch_sizes[columns - 1]
            for batch in make_batch(rng, resources, columns, stage, size):
                tokens = torch.from_numpy(to_tokens(batch, columns))
                yield Fresh(
                    columns, torch.from_numpy(batch.images), tokens, torch.from_numpy(batch.lines),
                    torch.from_numpy(batch.chars),
                )  # fmt: skip


class Supply:
    """Hands out batches of a wanted width; re-uses recent ones when rendering cannot keep up."""

    def __init__(self, data: Path, recipe: Recipe, *, rank: int, start: int, device: torch.device) -> None:
        self.level, self.gate = Value("i", 0), Value("i", 0)
        dataset = Renderer(data, recipe, self.level, self.gate, rank, start)
        workers = recipe.workers
        self.loader = DataLoader(
            dataset, batch_size=None, num_workers=workers, prefetch_factor=3 if workers else None,
            pin_memory=device.type == "cuda", in_order=False,
        )  # fmt: skip
        self.device = device
        self.fresh: dict[int, deque[Fresh]] = {m: deque() for m in WIDTHS}
        self.old: dict[int, deque[Fresh]] = {m: deque(maxlen=100) for m in WIDTHS}
        self.lock = threading.Lock()
        self.rendered = self.reused = 0
        self.failure: BaseException | None = None
        threading.Thread(target=self._fill, daemon=True).start()

    def _fill(self) -> None:
        try:
            for batch in self.loader:
                while sum(map(len, self.fresh.values())) > 120:
                    time.sleep(0.01)
                with self.lock:
                    self.fresh[batch.columns].append(batch)
                    self.rendered += 1
        except BaseException as error:  # handed to the training thread, which raises it
            self.failure = error

    def get(self, columns: int) -> Fresh:
        """Return a batch of ``columns`` tiles if one is at hand, else one of another width."""
        while True:
            if self.failure is not None:
                raise RuntimeError("rendering failed") from self.failure
            with self.lock:
                if self.fresh[columns]:
                    batch = self.fresh[columns].popleft()
                    self.old[columns].append(batch)
                    return batch
                if len(self.old[columns]) >= 8:
                    self.reused += 1
                    return random.choice(self.old[columns])
                for other in WIDTHS:
                    if self.fresh[other]:
                        batch = self.fresh[other].popleft()
                        self.old[other].append(batch)
                        return batch
            time.sleep(0.005)

    def new_level(self, level: int) -> None:
        """Move the renderers to a curriculum level and forget batches of the easier ones."""
        self.level.value = level
        with self.lock:
            for queue in (*self.fresh.values(), *self.old.values()):
                queue.clear()


def on_device(batch: Fresh, device: torch.device, grid: int, strength: float) -> tuple[Tensor, Targets]:
    """Move a batch to the device, degrade it, and bring its answers in line with the moved picture."""
    images, tokens, lines, chars = (
        t.to(device, non_blocking=True) for t in (batch.images, batch.tokens, batch.lines, batch.chars)
    )
    count = chars.shape[1]
    pictures, points = degrade(images, torch.cat([chars[..., :2], lines], 1), strength=strength)
    labels = character_labels(points[:, :count], chars[..., 2], batch.columns, grid)
    tokens = tokens.long()
    is_location = tokens == nano.FIRST_LOCATION
    nth = (is_location.long().cumsum(1) - 1).clamp(0, max(0, lines.shape[1] - 1))
    height = points[:, count:, 1].gather(1, nth)
    row = (height / nano.LOCATION_STEP).floor().long().clamp(0, nano.LOCATION_BINS - 1)
    return pictures, Targets(torch.where(is_location, nano.FIRST_LOCATION + row, tokens), is_location, labels)
