"""The engine: requests in, answers out. Everything a caller of the model needs, nothing of documents."""

from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from itertools import pairwise

import torch
from PIL import Image
from torch import Tensor

from dsvl2.model import execution, prompt
from dsvl2.model.answers import Answer, Job
from dsvl2.model.branches import Branch, Branches
from dsvl2.model.config import ProcessorConfig
from dsvl2.model.constraints.decoding import ConstraintState
from dsvl2.model.constraints.vocabulary import Vocabulary
from dsvl2.model.drafts import Draft
from dsvl2.model.errors import ContextOverflow, ModelError
from dsvl2.model.lanes import Lanes
from dsvl2.model.layout import token_count
from dsvl2.model.pictures import Ahead, Pictures, Wanted
from dsvl2.model.prefixes import Part, PrefixStore
from dsvl2.model.prompt import PromptTokens
from dsvl2.model.request import GenerationRequest, GenerationResult, ModelInfo, RequestSize, SamplingParams, Usage
from dsvl2.model.room import Room
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.steps import BUCKETS, FEWEST
from dsvl2.model.streaming import stream
from dsvl2.model.tiling import TileGrid, canvases, choose_grid
from dsvl2.model.tokenizer import REPLACEMENT, Tokenizer
from dsvl2.model.transfer import sent
from dsvl2.model.vl2 import DeepseekVL2


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A request of a call, measured and written as tokens, its images still untouched."""

    number: int
    request: GenerationRequest
    prompt: PromptTokens
    grids: tuple[TileGrid, ...]
    size: RequestSize

    @property
    def images(self) -> list[Image.Image]:
        return [image for message in self.request.messages for image in message.images]

    @property
    def room(self) -> int:
        """Tokens that prompt and answer may fill."""
        return self.size.prompt_tokens + self.request.sampling.max_new_tokens


class Engine:
    """A loaded model. The answer to a request never depends on the other requests of the call."""

    def __init__(
        self,
        network: DeepseekVL2,
        tokenizer: Tokenizer,
        processor: ProcessorConfig,
        info: ModelInfo,
        *,
        short_cache: bool = False,
        deterministic: bool = False,
        text: Callable[[], DeepseekVL2] | None = None,
    ) -> None:
        """short_cache: keys and values in 8 bits; deterministic: on a GPU too no bit depends on neighbours, at a price.

        text makes a network of the same shape that answers requests without an image, called when the first one comes.
        """
        self.info, self._short, self._fixed = info, short_cache, deterministic
        self.network, self.tokenizer, self.processor = network, tokenizer, processor
        self._candidates = network.config.candidate_resolutions
        self.prefixes, self.pictures = PrefixStore(), Pictures(network, processor, fixed=deterministic)
        self._branches = Branches(network, self._make_lanes, text)
        self._lanes = self._branches.own.lanes

    def count(self, request: GenerationRequest) -> RequestSize:
        """Measure a request without running it; raises PromptError, ImageError or ContextOverflow as `generate` does."""
        return self._plan(request).size

    def generate(
        self, requests: Sequence[GenerationRequest], watch: Callable[[int, str], None] | None = None
    ) -> list[GenerationResult]:
        """Answer every request, in order.

        `watch` is called with a request's index and its whole text so far whenever that changes, from the thread that
        answers it (the caller's, for a single request); the text may get shorter when a repetition is cut. An exception
        that it raises ends the call.

        All requests are checked before the first one runs: a malformed prompt raises PromptError, an impossible image
        ImageError, one that cannot fit the context ContextOverflow, and a constraint that no answer can keep within its
        limit ConstraintError, with no work done.
        """
        plans = [self._plan(request, number) for number, request in enumerate(requests)]
        results: dict[int, GenerationResult] = {}
        for branch, group in self._branches.groups(plans):
            answers = self._answers(branch, group, watch)
            results |= {plan.number: self._result(plan, answers[plan.number]) for plan in group}
        return [results[plan.number] for plan in plans]

    def _answers(
        self, branch: Branch, plans: Sequence[_Plan], watch: Callable[[int, str], None] | None
    ) -> dict[int, Answer]:
        """Answers by number, to requests that all belong to one language part."""
        if self.pictures.device.type == "cpu" or len(plans) < 2:
            return branch.lanes.run([self._job(plan, watch) for plan in plans])
        capacity = max(plan.room for plan in plans)
        with closing(self._streamed(branch, plans, capacity, len(plans), watch)) as finished:
            return {answer.job.index: answer for answer in finished}

    def stream(
        self, requests: Iterable[GenerationRequest], expected: int | None = None
    ) -> Iterator[tuple[int, GenerationResult | ModelError]]:
        """Answer requests as they come, and give out each answer with its request's number (from 0) as soon as it is ready.

        Requests are drawn in a thread of their own, some before their turn and never all at once, so that what makes them
        (drawing pages) goes on while the device works. A request that `generate` would refuse gives the error it would raise.
        What drawing raises is raised here, behind the answers to the requests before. Closing the iterator ends the work.
        expected: about how many requests there are, which decides how much of a GPU's memory is taken; None: very many.
        Where requests of text alone have a language part of their own, as many in a row as are of one kind run together.
        """
        under_way: dict[int, _Plan] = {}
        refused: deque[tuple[int, ModelError]] = deque()

        def plans() -> Iterator[_Plan]:
            for number, request in enumerate(requests):
                try:
                    under_way[number] = self._plan(request, number)
                except ModelError as error:
                    refused.append((number, error))
                else:
                    yield under_way[number]

        limit, waiting = self.info.context_length, expected or BUCKETS[-1]
        for branch, run in self._branches.runs(plans()):
            with closing(self._streamed(branch, run, limit, waiting)) as finished:
                for answer in finished:
                    while refused:
                        yield refused.popleft()
                    number = answer.job.index
                    yield number, self._result(under_way.pop(number), answer)
        yield from refused

    def _streamed(
        self,
        branch: Branch,
        plans: Iterable[_Plan],
        capacity: int,
        waiting: int,
        watch: Callable[[int, str], None] | None = None,
    ) -> Generator[Answer, None, None]:
        """Answers as they finish, to requests whose images are cut as soon as they are drawn from `plans`."""
        with closing(Ahead(self.pictures)) as ahead:

            def jobs() -> Iterator[Job]:
                for plan in plans:
                    if plan.images and not plan.prompt.cuts:  # what stands before a division may have been run already
                        ahead.add(plan.number, Wanted(plan.images, self._canvases(plan.request), plan.size.tiles))
                    yield self._job(plan, watch, ahead)

            with closing(stream(branch.lanes.first, jobs(), capacity=capacity, waiting=waiting)) as finished:
                yield from finished

    def _job(self, plan: _Plan, watch: Callable[[int, str], None] | None, ahead: Ahead | None = None) -> Job:
        def told(ids: Sequence[int]) -> None:
            assert watch is not None
            watch(plan.number, self.tokenizer.decode(ids).rstrip(REPLACEMENT))

        size, sampling = plan.size.prompt_tokens, plan.request.sampling
        parts = self._parts(plan) if plan.prompt.cuts else ()
        embed = partial(self._embed, plan, ahead=None if parts else ahead)
        draft = plan.request.draft
        propose = Draft(self.tokenizer.encode(draft)) if draft else None
        return Job(plan.number, size, embed, sampling, parts, None if watch is None else told, propose)

    def _parts(self, plan: _Plan) -> tuple[Part, ...]:
        """The prompt as its divisions make it; a key says all that the state at a division depends on."""
        ids, cuts, starts = plan.prompt.ids, plan.prompt.cuts, plan.prompt.image_starts
        name = self._branches.of(plan.request).name
        pictures = [
            (_digest(image), grid.width, grid.height) if start < cuts[-1] else None
            for image, grid, start in zip(plan.images, plan.grids, starts, strict=True)
        ]

        def key(end: int) -> Hashable:
            before = tuple(picture for picture, start in zip(pictures, starts, strict=True) if start < end)
            return (name, ids[:end], before, tuple(cut for cut in cuts if cut <= end))

        ends = (*cuts, len(ids))
        return tuple(
            Part(start, end, partial(self._embed, plan, start, end), key(end) if end < len(ids) else None)
            for start, end in pairwise((0, *ends))
        )

    def _make_lanes(self, network: DeepseekVL2) -> Lanes:
        threads = execution.lane_threads(network) if network.image_newline.device.type == "cpu" else None
        return Lanes(
            partial(self._scheduler, network),
            count=1 if threads is None else torch.get_num_threads(),
            threads=threads,
            filling=FEWEST if network.compiled is None else 1,
        )

    def _scheduler(self, network: DeepseekVL2) -> Scheduler:
        return Scheduler(
            network,
            Room(getattr(torch, self.info.dtype), codes=self._short, fixed=self._fixed),
            stop=(self.tokenizer.eos,),
            spell=self.tokenizer.decode,
            prefixes=self.prefixes,
            begin=self._begin,
        )

    def _begin(self, sampling: SamplingParams) -> ConstraintState | None:
        constraint = sampling.constraint
        return None if constraint is None else constraint.start(self._vocabulary, sampling.max_new_tokens)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.tokenizer)

    def _plan(self, request: GenerationRequest, number: int = 0) -> _Plan:
        images = [image for message in request.messages for image in message.images]
        side = self.network.config.side
        known = self._canvases(request)
        grids = tuple(choose_grid(image.size, known) for image in images)
        sizes = [token_count(side, grid.width, grid.height) for grid in grids]
        written = prompt.write(request.messages, sizes, self.tokenizer)
        size = RequestSize(len(written.ids), sum(sizes), sum(grid.tiles for grid in grids))
        self._check_context(size, request.sampling.max_new_tokens)
        self._begin(request.sampling)  # raises here, before any work, what it would raise later
        return _Plan(number, request, written, grids, size)

    def _canvases(self, request: GenerationRequest) -> Sequence[tuple[int, int]]:
        return canvases(self._candidates, sum(len(message.images) for message in request.messages), request.tiles)

    def _check_context(self, size: RequestSize, new: int) -> None:
        total, limit = size.prompt_tokens + new, self.info.context_length
        if total > limit:
            raise ContextOverflow(
                f"{size.prompt_tokens} prompt tokens ({size.image_tokens} of images) + {new} new tokens = {total}, "
                f"the context holds {limit}",
                f"ask for at most {max(limit - size.prompt_tokens, 0)} new tokens, or give fewer or smaller images",
            )

    @torch.inference_mode()
    def _embed(self, plan: _Plan, start: int = 0, end: int | None = None, ahead: Ahead | None = None) -> Tensor:
        """Embeddings of tokens `start` to `end` of the prompt [1, T, E], the rows of images in place of their tokens."""
        device = self.network.image_newline.device
        x = self._branches.of(plan.request).network.language.embed(sent(plan.prompt.ids[start:end], device)).clone()
        known = self._canvases(plan.request)
        seen = ahead.rows(plan.number) if ahead is not None and plan.images else None
        for number, (place, image) in enumerate(zip(plan.prompt.image_starts, plan.images, strict=True)):
            if not start <= place < start + len(x):
                continue
            rows = self.pictures.encode([self.pictures.cut(image, known)])[0] if seen is None else seen[number]
            x[place - start : place - start + len(rows)] = rows
        return x[None]

    def _result(self, plan: _Plan, answer: Answer) -> GenerationResult:
        assert answer.finish is not None  # the scheduler gives out finished answers only
        pieces = self.tokenizer.pieces(answer.ids)
        return GenerationResult(
            text="".join(pieces),
            token_ids=tuple(answer.ids),
            pieces=pieces,
            logprobs=tuple(answer.logprobs),
            finish_reason=answer.finish,
            usage=Usage(plan.size.prompt_tokens, plan.size.image_tokens, len(answer.ids), plan.size.tiles),
            loops_recovered=answer.loops,
            empty_logprob=answer.empty,
            steps=answer.steps,
            drafted=answer.drafted,
            accepted=answer.accepted,
        )


def _digest(image: Image.Image) -> str:
    return sha256(f"{image.mode} {image.size} ".encode() + image.tobytes()).hexdigest()
