"""Pages a second of an engine, drawing them included, and how that and memory change with the number of pages in the queue.

    python tests/bench/bench_pages.py [--cases tiny:bf16,small:e4a8,base:e4a8] [--pages 256] [--new 800] [--drawers 6]
    python tests/bench/bench_pages.py --growth 100,500,2000 --cases tiny:bf16 --new 48

Random weights, as in bench_engine; every page takes 2 x 3 tiles (7 for the tower) and gets `--new` tokens. Pages are drawn while
others are read, in processes as `dsvl2 batch` draws them: a PDF each of a scan of 1,560 x 2,340 pixels, through PyMuPDF where it
is installed, else its JPEG alone is opened (said as "drawn_by"). `within` is drawing and reading from the first page to the
last, `steady` the pages between those that end after a fifth and after four fifths. With --growth pages lie in memory, all
queued at once; `beyond_the_first` is the rate of the pages that a queue has more than the first one, so without start and end.
One JSON object a figure; nothing begins after `--seconds`.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.engine import Engine
from tests.bench.bench_engine import TEXT, engine_of, page
from tests.bench.bench_load import host
from tests.bench.timeline import Timeline

SIZE = (1560, 2340)
DPI = 200
AHEAD = 4  # pages a drawing process that are drawn before their turn


def scans(folder: Path, count: int = 8) -> list[Path]:
    """Files like scans at 200 dpi, lines of marks on paper, of a shape that takes 2 x 3 tiles: PDF where that can be written."""
    paths = []
    for number in range(count):
        sheet = Image.effect_noise(SIZE, 12).point(lambda value: min(255, value + 110))
        for line in range(60):
            for word in range(14):
                left, top, wide = 90 + word * 100, 120 + line * 35, 40 + (word * 7 + line * 3 + number) % 50
                sheet.paste(20, (left, top, left + wide, top + 16))
        jpeg = io.BytesIO()
        sheet.save(jpeg, "JPEG", quality=85)
        paths.append(folder / f"{number}.{'pdf' if find_spec('pymupdf') else 'jpg'}")
        paths[-1].write_bytes(in_pdf(jpeg.getvalue()) if find_spec("pymupdf") else jpeg.getvalue())
    return paths


def in_pdf(jpeg: bytes) -> bytes:
    """A PDF of one page that is this picture."""
    import pymupdf

    with pymupdf.open() as document:
        sheet = document.new_page(width=SIZE[0] * 72 / DPI, height=SIZE[1] * 72 / DPI)
        sheet.insert_image(sheet.rect, stream=jpeg)
        return bytes(document.tobytes())


def draw(path: Path, target: Path) -> tuple[tuple[int, int], float]:
    """Write the pixels of a file's page; its size, and the seconds of a processor that it took."""
    start = time.process_time()
    if path.suffix == ".pdf":
        import pymupdf

        with pymupdf.open(path) as document:
            pixels = document[0].get_pixmap(dpi=DPI)
            target.write_bytes(pixels.samples_mv)
            return (pixels.width, pixels.height), time.process_time() - start
    with Image.open(path) as file:
        image = file.convert("RGB")
    target.write_bytes(image.tobytes())
    return image.size, time.process_time() - start


def drawn(
    files: list[Path], count: int, pool: ProcessPoolExecutor, drawers: int, spent: list[float]
) -> Iterator[Image.Image]:
    """Pages in order, some of them drawn before they are asked for."""
    under_way = deque[Future[Any]]()
    for number in range(count):
        while len(under_way) < min(AHEAD * drawers, count - number):
            place = number + len(under_way)
            path = files[place % len(files)]
            under_way.append(pool.submit(draw, path, path.with_name(f"{place}.rgb")))
        size, seconds = under_way.popleft().result()
        spent.append(seconds)
        target = files[0].with_name(f"{number}.rgb")
        yield Image.frombytes("RGB", size, target.read_bytes())
        target.unlink()


def asked(pages: Iterable[Image.Image], new: int) -> Iterator[GenerationRequest]:
    """A request for each page, when its turn comes near."""
    sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
    for image in pages:
        yield GenerationRequest((Message("user", "<image>\n" + TEXT, (image,)),), sampling)


