"""A child process with a pipe, limits and a deadline. It ends with its parent, however that one ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from dsvl2.pipelines.batch.codec import Header, receive, send

METHOD = "spawn"  # fork would copy threads' locks and CUDA's state; tests that kill many processes do without both
_PR_SET_PDEATHSIG = 1


class Child:
    """A process that runs `target(pipe, *arguments)`. Arguments are pickled, messages are not (see codec)."""

    def __init__(self, target: Callable[..., None], arguments: Sequence[Any]) -> None:
        context: Any = multiprocessing.get_context(METHOD)
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.deadline: float | None = None
        self.expired = False
        self.lost = False

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def ask(self, header: Header, blobs: Sequence[bytes] = (), *, seconds: float) -> None:
        """Send a request whose answer is due within `seconds`. A child that is gone is noticed when it is heard."""
        self.deadline = time.monotonic() + seconds
        with suppress(OSError):
            send(self.pipe, header, blobs)

    def answer(self) -> tuple[Header, list[bytes]] | None:
        """Receive an answer; None if the child is gone."""
        self.deadline = None
        try:
            return receive(self.pipe)
        except (EOFError, OSError, ValueError):
            self.lost = True
            return None

    def expire(self) -> bool:
        """Kill the child if its answer is overdue, and say whether it was."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        self.expired = True
        self._process.kill()
        return True

    def end(self) -> int | None:
        """Kill the child, wait for it, and return its exit code (negative: the signal)."""
        if self.lost and not self.expired:
            self._process.join(0.5)  # the pipe of a dying process closes before it is dead
        self._process.kill()
        self._process.join(10)
        code: int | None = self._process.exitcode
        self.pipe.close()
        return code


def settle(memory: int | None = None) -> None:
    """Prepare a child: it ignores what stops the parent in good order, dies with it, and has a memory limit in bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid != os.getppid():  # it died before it could be said to matter
            os._exit(1)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory is not None:
            with suppress(ValueError, OSError):  # a lower limit is in force already
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
