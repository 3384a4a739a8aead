"""Time of one full text page, ours beside Tesseract, peak memory, the cold start of `dsvl2 ocr` on one line, and decode
beside the same network run eagerly in fp32 (`decode_speed`).

Not collected by pytest. Run on an idle machine and say which one it was:

    python tests/bench/bench_page.py [--model nano] [--repeat 3] [--json FILE]

The page is made here: about 3,000 characters of seeded prose in PDF's built-in Times at 11 point, A4, 150 dpi, grey.
Readers take turns, so that both see the same load; the median of the repeats counts. Tesseract gets one thread: with
two on a busy machine of two cores its threads wait for each other, and a page of one second took it twenty. It exits
with 1 if either reader's character error rate is above 5 %: the time of a page that was not read is worth nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from decode_speed import speeds

from dsvl2.pipelines.benchmark.page import one_line, prose, rendered


def cold_start(model: str, repeat: int) -> list[float]:
    """Wall seconds of `dsvl2 ocr LINE.png`, each in a new process."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = one_line(Path(folder))
        command = [sys.executable, "-m", "dsvl2_cli", "ocr", str(path), "-o", "-", "--model", model]
        for _ in range(repeat):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
    return seconds


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Read the page in turns and return the figures."""
    from dsvl2.model import load_engine
    from dsvl2.pipelines.evaluation.metrics import compare
    from dsvl2.pipelines.evaluation.page_sets import EvalPage
    from dsvl2.pipelines.evaluation.readers import OwnReader, Reader, TesseractReader, own_peak_mb

    image, truth = rendered(prose(options.chars))
    page = EvalPage("bench", "page", image, 150.0, truth)
    start = time.perf_counter()
    readers: list[Reader] = [OwnReader(load_engine(options.model))]
    loading = time.perf_counter() - start
    readers.append(TesseractReader(threads=options.threads))
    times: dict[str, list[float]] = {reader.name: [] for reader in readers}
    memory: dict[str, float] = {}
    rates: dict[str, float] = {}
    for _ in range(options.repeat):
        for reader in readers:
            reading = reader.read(page)
            times[reader.name].append(reading.seconds)
            memory[reader.name] = max(memory.get(reader.name, 0.0), reading.peak_mb or 0.0)
            rates[reader.name] = compare(truth, reading.text).cer
    ours, theirs = (statistics.median(times[reader.name]) for reader in readers)
    return {
        "readers": {reader.name: reader.about for reader in readers},
        "chars": len("".join(truth.split("\n"))),
        "seconds": times,
        "ours": readers[0].name,
        "ours_s": ours,
        "tesseract_s": theirs,
        "ratio": ours / theirs,
        "load_s": loading,
        "peak_mb": memory | {readers[0].name: own_peak_mb()},
        "cer": rates,
        "cold_start_s": [] if options.no_cold else cold_start(options.model, options.repeat),
        "decode": {} if options.no_decode else {rows: speeds(options.model, rows) for rows in (1, 5)},
    }


def main() -> int:
    """Print the figures; 1 if a reader could not read the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--chars", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1, help="OMP_THREAD_LIMIT for Tesseract; 1 is often its fastest")
    parser.add_argument("--no-cold", action="store_true", help="leave the cold start out")
    parser.add_argument("--no-decode", action="store_true", help="leave decode beside fp32 eager out")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    figures = measure(options)
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, a page of {figures['chars']} characters")
    for name, about in figures["readers"].items():
        seconds = ", ".join(f"{value:.2f}" for value in figures["seconds"][name])
        print(f"{name}: {seconds} s; peak {figures['peak_mb'][name]:.0f} MB; CER {figures['cer'][name]:.2%}; {about}")
    print(f"ours / Tesseract: {figures['ratio']:.1f} (loading the model once: {figures['load_s']:.2f} s, not in it)")
    if figures["cold_start_s"]:
        print("cold start on one line: " + ", ".join(f"{value:.2f}" for value in figures["cold_start_s"]) + " s")
    for rows, found in figures["decode"].items():
        print(
            f"decode of {rows} together on one thread: {found['ours']:.0f} tokens/s, fp32 eager {found['eager']:.0f}: "
            f"{found['ratio']:.1f} times"
        )
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 1 if max(figures["cer"].values()) > 0.05 else 0


if __name__ == "__main__":
    raise SystemExit(main())
