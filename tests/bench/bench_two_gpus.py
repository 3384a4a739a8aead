"""What a second GPU brings a batch: pages a second of small (random weights, e4a8), two workers together and each alone.

    PYTHONPATH=.types:. python3 tests/bench/bench_two_gpus.py OUT.json [--gpus 2] [--seconds 165]

Needs torch, Triton, NumPy, Pillow and tokenizers, and 14 GB in --place. One `dsvl2 batch` run: the workers load once, at the
same time, and stay; first all of them read, then only the first, then only the second, a third of the time that is left each
(--seconds is everything from start to end, and is kept). The weights are written quantized, so that nothing is rounded at load.

A worker's rate is taken between the ends of its groups of --batch pages, in steady state: the group in which others still
worked is left out. It holds all there is between two groups: drawing, pipes, parsing, the manifest. Every page has 2 x 3 tiles
and gets --new tokens, so that groups cost the same. After every phase, and every five seconds, OUT.json is written.
`--device cpu --scaled` tries the script with small stand-ins.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from dsvl2.pipelines import batch, get_format

HERE = Path(__file__).parent
PAGE = (768, 1152)
PART = 40
"""Pages of a file."""
LAST = 6.0
"""Seconds kept for what is in flight at the end."""


def make_pages(folder: Path, count: int) -> None:
    """Write TIFFs of one noise, no two pages alike."""
    from PIL import Image

    folder.mkdir(parents=True)
    noise = Image.effect_noise(PAGE, 60)
    for first in range(0, count, PART):
        pages = []
        for number in range(first, min(first + PART, count)):
            page = noise.copy()
            page.putpixel((number % PAGE[0], number // PAGE[0]), 0)
            pages.append(page)
        pages[0].save(folder / f"{first:05d}.tif", save_all=True, append_images=pages[1:])


class Measured:
    """An engine that says when it was ready and when each group began and ended, and works only in its phases.

    All processes of a machine share one monotonic clock.
    """

    def __init__(self, engine: Any, place: Path, number: int, given: argparse.Namespace) -> None:
        self.info = engine.info
        self._engine, self._number = engine, number
        self._phase, self._log = place / "phase", (place / f"worker-{number}").open("a", buffering=1)
        self._new, started = given.new, time.monotonic()
        for count in (given.batch, 1, given.batch):
            pages = [self._noise(number) for number in range(count)]
            self._engine.generate([self._request(page) for page in pages])
        self._say(ready=time.monotonic(), warm_seconds=round(time.monotonic() - started, 1))

    def generate(self, requests: Sequence[Any]) -> Any:
        while self._number not in (phase := self._allowed()):
            if not phase:
                sys.exit(0)  # it is over: the batch takes its pages back
            time.sleep(0.01)
        began = time.monotonic()
        found = self._engine.generate([self._long(request) for request in requests])
        tokens = sum(answer.usage.completion_tokens for answer in found)
        self._say(began=began, ended=time.monotonic(), pages=len(found), tokens=tokens)
        return [replace(answer, finish_reason="stop") for answer in found]

    def _long(self, request: Any) -> Any:
        """The same number of tokens for every page."""
        return replace(request, sampling=replace(request.sampling, max_new_tokens=self._new, guard_loops=False))

    def _request(self, image: Any) -> Any:
        from dsvl2.model import GenerationRequest, Message, SamplingParams

        sampling = SamplingParams(max_new_tokens=8, guard_loops=False)
        return GenerationRequest((Message("user", self.info.reading.prompt, (image,)),), sampling)

    @staticmethod
    def _noise(seed: int) -> Any:
        from PIL import Image

        image = Image.effect_noise(PAGE, 60)
        image.putpixel((seed, 0), 0)
        return image

    def _allowed(self) -> list[int]:
        try:
            found: list[int] = json.loads(self._phase.read_text())
        except (FileNotFoundError, ValueError):  # not begun, or just being written
            return [-1]
        return found

    def _say(self, **facts: Any) -> None:
        self._log.write(json.dumps(facts) + "\n")


def make_engine(place: Path, number: int, given: argparse.Namespace) -> Measured:
    """Load a worker's engine."""
    from dsvl2.model import load_engine

    started, device = time.monotonic(), "cpu" if given.device == "cpu" else f"cuda:{number}"
    engine = load_engine(place / "small", device=device, dtype="bfloat16" if device != "cpu" else None)
    sys.stderr.write(f"worker {number}: loaded on {device} in {time.monotonic() - started:.1f} s\n")
    return Measured(engine, place, number, given)


