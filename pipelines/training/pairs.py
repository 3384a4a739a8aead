"""Pairs of question and answer to fine-tune on, as JSON lines: read whole and checked before a weight is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsvl2.pipelines.errors import InputError

_FORM = '{"file": "page.png", "prompt": "<image>\\nWhat?", "answer": "..."}'


class PairsError(InputError):
    """The file of training pairs cannot be used."""

    code = "training_pairs"
    default_hint = f"give JSON lines such as {_FORM}; file may be left out"


@dataclass(frozen=True, slots=True)
class Pair:
    """One training pair; file is None for text alone."""

    file: Path | None
    prompt: str
    answer: str


def read_pairs(path: Path) -> list[Pair]:
    """Read every pair of a file; blank lines count as none.

    Raises:
        PairsError: naming the line that is wrong and what is wrong with it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold other line ends
    except (OSError, UnicodeDecodeError) as error:
        fact = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        raise PairsError(f"{path} cannot be read: {fact}") from error
    pairs = [_pair(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not pairs:
        raise PairsError(f"{path} is empty")
    return pairs


def _pair(path: Path, number: int, line: str) -> Pair:
    where = f"{path}, line {number}"
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PairsError(f"{where}: this is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise PairsError(f"{where}: a pair is a JSON object, not {type(row).__name__}")
    for name in ("prompt", "answer"):
        if name not in row:
            raise PairsError(f"{where}: there is no {name!r}")
        if not isinstance(row[name], str):
            raise PairsError(f"{where}: {name!r} is no text: {json.dumps(row[name])[:40]}")
    named = row.get("file")
    if named is not None and not isinstance(named, str):
        raise PairsError(f"{where}: 'file' is no text: {json.dumps(named)[:40]}")
    file = path.parent / named if named else None
    if file is not None and not file.is_file():
        raise PairsError(
            f"{where}: the picture {file} does not exist", hint="pictures are named from the list's folder"
        )
    return Pair(file, row["prompt"], row["answer"])
