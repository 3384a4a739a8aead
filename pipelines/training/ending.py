"""How a training process ends before its time: an interrupt saves first, a full disk is told in one line."""

from __future__ import annotations

import signal
import sys
from typing import Any, Protocol

STOPPED, NO_ROOM = 130, 5  # exit codes beside 0


class Run(Protocol):
    """What is run: it looks at `stopping` between two steps."""

    stopping: bool

    def run(self) -> None: ...


def run_to_its_end(trainer: Run, *, alone: bool) -> int:
    """Run; 0 at the end, `STOPPED` after an interrupt, `NO_ROOM` where the run's folder cannot be written.

    The first interrupt ends the run after the step that it is in, with a state to go on from; the second ends it at once.
    Of several processes each would stop at another step, so there every interrupt is one at once.
    """

    def stop(*_: Any) -> None:
        if trainer.stopping:
            raise KeyboardInterrupt
        trainer.stopping = True
        sys.stderr.write("stopping after this step, to save the state (once more: at once)\n")
        sys.stderr.flush()

    if alone:
        signal.signal(signal.SIGINT, stop)
    try:
        trainer.run()
    except KeyboardInterrupt:
        return STOPPED
    except OSError as error:
        sys.stderr.write(
            f"error: {error.filename or 'the run'}: {error.strerror or error}; what was saved before is whole\n"
        )
        return NO_ROOM
    return STOPPED if trainer.stopping else 0
