"""Ctrl-C and SIGTERM: the first ends the reading in good order, the second ends the program at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from dsvl2_cli.exit_codes import Exit


class Interrupts:
    """While active, the first signal raises KeyboardInterrupt; a second one exits with 130 without waiting."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self.seen = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python refuses handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            os._exit(int(Exit.INTERRUPTED))
        self.seen = True
        raise KeyboardInterrupt
