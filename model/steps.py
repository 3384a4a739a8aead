"""One decode step of many rows: the plain way, and on CUDA as graphs that are captured once and replayed.

A step of small is some 600 launches, 10 ms of a host's time where the GPU needs 2: replayed as one graph they cost nothing.
The host never waits for a step before it launches the next: tokens stay on the device and come back a step late.
Letters: R rows, B blocks of a table, V vocabulary.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dsvl2.kernels import joined, ops
from dsvl2.kernels.ops import Sight
from dsvl2.model import rope
from dsvl2.model.cache import SCRAP, BlockCache, Lease, PlainSight, Row
from dsvl2.model.graphs import recorded
from dsvl2.model.sampling import COLD, draw, told
from dsvl2.model.transfer import sent
from dsvl2.model.vl2 import DeepseekVL2

ROWS = 16  # on a CPU at most, and for few jobs
FEWEST = 8
STRIDE = 4  # rows on a CPU are a multiple of it: in products of 4, 8, ... 512 a row is the same (MKL and oneDNN)
BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # rows on CUDA, where one that idles costs time


class Flight:
    """Results on their way: values fp64 [2, R], the likeliest ids and their log probabilities; logits fp32 [R, V].

    The logits stay on the device, and only until the next step.
    """

    def __init__(self, values: Tensor, logits: Tensor) -> None:
        self.logits, self._values = logits, values
        self._done: torch.cuda.Event | None = None
        if values.is_cuda:
            self._values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._values.copy_(values, non_blocking=True)
            self._done = torch.cuda.Event()
            self._done.record(torch.cuda.current_stream(values.device))

    @property
    def ready(self) -> bool:
        """Whether the values are there."""
        return self._done is None or self._done.query()

    def read(self) -> list[list[float]]:
        """The values, as soon as they are there."""
        if self._done is not None:
            self._done.synchronize()
        found: list[list[float]] = self._values.tolist()
        return found


class Steps:
    """Runs steps over a cache, `rows` tokens at most in each; `reach`: tokens of the longest sequence."""

    lag = 0  # steps that may be under way while the host looks at earlier ones
    draws = False  # whether a step draws tokens by temperature; the host does otherwise

    def __init__(self, network: DeepseekVL2, cache: BlockCache, rows: int, reach: int) -> None:
        self.rows, self._language, self._cache = rows, network.language, cache
        self._device = network.image_newline.device
        self._cos, self._sin = rope.angles(network.config.language, torch.arange(reach, device=self._device))
        self._last = torch.zeros(rows, dtype=torch.int64, device=self._device)
        self._table = torch.zeros(rows, cache.blocks_for(reach), dtype=torch.int32, device=self._device)
        self._seen: list[Lease | None] = [None] * rows  # whose table stands in a row
        self._plain = PlainSight(cache, rows, reach)

    def width(self, needed: int) -> int:
        """How many rows a step of so many tokens takes."""
        return -(-needed // STRIDE) * STRIDE

    def launch(self, rows: Sequence[Row | None]) -> Flight:
        """Compute a token in every row that has one; `rows` are as many as `width` says."""
        self._cache.fit(max((row.position + 1 for row in rows if row is not None), default=0))
        size, groups = self._cache.size, self._cache.part[1]
        places = [
            SCRAP if row is None else row.lease.blocks[row.position // size] * groups * size + row.position % size
            for row in rows
        ]
        said = torch.tensor([*_said(rows), places], device=self._device)
        tokens = said[0]
        if any(row is not None and row.token is None for row in rows):
            tokens = torch.where(tokens < 0, self._last[: len(rows)], tokens)
        return Flight(*self._run(tokens.clamp(min=0), said[1], said[3], self._sight(rows, said[2])))

    def first(self, rows: Mapping[int, Row], logits: Tensor, ends: Tensor) -> Flight:
        """The tokens that prompts [N, V] are followed by, for `rows`, their last ones, to go on with.

        Of each, behind its two values, that of ending at once; columns as the prompts, not as the rows.
        """
        total = logits.logsumexp(-1)
        warm = [row.warm or COLD for row in rows.values()]
        if any(row is not COLD for row in warm):
            heat, seeds = (part.to(self._device) for part in told(warm))
            places = sent([row.position + 1 for row in rows.values()], self._device)
            tokens = draw(logits, heat, seeds, places)
        else:
            tokens = logits.argmax(-1)
        self._last.index_copy_(0, sent(list(rows), self._device), tokens)
        chances = logits.gather(1, tokens[:, None])[:, 0] - total
        empty = (logits[:, ends] - total[:, None]).logsumexp(-1)
        return Flight(torch.stack((tokens.double(), chances.double(), empty.double())), logits)

    def _look(self, rows: Sequence[Row | None]) -> None:
        """Write the tables of rows that have another sequence than before."""
        new = [(at, row.lease) for at, row in enumerate(rows) if row is not None and row.lease is not self._seen[at]]
        if not new:
            return
        wide = self._table.shape[1]
        tables = [[*lease.blocks, *[SCRAP] * (wide - len(lease.blocks))] for _, lease in new]
        for at, lease in new:
            self._seen[at] = lease
        places = sent([at for at, _ in new], self._device)
        self._table.index_copy_(0, places, sent(tables, self._device, torch.int32))

    def _sight(self, rows: Sequence[Row | None], lengths: Tensor) -> Sight:
        table = self._table[: len(rows)]
        if ops.native(table):
            self._look(rows)
            return Sight(table, lengths.int())
        return self._plain.sight(rows, lengths, table)

    def _run(self, tokens: Tensor, positions: Tensor, places: Tensor, sight: Sight) -> tuple[Tensor, Tensor]:
        """All [R], places as `BlockCache.rows` takes them. Returns values and logits of `Flight`."""
        x, rows = self._language.embed(tokens), self._cache.rows(places)
        return self._compute(x, self._cos[positions], self._sin[positions], rows, sight)

    def _compute(self, x: Tensor, cos: Tensor, sin: Tensor, rows: Tensor, sight: Sight) -> tuple[Tensor, Tensor]:
        for layer in self._cache.layers:
            layer.rows = rows
        hidden = self._language.model.step(x, cos, sin, sight, self._cache.layers)
        logits = self._language.logits(hidden)  # [R, V]
        return joined.settle(logits, self._last), logits


def _said(rows: Sequence[Row | None]) -> list[list[int]]:
    """Tokens (-1: not known here), positions and lengths [3][R]; a row without a token has length 0."""
    return [
        [-1 if row is None or row.token is None else row.token for row in rows],
        [0 if row is None else row.position for row in rows],
        [0 if row is None else row.position + 1 for row in rows],
    ]


class GraphSteps(Steps):
    """The same as CUDA graphs, one for each number of rows: all that they read and write stays where it is.

    The choice of tokens and the update of positions are part of the graph: while the same sequences go on, a step costs the
    host one launch, and one copy back that nobody waits for. Steps of which a row draws by temperature have graphs of their own.
    `fixed`: always the widest step, whose sums are those of any batch.
    """

    lag, draws = 1, True

    def __init__(self, network: DeepseekVL2, cache: BlockCache, rows: int, reach: int, *, fixed: bool = False) -> None:
        super().__init__(network, cache, rows, reach)
        self._fixed = fixed
        self._given = torch.zeros(3, rows, dtype=torch.int64, device=self._device)
        self._held = [[-1] * rows, [0] * rows, [0] * rows]  # what stands in `given` once all launches have run
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, tuple[Tensor, Tensor]]] = {}
        self._warm: dict[int, tuple[torch.cuda.CUDAGraph, tuple[Tensor, Tensor]]] = {}
        self._heat, self._seeds = (part.to(self._device) for part in told([COLD] * rows))
        self._told = [COLD] * rows

    def width(self, needed: int) -> int:
        return self.rows if self._fixed else next(count for count in (*BUCKETS, self.rows) if count >= needed)

    def launch(self, rows: Sequence[Row | None]) -> Flight:
        count, said = len(rows), _said(rows)
        self._look(rows)
        if any(new != held[:count] for new, held in zip(said, self._held, strict=True)):
            self._given[:, :count] = sent(said, self._device)
        warm = self._tell(rows)
        graphs = self._warm if warm else self._graphs
        if count not in graphs:
            graphs[count] = self._captured(count, warm)
        graph, results = graphs[count]
        graph.replay()
        for number, held in enumerate(self._held):
            held[:count] = (
                [-1] * count if not number else [n + (seen > 0) for n, seen in zip(said[number], said[2], strict=True)]
            )
        return Flight(*results)

    def _tell(self, rows: Sequence[Row | None]) -> bool:
        """Write how rows draw where that is new; say whether one of them does."""
        warm = [COLD if row is None or row.warm is None else row.warm for row in rows]
        if any(one is not COLD for one in warm) and warm != self._told[: len(rows)]:
            heat, seeds = told(warm)
            if self._device.type == "cuda":
                heat, seeds = heat.pin_memory(), seeds.pin_memory()
            self._heat[:, : len(rows)].copy_(heat, non_blocking=True)
            self._seeds[: len(rows)].copy_(seeds, non_blocking=True)
            self._told[: len(rows)] = warm
        return any(one is not COLD for one in warm)

    def _drawn(self, values: Tensor, logits: Tensor, count: int) -> Tensor:
        """The values of a step some of whose rows draw.

        Rows that do not draw keep theirs: another sum would differ in the last bit, by what the neighbours do.
        """
        heat = self._heat[:, :count]
        ids = draw(logits, heat, self._seeds[:count], self._given[1, :count])  # moved on already
        chances = logits.gather(1, ids[:, None])[:, 0] - logits.logsumexp(-1)
        found = torch.where(heat[0] > 0, torch.stack((ids.double(), chances.double())), values)
        self._last[:count] = found[0].long()
        return found

    def _everything(self, count: int, warm: bool) -> tuple[Tensor, Tensor]:
        table, size = self._table[:count], self._cache.size
        begun = joined.begin(
            self._given[:, :count], self._last, table, self._language.model.embed_tokens.weight, (self._cos, self._sin),
            self._cache.planes, size, self._cache.part[1] * size,
        )  # fmt: skip
        values, logits = self._compute(begun.x, begun.cos, begun.sin, begun.rows, self._seen_by(table, begun.lengths))
        return self._drawn(values, logits, count) if warm else values, logits

    def _seen_by(self, table: Tensor, lengths: Tensor) -> Sight:
        return Sight(table, lengths)

    def _captured(self, count: int, warm: bool) -> tuple[torch.cuda.CUDAGraph, tuple[Tensor, Tensor]]:
        """Run once to compile and warm up (tokens are written to the cache again, as they are), then record."""
        before = self._given.clone(), self._last.clone()
        pool = next((made[0].pool() for made in (*self._graphs.values(), *self._warm.values())), None)
        graph, results = recorded(lambda: self._everything(count, warm), self._device, pool)
        self._given.copy_(before[0])  # what the first run made of them; recording changes nothing
        self._last.copy_(before[1])
        return graph, results


def steps_for(network: DeepseekVL2, cache: BlockCache, rows: int, reach: int, *, fixed: bool = False) -> Steps:
    """Steps that suit the network's device: a graph needs kernels that take lengths from the device."""
    weight = network.language.model.norm.weight
    if weight.is_cuda and ops.native(weight):
        return GraphSteps(network, cache, rows, reach, fixed=fixed)
    return Steps(network, cache, rows, reach)
