"""A program that runs a batch on a Ray cluster of this machine, and kills its actors and the batch itself; run by test_ray.py.

    ray_kills.py FOLDER --pages N --kills K --seed S

A session is a process of its own with a cluster of its own. It kills its own actors now and then, and is killed itself after a
while, more often than not; then the next one goes on, until there were K kills and a session got to its end. The outputs are
compared with those of `--engine local`. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from dsvl2.pipelines import batch, get_format

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from bench_ray import Sleeper, make_documents

PAGE_SECONDS = 0.02


def session(place: Path, documents: Path, *, ray: bool, seed: int) -> None:
    """Work until all is done."""
    from dsvl2.pipelines.batch.cluster import SEATS, RayHands, connect, leave

    options, hands = batch.BatchOptions(decoders=2), None
    if ray:
        connect(None, cpus=4)
        hands = RayHands(options, readers=2, gpus=False)
        threading.Thread(target=kill_actors, args=(hands, place / "killed", random.Random(seed)), daemon=True).start()
    spec = batch.EngineSpec((partial(Sleeper, PAGE_SECONDS),) * (2 * (SEATS if ray else 1)), "sleeper")
    with batch.RunFolder.begin(place / "run") as folder:
        files = batch.plan_files([documents], target=lambda path: place / "out" / path.with_suffix(".md"))
        output, begun = batch.OutputPlan(get_format("md"), tree=True), Begun(place / "begun")
        batch.run_batch(folder, files, output, spec, options=options, hands=hands, reporter=begun)
    if ray:
        leave()


class Begun(batch.Quiet):
    """Leaves a mark when pages are being read."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def page(self, *_: object) -> None:
        self._mark.touch()


def kill_actors(hands: batch.Hands, log: Path, chance: random.Random) -> None:
    """SIGKILL one reader after the other, and write a line for each."""
    seen = set[int]()
    while True:
        time.sleep(chance.uniform(0.1, 1.0))
        alive = [pid for pid in getattr(hands, "pids", []) if pid not in seen]
        if alive:
            victim = chance.choice(alive)
            seen.add(victim)
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                with log.open("a") as file:
                    file.write("reader\n")


def descendants(pid: int) -> list[int]:
    """All processes below one, those of the cluster that it started included."""
    parents = dict[int, int]()
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(place.parent.name)] = int(place.read_text().rpartition(")")[2].split()[1])
    found, new = list[int](), [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("folder", type=Path)
    words.add_argument("--session", choices=("ray", "local"))
    for name in ("--pages", "--kills", "--seed"):
        words.add_argument(name, type=int, default=0)
    given = words.parse_args()
    documents = given.folder / "in"
    if given.session:
        place = given.folder / given.session
        session(place, documents, ray=given.session == "ray", seed=given.seed)
        return
    given.folder.mkdir(exist_ok=True)
    make_documents(documents, given.pages)
    os.environ["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # the actors need it, too
    start = [sys.executable, "-W", "ignore", __file__, str(given.folder)]
    subprocess.run([*start, "--session", "local"], check=True, capture_output=True)
    (given.folder / "ray").mkdir()
    chance, log = random.Random(given.seed), given.folder / "ray" / "killed"
    mark = given.folder / "ray" / "begun"
    batches = sessions = failures = 0
    while not failures:
        sessions += 1
        working = subprocess.Popen([*start, "--session", "ray", "--seed", str(chance.randrange(10**6))], stdout=-1)
        if batches + count(log) >= given.kills:
            working.wait()
        while working.poll() is None and not mark.exists():
            time.sleep(0.1)
        with suppress(subprocess.TimeoutExpired):
            working.wait(chance.uniform(0.5, 6))
        mark.unlink(missing_ok=True)
        if working.poll() is None:
            below = descendants(working.pid)
            working.kill()
            working.wait()
            batches += 1
            time.sleep(1)
            for pid in below:  # a cluster outlives its batch by some seconds
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif working.returncode == 0:
            break
        else:
            failures += 1
    same = [
        {path.name: path.read_bytes() for path in (given.folder / kind / "out").iterdir()} for kind in ("local", "ray")
    ]
    with batch.RunFolder.begin(given.folder / "ray" / "run") as folder:
        pages = dict(folder.manifest.db.execute("SELECT status, count(*) FROM results GROUP BY status"))
        problems = len(list(batch.verify_run(folder.manifest)))
    kills = {"reader": count(log), "batch": batches}
    facts = {"kills": kills, "sessions": sessions, "failures": failures, "same_bytes": same[0] == same[1]}
    print(json.dumps({**facts, "pages": pages, "problems": problems}))


def count(log: Path) -> int:
    """Lines of a file that may not be there yet."""
    return len(log.read_text().splitlines()) if log.exists() else 0


if __name__ == "__main__":
    main()
