"""Continuous batching over a fixed number of slots.

Every request is prefilled alone and then decodes in a slot; a finished slot takes the next request. On a CPU the number of
slots never changes and every step computes all of them, so each product has one shape and a request gets the same bits whoever
its neighbours are (provided rows of activations fill whole cache lines, as in every real checkpoint).
Letters: S slots, H hidden, V vocabulary.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Literal

import torch
from torch import Tensor

from dsvl2.model.cache import BLOCK, SlotCache
from dsvl2.model.constraints.decoding import ConstraintState
from dsvl2.model.loops import MAX_RECOVERIES, find_loop, is_leader
from dsvl2.model.prefill import CHUNK, run_prompt
from dsvl2.model.prefixes import Part, PrefixStore
from dsvl2.model.request import SamplingParams
from dsvl2.model.sampling import choose, generator_for
from dsvl2.model.steps import BUCKETS, SLOTS, Steps, slot_count, steps_for
from dsvl2.model.vl2 import DeepseekVL2

GUARD_EVERY = 8  # tokens between two looks for a loop


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One request for the scheduler; `embed` makes the prompt's embeddings [1, T, H] when its turn comes.

    A prompt in several `parts` is embedded and run part by part instead. `watch` is told the ids of the answer so far
    whenever they change; a loop that is cut takes some back.
    """

    index: int
    length: int
    embed: Callable[[], Tensor]
    sampling: SamplingParams
    parts: tuple[Part, ...] = ()
    watch: Callable[[Sequence[int]], None] | None = None


