"""Drawing code runs in a child that may draw and nothing else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from drawing import measured

from dsvl2.pipelines.charts import can_run_code, run_code, to_code

pytestmark = pytest.mark.skipif(not can_run_code(), reason="matplotlib is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["grouped", "stacked"])
def test_the_code_of_a_chart_draws(kind: str) -> None:
    _, chart = measured(4, kind, printed=False)
    drawn = run_code(to_code(chart))
    assert drawn.ok, drawn.problem
    assert drawn.image is not None
    assert drawn.image.startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_code_may_not_write_connect_or_run(tmp_path: Path) -> None:
    place = tmp_path / "planted"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        tries = (
            f"open({str(place)!r}, 'w')",
            f"import pathlib; pathlib.Path({str(place)!r}).write_text('x')",
            f"import socket; socket.create_connection(('127.0.0.1', {port}))",
            f"import os; os.system('touch {place}')",
            "import subprocess; subprocess.run(['true'])",
        )
        drawn = run_code(
            "refused = 0\n"
            + "".join(f"try:\n    {line}\nexcept PermissionError:\n    refused += 1\n" for line in tries)
            + f"assert refused == {len(tries)}, refused\nimport matplotlib.pyplot as plt\nplt.figure()\n"
        )
    assert drawn.ok, drawn.problem
    assert not place.exists()


@pytest.mark.slow
def test_code_that_hangs_or_draws_nothing_is_told() -> None:
    assert "no figure" in run_code("pass").problem
    assert run_code("while True: pass", seconds=4).problem


def test_text_from_the_picture_cannot_become_code() -> None:
    _, chart = measured(4, "bar", printed=False)
    from dataclasses import replace

    evil = "'); __import__('os').system('x'); ('"
    code = to_code(replace(chart, title=evil))
    assert repr(evil) in code
    compile(code, "chart", "exec")
