"""The cache of readings."""

from __future__ import annotations

import zlib
from pathlib import Path

from dsvl2.pipelines.batch.codec import pack_result
from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.training.answers.readings import cache_path, cached_reading


def test_a_kept_reading_comes_back_as_it_was(tmp_path: Path) -> None:
    word = Word("Total", Box(0, 0, 10, 5), 0.5)
    page = PageResult(1, (Block("paragraph", "Total", lines=(Line("Total", word.box, 0.5, (word,)),)),), 100, 200)
    image = Path("forms/one.png")
    assert cached_reading(tmp_path, image) is None
    path = cache_path(tmp_path, image)
    path.parent.mkdir()
    path.write_bytes(zlib.decompress(pack_result(page, "one.png")))
    kept = cached_reading(tmp_path, image)
    assert kept == page
    assert kept is not None
    assert kept.blocks[0].lines[0].words == (word,)
