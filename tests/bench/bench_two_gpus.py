"""What more GPUs bring a batch: pages a second of small (random weights, e4a8) with one worker, two, and so on.

    PYTHONPATH=.types:. python3 tests/bench/bench_two_gpus.py OUT.json [--gpus 2,1] [--pages 640] [--new 192]

Needs torch, Triton, NumPy, Pillow and tokenizers, 33 GB in --place, and under four minutes on two H100s. The weights are written
there in bf16 and rounded by every worker as it loads. All pages have 2 x 3 tiles. The clock runs from when every worker is
loaded and warm to the last stored result, so that loading is not counted; decoders, pipes and the manifest are.
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
from functools import partial
from pathlib import Path
from typing import Any

from dsvl2.pipelines import batch, get_format

HERE = Path(__file__).parent
PAGE = (768, 1152)


def noise(seed: int) -> Any:
    """A page that is not blank and has 2 x 3 tiles."""
    from PIL import Image

    image = Image.effect_noise(PAGE, 60)
    image.putpixel((seed % PAGE[0], seed // PAGE[0]), 0)
    return image


def make_pages(folder: Path, count: int) -> None:
    """Write TIFFs of 20 pages each."""
    folder.mkdir(parents=True)
    for number in range(0, count, 20):
        pages = [noise(number + more) for more in range(min(20, count - number))]
        pages[0].save(folder / f"{number:05d}.tif", save_all=True, append_images=pages[1:])


class Gated:
    """An engine that has been warmed up, and begins when all workers' are; then it is out of the way."""

    def __init__(self, engine: Any, gate: Path, number: int, workers: int, group: int) -> None:
        self.info = engine.info
        self._engine, self._gate, self._number, self._workers = engine, gate, number, workers
        self._open = False
        self._warm(group)

    def _warm(self, group: int) -> None:
        from dsvl2.model import GenerationRequest, Message, SamplingParams

        prompt, sampling = self.info.reading.prompt, SamplingParams(max_new_tokens=8)
        started = time.monotonic()
        for count in (group, 1, group):
            self._engine.generate(
                [GenerationRequest((Message("user", prompt, (noise(page),)),), sampling) for page in range(count)]
            )
        sys.stderr.write(f"worker {self._number}: warm after {time.monotonic() - started:.1f} s\n")

    def generate(self, requests: Sequence[Any]) -> Any:
        if not self._open:
            (self._gate / str(self._number)).touch()
            while len(list(self._gate.iterdir())) < self._workers:
                time.sleep(0.005)
            self._open = True
        return self._engine.generate(requests)


def make_engine(folder: str, device: str, quant: str, gate: Path, number: int, workers: int, group: int) -> Gated:
    """Load a worker's engine."""
    from dsvl2.model import load_engine

    started = time.monotonic()
    engine = load_engine(folder, device=device, quant=quant, dtype="bfloat16" if device != "cpu" else None)
    sys.stderr.write(f"worker {number}: loaded on {device} in {time.monotonic() - started:.1f} s\n")
    return Gated(engine, gate, number, workers, group)


def measure(place: Path, gpus: int, given: argparse.Namespace) -> dict[str, Any]:
    """Run one batch with so many workers."""
    run, gate = place / f"run-{gpus}", place / f"gate-{gpus}"
    gate.mkdir(parents=True)
    makers = tuple(
        partial(
            make_engine,
            str(place / "small"),
            "cpu" if given.device == "cpu" else f"cuda:{number}",
            given.quant,
            gate,
            number,
            gpus,
            given.batch,
        )
        for number in range(gpus)
    )
    spec = batch.EngineSpec(makers, f"small-{gpus}", batch_size=given.batch, eager=True)
    stop, began = batch.Stop(), time.monotonic()
    watch = threading.Timer(given.seconds, stop.ask)
    watch.start()
    with batch.RunFolder.begin(run) as folder:
        output = batch.OutputPlan(get_format("jsonl"), file=run / "all.jsonl")
        options = batch.BatchOptions(decoders=max(2, 2 * gpus))
        files = batch.plan_files([place / "pages"])
        counts = batch.run_batch(folder, files, output, spec, options=options, stop=stop)
        query = "SELECT count(*), max(done_at), sum(tokens), sum(seconds) FROM results"
        pages, last, tokens, busy = folder.manifest.db.execute(query).fetchone()
    watch.cancel()
    start = max(path.stat().st_mtime for path in gate.iterdir())
    seconds = last - start
    return {
        "gpus": gpus,
        "pages": pages,
        "failed": counts.pages_failed,
        "complete": not stop.wanted,
        "seconds": round(seconds, 2),
        "pages_per_second": round(pages / seconds, 3),
        "tokens_per_second": round(tokens / seconds, 1),
        "busy": round(busy / seconds / gpus, 3),
        "seconds_with_loading": round(time.monotonic() - began, 1),
        "sha256": digest(run / "all.jsonl"),
    }


def digest(path: Path) -> str | None:
    """Hash of the output; None if the run was stopped."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def make_weights(folder: Path, given: argparse.Namespace) -> float:
    """Write the random checkpoint, with a reading profile that ends after so many tokens."""
    sys.path.insert(0, str(HERE.parents[1]))
    from tests.bench.full_size import write

    seconds = write("small", folder, HERE.parent / "parity" / "fixture", scaled=given.scaled)
    (folder / "reading.json").write_text(json.dumps({"mode": "page", "max_new_tokens": given.new}))
    return seconds


def parsed() -> argparse.Namespace:
    """The command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("out", type=Path)
    words.add_argument("--gpus", default="2,1", help="numbers of workers to compare, in the order of the runs")
    words.add_argument("--pages", type=int, default=640, help="best a multiple of the batch times every number of GPUs")
    words.add_argument("--new", type=int, default=192, help="tokens a page at most")
    words.add_argument("--batch", type=int, default=32)
    words.add_argument("--quant", default="e4a8")
    words.add_argument("--place", type=Path, default=Path("/dev/shm/dsvl2-two-gpus"))
    words.add_argument("--seconds", type=float, default=150, help="stop a run after so long, loading included")
    words.add_argument("--device", default="cuda")
    words.add_argument("--scaled", action="store_true")
    return words.parse_args()


def main() -> int:
    """Print a line for each number of GPUs, and write them all; `ratio` is to the fewest GPUs so far."""
    given = parsed()
    shutil.rmtree(given.place, ignore_errors=True)
    figures: dict[str, Any] = {"runs": []}
    try:
        figures["made_seconds"] = round(make_weights(given.place / "small", given), 1)
        make_pages(given.place / "pages", given.pages)
        print(json.dumps(figures), flush=True)
        for gpus in map(int, given.gpus.split(",")):
            figures["runs"].append(measure(given.place, gpus, given))
            base = min(figures["runs"], key=lambda run: int(run["gpus"]))
            for run in figures["runs"]:
                run["ratio"] = round(run["pages_per_second"] / base["pages_per_second"], 3)
            print(json.dumps(figures["runs"][-1]), flush=True)
            given.out.write_text(json.dumps(figures, indent=1) + "\n")
    finally:
        shutil.rmtree(given.place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
