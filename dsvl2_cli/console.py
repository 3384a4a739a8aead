"""What a person reads on standard error: errors with their remedy, warnings, the closing line.

Plain text with colour only on a terminal. Rich is left to the progress bar and to --help, as importing it takes time.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import dataclass

from dsvl2_cli.exit_codes import Exit, code_of, exit_for

RED, YELLOW, DIM, RESET = "\033[1;31m", "\033[33m", "\033[2m", "\033[0m"
ERROR_SCHEMA = "dsvl2/error/v1"


def wants_colour() -> bool:
    """Colour on a terminal unless NO_COLOR or TERM=dumb says no; FORCE_COLOR says yes anywhere."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as the user sees it."""

    code: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Problem:
        """Describe any exception; one that nobody foresaw is named with its type and asks to be reported."""
        code = code_of(error)
        message = one_line(str(error)) or type(error).__name__
        hint = getattr(error, "hint", "")
        if code == "internal" and not hint:
            return cls(code, f"{type(error).__name__}: {message}", "run again with --debug and report the traceback")
        if code == "out_of_memory" and not hint:
            hint = "try --batch-size 1, a lower --dpi, or --quant int8"
        if code == "interrupted":
            message = "interrupted"
        return cls(code, message, hint if isinstance(hint, str) else "")

    @property
    def exit(self) -> Exit:
        return exit_for(self.code)

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


def one_line(text: str) -> str:
    """Fold white space, so that a message can never break the form of one line."""
    return " ".join(text.split())


class Console:
    """Writes to standard error at one verbosity: -1 errors only, 0 normal, 1 and 2 more."""

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self.colour = wants_colour()

    def paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self.colour else text

    def line(self, text: str) -> None:
        """Write one line whatever the verbosity."""
        try:
            print(text, file=sys.stderr, flush=True)
        except (OSError, ValueError):  # standard error is closed: there is nobody to tell
            pass

    def problem(self, problem: Problem) -> None:
        """Print an error: the fact on one line, the remedy below."""
        self.line(f"dsvl2: {self.paint(f'error[{problem.code}]', RED)}: {problem.message}")
        if problem.hint:
            self.line(f"  hint: {problem.hint}")

    def warn(self, text: str) -> None:
        if self.verbosity >= 0:
            self.line(f"dsvl2: {self.paint('warning', YELLOW)}: {one_line(text)}")

    def say(self, text: str) -> None:
        """A line of news, left out with -q."""
        if self.verbosity >= 0:
            self.line(f"dsvl2: {text}")

    def detail(self, text: str, level: int = 1) -> None:
        """A line that only -v (or -vv) shows."""
        if self.verbosity >= level:
            self.line(self.paint(f"dsvl2: {text}", DIM))

    def trace(self, error: BaseException) -> None:
        """Print a traceback; only --debug asks for one."""
        self.line("".join(traceback.format_exception(error)).rstrip())


def error_json(problem: Problem) -> str:
    """The one object that --json puts on standard output when a command fails as a whole."""
    record = {"schema": ERROR_SCHEMA, "error": problem.as_dict(), "exit_code": int(problem.exit)}
    return json.dumps(record, ensure_ascii=False) + "\n"
