"""The turns of a batch: prompts are admitted, all that run take a step, results are looked at a step late, rows are kept close.

What is first is said by the device's time: a step reads all weights for however few rows, and a device whose results somebody
waits for has nothing to do.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from dsvl2.model.answers import Answer, Job, Rules
from dsvl2.model.cache import BlockCache, Row
from dsvl2.model.constraints.decoding import ConstraintState
from dsvl2.model.prefill import Prompts
from dsvl2.model.request import SamplingParams
from dsvl2.model.sampling import Warm, warm_of
from dsvl2.model.steps import Flight, Steps


class Later:
    """There is no job yet, and there may be one later."""


LATER = Later()
Pull = Callable[[bool], Job | Later | None]
# Batches or chunks of prompts between two steps at most: every step reads all weights, so those that decode wait until there
# are as many of them as can be. 16 batches of pages take tiny 1.8 s, base 5.
EAGER = 16
LOOK = 2e-4  # seconds between two looks whether a job has come, while the device is at work
PATIENCE = 32  # steps for which a prompt that has a row may wait for others to run with


class _Asked(NamedTuple):
    """What a column of results is for: an answer, as it was after so many cuts, and what was proposed behind each column."""

    answer: Answer
    epoch: int
    columns: Sequence[int]
    proposals: Sequence[int] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """What a batch runs with: prompts, the head, how answers grow and end, how constraints begin; ends: the ids that end one."""

    prompts: Prompts
    logits: Callable[[Tensor], Tensor]
    rules: Rules
    begin: Callable[[SamplingParams], ConstraintState | None]
    ends: Tensor


class Batch:
    """The answers under way in one call of `Scheduler.serve`; `job` is the first one that `pull` gave."""

    def __init__(self, means: Means, cache: BlockCache, steps: Steps, pull: Pull, job: Job) -> None:
        self._means, self._cache, self._steps, self._pull = means, cache, steps, pull
        self._job: Job | Later | None = job
        self._begun: tuple[list[Answer], Iterator[Tensor | None]] | None = None
        self._waited = 0  # steps since there was room for the next prompt
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
                yield from self._join(answers, self._means.logits(hidden))
            ran += 1
            if self._running and ran >= self._eager:
                break

    def _begin(self, more: bool) -> bool:
        """Begin the next prompt, or several, if there are any and room for them; `more`: behind others of this turn."""
        prompts, answers = self._means.prompts, list[Answer]()
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
        wanted = min(self._means.prompts.together // job.length, self._steps.rows // 8)
        self._waited += 1
        return free < wanted and self._waited <= PATIENCE

    def _seated(self, job: Job, taken: Collection[int]) -> Answer | None:
        """An answer with a row and blocks of its own, if there are some."""
        row = next((row for row in range(self._steps.rows) if row not in self._running and row not in taken), None)
        lease = None if row is None else self._cache.lease(job.room, row)
        if row is None or lease is None:
            return None
        return Answer(job, self._means.begin(job.sampling), lease=lease, row=row, draws=self._steps.draws)

    def _join(self, answers: Sequence[Answer], logits: Tensor) -> Iterator[Answer]:
        """Prompts have run: their first tokens, and rows."""
        for answer in answers:
            if answer.row in self._running:  # ranks were closed meanwhile
                answer.row = next(row for row in range(self._steps.rows) if row not in self._running)
            self._running[answer.row] = answer
            answer.pending += 1
            answer.known = True
        rows = {answer.row: Row(None, answer.job.length - 1, answer.lease, _warm(answer)) for answer in answers}
        flight = self._steps.first(rows, logits, self._means.ends)
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
        answer, rules = part.answer, self._means.rules
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
