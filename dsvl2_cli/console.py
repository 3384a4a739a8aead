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
            hint = "try --batch-size 1, a lower --dpi, or --quant 4bit"
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


def plain(text: str) -> str:
    """Replace control characters: a file's name or text must not steer the terminal that it is shown on."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class Console:
    """Writes to standard error at one verbosity: -1 errors only, 0 normal, 1 and 2 more.

    With `events` every line is a JSON object instead, in step with --progress json.
    """

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self.events = False
        self.colour = wants_colour()

    def paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self.colour else text

    def line(self, text: str) -> None:
        """Write one line whatever the verbosity."""
        try:
            print(text, file=sys.stderr, flush=True)
        except (OSError, ValueError):  # standard error is closed: there is nobody to tell
            pass

    def _tell(self, event: str, text: str, **facts: str) -> None:
        self.line(json.dumps({"event": event, **facts}, ensure_ascii=False) if self.events else text)

    def problem(self, problem: Problem) -> None:
        """Print an error: the fact on one line, the remedy below."""
        text = f"dsvl2: {self.paint(f'error[{problem.code}]', RED)}: {plain(problem.message)}"
        if problem.hint:
            text += f"\n  hint: {plain(problem.hint)}"
        self._tell("error", text, **problem.as_dict())

    def page_failed(self, place: str, code: str, message: str) -> None:
        """Print the error of one page among others."""
        text = f"dsvl2: {self.paint(f'error[{code}]', RED)}: {plain(place)}: {plain(message)}"
        self._tell("page_error", text, place=place, code=code, message=message)

    def warn(self, message: str) -> None:
        if self.verbosity >= 0:
            folded = one_line(message)
            self._tell("warning", f"dsvl2: {self.paint('warning', YELLOW)}: {plain(folded)}", message=folded)

    def say(self, message: str) -> None:
        """A line of news, left out with -q."""
        if self.verbosity >= 0:
            self._tell("message", f"dsvl2: {plain(message)}", message=message)

    def detail(self, message: str, level: int = 1) -> None:
        """A line that only -v (or -vv) shows."""
        if self.verbosity >= level:
            self._tell("detail", self.paint(f"dsvl2: {plain(message)}", DIM), message=message)

    def trace(self, error: BaseException) -> None:
        """Print a traceback; only --debug asks for one."""
        self.line("".join(traceback.format_exception(error)).rstrip())


def error_json(problem: Problem) -> str:
    """The one object that --json puts on standard output when a command fails as a whole."""
    record = {"schema": ERROR_SCHEMA, "error": problem.as_dict(), "exit_code": int(problem.exit)}
    return json.dumps(record, ensure_ascii=False) + "\n"
