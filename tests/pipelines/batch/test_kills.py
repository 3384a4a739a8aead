"""Whatever is killed, whenever: no page is lost, none comes twice, no file is half written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("kills.py")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and finds children in /proc")


def killed(folder: Path, pages: int, kills: int, seed: int, *more: str) -> dict[str, Any]:
    command = [sys.executable, DRIVER, folder, "--pages", pages, "--kills", kills, "--seed", seed, *more]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_dozens_of_kills_change_nothing(tmp_path: Path) -> None:
    result = killed(tmp_path, pages=40, kills=24, seed=7)
    assert (result["wrong"], result["failures"]) == (0, 0), result
    assert min(result["kills"].values()) > 0


@pytest.mark.slow
@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="takes minutes: set LONG_TESTS=1")
def test_hundreds_of_kills_over_500_pages_change_nothing(tmp_path: Path) -> None:
    result = killed(tmp_path, pages=500, kills=300, seed=11)
    assert (result["wrong"], result["failures"]) == (0, 0), result
    assert sum(result["kills"].values()) >= 300


@pytest.mark.slow
@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="takes minutes: set LONG_TESTS=1")
def test_a_hundred_kills_of_two_that_share_500_pages_change_nothing(tmp_path: Path) -> None:
    result = killed(tmp_path, 500, 100, 12, "--shared")
    assert (result["wrong"], result["failures"]) == (0, 0), result
