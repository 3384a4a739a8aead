"""Continuous batching: prompts run first, then decode in a row of every step beside the others until they end.

A request waits until there is a free row and blocks for all that it may come to hold; whoever ends makes room. On a CPU
every step computes a multiple of four rows, of which each is the same in any number of them, so a request gets the same bits
whoever its neighbours are (provided rows of activations fill whole cache lines, as in every real checkpoint).
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from dsvl2.model.answers import Answer, Job, Rules
from dsvl2.model.cache import BlockCache, Row
from dsvl2.model.constraints.decoding import ConstraintState
from dsvl2.model.prefill import CHUNK, TAILS, Prompts
from dsvl2.model.prefixes import PrefixStore
from dsvl2.model.prompt_graphs import TOGETHER, PromptGraphs
from dsvl2.model.request import SamplingParams
from dsvl2.model.room import Room, tokens_at_once
from dsvl2.model.sampling import Warm, warm_of
from dsvl2.model.steps import ROWS, Flight, Steps
from dsvl2.model.vl2 import DeepseekVL2


class Later:
    """There is no job yet, and there may be one later."""


LATER = Later()
Pull = Callable[[bool], Job | Later | None]
# Batches or chunks of prompts between two steps at most: every step reads all weights, so those that decode wait until there
# are as many of them as can be. 16 batches of pages take tiny 1.8 s, base 5.
EAGER = 16
LOOK = 2e-4  # seconds between two looks whether a job has come, while the device is at work
PATIENCE = 32  # steps for which a prompt that has a row may wait for others to run with


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
        batch = _Batch(self, cache, steps, pull, job)
        while batch.busy and not halted():
            yield from batch.turn()


class _Asked(NamedTuple):
    """What a column of results is for: an answer, as it was after so many cuts, and what was proposed behind each column."""

    answer: Answer
    epoch: int
    columns: Sequence[int]
    proposals: Sequence[int] = ()


class _Batch:
    """The answers under way in one call of `serve`."""

    def __init__(self, owner: Scheduler, cache: BlockCache, steps: Steps, pull: Pull, job: Job) -> None:
        self._owner, self._cache, self._steps, self._pull = owner, cache, steps, pull
        self._job: Job | Later | None = job
        self._begun: tuple[list[Answer], Iterator[Tensor | None]] | None = None
        self._waited = 0  # steps since there was room for the next prompt
        self._prompts = owner.prompts
        if owner.device.type == "cuda" and owner.prompts.together:
            fit = tokens_at_once(owner.network.config.language, owner.device)
            self._prompts = replace(owner.prompts, together=min(owner.prompts.together, fit))
        self._running = dict[int, Answer]()
        self._flights = deque[tuple[Flight, list[_Asked]]]()
        self._eager = EAGER if steps.lag else steps.rows * 1024  # a CPU fills all rows first

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return self._job is not None or self._begun is not None or bool(self._running)

    def turn(self) -> Iterator[Answer]:
        """Some of the prompts that wait, one step of all that run; give out those that ended."""
        if isinstance(self._job, Later):
            self._job = self._pull(self._begun is None and not self._running)
        yield from self._admit()
        waits = any(answer.waits for answer in self._running.values())
        yield from self._settle(0 if waits else self._steps.lag)
        if self._steps.width(len(self._running)) < self._steps.width(max(self._running, default=0) + 1):
            yield from self._settle(0)
            self._close_ranks()
        launched = self._launch()
        yield from self._settle(0 if waits or not launched else self._steps.lag)

    def _admit(self) -> Iterator[Answer]:
        """Run prompts while there are rows and blocks for them, for a while: those that decode wait meanwhile."""
        ran = 0
        while self._begun is not None or self._begin(ran > 0):
            assert self._begun is not None  # just begun
            answers, prompts = self._begun
            hidden = next(prompts)
            if hidden is not None:
                self._begun = None
                yield from self._join(answers, self._owner.network.language.logits(hidden))
            ran += 1
            if self._running and ran >= self._eager:
                break

    def _begin(self, more: bool) -> bool:
        """Begin the next prompt, or several, if there are any and room for them; `more`: behind others of this turn."""
        prompts, answers = self._prompts, list[Answer]()
        if more and isinstance(self._job, Later):
            self._job = self._coming()
        if not self._patient():
            while isinstance(job := self._job, Job) and (
                not answers or prompts.joins(job, [one.job for one in answers])
            ):
                answer = self._seated(job, {one.row for one in answers})
                if answer is None:
                    break
                answers.append(answer)
                self._job = self._pull(False)
        if not answers:
            return False
        jobs, leases = [answer.job for answer in answers], [answer.lease for answer in answers]
        self._begun = answers, prompts.run(jobs, self._cache, leases)
        self._waited = 0
        return True

    def _coming(self) -> Job | Later | None:
        """The next job; while few rows are taken it may come until the device has run the last prompts.

        A step of few rows costs nearly that of many, and the device is idle while its results are waited for.
        """
        while isinstance(job := self._pull(False), Later):
            if len(self._running) * 2 >= self._steps.rows or not self._flights or self._flights[-1][0].ready:
                break
            time.sleep(LOOK)
        return job

    def _patient(self) -> bool:
        """Whether the next prompt had better wait until there are rows for some others to run with it."""
        job, free = self._job, self._steps.rows - len(self._running)
        if not isinstance(job, Job) or not free or not self._running:
            return False
        wanted = min(self._prompts.together // job.length, self._steps.rows // 8)
        self._waited += 1
        return free < wanted and self._waited <= PATIENCE

    def _seated(self, job: Job, taken: Collection[int]) -> Answer | None:
        """An answer with a row and blocks of its own, if there are some."""
        row = next((row for row in range(self._steps.rows) if row not in self._running and row not in taken), None)
        lease = None if row is None else self._cache.lease(job.room, row)
        if row is None or lease is None:
            return None
        return Answer(job, self._owner.begin(job.sampling), lease=lease, row=row, draws=self._steps.draws)

    def _join(self, answers: Sequence[Answer], logits: Tensor) -> Iterator[Answer]:
        """Prompts have run: their first tokens, and rows."""
        for answer in answers:
            if answer.row in self._running:  # ranks were closed meanwhile
                answer.row = next(row for row in range(self._steps.rows) if row not in self._running)
            self._running[answer.row] = answer
            answer.pending += 1
            answer.known = True
        rows = {answer.row: Row(None, answer.job.length - 1, answer.lease, _warm(answer)) for answer in answers}
        flight = self._steps.first(rows, logits, self._owner.ends)
        asked = [_Asked(answer, answer.epoch, (column,)) for column, answer in enumerate(answers)]
        self._flights.append((flight, asked))
        if any(answer.waits for answer in answers):
            yield from self._settle(0)

    def _close_ranks(self) -> None:
        """Move answers to the first rows, so that fewer have to be computed."""
        self._running = dict(enumerate(self._running.values()))
        for row, answer in self._running.items():
            answer.row, answer.known = row, False

    def _launch(self) -> bool:
        """Start a step of every answer that wants another token; say whether there was one."""
        wanting = [answer for answer in self._running.values() if not answer.full]
        if not wanting:
            return False
        spare = [row for row in range(self._steps.rows) if row not in self._running]
        rows: dict[int, Row] = {}
        asked = []
        drafting = sum(answer.job.propose is not None for answer in wanting)
        for answer in wanting:
            at = answer.job.length + answer.asked - 1
            proposals: Sequence[int] = ()
            if answer.job.propose is not None:  # spare rows are shared out alike
                proposals = answer.proposals(len(spare) // drafting)
                drafting -= 1
            columns = [answer.row, *spare[: len(proposals)]]
            del spare[: len(proposals)]
            tokens = [None if answer.known else answer.ids[-1], *proposals]
            for number, (column, token) in enumerate(zip(columns, tokens, strict=True)):
                rows[column] = Row(token, at + number, answer.lease, _warm(answer))
            asked.append(_Asked(answer, answer.epoch, columns, proposals))
            answer.pending += 1
            answer.steps += 1
            answer.drafted += len(proposals)
            answer.known = answer.flows and not proposals
        width = self._steps.width(max(rows) + 1)
        self._flights.append((self._steps.launch([rows.get(row) for row in range(width)]), asked))
        return True

    def _settle(self, keep: int) -> Iterator[Answer]:
        """Look at results until no more than `keep` steps are under way."""
        while len(self._flights) > keep:
            flight, asked = self._flights.popleft()
            values = flight.read()
            for part in asked:
                answer = part.answer
                if answer.finish is not None or answer.epoch != part.epoch:
                    continue  # computed before it was known that the answer had ended or was cut
                answer.pending -= 1
                if len(values) > 2:
                    answer.empty = values[2][part.columns[0]]
                self._take(part, flight, values)
                if answer.finish is not None:
                    del self._running[answer.row]
                    self._cache.release(answer.lease)
                    yield answer

    def _take(self, part: _Asked, flight: Flight, values: list[list[float]]) -> None:
        """Add what a step said: one token, and as many more as were rightly proposed."""
        answer, rules = part.answer, self._owner.rules
        if not answer.flows:
            answer.known = False
            rules.take(answer, *rules.pick(answer, flight.logits[part.columns[0]]))
            return
        for number, column in enumerate(part.columns):
            token = int(values[0][column])
            if not rules.take(answer, token, values[1][column]) or part.proposals[number : number + 1] != (token,):
                break
            answer.accepted += 1


def _warm(answer: Answer) -> Warm | None:
    """How a step draws the next token of an answer; None where it is the likeliest, or chosen here."""
    return warm_of(answer.job.sampling) if answer.warm else None
