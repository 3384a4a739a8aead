"""One run of one command: its console, its protected standard output, its flags, and how it ends.

Every command body runs inside `session(...)`, the only place that prints an error and turns it into an exit code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsvl2_cli.console import Console, Problem, error_json
from dsvl2_cli.errors import StandardOutputError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.stdio import Results, silence_stdout

if TYPE_CHECKING:
    from dsvl2_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Session:
    """What a command body needs to talk to the outside."""

    console: Console
    results: Results
    json: bool = False
    debug: bool = False

    def emit(self, record: Any) -> None:
        """Write one JSON object on standard output."""
        self.results.write(json.dumps(record, ensure_ascii=False, indent=2) + "\n")

    def obey(self, settings: Settings) -> None:
        """Put those settings into force that concern the whole run."""
        self.console.events = settings.progress == "json"
        if settings.offline:
            from dsvl2_cli.offline import forbid_network

            forbid_network()


class Leave(Exception):
    """Ends a command with an exit code after everything has been said."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code.name)
        self.exit = code


@contextmanager
def session(*, as_json: bool = False, verbosity: int = 0, debug: bool = False) -> Iterator[Session]:
    """Run a command body; on an error print it (as JSON on standard output under --json) and raise Leave."""
    console = Console(verbosity)
    try:
        with Results() as results:
            try:
                yield Session(console, results, as_json, debug)
            except (Leave, BrokenPipeError):
                raise
            except (Exception, KeyboardInterrupt) as error:
                problem = Problem.of(error)
                if debug:
                    console.trace(error)
                if as_json and not results.wrote and not isinstance(error, StandardOutputError):
                    results.write(error_json(problem))
                console.problem(problem)
                raise Leave(problem.exit) from error
    except BrokenPipeError as error:
        silence_stdout()
        raise Leave(Exit.PIPE_CLOSED) from error
