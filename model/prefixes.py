"""Beginnings that several prompts share, run once and kept: a page before ten questions, a conversation before its next turn.

Where a prompt may be divided is said by its own messages (`Message.shared`), never by its neighbours: asked alone or among
others it is run in the same pieces, so its answer has the same bits.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

from torch import Tensor

from dsvl2.model.cache import PrefixCache

LIMIT = 256 << 20  # bytes; a page of 2,000 tokens takes 5 MB in the embedded model, 70 MB in base
ENTRIES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Tokens `start` to `end` of a prompt, run together.

    `embed` makes their embeddings [1, end - start, H]; `key` names everything up to `end` (tokens, images, divisions), None
    if nobody else can use it.
    """

    start: int
    end: int
    embed: Callable[[], Tensor]
    key: Hashable = None


class PrefixStore:
    """What prompts left in the cache up to a division, by key; the least recently used go first. Safe between threads."""

    def __init__(self, limit: int = LIMIT, entries: int = ENTRIES) -> None:
        self._limit, self._entries = limit, entries
        self._kept: OrderedDict[Hashable, tuple[Tensor, ...]] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}
        self._lock = Lock()
        self.hits = self.misses = 0

    def run(
        self, parts: Sequence[Part], caches: Sequence[PrefixCache], extend: Callable[[Tensor, int], Tensor]
    ) -> Tensor:
        """Fill the caches with a prompt and return the final hidden state of its last token [1, H]; see `begin`."""
        self.begin(parts, caches, extend)
        return extend(parts[-1].embed(), parts[-1].start)

    def begin(
        self, parts: Sequence[Part], caches: Sequence[PrefixCache], extend: Callable[[Tensor, int], Tensor]
    ) -> None:
        """Fill the caches with all parts of a prompt but the last.

        `extend(x, start)` runs embeddings behind the `start` tokens that the caches hold. Of two threads that want the
        same beginning one makes it and the other waits.
        """
        first = self._load_longest(parts[:-1], caches)
        for part in parts[first:-1]:
            with self._maker(part.key):
                kept = self._get(part.key)
                if kept is not None:
                    _load(kept, caches)
                    continue
                extend(part.embed(), part.start)
                self._put(part.key, tuple(cache.stored.clone() for cache in caches))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(tensor.nbytes for kept in self._kept.values() for tensor in kept)

    def _load_longest(self, parts: Sequence[Part], caches: Sequence[PrefixCache]) -> int:
        """Load the longest beginning that is kept; return how many parts it covers."""
        for count in range(len(parts), 0, -1):
            kept = self._get(parts[count - 1].key)
            if kept is not None:
                _load(kept, caches)
                return count
        return 0

    def _maker(self, key: Hashable) -> Lock:
        with self._lock:
            return self._making.setdefault(key, Lock())

    def _get(self, key: Hashable) -> tuple[Tensor, ...] | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            self.hits += 1
            return kept

    def _put(self, key: Hashable, kept: tuple[Tensor, ...]) -> None:
        with self._lock:
            self.misses += 1
            self._kept[key] = kept
            self._making.pop(key, None)
            while len(self._kept) > 1 and (self.size > self._limit or len(self._kept) > self._entries):
                self._kept.popitem(last=False)


def _load(kept: Sequence[Tensor], caches: Sequence[PrefixCache]) -> None:
    for tensor, cache in zip(kept, caches, strict=True):
        cache.load(tensor)
