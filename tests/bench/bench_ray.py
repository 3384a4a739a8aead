"""A Ray cluster of this machine against workers of this machine, with an engine that takes a set time: rates, bytes, a kill.

    PYTHONPATH=.types:. python tests/bench/bench_ray.py [--pages 400] [--seconds 0.05] [--workers 2] [--kills 3]

Prints pages a second of both (from the first stored result to the last, by turns, best of --rounds), whether all outputs are
the same bytes, and what became of a run whose actors were killed. Needs `pip install 'dsvl2[ray]'`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationResult, ModelInfo, Usage
from dsvl2.pipelines import batch, get_format


class Sleeper:
    """Reads a page as its size, after a while in which it leaves the processor to others, as one with a GPU does."""

    info = ModelInfo("scripted", "", 0, 0, "none", "float32", "cpu", 4096, 512, "0" * 64, ReadingProfile())

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def generate(self, requests: Any) -> list[GenerationResult]:
        return [self._answer(*request.messages[0].images[0].size) for request in requests]

    def _answer(self, width: int, height: int) -> GenerationResult:
        time.sleep(self.seconds)
        text = f"# A page\n\nIt is {width} by {height} pixels.\n"
        return GenerationResult(text, (1,), (text,), (0.0,), "stop", Usage(9, 5, 1, 1))


def make_documents(folder: Path, pages: int) -> None:
    """Write PDFs of 20 pages; no two pages have the same size."""
    import pymupdf

    folder.mkdir()
    for number in range(0, pages, 20):
        document = pymupdf.open()
        for width in range(number, min(number + 20, pages)):
            page = document.new_page(width=72 + width, height=90)
            page.draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
        document.save(folder / f"{number:05d}.pdf")


def read_all(place: Path, documents: Path, given: argparse.Namespace, *, ray: bool, kills: int = 0) -> dict[str, Any]:
    """Run one batch, and kill readers of it now and then."""
    from dsvl2.pipelines.batch.cluster import SEATS, RayHands

    maker = partial(Sleeper, given.seconds)
    options = batch.BatchOptions(decoders=given.workers)
    hands = RayHands(options, readers=given.workers, gpus=False) if ray else None
    spec = batch.EngineSpec((maker,) * (given.workers * (SEATS if ray else 1)), "sleeper")
    done = threading.Event()
    killer = threading.Thread(target=kill_some, args=(hands, kills, done), daemon=True)
    if kills:
        killer.start()
    with batch.RunFolder.begin(place / "run") as folder:
        files = batch.plan_files([documents], target=lambda path: place / "out" / path.with_suffix(".md"))
        output = batch.OutputPlan(get_format("md"), tree=True)
        counts = batch.run_batch(folder, files, output, spec, options=options, hands=hands)
        done.set()
        query = "SELECT count(*), (count(*) - 1) / (max(done_at) - min(done_at)) FROM results"
        pages, rate = folder.manifest.db.execute(query).fetchone()
        attempts = folder.manifest.db.execute("SELECT count(*) FROM attempts").fetchone()[0]
    found = {path.name: path.read_bytes() for path in sorted((place / "out").iterdir())}
    return {"pages": pages, "failed": counts.pages_failed, "rate": rate, "attempts": attempts, "out": found}


def kill_some(hands: Any, kills: int, done: threading.Event) -> None:
    """SIGKILL a reader's process, wait until Ray has another, and again."""
    chance, seen = random.Random(3), set[int]()
    while len(seen) < kills and not done.wait(0.05):
        alive = [pid for pid in hands.pids if pid not in seen]
        if alive and not done.wait(chance.uniform(0.2, 1.0)):
            victim = chance.choice(alive)
            seen.add(victim)
            os.kill(victim, signal.SIGKILL)
    hands.killed = len(seen)


def main() -> None:
    """Print one JSON object."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--pages", type=int, default=400)
    words.add_argument("--seconds", type=float, default=0.05)
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--rounds", type=int, default=2)
    words.add_argument("--kills", type=int, default=3)
    given = words.parse_args()
    from dsvl2.pipelines.batch.cluster import connect, leave

    with tempfile.TemporaryDirectory() as name:
        place, rates, outputs = Path(name), dict[str, float](), list[dict[str, bytes]]()
        make_documents(place / "in", given.pages)
        connect(None, cpus=2 * given.workers)
        try:
            for turn in range(given.rounds):
                for ray in (False, True):
                    found = read_all(place / f"{turn}-{ray}", place / "in", given, ray=ray)
                    kind = "ray" if ray else "local"
                    rates[kind] = max(rates.get(kind, 0.0), found["rate"])
                    outputs.append(found["out"])
            killed = (
                read_all(place / "killed", place / "in", given, ray=True, kills=given.kills) if given.kills else None
            )
        finally:
            leave()
    facts: dict[str, Any] = {"pages": given.pages, "seconds_a_page": given.seconds, "workers": given.workers}
    facts |= {f"{kind}_pages_per_second": round(rate, 2) for kind, rate in rates.items()}
    facts |= {"ratio": round(rates["ray"] / rates["local"], 3), "same_bytes": all(one == outputs[0] for one in outputs)}
    if killed is not None:
        facts["killed"] = {key: killed[key] for key in ("pages", "failed", "attempts")}
        facts["killed"]["same_bytes"] = killed["out"] == outputs[0]
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
