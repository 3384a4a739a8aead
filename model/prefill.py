"""Run prompts through the decoder: whole or in chunks, single, several together, or left-padded (spec.md 6.4, 7.5).

Letters: B sequences, T prompt tokens, L tokens in sight, H hidden.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dsvl2.model.answers import Job
from dsvl2.model.attention import LayerCache
from dsvl2.model.cache import BlockCache, Lease, PrefixCache
from dsvl2.model.decoder import Decoder
from dsvl2.model.prefixes import PrefixStore
from dsvl2.model.prompt_graphs import PromptGraphs
from dsvl2.model.transfer import sent

CHUNK = 2048  # bounds the attention scores and the expert activations of a long prompt
FILLED = 0.75  # of such a batch that has to be tokens
BEHIND = 4  # times as many tokens may stand in caches when prompts with a common beginning run together
TAILS = 2048  # tokens behind a common beginning that a CPU runs together, of questions of at most
TAIL = 128  # tokens each
ALIGNED = 4  # tokens that a CPU fills such an end up to: a row of a product is the same among any number (see `steps`)
SHOWN = 64  # likewise tokens in sight, as many as the longest such end sees: sums over 320 and 384 are split otherwise


def run_prompt(
    decoder: Decoder,
    x: Tensor,
    caches: Sequence[LayerCache],
    *,
    attention_mask: Tensor | None = None,
    chunk: int = CHUNK,
    after: int = 0,
) -> Tensor:
    """x [B, T, H] -> final hidden state of the last position [B, H]; the caches are extended by T.

    attention_mask [B, after + T], 1 = token, 0 = padding on the left; positions count real tokens only, in every chunk.
    after: how many tokens the caches hold already.
    """
    *_, last = chunks(decoder, x, caches, attention_mask=attention_mask, chunk=chunk, after=after)
    return last


def chunks(
    decoder: Decoder,
    x: Tensor,
    caches: Sequence[LayerCache],
    *,
    attention_mask: Tensor | None = None,
    chunk: int = CHUNK,
    after: int = 0,
) -> Iterator[Tensor]:
    """The same chunk by chunk: yields the final hidden state of each chunk's last position [B, H]."""
    length = after + x.shape[1]
    if attention_mask is None and not after and length <= chunk:
        yield decoder(x, caches=caches)[:, -1]
        return
    valid = (
        torch.ones((len(x), length), dtype=torch.bool, device=x.device)
        if attention_mask is None
        else attention_mask.bool()
    )
    positions = positions_of(valid)
    for start in range(after, length, chunk):
        end = min(start + chunk, length)
        mask = visible(valid[:, :end], start)
        yield decoder(x[:, start - after : end - after], positions[:, start:end], mask=mask, caches=caches)[:, -1]


def positions_of(valid: Tensor) -> Tensor:
    """Position of every token, counting real ones from 0; padding gets 1 as in the release, and is never looked at."""
    return (valid.long().cumsum(-1) - 1).masked_fill(~valid, 1)


