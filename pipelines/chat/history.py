"""Conversations on disk: one JSON file each, readable by its owner only, written whole after every turn."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from dsvl2.pipelines.chat.types import Conversation, Shown, Turn
from dsvl2.pipelines.errors import FileMissing, UnreadableFile
from dsvl2.pipelines.output import write_output
from dsvl2.pipelines.tasks.schemas import record_of

SCHEMA = "dsvl2/conversation/v1"


def new_path(folder: Path) -> Path:
    """Return the path of a new conversation; the folder is made, closed to others."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return folder / f"{stamp}-{os.getpid()}.json"


def latest(folder: Path) -> Path:
    """Return the conversation that was spoken in last.

    Raises:
        FileMissing: there is none.
    """
    try:
        return max(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    except (ValueError, OSError):
        raise FileMissing(
            f"there is no conversation to go on with in {folder}", hint="begin one: dsvl2 chat FILE"
        ) from None


def save(path: Path, conversation: Conversation) -> None:
    """Write a conversation; the file appears whole or not at all.

    Raises:
        OutputUnwritable.
    """
    data = json.dumps({"schema": SCHEMA, **record_of(conversation)}, ensure_ascii=False, indent=1) + "\n"
    write_output(path, data, force=True)
    path.chmod(0o600)


def load(path: Path) -> Conversation:
    """Read a conversation.

    Raises:
        FileMissing. UnreadableFile: it is none.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileMissing(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableFile(f"{path} is no conversation: {error}", hint="begin a new one: dsvl2 chat FILE") from error
    try:
        if raw["schema"] != SCHEMA:
            raise KeyError(f"schema {raw['schema']!r}")
        return Conversation(
            tuple(_text(document) for document in raw["documents"]),
            _text(raw["model"]),
            tuple(_turn(turn) for turn in raw["turns"]),
            None if raw["page"] is None else int(raw["page"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFile(
            f"{path} is no conversation of this version: {error}", hint="begin a new one: dsvl2 chat FILE"
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _turn(raw: dict[str, Any]) -> Turn:
    if raw["role"] not in ("user", "assistant"):
        raise ValueError(f"role {raw['role']!r}")
    shown = tuple(Shown(_text(one["path"]), int(one["page"])) for one in raw["shown"])
    return Turn(raw["role"], _text(raw["text"]), shown, bool(raw["stopped"]))


def transcript(conversation: Conversation) -> str:
    """Return a conversation as Markdown."""
    lines = [f"# {', '.join(conversation.documents) or 'Conversation'}", ""]
    for turn in conversation.turns:
        lines += [f"*[{one.path} page {one.page}]*" for one in turn.shown]
        lines += [f"**{turn.text}**" if turn.role == "user" else turn.text + (" …" if turn.stopped else ""), ""]
    return "\n".join(lines)
