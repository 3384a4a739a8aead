"""How much cache to make and how many rows to decode in, from what the requests may need and what the device has."""

from dataclasses import dataclass, field
from math import prod

import torch

from dsvl2.model.cache import DEVICE_BLOCK, BlockCache, Part
from dsvl2.model.compiled_steps import CompiledSteps, LatentRows
from dsvl2.model.config import LanguageConfig
from dsvl2.model.errors import NotEnoughMemory
from dsvl2.model.memory import in_words, to_be_had
from dsvl2.model.row_cache import STEP, RowCache
from dsvl2.model.steps import BUCKETS, FEWEST, ROWS, STRIDE, Steps, steps_for
from dsvl2.model.vl2 import DeepseekVL2

SHARE = 0.6  # of the free memory for the cache at most; prompts need the rest
UNASKED = 1 << 28  # bytes of cache on a CPU for which nobody looks at what is free
FIXED = 128  # rows of every step of a deterministic engine
DRAFTS = 64  # rows that there are at least: sequences may verify several tokens at once; a width not used costs nothing


@dataclass(slots=True, eq=False)
class Room:
    """Makes caches of one number format, and on a GPU keeps the last one while it is large enough: its graphs are dear.

    codes: keys and values in 8 bits; fixed: steps of one width; limit: blocks at most, for tests.
    """

    dtype: torch.dtype
    codes: bool = False
    fixed: bool = False
    limit: int | None = None
    kept: tuple[BlockCache, Steps] | None = field(default=None, repr=False)
    scarce: bool = False  # whether what is kept is all that there was room for

    def make(self, network: DeepseekVL2, capacity: int, waiting: int) -> tuple[BlockCache, Steps]:
        """An empty cache for about `waiting` sequences of at most `capacity` tokens each, and what decodes over it.

        Raises NotEnoughMemory when there is no room for one of them.
        """
        device, config = network.image_newline.device, network.config.language
        host = device.type == "cpu"
        rows = host_rows(waiting) if host else row_count(waiting, fixed=self.fixed)
        size = STEP if host else DEVICE_BLOCK
        each = -(-capacity // size)
        part = part_of(config)
        kept = torch.float32 if network.compiled is not None else self.dtype
        block = block_bytes(config, size, kept, codes=self.codes)
        if self.kept is not None:
            cache, steps = self.kept
            enough = cache.blocks >= (1 if self.scarce else min(rows, waiting)) * each
            if steps.rows >= rows and enough:
                cache.clear()
                return cache, steps
            self.kept = cache = steps = None  # type: ignore[assignment]  # before the next one is made
        blocks = self._fitting(rows if host else min(rows, waiting), each, block, device)
        layers, kind, codes = config.num_hidden_layers, self.dtype, self.codes
        if host:
            cache = cache_for(network, blocks // each, layers, part, dtype=kind, codes=codes)
        else:
            cache = BlockCache(blocks, size, layers, part, dtype=kind, device=device, codes=codes)
        reach = each * size if host else config.max_position_embeddings
        if isinstance(cache, LatentRows):
            return cache, CompiledSteps(network, cache, rows, reach)
        steps = steps_for(network, cache, rows, reach, fixed=self.fixed)
        if not host:
            self.kept, self.scarce = (cache, steps), blocks < min(rows, waiting) * each
        return cache, steps

    def _fitting(self, sequences: int, each: int, block: int, device: torch.device) -> int:
        """Blocks for so many sequences of `each` blocks, or as many as there is room for."""
        blocks = sequences * each
        room = None
        if self.limit is not None:
            room = self.limit
        elif device.type != "cpu" or blocks * block > UNASKED:
            free = to_be_had(device)
            room = None if free is None else int(free * SHARE) // block
        if room is not None and room < each:
            raise NotEnoughMemory(
                f"a request needs {in_words(each * block)} of cache for its prompt and answer, {device} has room for "
                f"{in_words(room * block)}",
                "allow a shorter answer, give fewer or smaller images, or free memory on the device",
            )
        return blocks if room is None else min(blocks, room)


def cache_for(network: DeepseekVL2, rows: int, layers: int, part: Part, *, dtype: torch.dtype, codes: bool) -> RowCache:
    """A cache on a CPU, as the steps of this network read it."""
    if network.compiled is not None:
        return LatentRows(rows, layers, part, dtype=dtype)
    return RowCache(rows, layers, part, dtype=dtype, device=torch.device("cpu"), codes=codes)


def tokens_at_once(config: LanguageConfig, device: torch.device) -> int:
    """How many tokens of prompts a GPU has room for beside all that is there, half of it left alone.

    What a token takes while a layer runs: the experts' two results in bf16, queries, keys and values, and some vectors.
    """
    chosen = (config.num_experts_per_tok or 0) + (config.n_shared_experts or 0)
    experts = max(chosen * (config.hidden_size + config.moe_intermediate_size), 3 * config.intermediate_size)
    head = config.qk_nope_head_dim + config.qk_rope_head_dim if config.use_mla else config.head_dim
    each = 2 * (experts + 6 * config.num_attention_heads * head + 8 * config.hidden_size)
    free = to_be_had(device)
    return 0 if free is None else free // 2 // each


def host_rows(waiting: int) -> int:
    """Rows of a CPU's widest step."""
    return min(max(-(-waiting // STRIDE) * STRIDE, FEWEST), ROWS)


def row_count(waiting: int, *, fixed: bool = False) -> int:
    """Rows of a GPU's widest step: as many as there are jobs, in steps; `fixed`: the same whatever there is to do."""
    if fixed:
        return FIXED
    return max(DRAFTS, next((count for count in BUCKETS if count >= waiting), BUCKETS[-1]))


def part_of(config: LanguageConfig) -> Part:
    """What a token leaves behind in a layer: planes, groups, width."""
    if config.use_mla:
        return 1, 1, (config.kv_lora_rank or 0) + config.qk_rope_head_dim
    return 2, config.kv_heads, config.head_dim


def block_bytes(config: LanguageConfig, size: int, dtype: torch.dtype, *, codes: bool) -> int:
    """Bytes of a block of `size` tokens in all layers."""
    kinds, groups, width = part_of(config)
    vector = width + 4 if codes else width * dtype.itemsize
    return prod((config.num_hidden_layers, kinds, groups, size, vector))
