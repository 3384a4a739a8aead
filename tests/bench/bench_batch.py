"""How many pages a second a batch can keep with an engine that takes no time, and whether its memory grows.

    PYTHONPATH=.types:. python tests/bench/bench_batch.py [--pages 2000] [--jobs 1]

Prints pages a second from the first to the last stored result (decoding small PDF pages, the pipes and the manifest
included), those of the manifest alone, and for each process the slope of its resident size per 100 pages after warm-up.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationResult, ModelInfo, Usage
from dsvl2.pipelines import batch, get_format
from dsvl2.pipelines.batch.codec import pack_result
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.rows import StoredResult
from dsvl2.pipelines.documents import Block, PageError, PageResult

TEXT = "# A page\n\nIt has some text.\n"


class Instant:
    """Answers at once."""

    info = ModelInfo("scripted", "", 0, 0, "none", "float32", "cpu", 4096, 512, "0" * 64, ReadingProfile())

    def generate(self, requests: Any) -> list[GenerationResult]:
        return [GenerationResult(TEXT, (1,), (TEXT,), (0.0,), "stop", Usage(9, 5, 1, 1)) for _ in requests]


class Meter(batch.Quiet):
    """Samples the resident size of this process and its children every 50 pages."""

    def __init__(self) -> None:
        self.pages = 0
        self.samples: dict[int, list[tuple[int, float]]] = {}

    def page(
        self, name: str, number: int, status: str, error: PageError | None, characters: int, doubts: Sequence[str]
    ) -> None:
        self.pages += 1
        if self.pages % 50:
            return
        me = os.getpid()
        for pid in [me, *map(int, Path(f"/proc/{me}/task/{me}/children").read_text().split())]:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self.samples.setdefault(pid, []).append((self.pages, pages * os.sysconf("SC_PAGESIZE") / 1e6))

    def slopes(self) -> dict[int, float]:
        """MB per 100 pages, by least squares over the samples after the first quarter."""
        found = {}
        for pid, samples in self.samples.items():
            late = [sample for sample in samples if sample[0] > self.pages / 4]
            if len(late) > 3:
                x0, y0 = (sum(values) / len(late) for values in zip(*late, strict=True))
                spread = sum((x - x0) ** 2 for x, _ in late)
                found[pid] = sum((x - x0) * (y - y0) for x, y in late) / spread * 100
        return found


def manifest_alone(folder: Path, pages: int) -> float:
    """Pages a second that the manifest stores, packing included, with a commit every 0.2 s."""
    manifest = Manifest(folder / "alone.sqlite")
    recipe, result, due = manifest.recipe("f", {}), PageResult(1, (Block("paragraph", TEXT * 60),)), 0.0
    started = time.monotonic()
    for page in range(pages):
        stored = StoredResult(page, "ok", None, "normal", 9, 9, 0.0, pack_result(result, "a.pdf"))
        manifest.store("0" * 64, recipe, stored)
        if time.monotonic() > due:
            manifest.commit()
            due = time.monotonic() + 0.2
    manifest.close()
    return pages / (time.monotonic() - started)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--pages", type=int, default=2000)
    words.add_argument("--jobs", type=int, default=1)
    given = words.parse_args()
    import pymupdf

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "in").mkdir()
        for number in range(given.pages // 100):
            document = pymupdf.open()
            for width in range(100):
                page = document.new_page(width=100 + width, height=90 + number % 50)
                page.draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
            document.save(place / "in" / f"{number}.pdf")
        meter = Meter()
        with batch.RunFolder.begin(place / "run") as folder:
            files = batch.plan_files([place / "in"], target=lambda path: place / "out" / path.with_suffix(".md"))
            output, makers = batch.OutputPlan(get_format("md"), tree=True), (Instant,) * given.jobs
            options = batch.BatchOptions(decoders=given.jobs)
            batch.run_batch(folder, files, output, batch.EngineSpec(makers, "instant"), options=options, reporter=meter)
            query = "SELECT count(*) / (max(done_at) - min(done_at)) FROM results"
            rate = folder.manifest.db.execute(query).fetchone()[0]
        print(f"batch: {rate:,.0f} pages/s ({given.pages} pages, {given.jobs} jobs)")
        print(f"manifest alone: {manifest_alone(place, given.pages):,.0f} pages/s")
        for pid, slope in meter.slopes().items():
            who = "parent" if pid == os.getpid() else "child"
            print(
                f"memory of {who} {pid}: {slope:+.3f} MB per 100 pages, {meter.samples[pid][-1][1]:.0f} MB at the end"
            )


if __name__ == "__main__":
    main()
