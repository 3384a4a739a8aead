"""Continuous batching: prompts run first, then decode in a row of every step beside the others until they end.

A request waits until there is a free row and blocks for all that it may come to hold; whoever ends makes room. On a CPU
every step computes a multiple of four rows, of which each is the same in any number of them, so a request gets the same bits
whoever its neighbours are (provided rows of activations fill whole cache lines, as in every real checkpoint).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import torch

from dsvl2.model.answers import Answer, Job, Rules
from dsvl2.model.constraints.decoding import ConstraintState
from dsvl2.model.prefill import CHUNK, TAILS, Prompts
from dsvl2.model.prefixes import PrefixStore
from dsvl2.model.prompt_graphs import TOGETHER, PromptGraphs
from dsvl2.model.request import SamplingParams
from dsvl2.model.room import Room, tokens_at_once
from dsvl2.model.running import Batch, Means, Pull
from dsvl2.model.steps import ROWS
from dsvl2.model.vl2 import DeepseekVL2


class Scheduler:
    """Runs jobs to their end.

    room makes the cache and what decodes over it; stop holds the ids that end an answer; spell turns ids into text, which
    the loop guard needs to spare leaders; begin starts the constraint of a request that has one; chunk is how much of a
    prompt runs at once; prefixes keeps what prompts have in common.
    """

    def __init__(
        self,
        network: DeepseekVL2,
        room: Room,
        *,
        stop: Collection[int],
        spell: Callable[[Sequence[int]], str],
        begin: Callable[[SamplingParams], ConstraintState | None] = lambda sampling: None,
        chunk: int = CHUNK,
        prefixes: PrefixStore | None = None,
    ) -> None:
        self.network, self.room, self.rules = network, room, Rules(stop, spell)
        self.begin = begin
        self.device = network.language.model.norm.weight.device
        host = self.device.type == "cpu"
        decoder, kept = network.language.model, prefixes or PrefixStore()
        alone = host or room.fixed
        graphs = None if alone else PromptGraphs(decoder, self._fits_twice)
        self.prompts = Prompts(decoder, kept, chunk, 0 if alone else TOGETHER, TAILS if host else 0, graphs)
        self.ends = torch.tensor(sorted(self.rules.stop), device=self.device)

    def _fits_twice(self, tokens: int) -> bool:
        return tokens_at_once(self.network.config.language, self.device) >= 2 * tokens

    def _prompts_now(self) -> Prompts:
        """How prompts run: no more together than a GPU has room for beside the cache that there is."""
        if self.device.type != "cuda" or not self.prompts.together:
            return self.prompts
        fit = tokens_at_once(self.network.config.language, self.device)
        return replace(self.prompts, together=min(self.prompts.together, fit))

    def run(self, jobs: Sequence[Job]) -> Iterator[Answer]:
        """Yield the answers as they finish."""
        waiting = iter(jobs)
        capacity = max((job.room for job in jobs), default=0)
        return self.serve(lambda wait: next(waiting, None), capacity, waiting=len(jobs))

    @torch.inference_mode()
    def serve(
        self,
        pull: Pull,
        capacity: int,
        halted: Callable[[], bool] = lambda: False,
        *,
        waiting: int = ROWS,
    ) -> Iterator[Answer]:
        """Take jobs of at most `capacity` tokens (prompt and answer) from `pull` until it has none; yield the answers.

        `pull` is told whether it may wait: if not, and there is no job yet, it says LATER.
        Unfinished answers are dropped as soon as `halted` says so. waiting: about how many jobs there are. Raises
        NotEnoughMemory before any work if there is no room for a single job of `capacity` tokens.
        """
        job = pull(True)
        if not isinstance(job, Job):
            return
        cache, steps = self.room.make(self.network, capacity, waiting)
        means = Means(self._prompts_now(), self.network.language.logits, self.rules, self.begin, self.ends)
        batch = Batch(means, cache, steps, pull, job)
        while batch.busy and not halted():
            yield from batch.turn()
