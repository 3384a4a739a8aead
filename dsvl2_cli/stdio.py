"""Standard output belongs to results alone: it is moved aside before any library can print on it.

File descriptor 1 is duplicated and then pointed at standard error, so that a C library's printf or a stray print()
ends up there. Only `Results` writes to the real standard output.
"""

from __future__ import annotations

import io
import os
import select
import sys
from types import TracebackType

from dsvl2_cli.errors import StandardOutputError


class Results:
    """The real standard output. Use as a context manager; file descriptor 1 is restored at the end."""

    def __init__(self) -> None:
        self._saved: int | None = None
        self._stream: io.FileIO | None = None
        self.wrote = False

    def __enter__(self) -> Results:
        sys.stdout.flush()
        try:
            self._saved = os.dup(1)
        except OSError:  # started with standard output closed (`>&-`): results have nowhere to go
            return self
        os.dup2(2, 1)
        self._stream = io.FileIO(os.dup(self._saved), "wb")  # nothing is held back that fails later
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._stream is not None:
                self._stream.close()
        finally:
            if self._saved is not None:
                _flush_everything()
                os.dup2(self._saved, 1)
                os.close(self._saved)
                self._saved = None

    def write(self, data: str | bytes) -> None:
        """Write all of it. Raises BrokenPipeError when the reader went away, StandardOutputError on a full disk."""
        if self._stream is None:
            raise BrokenPipeError("standard output is closed")
        rest = memoryview(data.encode("utf-8", "replace") if isinstance(data, str) else data)
        try:
            while rest:
                written = self._stream.write(rest)
                if written is None:  # a pipe that does not block, and is full
                    select.select([], [self._stream], [])
                rest = rest[written or 0 :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StandardOutputError(error) from error
        self.wrote = True

    def isatty(self) -> bool:
        """Whether a person reads the results on a terminal."""
        return self._stream is not None and self._stream.isatty()


def _flush_everything() -> None:
    """Empty Python's and C's buffers of standard output while descriptor 1 still leads to standard error."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
    if sys.platform != "win32" and "ctypes" in sys.modules:  # any library with C code in it has loaded ctypes by now
        import ctypes

        ctypes.CDLL(None).fflush(None)


def open_missing_streams() -> None:
    """Give the program the streams that it was started without (`<&-`, `>&-`, `2>&-`): empty, gone, and nowhere.

    Else the first file to be opened would be taken for one of them, and every library that prints would fail on None.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            _fill(number)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="replace", closefd=False))


def _fill(number: int) -> None:
    """Open descriptor `number`: 0 at its end, 1 a pipe whose reader is gone, so that results end as for one, 2 nowhere."""
    if number == 1:
        read, write = os.pipe()
        os.close(read)
    else:
        write = os.open(os.devnull, os.O_WRONLY if number else os.O_RDONLY)
    if write != number:
        os.dup2(write, number)
        os.close(write)


def silence_stdout() -> None:
    """Point file descriptor 1 at nothing, so that the interpreter's last flush cannot fail on a closed pipe."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    except OSError:  # no descriptors left, or a sandbox without /dev/null: only a message at exit is at stake
        pass
