"""Which folder a model may be removed with: never one that this program or Hugging Face's library did not make."""

from __future__ import annotations

import shutil
from pathlib import Path

from dsvl2_cli.catalog import Entry, own_folder
from dsvl2_cli.errors import UsageError


def place_of(entry: Entry) -> Path:
    """The folder to remove: the repository in the cache, with all its revisions, or one of our own models.

    Raises:
        UsageError: the model lies elsewhere.
    """
    from dsvl2.model import cache_folder

    if entry.origin == "cache":
        place, root = entry.path.parent.parent, cache_folder()
    else:
        place, root = entry.path, own_folder()
    if entry.origin not in ("cache", "own") or place.resolve().parent != root.resolve():
        raise UsageError(
            f"{entry.path} is not in the cache and not in {own_folder()}",
            "remove it yourself; the embedded model belongs to the package",
        )
    return place


def size_of(place: Path) -> int:
    """Bytes of all files, links not followed."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())


def remove_tree(place: Path) -> None:
    """Remove a folder.

    Raises:
        UsageError: the system refuses.
    """
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise UsageError(f"{place} could not be removed: {error.strerror or error}", "check who owns it") from error
