"""Readers that outlive a batch: a watch reads round after round, and loading a model takes longer than reading most arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.hands import LocalHands
from dsvl2.pipelines.batch.reader import EngineMaker, reader_main
from dsvl2.pipelines.batch.work import BatchOptions, Hand


class KeptReader(Child):
    """A reader that waits for the next batch where this one would end it, if it is loaded and has nothing to do.

    Whoever takes it then hears again what it said when it had loaded.
    """

    def __init__(self, maker: EngineMaker, options: BatchOptions) -> None:
        super().__init__(reader_main, (maker, options.task, dict(options.task_options)))
        self.maker = maker
        self.waits = False  # nobody has it
        self.again = False  # it was taken, and has not yet said what it is
        self._loaded: Header | None = None
        self._idle = False

    def ask(self, header: Header, blobs: Sequence[bytes] = (), *, seconds: float) -> None:
        """See `Child`."""
        self._idle = False
        super().ask(header, blobs, seconds=seconds)

    def answer(self) -> tuple[Header, list[bytes]] | None:
        """See `Child`."""
        if self.again:
            assert self._loaded is not None  # only such wait
            self.again, self.deadline = False, None
            return self._loaded, []
        found = super().answer()
        if found is not None and self._loaded is None and "failed" not in found[0]:
            self._loaded = found[0]
        self._idle = found is not None and self._loaded is not None and "draw" not in found[0]
        return found

    def take(self) -> bool:
        """Use it again; False if it died meanwhile."""
        self.waits, self.again = False, self._process.is_alive()
        if not self.again:
            super().end()
        return self.again

    def end(self) -> int | None:
        """Let it wait, if it can."""
        if self._idle and not self.expired and self._process.is_alive():
            self.waits, self.again = True, False
            return None
        return super().end()

    def let_go(self) -> None:
        """End it."""
        self.waits = False
        super().end()


class KeptHands(LocalHands):
    """Hands for one batch after the other with the same options: a maker's engine is loaded once. Call `let_go` at the end."""

    def __init__(self, options: BatchOptions) -> None:
        super().__init__(options)
        self._readers: list[KeptReader] = []

    def reader(self, maker: EngineMaker) -> KeptReader:
        """A reader of this very maker that waits, or a new one."""
        waiting = (one for one in self._readers if one.waits and one.maker is maker)
        taken = next((one for one in waiting if one.take()), None)
        if taken is None:
            taken = KeptReader(maker, self._options)
            self._readers.append(taken)
        return taken

    def wait(self, hands: Sequence[Hand], seconds: float) -> list[Hand]:
        """See `Hands`."""
        taken = [hand for hand in hands if isinstance(hand, KeptReader) and hand.again]
        return cast(list[Hand], taken) or super().wait(hands, seconds)

    def let_go(self) -> None:
        """End all readers that wait."""
        for one in self._readers:
            if one.waits:
                one.let_go()
        self._readers = []
