"""A folder that may not be listed is told, and the others are read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("command", [("ocr", "in", "-o", "out/"), ("table", "in")])
def test_a_folder_that_may_not_be_looked_into_costs_itself_alone(
    command: tuple[str, ...], dsvl2: Any, pdf: Callable[..., Path], scripted: Any, tmp_path: Path, closed: Path
) -> None:
    pdf("in/a.pdf")
    words = [str(tmp_path / word) if word == "in" else word for word in command]
    done = dsvl2(*words)
    assert done.code == 3, done.err
    assert f"error[file_missing]: {closed} cannot be listed: Permission denied" in done.err
    assert "it is there, but not for this user" in done.err
    alone = dsvl2("ocr", closed)
    assert alone.code == 4 and "cannot be listed" in alone.err


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that nobody may list: also not root, whom permissions do not hold back."""
    folder, listed = tmp_path / "in" / "closed", os.scandir
    folder.mkdir(parents=True)

    def scandir(path: Any) -> Any:
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr("dsvl2.pipelines.sources.open.os.scandir", scandir)
    return folder