def taken(engine: Engine, requests: Iterable[GenerationRequest], count: int) -> dict[str, Any]:
    """Read a stream of pages; rates by when they were done."""
    cuda = engine.network.image_newline.is_cuda
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start, ends, tokens = time.perf_counter(), list[float](), 0
    tiles = 0
    for _, answer in engine.stream(requests, count):
        assert isinstance(answer, GenerationResult), answer
        ends.append(time.perf_counter() - start)
        tokens, tiles = tokens + answer.usage.completion_tokens, answer.usage.tiles
    fifth = len(ends) // 5
    middle = ends[-1 - fifth] - ends[fifth]
    return {
        "pages": len(ends), "tiles": tiles, "seconds": round(ends[-1], 2), "within": round(len(ends) / ends[-1], 3),
        "steady": round((len(ends) - 1 - 2 * fifth) / middle, 3) if middle > 0 else None,
        "tokens_per_second": round(tokens / ends[-1], 1),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if cuda else None, "host_gb": round(host("VmRSS"), 2),
    }  # fmt: skip


def grown(engine: Engine, kept: list[Image.Image], counts: list[int], new: int) -> Iterator[dict[str, Any]]:
    """Queues of several lengths; and between each and the shortest what one more page costs, without start and end."""
    first: dict[str, Any] = {}
    for count in counts:
        turns = (kept[number % len(kept)] for number in range(count))
        figures = taken(engine, list(asked(turns, new)), count)
        if first:
            figures["beyond_the_first"] = round((count - first["pages"]) / (figures["seconds"] - first["seconds"]), 3)
        first = first or figures
        yield {"what": "growth", "new": new} | figures


def cases(engine: Engine, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Figures of one network."""
    start, kept = time.perf_counter(), [page(number) for number in range(8)]
    most = max(map(int, options.growth.split(","))) if options.growth else options.pages
    warm = (kept[number % len(kept)] for number in range(min(most, 256)))
    taken(engine, list(asked(warm, min(options.new, 60))), most)  # compiles; captures steps of every width
    yield {"what": "first", "seconds": round(time.perf_counter() - start, 1)}
    if options.growth:
        yield from grown(engine, kept, [int(count) for count in options.growth.split(",")], options.new)
        return
    spent = list[float]()
    context = multiprocessing.get_context("spawn")
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder, ProcessPoolExecutor(options.drawers, context) as pool:
        files = scans(Path(folder))
        for _ in drawn(files, 8 * options.drawers, pool, options.drawers, []):
            pass  # the processes have started
        pages = drawn(files, options.pages, pool, options.drawers, spent)
        timeline = Timeline(engine.network.image_newline.device)
        with timeline.on():
            figures = taken(engine, asked(pages, options.new), options.pages)
    by = "PyMuPDF" if files[0].suffix == ".pdf" else "JPEG"
    drawing = {"drawn_by": by, "drawers": options.drawers, "drawing_ms": round(1e3 * sum(spent) / len(spent), 1)}
    yield {"what": "pages, drawn", "new": options.new} | figures | drawing | {"timeline": timeline.report()}


def main() -> int:
    """Print the figures as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="tiny:bf16,small:e4a8,base:e4a8")
    parser.add_argument("--pages", type=int, default=256)
    parser.add_argument("--new", type=int, default=800)
    parser.add_argument("--drawers", type=int, default=6, help="processes that draw")
    parser.add_argument("--growth", default="", help="numbers of pages in the queue, instead of drawing")
    parser.add_argument("--seconds", type=float, default=1e6, help="begin nothing after so long")
    parser.add_argument("--scaled", action="store_true", help="toy sizes, for a try without a GPU")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    end, failed = time.monotonic() + options.seconds, 0
    for case in options.cases.split(","):
        variant, scheme = case.split(":")
        head = {"model": variant, "scheme": scheme, "device": str(device)}
        if time.monotonic() > end:
            print(json.dumps(head | {"skipped": "no time left"}), flush=True)
            continue
        try:
            engine = engine_of(variant, scheme, device, scaled=options.scaled)
            for figure in cases(engine, options):
                print(json.dumps(head | figure), flush=True)
        except Exception as trouble:
            traceback.print_exc()
            print(json.dumps(head | {"failed": f"{type(trouble).__name__}: {trouble}"[:300]}), flush=True)
            failed = 1
        engine = None  # type: ignore[assignment]
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return failed


if __name__ == "__main__":
    sys.exit(main())