@dataclass
class Conductor:
    """Leads the workers through the phases, writes what they did, and asks for the end in time."""

    place: Path
    given: argparse.Namespace
    stop: batch.Stop
    started: float
    facts: dict[str, Any]
    phases: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False

    def lead(self) -> None:
        """Run all phases; the time that is left is divided among them."""
        gpus = self.given.gpus
        while not self.over and sum("ready" in told for n in range(gpus) for told in self.told(n)) < gpus:
            time.sleep(0.05)
        self.facts["ready_seconds"] = round(time.monotonic() - self.started, 1)
        plans = [list(range(gpus)), *([number] for number in range(min(2, gpus) if gpus > 1 else 0))]
        for number, active in enumerate(plans):
            left = self.given.seconds - LAST - (time.monotonic() - self.started)
            self.play(active, left / (len(plans) - number))
        self.enter([])
        self.stop.ask()

    def play(self, active: list[int], seconds: float) -> None:
        """One phase."""
        phase = {"workers": active, "began": time.monotonic(), "until": None}
        self.phases.append(phase)
        self.enter(active)
        end = time.monotonic() + seconds
        while not self.over and time.monotonic() < end:
            time.sleep(min(5.0, max(0.01, end - time.monotonic())))
            self.write()
        phase["until"] = time.monotonic()
        self.write()
        print(json.dumps(self.figures()["phases"][-1]), flush=True)

    def enter(self, active: list[int]) -> None:
        (self.place / "phase.new").write_text(json.dumps(active))
        (self.place / "phase.new").replace(self.place / "phase")

    def told(self, number: int) -> list[dict[str, Any]]:
        path = self.place / f"worker-{number}"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def groups(self, number: int) -> list[dict[str, Any]]:
        return [told for told in self.told(number) if "ended" in told]

    def rates(self, phase: dict[str, Any]) -> dict[str, Any]:
        """Pages a second of every worker of a phase, from the end of a group to the end of its last."""
        until = phase["until"] or time.monotonic()
        others = [n for n in range(self.given.gpus) if n not in phase["workers"]]
        ends = [group["ended"] for other in others for group in self.groups(other) if group["began"] < phase["began"]]
        alone = max([phase["began"], *ends])
        found, counted, tokens = dict[str, float](), 0, 0
        for number in phase["workers"]:
            mine = [group for group in self.groups(number) if alone <= group["ended"] <= until]
            mine = list(takewhile(lambda group: group["pages"] == self.given.batch, mine))  # else pages ran out
            if len(mine) > 1:
                pages, seconds = sum(group["pages"] for group in mine[1:]), mine[-1]["ended"] - mine[0]["ended"]
                found[str(number)] = pages / seconds
                counted, tokens = counted + pages, tokens + sum(group["tokens"] for group in mine[1:])
        return {
            "workers": phase["workers"],
            "seconds": round(until - phase["began"], 2),
            "pages_counted": counted,
            "tokens_counted": tokens,
            "pages_per_second_each": {number: round(rate, 4) for number, rate in found.items()},
            "pages_per_second": round(sum(found.values()), 4),
            "complete": len(found) == len(phase["workers"]),
        }

    def figures(self) -> dict[str, Any]:
        """All there is so far; `ratio` is all workers together over the mean of those that were measured alone."""
        phases = [self.rates(phase) for phase in self.phases]
        single = [one["pages_per_second"] for one in phases if len(one["workers"]) == 1 and one["complete"]]
        facts = {**self.facts, "phases": phases, "pages_counted": sum(one["pages_counted"] for one in phases)}
        if single and phases[0]["complete"] and len(phases) > 1:
            facts["ratio"] = round(phases[0]["pages_per_second"] / (sum(single) / len(single)), 4)
        return facts

    def write(self) -> None:
        self.given.out.write_text(json.dumps(self.figures(), indent=1) + "\n")


def make(place: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Write the checkpoint, with a reading profile that ends after so many tokens, and the pages."""
    sys.path.insert(0, str(HERE.parents[1]))
    from tests.bench.packed_size import write

    with ThreadPoolExecutor(1) as side:
        pages = side.submit(make_pages, place / "pages", given.pages)
        seconds = write("small", place / "small", given.scheme, HERE.parent / "parity" / "fixture", scaled=given.scaled)
        (place / "small" / "reading.json").write_text(json.dumps({"mode": "page", "max_new_tokens": given.new}))
        pages.result()
    return {"made_seconds": round(seconds, 1), **{name: getattr(given, name) for name in ("batch", "new", "scheme")}}


def measure(place: Path, conductor: Conductor, given: argparse.Namespace) -> None:
    """The batch, until the conductor ends it; what it stored is counted from its manifest."""
    makers = tuple(partial(make_engine, place, number, given) for number in range(given.gpus))
    spec = batch.EngineSpec(makers, "small", batch_size=given.batch, eager=True)
    led = threading.Thread(target=conductor.lead, daemon=True)
    led.start()
    with batch.RunFolder.begin(place / "run") as folder:
        output = batch.OutputPlan(get_format("jsonl"), file=place / "run" / "all.jsonl")
        options = batch.BatchOptions(decoders=max(2, 2 * given.gpus))
        try:
            batch.run_batch(
                folder, batch.plan_files([place / "pages"]), output, spec, options=options, stop=conductor.stop
            )
        finally:
            conductor.over = True
        led.join(10)
        rows = folder.manifest.db.execute("SELECT status, count(*) FROM results GROUP BY status").fetchall()
    conductor.facts["stored"] = dict(rows)
    conductor.facts["seconds"] = round(time.monotonic() - conductor.started, 1)
    conductor.write()


def parsed() -> argparse.Namespace:
    """The command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("out", type=Path)
    words.add_argument("--gpus", type=int, default=2)
    words.add_argument("--pages", type=int, default=4000, help="more than can be read in the time")
    words.add_argument("--new", type=int, default=128, help="tokens of every page")
    words.add_argument("--batch", type=int, default=32)
    words.add_argument("--scheme", default="e4a8")
    words.add_argument("--place", type=Path, default=Path("/dev/shm/dsvl2-two-gpus"))
    words.add_argument("--seconds", type=float, default=165, help="time for everything")
    words.add_argument("--device", default="cuda")
    words.add_argument("--scaled", action="store_true")
    return words.parse_args()


def main() -> int:
    """Print a line for each phase and the ratio."""
    given, started = parsed(), time.monotonic()
    shutil.rmtree(given.place, ignore_errors=True)
    conductor = Conductor(given.place, given, batch.Stop(), started, {})
    try:
        conductor.facts |= make(given.place, given)
        conductor.write()
        measure(given.place, conductor, given)
        facts = conductor.figures()
        print(json.dumps({name: facts[name] for name in facts if name != "phases"}), flush=True)
    finally:
        shutil.rmtree(given.place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
