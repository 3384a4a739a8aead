"""A batch on a Ray cluster: the desk and the decoding task without one, and (asked for) all of it with one."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch import cluster, ray_desk
from dsvl2.pipelines.sources import SourceOptions

BENCH = Path(__file__).parents[2] / "bench" / "bench_ray.py"
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


def test_the_desk_hands_out_every_ticket_once_and_knows_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_desk, "HAND_OVER_SECONDS", 0.01)

    async def play() -> None:
        desk = ray_desk.Desk()
        assert await desk.take(0) is None and await desk.news() == []
        for ticket in (1, 2, 3):
            await desk.put(ticket, {"rung": "normal"}, [b"x"])
        await desk.withdraw(2)
        assert [(await desk.take(reader) or (0,))[0] for reader in (0, 1)] == [1, 3]
        await desk.give(0, 1, {"results": []}, [])
        assert await desk.lost(1) == [3] and await desk.lost(1) == []
        await desk.give(1, 3, {"results": []}, [])  # from the grave
        assert [one[:2] for one in await desk.news()] == [("taken", 1), ("taken", 3), ("given", 1)]
        for ticket in (4, 5):
            await desk.put(ticket, {"rung": "normal"}, [b"x"])
        (
            await desk.take(0),
            await desk.take(0),
        )  # calls overtake each other: the next is taken before the answer is given
        await desk.give(0, 4, {"results": []}, [])
        await desk.give(0, 5, {"results": []}, [])
        assert [one[:2] for one in await desk.news()][2:] == [("given", 4), ("given", 5)]

    asyncio.run(play())


def test_the_decoding_task_opens_a_document_where_it_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pymupdf

    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    spec = ray_desk.DecodeSpec(SourceOptions(dpi=72), None, 20.0)
    places: list[dict[str, Any]] = []
    for width in (100, 110):
        document = pymupdf.open()
        document.new_page(width=width, height=90)
        document.save(tmp_path / f"{width}.pdf")
        name = str(tmp_path / f"{width}.pdf")
        places.append({"path": name, "name": name, "url": None, "spooled": False, "sha256": None})
    opened, _ = ray_desk.decode(spec, None, {"op": "open", **places[0]}, 20.0)
    assert opened["page_count"] == 1
    page = {"op": "page", "number": 1, "dpi": None}
    for place, width in zip((places[0], places[1], places[0]), (100, 110, 100), strict=True):
        told, pixels = ray_desk.decode(spec, place, dict(page), 20.0)
        assert (told["size"], len(pixels)) == ([width, 90], width * 90)
    assert "error" in ray_desk.decode(spec, {**places[0], "path": "gone", "name": "gone"}, dict(page), 20.0)[0]
    ray_desk._CHILDREN[spec][0]._process.kill()
    assert ray_desk.decode(spec, places[0], dict(page), 20.0)[0]["lost"] == -9
    ray_desk._CHILDREN.clear()


def test_a_cluster_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(ConnectionError, match="127.0.0.1:9: Connection refused$"):  # noqa: RUF043
        cluster._knock("127.0.0.1:9")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="starts a cluster: set LONG_TESTS=1")
def test_a_cluster_reads_the_same_bytes_as_fast_and_outlives_its_actors() -> None:
    command = [sys.executable, BENCH, "--pages", "300", "--rounds", "2", "--kills", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["same_bytes"] and found["ratio"] >= 0.95, found
    assert found["killed"]["same_bytes"] and (found["killed"]["pages"], found["killed"]["failed"]) == (300, 0), found
