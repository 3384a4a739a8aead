"""Where the program starts: Ctrl-C while its own modules are being loaded ends it in silence, as any other program."""

from __future__ import annotations

import signal
from typing import NoReturn


def main() -> NoReturn:
    """The console script. A SIGINT that is ignored (as for a job that runs in the background) stays ignored."""
    asked = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if asked:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dsvl2_cli.app import main as run

    if asked:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