def visible(valid: Tensor, start: int) -> Tensor:
    """What the tokens from `start` on may see: valid [B, L] -> bool [B, 1, L - start, L].

    Padding sees itself, or its empty row would turn into NaN and spread through the values.
    """
    length = valid.shape[1]
    key = torch.arange(length, device=valid.device)
    query = key[start:, None]
    return ((key <= query) & valid[:, None, :] | (key == query))[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Runs the prompts of jobs and fills their blocks.

    together: how many tokens of several prompts may run at once, 0 to run each alone: its sums are then those of any company.
    tails: the same for short ends behind a common beginning, on a CPU, where their sums are those of any company anyhow.
    graphs: how whole prompts run where a graph of their number and length is kept; their last bits may then be other ones.
    """

    decoder: Decoder
    prefixes: PrefixStore
    chunk: int = CHUNK
    together: int = 0
    tails: int = 0
    graphs: PromptGraphs | None = None

    def joins(self, job: Job, others: Sequence[Job]) -> bool:
        """Whether a prompt may run together with some others.

        It has to be whole and of about their length, or to begin with the same parts and to go on for about as long.
        """
        jobs = [job, *others]
        beginnings = {one.parts[-2].key if len(one.parts) > 1 else None for one in jobs}
        if len(beginnings) > 1 or (None in beginnings and any(one.parts for one in jobs)):
            return False
        after = job.parts[-1].start if job.parts else 0
        lengths = [one.length - after for one in jobs]
        most = max(lengths)
        if self.tails and job.parts:
            held = (after + most) * len(jobs)
            return most * len(jobs) <= self.tails and held <= BEHIND * TAILS and all(map(self._aligned, jobs))
        return (
            most * len(jobs) <= self.together
            and (after + most) * len(jobs) <= BEHIND * self.together
            and most <= self.chunk
            and sum(lengths) >= FILLED * most * len(jobs)
        )

    def run(self, jobs: Sequence[Job], cache: BlockCache, leases: Sequence[Lease]) -> Iterator[Tensor | None]:
        """Run prompts that `joins`, or one: None while it lasts, then their last hidden states [B, H]."""
        job = jobs[0]
        if job.parts and (len(jobs) > 1 or self._aligned(job)):
            yield self._behind(jobs, cache, leases)
        elif not job.parts and (len(jobs) > 1 or job.length <= self.chunk):
            yield self._side_by_side(jobs, cache, leases)
        else:
            yield from self._alone(job, cache, leases[0])

    def _alone(self, job: Job, cache: BlockCache, lease: Lease) -> Iterator[Tensor | None]:
        """A prompt in chunks, or part by part."""
        prefix = cache.new_prefix(job.length)

        def extend(x: Tensor, start: int) -> Tensor:
            *_, last = chunks(self.decoder, x, prefix, chunk=self.chunk, after=start)
            return last

        if job.parts:
            last = self.prefixes.run(job.parts, prefix, extend)
        else:
            for piece in chunks(self.decoder, job.embed(), prefix, chunk=self.chunk):
                last = piece
                if prefix[0].stored.shape[1] < job.length:
                    yield None
        cache.adopt([lease], [job.length], prefix)
        yield last

    def _aligned(self, job: Job) -> bool:
        """Whether a prompt's end is run as it would be among others, whether there are any or not."""
        return bool(self.tails and job.parts) and job.length - job.parts[-1].start <= TAIL

    def _side_by_side(self, jobs: Sequence[Job], cache: BlockCache, leases: Sequence[Lease]) -> Tensor:
        """Whole prompts, one or several filled up on the right: no token sees one that comes later, so they need no mask."""
        x = torch.nn.utils.rnn.pad_sequence([job.embed()[0] for job in jobs], batch_first=True)
        lengths = [job.length for job in jobs]
        made = None if self.graphs is None else self.graphs.run(x, lengths, cache)
        if made is not None:
            cache.adopt(leases, lengths, made[1])
            return made[0]
        prefix = cache.new_prefix(x.shape[1], len(jobs))
        hidden = self.decoder(x, caches=prefix)
        return self._last(hidden, jobs, cache, leases, prefix)

    def _behind(self, jobs: Sequence[Job], cache: BlockCache, leases: Sequence[Lease]) -> Tensor:
        """The last parts of prompts with one beginning, which is run or loaded once: many questions about a page."""
        parts, after = jobs[0].parts, jobs[0].parts[-1].start
        x = torch.nn.utils.rnn.pad_sequence([job.parts[-1].embed()[0] for job in jobs], batch_first=True)
        if self.tails:
            x = torch.nn.functional.pad(x, (0, 0, 0, -x.shape[1] % ALIGNED))
        length = after + x.shape[1]
        shown = -(-(after + TAIL) // SHOWN) * SHOWN if self.tails else length
        prefix = cache.new_prefix(shown, len(jobs))
        common = cache.new_prefix(after) if len(jobs) > 1 else prefix
        self.prefixes.begin(
            parts, common, lambda x, start: run_prompt(self.decoder, x, common, chunk=self.chunk, after=start)
        )
        for own, one in zip(prefix, common, strict=True) if len(jobs) > 1 else ():
            own.load(one.stored.expand(len(jobs), *one.stored.shape[1:]))
        mask = visible(torch.ones(1, length, dtype=torch.bool, device=x.device), after)
        if shown > length:
            mask = torch.nn.functional.pad(mask, (0, shown - length))
            for own in prefix:
                own.show(shown)
        hidden = self.decoder(x, torch.arange(after, length, device=x.device), mask=mask, caches=prefix)
        return self._last(hidden, jobs, cache, leases, prefix)

    def _last(
        self,
        hidden: Tensor,
        jobs: Sequence[Job],
        cache: BlockCache,
        leases: Sequence[Lease],
        prefix: Sequence[PrefixCache],
    ) -> Tensor:
        """Store what prompts that ran together left behind; the hidden state [B, T, H] of the last token of each."""
        lengths = [job.length for job in jobs]
        cache.adopt(leases, lengths, prefix)
        ends = sent([length - 1 - (prefix[0].stored.shape[1] - hidden.shape[1]) for length in lengths], hidden.device)
        return hidden[torch.arange(len(jobs), device=hidden.device), ends]
