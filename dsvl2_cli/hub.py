"""The only file that fetches anything: a model, from huggingface.co, when a person asked for it."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from dsvl2_cli.errors import DownloadError, LibraryMissing, UsageError

WANTED = ("*.json", "*.safetensors", "README.md", "LICENSE*")


def fetch(name: str, revision: str | None = None, *, quiet: bool = False) -> tuple[str, Path]:
    """Fetch a model into Hugging Face's cache; return its full name and its folder.

    Files that are there are not fetched again, and one that broke off is resumed.

    Raises:
        UsageError: the name is not ORG/NAME. LibraryMissing: huggingface_hub is not installed.
        DownloadError: no such model, no connection, or no room.
    """
    from dsvl2.model import RELEASED_MODELS, cache_folder

    repository = RELEASED_MODELS.get(name, name)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        known = ", ".join(RELEASED_MODELS)
        raise UsageError(f"{name!r} is no model on huggingface.co", f"give ORG/NAME, or one of {known}")
    hub = _library()
    if quiet or not sys.stderr.isatty():
        import_module("huggingface_hub.utils").disable_progress_bars()
    try:
        folder = hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(WANTED), cache_dir=str(cache_folder())
        )
    except Exception as error:  # the library's, those of its HTTP client, and what a broken answer leads to
        kind, first = type(error).__name__, (str(error).strip().splitlines() or [""])[0]
        raise DownloadError(
            f"{repository} could not be fetched: {kind}: {first}",
            "check the name and the connection and run it again: what has arrived is kept",
        ) from error
    return repository, Path(folder)


def _library() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    try:
        import huggingface_hub
    except ImportError as error:
        raise LibraryMissing("models pull needs huggingface_hub", "pip install 'dsvl2[hub]'") from error
    return huggingface_hub
