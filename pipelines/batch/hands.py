"""Workers as processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import wait
from typing import cast

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.decoder import decoder_main
from dsvl2.pipelines.batch.reader import EngineMaker, reader_main
from dsvl2.pipelines.batch.work import BatchOptions, Hand


class LocalHands:
    """Decoders and readers as child processes with pipes."""

    def __init__(self, options: BatchOptions) -> None:
        self._options = options

    def decoder(self) -> Child:
        """Start a process that opens files."""
        return Child(decoder_main, (self._options.source, self._options.decode_memory))

    def reader(self, maker: EngineMaker) -> Child:
        """Start a process that holds an engine."""
        return Child(reader_main, (maker, self._options.task, dict(self._options.task_options)))

    def wait(self, hands: Sequence[Hand], seconds: float) -> list[Hand]:
        """Wait for pipes that have something, or were closed."""
        pipes = {cast(Child, hand).pipe: hand for hand in hands}
        return [pipes[pipe] for pipe in wait(list(pipes), timeout=seconds)]

    def close(self) -> None:
        """Nothing is shared."""
