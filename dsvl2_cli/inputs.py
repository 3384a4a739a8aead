"""From the words on the command line to the list of documents, and how their passwords are found.

A word that leads nowhere becomes a Missing among the documents, so that the others are still read.
"""

from __future__ import annotations

import getpass
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.console import Problem
from dsvl2_cli.errors import UsageError

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import InputFile

PASSWORD_VARIABLE = "DSVL2_PASSWORD"
SUFFIXES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Missing:
    """An input that was named and cannot be used."""

    name: str
    problem: Problem


def expand(words: Sequence[str], files_from: str | None = None, *, nul: bool = False) -> list[str]:
    """Return all inputs named by words, by @list files and by --files-from, in that order.

    A list holds one path a line (or paths ended by NUL bytes, always so with `nul`); empty lines are left out. `./@name`
    is a file whose name begins with @.

    Raises:
        UsageError: nothing was named, standard input is named twice or is a terminal, or a list cannot be read.
    """
    inputs: list[str] = []
    for word in words:
        inputs += _read_list(word[1:]) if word.startswith("@") and len(word) > 1 else [word]
    if files_from is not None:
        inputs += _read_list(files_from, nul=nul)
    taken = inputs.count("-") + (files_from == "-") + list(words).count("@-")
    if taken > 1:
        raise UsageError("standard input is named more than once", "name '-' once")
    if "-" in inputs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("standard input is a terminal", "pipe a file in: dsvl2 ocr - < scan.pdf")
    if not inputs:
        raise UsageError("no input was named", "name a file, a folder, or - for standard input; see --help")
    return inputs


def _read_list(place: str, *, nul: bool = False) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
    except OSError as error:
        named = os.path.exists(f"@{place}")
        hint = (
            f"a file whose name begins with @ is given as {shlex.quote(f'./@{place}')}" if named else "check the path"
        )
        raise UsageError(f"the list {place} cannot be read: {error.strerror or error}", hint) from error
    pieces = data.split(b"\0") if nul or b"\0" in data else data.splitlines()
    return [os.fsdecode(piece) for piece in pieces if piece.strip()]


def find(words: Iterable[str], others: Counter[str] | None = None) -> list[InputFile | Missing]:
    """List the documents behind the inputs, folders searched to the bottom, each document once.

    `others` counts the suffixes of the files that the folders hold and that are left out.
    """
    from dsvl2.pipelines.errors import DocumentError, FileMissing
    from dsvl2.pipelines.sources import find_documents

    found: list[InputFile | Missing] = []
    seen: set[str] = set()
    words = list(words)
    for word in words:
        closed: list[FileMissing] = []
        try:
            files = find_documents([word], others, closed)
        except DocumentError as error:
            hint = _meant(word, last=len(words) > 1 and word is words[-1])
            problem = Problem.of(error)
            found.append(Missing(word, replace(problem, hint=hint) if hint else problem))
            continue
        for file in files:
            key = "-" if file.path is None else os.path.realpath(file.path)
            if key not in seen:
                seen.add(key)
                found.append(file)
        found += [Missing(word, Problem.of(error)) for error in closed]
    return found


def _meant(word: str, *, last: bool) -> str:
    """Say what somebody probably meant by a word that leads nowhere; "" if nothing comes to mind."""
    from dsvl2.pipelines import DocumentError, format_for_path

    if os.path.lexists(word) or "://" in word:
        return ""
    if any(sign in word for sign in "*?["):
        return "no file matched the pattern; dsvl2 ocr FOLDER reads all documents of a folder"
    if last:
        try:
            format_for_path(word)
        except DocumentError:
            return ""
        return f"the output is named with -o: -o {shlex.quote(word)}"
    return ""


def left_out(others: Mapping[str, int]) -> str:
    """Say what folders held that is no document; "" if they held nothing else."""
    if not others:
        return ""
    names = [f"{suffix or 'no suffix'}{f' ({n})' if n > 1 else ''}" for suffix, n in sorted(others.items())]
    number = sum(others.values())
    shown = ", ".join(names[:SUFFIXES_SHOWN]) + (", ..." if len(names) > SUFFIXES_SHOWN else "")
    return f"left out {number} file{'s' if number != 1 else ''} of other kinds: {shown}"


class Passwords:
    """Where a PDF's password comes from: a file, a variable, or the person at the terminal; never a flag."""

    def __init__(self, file: str | None, variable: str | None) -> None:
        if file is not None and variable is not None:
            raise UsageError("--password-file and --password-env exclude each other", "give one of them")
        self.given = _from_file(file) if file is not None else _from_variable(variable)

    @property
    def can_ask(self) -> bool:
        """Whether somebody can be asked: input and messages are both on a terminal."""
        return self.given is None and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, name: str, *, again: bool = False) -> str | None:
        """Ask on the terminal, without echo; `again` after a wrong one. An empty answer is no password."""
        wrong = "that does not open it; " if again else ""
        try:
            return getpass.getpass(f"{wrong}password for {name}: ", stream=sys.stderr) or None
        except EOFError:
            return None


def _from_file(place: str) -> str:
    try:
        text = Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"the password file {place} cannot be read: {reason}", "check the path") from error
    return text.split("\n", 1)[0].rstrip("\r")


def _from_variable(name: str | None) -> str | None:
    value = os.environ.get(name or PASSWORD_VARIABLE)
    if name is not None and value is None:
        raise UsageError(f"the variable {name} is not set", "export it, or use --password-file")
    return value
