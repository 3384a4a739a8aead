"""Readings of page images, kept as JSON, one file an image, so that answers can be measured without reading again.

python -m dsvl2.pipelines.training.answers.readings --cache DIR IMAGE...
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2.pipelines.batch.codec import pack_result, unpack_result
from dsvl2.pipelines.documents import Box, PageResult
from dsvl2.pipelines.spatial import Segment, SpatialText, spatial_text

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine


def cache_path(cache: Path, image: Path) -> Path:
    """Return where the reading of an image lies: the image's folder and name, with the suffix .json."""
    return cache / image.parent.name / f"{image.stem}.json"


def cached_reading(cache: Path, image: Path) -> PageResult | None:
    """Return the first page of an image as it was read before; None if it was not."""
    path = cache_path(cache, image)
    if not path.exists():
        return None
    return unpack_result(zlib.compress(path.read_bytes(), 1), image.name)


def cached_chart(cache: Path, image: Path) -> SpatialText | None:
    """Return the words of a chart as the chart reader found them; None if it was not asked."""
    path = cache_path(cache, image).with_suffix(".chart.json")
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    segments = [Segment(text, Box(*sides), sure) for text, sides, sure in record["texts"]]
    return spatial_text(segments, *record["size"])


def read_chart_into(cache: Path, image: Path, engine: Engine) -> int:
    """Keep the words that the chart reader finds; return how many there are."""
    from PIL import Image

    from dsvl2.pipelines.charts.read import read_chart

    picture = Image.open(image)
    texts = read_chart(picture.convert("RGB"), engine).texts
    path = cache_path(cache, image).with_suffix(".chart.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [[t.text, [t.box.x0, t.box.y0, t.box.x1, t.box.y1], t.confidence] for t in texts]
    path.write_text(json.dumps({"size": picture.size, "texts": kept}, default=float), encoding="utf-8")
    return len(texts)


def read_into(cache: Path, image: Path, engine: Engine) -> PageResult:
    """Read the first page of an image and keep the result."""
    from dsvl2.pipelines.run import read_document

    (page, *_) = read_document(image, engine).pages
    path = cache_path(cache, image)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(zlib.decompress(pack_result(page, image.name)))
    partial.replace(path)
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the images that are not in the cache yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", help="folder of a checkpoint; the embedded model by default")
    parser.add_argument("--charts", action="store_true", help="the images are charts: find their words one by one")
    chosen = parser.parse_args(arguments)
    from dsvl2.model import load_engine

    engine = load_engine(chosen.model) if chosen.model else load_engine()
    for image in chosen.images:
        if chosen.charts:
            print(image, read_chart_into(chosen.cache, image, engine), flush=True)
            continue
        if cache_path(chosen.cache, image).exists():
            continue
        page = read_into(chosen.cache, image, engine)
        print(image, len(page.blocks), page.error.code if page.error else "", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
