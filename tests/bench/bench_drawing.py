"""What drawing pages costs the process that keeps a GPU busy: drawn in a thread of it, or by processes of their own.

    PYTHONPATH=.types:. python tests/bench/bench_drawing.py [--pages 40] [--hands 3]

MuPDF keeps Python's lock while it draws, so what the drawing thread computes is what the launching thread may have to wait. The
scans are those of bench_pages, in colour and in grey; one JSON object a way, milliseconds a page. Processor time does not mind a
busy machine, wall time does. No GPU is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dsvl2.pipelines import open_source
from dsvl2.pipelines.batch.aside import DrawnAside, hands_here
from dsvl2.pipelines.sources import SourceOptions
from tests.bench.scans import document


def costs(pages: Iterable[Any]) -> dict[str, Any]:
    """Iterate them; what a page behind the first took, of this thread's processor time and of the clock."""
    turn = iter(pages)
    size = next(turn).image.size
    here, clock = time.thread_time(), time.perf_counter()
    count = sum(1 for _ in turn)
    here, clock = time.thread_time() - here, time.perf_counter() - clock
    return {
        "size": size,
        "pages": count + 1,
        "here_ms": round(1e3 * here / count, 1),
        "wall_ms": round(1e3 * clock / count, 1),
    }


def main() -> int:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--hands", type=int, default=hands_here())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = document(Path(folder) / "whole.pdf", options.pages)
        for color, dpi in ((True, None), (False, None), (False, 100.0)):
            with open_source(whole, SourceOptions(color=color, dpi=dpi)) as source:
                for way, pages in (("thread", source), ("processes", DrawnAside(source, options.hands))):
                    print(json.dumps({"way": way, "color": color, "dpi": dpi} | costs(pages)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
