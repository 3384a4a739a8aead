"""Pages a second of an engine, drawing them included, and how that and memory change with the number of pages in the queue.

    python tests/bench/bench_pages.py [--cases tiny:bf16,small:e4a8,base:e4a8] [--pages 256] [--new 800] [--memory]
    python tests/bench/bench_pages.py --growth 100,500,2000 --cases tiny:bf16 --new 48 [--tiles 1]
    python tests/bench/bench_pages.py --compile      # nothing but the kernels, in little memory: other runs find them compiled

Random weights, as in bench_engine; every page takes 2 x 3 tiles (7 for the tower) and gets `--new` tokens. Pages are drawn while
others are read, as `dsvl2 ocr` draws a PDF: by processes of their own, which start before the network is made. `within` is
drawing and reading to the last page; with --memory the same number is read from memory too. With --growth pages lie in
memory, all queued at once; `beyond_the_last` is the rate of the pages that a queue has more than the one before it, so without
start and end. One JSON object a figure; nothing begins after `--seconds`.
"""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Print the figures as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    from tests.bench import cases, paging  # here: processes that draw import this module, and need no PyTorch

    cases.options_of(parser, "tiny:bf16,small:e4a8,base:e4a8", 1e6)
    parser.add_argument("--pages", type=int, default=256)
    parser.add_argument("--new", type=int, default=800)
    parser.add_argument("--drawers", type=int, default=0, help="processes that draw; 0: as many as `dsvl2 ocr` starts")
    parser.add_argument("--dpi", type=float, help="as `dsvl2 ocr --dpi`; the tiles hold 98 of the 200 that a scan has")
    parser.add_argument("--memory", action="store_true", help="also the same pages from memory")
    parser.add_argument("--growth", default="", help="numbers of pages in the queue, instead of drawing")
    parser.add_argument("--tiles", type=int, default=7, choices=(1, 7), help="with --growth: tiles of a page")
    parser.add_argument("--parts", action="store_true", help="with --growth: all that the device did, and when")
    parser.add_argument("--compile", action="store_true", help="only compile, in little memory")
    options = parser.parse_args()
    return cases.run(options, lambda *case: paging.figures(options, *case))


if __name__ == "__main__":
    sys.exit(main())
