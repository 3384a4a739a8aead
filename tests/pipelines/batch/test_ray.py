"""A batch on a Ray cluster: the desk and the decoding task without one, and (asked for) all of it with one."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsvl2.pipelines.batch import cluster, ray_desk, ray_seats
from dsvl2.pipelines.sources import SourceOptions

BENCH = Path(__file__).parents[2] / "bench" / "bench_ray.py"
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


def test_the_desk_hands_out_every_ticket_once_and_says_when_it_is_worked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_desk, "HAND_OVER_SECONDS", 0.01)

    async def play() -> None:
        desk = ray_desk.Desk()
        assert await desk.take(0, 0) is None and await desk.news() == []
        for ticket in (1, 2, 3, 4):
            await desk.put(ticket, {"rung": "normal"}, [b"x"])
        await desk.withdraw(2)
        assert [(await desk.take(reader, 0) or (0,))[0] for reader in (0, 1, 0)] == [1, 3, 4]
        assert await desk.news() == [("begun", 1, 0), ("begun", 3, 1)]  # 4 was taken ahead
        await desk.give(0, 1, {"results": []}, [])
        assert [one[:2] for one in await desk.news()] == [("given", 1), ("begun", 4)]
        await desk.give(0, 1, {"results": []}, [])
        await desk.give(1, 4, {"results": []}, [])  # not its own
        assert await desk.news() == []

    asyncio.run(play())


def test_a_dead_reader_loses_what_it_worked_at_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_desk, "HAND_OVER_SECONDS", 0.2)

    async def play() -> None:
        desk = ray_desk.Desk()
        for ticket in (1, 2):
            await desk.put(ticket, {}, [])
            await desk.take(0, 0)
        asked = asyncio.create_task(desk.take(0, 0))  # for a third one, when it is killed
        await asyncio.sleep(0.01)
        assert await desk.lost(0) == 1
        await asyncio.sleep(0.01)
        assert await asyncio.wait_for(asked, 1) == ray_desk.OVER
        assert (await desk.take(1, 0) or (0,))[0] == 2
        await desk.give(0, 2, {}, [])  # from the grave
        assert await desk.lost(1) == 2 and await desk.lost(1) is None
        assert [one[:2] for one in await desk.news()] == [("begun", 1), ("begun", 2)]
        await desk.put(3, {}, [])
        assert await desk.take(0, 0) == ray_desk.OVER  # the life before
        assert (await desk.take(0, 1) or (0,))[0] == 3

    asyncio.run(play())


def test_a_reader_has_one_piece_of_work_fetched_while_it_is_at_another() -> None:
    taken, items = list[int](), iter([(1, {}, ["a"]), None, (2, {}, ["b"]), (3, {}, ["c"]), OSError("no desk")])

    def take() -> Any:
        found = next(items)
        if isinstance(found, Exception):
            raise found
        taken.append(found[0] if found else 0)
        return found

    def settled(count: int) -> list[int]:
        until = time.monotonic() + 5
        while len(taken) < count and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.02)
        return taken

    ahead = ray_desk.Ahead(take, lambda blobs: [one.encode() for one in blobs])
    assert settled(1) == [1]
    assert ahead.next() == (1, {}, [b"a"])
    assert settled(3) == [1, 0, 2]  # 3 stays for others
    assert ahead.next()[0] == 2 and ahead.next()[0] == 3
    with pytest.raises(OSError, match="no desk"):
        ahead.next()
    assert ray_desk.Ahead(lambda: ray_desk.OVER, list).next() is None


class Handle:
    """An actor that is never there."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.load = SimpleNamespace(remote=lambda *life: self.asked.append(("load", life)) or "loading")
        self.work = SimpleNamespace(remote=lambda *life: self.asked.append(("work", life)) or "working")


def test_a_reader_that_is_started_anew_is_asked_to_load_before_it_works_and_not_all_the_time() -> None:
    handle = Handle()
    actor = ray_seats.Actor(0, handle)
    for _ in range(3):
        actor.go()
    assert handle.asked == [("load", ()), ("work", (0,))]
    actor.load = actor.work = None
    actor.lives = 1
    actor.rest()
    actor.go()
    assert len(handle.asked) == 2
    time.sleep(ray_seats.PAUSE)
    actor.go()
    assert handle.asked[2:] == [("load", ()), ("work", (1,))]
    for _ in range(9):
        actor.rest()
    assert actor.pause == ray_seats.LONGEST_PAUSE


def test_a_worker_that_can_never_start_is_an_error_and_not_tried_for_ever() -> None:
    error = RuntimeError("The actor died because of an error raised in its creation task\nNo module named 'dsvl2'")
    assert ray_seats.unstartable(error) is None
    error.actor_init_failed = True  # type: ignore[attr-defined]
    failure = ray_seats.unstartable(error)
    assert failure is not None and failure.message.endswith("cannot start a worker: No module named 'dsvl2'")


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
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["same_bytes"] and found["ratio"] >= 0.95, found
    assert found["killed"]["same_bytes"] and (found["killed"]["pages"], found["killed"]["failed"]) == (300, 0), found


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="starts clusters and kills them: set LONG_TESTS=1")
def test_killed_actors_and_killed_batches_of_a_cluster_change_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", Path(__file__).with_name("ray_kills.py"), tmp_path / "kills"]
    more = ["--pages", "500", "--kills", "30", "--seed", "5"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=900)
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["failures"], found["same_bytes"], found["pages"], found["problems"]) == (0, True, {"ok": 500}, 0), (
        found
    )
    assert sum(found["kills"].values()) >= 30
