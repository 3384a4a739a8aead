"""A request while it is answered: what is said so far, how its next token is chosen, when it ends."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from dsvl2.model.cache import Lease
from dsvl2.model.constraints.decoding import ConstraintState
from dsvl2.model.loops import LoopGuard
from dsvl2.model.prefixes import Part
from dsvl2.model.request import SamplingParams
from dsvl2.model.sampling import choose

NOWHERE = Lease(())
GUARD_EVERY = 8  # tokens between two looks for a loop


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One request for the scheduler; `embed` makes the prompt's embeddings [1, T, H] when its turn comes.

    A prompt in several `parts` is embedded and run part by part instead. `watch` is told the ids of the answer so far
    whenever they change; a loop that is cut takes some back. `propose`, given the ids so far, guesses those that come next,
    any number of them: a plain greedy answer verifies them several at a time and says exactly what it would say anyway.
    """

    index: int
    length: int
    embed: Callable[[], Tensor]
    sampling: SamplingParams
    parts: tuple[Part, ...] = ()
    watch: Callable[[Sequence[int]], None] | None = None
    propose: Callable[[Sequence[int]], Sequence[int]] | None = None

    @property
    def room(self) -> int:
        """Tokens that prompt and answer may fill."""
        return self.length + self.sampling.max_new_tokens


@dataclass(slots=True, eq=False)
class Answer:
    """An answer while it grows."""

    job: Job
    form: ConstraintState | None = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    banned: tuple[int, ...] = ()
    guard: LoopGuard = field(default_factory=LoopGuard)
    empty: float | None = None  # log-probability of ending at once
    finish: Literal["stop", "length", "loop"] | None = None
    lease: Lease = NOWHERE
    row: int = 0
    pending: int = 0  # tokens that are computed and not known here yet
    known: bool = False  # whether the device holds the last token in the answer's row
    draws: bool = False  # whether steps can draw its tokens by themselves
    epoch: int = 0  # results asked for before the last cut do not count
    steps: int = 0
    drafted: int = 0
    accepted: int = 0

    @property
    def plain(self) -> bool:
        """Whether the next token is simply the likeliest one."""
        sampling = self.job.sampling
        return (
            sampling.temperature == 0 and sampling.repetition_penalty == 1.0 and not self.banned and self.form is None
        )

    @property
    def warm(self) -> bool:
        """Whether steps draw the next token, by temperature and nucleus alone."""
        sampling = self.job.sampling
        given = sampling.repetition_penalty != 1.0 or self.banned or self.form is not None
        return self.draws and sampling.temperature > 0 and not given

    @property
    def flows(self) -> bool:
        """Whether a step says the next token without anybody's help."""
        return self.plain or self.warm

    @property
    def guarded(self) -> bool:
        """Whether loops are looked for: not in an end that is given."""
        return self.job.sampling.guard_loops and (self.form is None or not self.form.closing)

    @property
    def loops(self) -> int:
        """How many loops were cut."""
        return self.guard.cuts

    @property
    def waits(self) -> bool:
        """Whether the next step needs to know here what the last one said."""
        return not self.flows or self.job.propose is not None or self.guard.active(self.ids)

    @property
    def asked(self) -> int:
        """Tokens of the answer that are known or on their way."""
        return len(self.ids) + self.pending

    @property
    def full(self) -> bool:
        """Whether all tokens that the answer may have are known or on their way."""
        return self.asked >= self.job.sampling.max_new_tokens

    def proposals(self, most: int) -> Sequence[int]:
        """What may come next, at most so many tokens, and no more than the answer has room for behind the next one."""
        if self.job.propose is None or not self.plain:
            return ()
        room = self.job.sampling.max_new_tokens - len(self.ids) - 1
        return tuple(self.job.propose(self.ids))[: max(0, min(most, room))]


class Rules:
    """How answers grow and end: ids that end one, and how ids are spelt, which tells leaders from loops."""

    def __init__(self, stop: Collection[int], spell: Callable[[Sequence[int]], str]) -> None:
        self.stop, self._spell = frozenset(stop), spell

    def take(self, answer: Answer, token: int, logprob: float) -> bool:
        """Add a token and look for an end and for loops; say whether what was computed behind it still counts."""
        self._append(answer, token, logprob)
        if answer.finish is not None:
            return False
        cut = answer.guarded and not len(answer.ids) % GUARD_EVERY and self._cut_loop(answer)
        answer.banned = answer.guard.banned(answer.ids)
        return not cut and not answer.banned

    def pick(self, answer: Answer, logits: Tensor) -> tuple[int, float]:
        """Choose a token; a constraint may refuse one that its mask let pass, and then has a stricter mask."""
        sampling, form, seen = answer.job.sampling, answer.form, answer.ids
        place = answer.job.length + len(seen)
        if form is None:
            picked = choose(logits, sampling, seen, place, answer.banned)
        else:
            while True:
                picked = choose(logits, sampling, seen, place, answer.banned, form.allowed())
                if form.accept(picked[0]):
                    break
        return picked

    def _append(self, answer: Answer, token: int, logprob: float) -> None:
        """Append a token, or end: the end token itself is not kept. A constraint ends where it is complete."""
        sampling, form = answer.job.sampling, answer.form
        if token in self.stop or (form is None and token in sampling.stop_token_ids):
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

    def _give_up(self, answer: Answer) -> None:
        """End an answer that loops too often; one of a given form goes on, to its end by the shortest way."""
        if answer.form is None:
            answer.finish = "loop"
            return
        answer.form.close()
        if answer.form.finished:
            answer.finish = "length"

    def _cut_loop(self, answer: Answer) -> bool:
        """Cut a loop at the end back to its first copy; say whether there was one. Too many end the answer."""
        keep = answer.guard.cut(answer.ids, self._spell)
        if keep is None:
            return False
        if answer.form is not None:
            answer.form.rewind(len(answer.ids) - keep)
        del answer.ids[keep:], answer.logprobs[keep:]
        answer.epoch += 1
        answer.pending, answer.known = 0, False
        if answer.job.watch is not None:
            answer.job.watch(answer.ids)
        if answer.guard.hopeless:
            self._give_up(answer)
        return True