@dataclass(slots=True, eq=False)
class Answer:
    """An answer while it grows."""

    job: Job
    generator: torch.Generator | None
    form: ConstraintState | None = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    banned: tuple[int, ...] = ()
    loops: int = 0
    empty: float | None = None  # log-probability of ending at once
    finish: Literal["stop", "length"] | None = None

    @property
    def plain(self) -> bool:
        """Whether the next token is simply the likeliest one."""
        sampling = self.job.sampling
        return (
            sampling.temperature == 0 and sampling.repetition_penalty == 1.0 and not self.banned and self.form is None
        )

    @property
    def guarded(self) -> bool:
        """Whether loops are looked for: not in an end that is given."""
        return self.job.sampling.guard_loops and (self.form is None or not self.form.closing)


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Let PyTorch use at most so many CPU threads inside a `with` block; None leaves them."""
    before = torch.get_num_threads()
    if threads is None or threads >= before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Scheduler:
    """Runs jobs to their end.

    dtype is that of the cache; stop holds the ids that end an answer; spell turns ids into text, which the loop guard
    needs to spare leaders; begin starts the constraint of a request that has one; chunk is how much of a prompt runs at
    once; prefixes keeps what prompts have in common.
    """

    def __init__(
        self,
        network: DeepseekVL2,
        *,
        dtype: torch.dtype,
        stop: Collection[int],
        spell: Callable[[Sequence[int]], str],
        begin: Callable[[SamplingParams], ConstraintState | None] = lambda sampling: None,
        chunk: int = CHUNK,
        prefixes: PrefixStore | None = None,
    ) -> None:
        self._dtype, self._chunk, self._begin, self._prefixes = dtype, chunk, begin, prefixes or PrefixStore()
        self._network, self._stop, self._spell = network, frozenset(stop), spell
        self._decoder = network.language.model
        weight = network.language.model.norm.weight
        self._device = weight.device
        self._kept: tuple[SlotCache, Steps] | None = None
        self._ends = torch.tensor(sorted(self._stop), device=self._device)

    def run(self, jobs: Sequence[Job]) -> Iterator[Answer]:
        """Yield the answers as they finish."""
        waiting = iter(jobs)
        capacity = max((job.length + job.sampling.max_new_tokens for job in jobs), default=0)
        return self.serve(lambda: next(waiting, None), capacity)

    @torch.inference_mode()
    def serve(
        self,
        pull: Callable[[], Job | None],
        capacity: int,
        halted: Callable[[], bool] = lambda: False,
        *,
        waiting: int = SLOTS,
    ) -> Iterator[Answer]:
        """Take jobs of at most `capacity` tokens (prompt and answer) from `pull` until it has none; yield the answers.

        Unfinished answers are dropped as soon as `halted` says so. waiting: about how many jobs there are.
        """
        job = pull()
        if job is None:
            return
        cache, steps = self._make_room(capacity, waiting)
        running = dict[int, Answer]()
        while (job is not None or running) and not halted():
            for slot in range(cache.slots):
                while job is not None and slot not in running:
                    answer = self._start(job, slot, cache)
                    job = pull()
                    if answer.finish is None:
                        running[slot] = answer
                    else:
                        cache.settle(slot, 0)
                        yield answer
            if running:
                yield from self._step(running, cache, steps)

    def _make_room(self, capacity: int, waiting: int) -> tuple[SlotCache, Steps]:
        """A cache and what decodes over it; on a GPU the last ones, if they fit, for a captured graph is dear."""
        config = self._network.config.language
        part = (
            (1, 1, (config.kv_lora_rank or 0) + config.qk_rope_head_dim)
            if config.use_mla
            else (2, config.kv_heads, config.head_dim)
        )
        whole = -(-capacity // BLOCK) * BLOCK
        token = prod(part) * config.num_hidden_layers * self._dtype.itemsize
        if self._kept is not None:
            cache, steps = self._kept
            if cache.capacity == whole and cache.slots >= min(waiting, BUCKETS[-1]) > cache.slots // 4:
                for slot in range(cache.slots):
                    cache.settle(slot, 0)
                return cache, steps
            self._kept = cache = steps = None  # type: ignore[assignment]  # before the next one is made
        slots = slot_count(self._device, waiting, whole * token)
        cache = SlotCache(slots, whole, config.num_hidden_layers, part, dtype=self._dtype, device=self._device)
        steps = steps_for(self._network, cache)
        if self._device.type == "cuda":
            self._kept = cache, steps
        return cache, steps

    def _start(self, job: Job, slot: int, cache: SlotCache) -> Answer:
        """Prefill alone and take the first token."""
        prefix = cache.new_prefix(job.length)

        def extend(x: Tensor, start: int) -> Tensor:
            return run_prompt(self._decoder, x, prefix, chunk=self._chunk, after=start)

        hidden = self._prefixes.run(job.parts, prefix, extend) if job.parts else extend(job.embed(), 0)
        cache.adopt(slot, prefix)
        answer = Answer(job, generator_for(job.sampling, self._device), self._begin(job.sampling))
        logits = self._network.language.logits(hidden)[0]
        answer.empty = float((logits[self._ends] - logits.logsumexp(-1)).logsumexp(-1))
        self._take(answer, *self._pick(answer, logits))
        return answer

    def _step(self, running: dict[int, Answer], cache: SlotCache, steps: Steps) -> Iterator[Answer]:
        """One token for every running answer; give out those that end."""
        tokens = [running[slot].ids[-1] if slot in running else 0 for slot in range(cache.slots)]
        logits, greedy = steps(tokens, sorted(running))
        greedy_ids, greedy_logprobs = greedy.tolist()
        for slot, answer in list(running.items()):
            if answer.plain:
                self._take(answer, int(greedy_ids[slot]), greedy_logprobs[slot])
            else:
                self._take(answer, *self._pick(answer, logits[slot]))
            if answer.finish is not None:
                del running[slot]
                cache.settle(slot, 0)
                yield answer
            elif answer.guarded and len(answer.ids) % GUARD_EVERY == 0 and self._cut_loop(answer):
                if self._give_up(answer):
                    del running[slot]
                    cache.settle(slot, 0)
                    yield answer
                else:
                    cache.settle(slot, answer.job.length + len(answer.ids) - 1)

    def _give_up(self, answer: Answer) -> bool:
        """Say whether an answer ends here because it loops; one of a given form goes on, to its end by the shortest way."""
        if answer.loops <= MAX_RECOVERIES:
            return False
        if answer.form is not None:
            answer.form.close()
            if not answer.form.finished:
                return False
        answer.finish = "stop" if answer.form is None else "length"
        return True

    def _pick(self, answer: Answer, logits: Tensor) -> tuple[int, float]:
        """Choose a token; a constraint may refuse one that its mask let pass, and then has a stricter mask."""
        sampling, form, seen = answer.job.sampling, answer.form, answer.ids
        if form is None:
            picked = choose(logits, sampling, seen, answer.generator, answer.banned)
        else:
            while True:
                picked = choose(logits, sampling, seen, answer.generator, answer.banned, form.allowed())
                if form.accept(picked[0]):
                    break
        answer.banned = ()
        return picked

    def _take(self, answer: Answer, token: int, logprob: float) -> None:
        """Append a token, or end: the end token itself is not kept. A constraint ends where it is complete."""
        sampling, form = answer.job.sampling, answer.form
        if token in self._stop or (form is None and token in sampling.stop_token_ids):
            answer.finish = "length" if form is not None and form.closing else "stop"
            return
        answer.ids.append(token)
        answer.logprobs.append(logprob)
        if answer.job.watch is not None:
            answer.job.watch(answer.ids)
        if len(answer.ids) >= sampling.max_new_tokens:
            answer.finish = "length"
        if form is not None and form.finished:
            answer.finish = "length" if form.closing else "stop"

    def _cut_loop(self, answer: Answer) -> bool:
        """Cut a loop at the end back to its first copy and forbid to enter it again; say whether there was one."""
        loop = find_loop(answer.ids)
        if loop is None or is_leader(self._spell(answer.ids[-loop.span :]), loop.run):
            return False
        keep = len(answer.ids) - loop.run + loop.span
        answer.banned = (answer.ids[keep],)
        if answer.form is not None:
            answer.form.rewind(len(answer.ids) - keep)
        del answer.ids[keep:], answer.logprobs[keep:]
        answer.loops += 1
        if answer.job.watch is not None:
            answer.job.watch(answer.ids)
        return True
