"""Every task in a batch, without processes: pages read, packed, unpacked, asked as a whole, and written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from PIL import Image, ImageDraw

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationResult, ModelInfo, Usage
from dsvl2.pipelines.batch.codec import pack_reading, unpack_reading
from dsvl2.pipelines.documents import Box, Document, PageImage
from dsvl2.pipelines.errors import UnknownTask
from dsvl2.pipelines.tasks import Finished, WholeDocument, batch_task, companions, task_names, task_spec
from dsvl2.pipelines.tasks.plain import from_plain, to_plain

OPTIONS = {
    "ask": {"questions": ["who?"]},
    "extract": {"schema": "name, total: number"},
    "ground": {"phrase": "total"},
}
PAGE_TASKS = [name for name in task_names() if name == "ocr" or (name != "requests" and task_spec(name).batch)]
TABLE = "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


class Answering:
    """Says the same to everything, as a whole-page model."""

    info = ModelInfo("scripted", "", 0, 0, "none", "float32", "cpu", 4096, 512, "0" * 64, ReadingProfile())

    def generate(self, requests: Any) -> list[GenerationResult]:
        return [GenerationResult(TABLE, (1,), (TABLE,), (0.0,), "stop", Usage(9, 5, 1, 1)) for _ in requests]


@dataclass(frozen=True)
class Inner:
    place: Box | None
    kind: Literal["a", "b"]


@dataclass(frozen=True)
class Outer:
    parts: tuple[Inner, ...]
    size: tuple[int, int]
    words: dict[str, Inner]
    value: Any = None


def page(number: int) -> PageImage:
    image = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(image).rectangle((10, 10, 90, 50), fill=(0, 0, 0))
    return PageImage(number, image, 72.0, source="in/a.pdf")


@pytest.mark.parametrize("name", PAGE_TASKS)
def test_a_task_goes_all_the_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Answering()
    monkeypatch.setitem(companions._LOADED, "cpu", engine)
    task = batch_task(name, OPTIONS.get(name))
    one = [page(1)]
    read = task.read(one, task.page_engine(engine))
    kept = tuple(unpack_reading(pack_reading(reading, "in/a.pdf"), "moved.pdf") for reading in read)
    assert [reading.result.error for reading in kept] == [None]
    answer = None
    if task.asks_whole:
        found = task.answer(WholeDocument("in/a.pdf", kept, page), engine)
        answer = unpack_reading(pack_reading(found, "in/a.pdf"), "moved.pdf").value
    done = Finished(Document("moved.pdf", tuple(reading.result for reading in kept)), kept, answer)
    for format in task.formats():
        text = format.render(done)
        assert text or format.name in ("latex", "text"), format.name
        if format.name == "json":
            record = json.loads(text)
            assert '"source": "in/a.pdf"' not in text and ("moved.pdf" in text or not record)


def test_a_task_that_needs_a_person_is_refused_by_name() -> None:
    with pytest.raises(UnknownTask, match="chat cannot run in a batch"):
        batch_task("chat")


def test_dataclasses_come_back_from_json_as_they_were() -> None:
    value = Outer((Inner(Box(1, 2, 3, 1 / 3), "a"), Inner(None, "b")), (4, 5), {"x": Inner(None, "a")}, {"any": [1]})
    assert from_plain(Outer, json.loads(json.dumps(to_plain(value)))) == value
