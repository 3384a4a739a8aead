"""Pages that are drawn while others are read: in order, each error in its place, whatever breaks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from dsvl2.model import ContextOverflow, GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2.pipelines import OcrTask
from dsvl2.pipelines.documents import PageError, PageImage, UnreadablePage
from dsvl2.pipelines.run import Page, run

INFO = ModelInfo("scripted", "/nowhere", 1, 1, "none", "float32", "cuda", 4096, 100, "ab" * 32, ReadingProfile())


class Streaming:
    """Answers in groups, each in a random order, by the shade of a page's corner; 13 cannot be answered, 99 breaks it."""

    def __init__(self) -> None:
        self.info, self.streams, self.alone, self.closed = INFO, 0, 0, 0
        self._draw = random.Random(4)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        self.alone += len(requests)
        return [self._one(request) for request in requests]

    def stream(
        self, requests: Iterable[GenerationRequest], expected: int | None = None
    ) -> Iterator[tuple[int, GenerationResult | Exception]]:
        self.streams += 1
        assert expected == 8
        group: list[tuple[int, GenerationResult | Exception]] = []
        try:
            for number, request in enumerate(requests):
                try:
                    group.append((number, self._one(request)))
                except ContextOverflow as error:
                    group.append((number, error))
                if len(group) == 5:
                    self._draw.shuffle(group)
                    yield from group
                    group = []
            yield from group
        finally:
            self.closed += 1

    def _one(self, request: GenerationRequest) -> GenerationResult:
        shade = request.messages[0].images[0].getpixel((0, 0))
        if shade == 13:
            raise ContextOverflow("the request is too long")
        if shade == 99:
            raise RuntimeError("out of memory")
        text = f"Page {shade}."
        return GenerationResult(text, (1,), (text,), (-0.1,), "stop", Usage(3, 144, 1, 1))


def page_image(number: int, shade: int) -> PageImage:
    image = Image.new("L", (64, 64), shade)
    ImageDraw.Draw(image).rectangle((10, 10, 50, 30), fill=0 if shade > 100 else 255)
    return PageImage(number, image, 150.0, source="test")


def pages(count: int) -> list[Page]:
    """Pages of many shades; some are blank, one was never drawn."""
    made: list[Page] = [page_image(number, 100 + number) for number in range(1, count + 1)]
    made[3] = PageImage(4, Image.new("L", (64, 64), 255), 150.0)
    made[6] = UnreadablePage(7, PageError("unreadable_page", "page 7 is torn"))
    return made


def texts(results: Iterable[object]) -> list[str]:
    return [page.error.code if page.error else page.text for page in results]  # type: ignore[attr-defined]


def test_a_flow_reads_what_groups_read_in_one_stream() -> None:
    todo = pages(23)
    todo[9] = page_image(10, 13)
    flowing, grouped = Streaming(), Streaming()
    grouped.info = replace(INFO, device="cpu")
    got = list(run(OcrTask(), iter(todo), flowing, batch_size=8))
    assert [page.number for page in got] == list(range(1, 24))
    assert texts(got) == texts(run(OcrTask(), iter(todo), grouped, batch_size=8))
    assert got[9].error is not None and got[9].error.code == "context_overflow" and got[3].blank
    assert (flowing.streams, flowing.closed, flowing.alone, grouped.streams) == (1, 1, 1, 0)


def test_an_engine_that_breaks_costs_the_page_that_breaks_it() -> None:
    todo = pages(30)
    todo[11] = page_image(12, 99)
    engine = Streaming()
    got = list(run(OcrTask(), iter(todo), engine, batch_size=8))
    assert [page.number for page in got] == list(range(1, 31))
    assert [page.number for page in got if page.error is not None] == [7, 12]
    assert engine.streams == engine.closed == 2


def test_what_drawing_raises_comes_behind_the_pages_before_it() -> None:
    def drawn() -> Iterator[Page]:
        yield from pages(12)
        raise OSError("the disk is gone")

    got: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        got.extend(page.number for page in run(OcrTask(), drawn(), Streaming(), batch_size=8))
    assert got == list(range(1, 13))


def test_nothing_is_read_of_nothing_and_whoever_stops_listening_stops_the_engine() -> None:
    engine = Streaming()
    assert list(run(OcrTask(), [], engine, batch_size=8)) == []
    results = run(OcrTask(), iter(pages(50)), engine, batch_size=8)
    assert next(results).number == 1
    results.close()  # type: ignore[attr-defined]
    assert engine.closed == 2


def test_an_engine_that_cannot_even_begin_is_an_error() -> None:
    engine = Streaming()
    engine.stream = lambda *given: (_ for _ in ()).throw(RuntimeError("no device"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no device"):
        list(run(OcrTask(), iter(pages(9)), engine, batch_size=8))
