"""What holds an engine: page images in, packed results out; and whole documents that are asked when their pages are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from dsvl2.pipelines.batch.children import settle
from dsvl2.pipelines.batch.codec import Header, pack_reading, receive, send, unpack_image, unpack_reading
from dsvl2.pipelines.batch.ladder import Rung
from dsvl2.pipelines.documents import ModelStamp, PageError, PageImage, PageResult
from dsvl2.pipelines.doubts import doubts_of
from dsvl2.pipelines.errors import page_error
from dsvl2.pipelines.tasks import BatchTask, Engine, PageReading, TaskOptions, WholeDocument, batch_task, failed_page

if TYPE_CHECKING:
    from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo

EngineMaker = Callable[[], Engine]
"""Loads an engine inside the process that will use it; it must pickle."""
Draw = Callable[[Header, int], PageImage]
"""Draws a page of the document that a request is about."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """An engine that is asked one request at a time: the tiles of no two of them are in memory together."""

    engine: Engine

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        """Answer the requests one after the other."""
        return [answer for request in requests for answer in self.engine.generate([request])]


class Undrawn(Exception):
    """A page that a document's answer needed to see could not be drawn."""

    def __init__(self, error: PageError) -> None:
        super().__init__(error.message)
        self.code, self.hint = error.code, error.hint


def reader_main(pipe: Connection, make: EngineMaker, task: str, options: TaskOptions) -> None:
    """Load the engine, say which it is, and answer requests until the pipe closes."""
    settle()

    def draw(document: Header, number: int) -> PageImage:
        send(pipe, {"draw": number})
        header, blobs = receive(pipe)
        return drawn_image(header, blobs)

    with suppress(EOFError, OSError):
        try:
            reader = Reader(make(), batch_task(task, options), draw)
        except Exception as error:
            failure = page_error(error)
            send(pipe, {"failed": [failure.code, failure.message, failure.hint]})
            return
        send(pipe, reader.stamps())
        while True:
            send(pipe, *reader.answer(*receive(pipe)))


def drawn_image(header: Header, blobs: Sequence[bytes]) -> PageImage:
    """Return the page image in a decoder's answer.

    Raises:
        Undrawn.
    """
    if "error" in header:
        raise Undrawn(PageError(*header["error"]))
    return unpack_image(header, blobs[0])


class Reader:
    """An engine and the task it works at."""

    def __init__(self, engine: Engine, task: BatchTask, draw: Draw) -> None:
        self.engine, self.task = engine, task
        self.page_engine = task.page_engine(engine)
        self._draw = draw

    def stamps(self) -> Header:
        """Say which models answer and read pages."""
        model, reads = ModelStamp.of(self.engine.info), ModelStamp.of(self.page_engine.info)
        return {"model": asdict(model), "reads": asdict(reads)}

    def answer(self, header: Header, blobs: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        """Answer a request: a summary of each result, and the results packed."""
        return (self._whole if "whole" in header else self._pages)(header, blobs)

    def _pages(self, header: Header, blobs: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        started = time.monotonic()
        pages = [unpack_image(page, data) for page, data in zip(header["pages"], blobs, strict=True)]
        engine = self.page_engine if header["rung"] == Rung.NORMAL else OneByOne(self.page_engine)
        readings = read_together(self.task, pages, engine)
        seconds = (time.monotonic() - started) / len(pages)
        packed = [pack_reading(reading, page.source) for reading, page in zip(readings, pages, strict=True)]
        return {"results": [summary(reading.result, seconds) for reading in readings]}, packed

    def _whole(self, header: Header, blobs: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        started, name = time.monotonic(), header["whole"]["name"]
        engine = self.engine if header["rung"] == Rung.NORMAL else OneByOne(self.engine)
        try:
            pages = tuple(unpack_reading(blob, name) for blob in blobs)
            draw = lambda number: self._draw(header["whole"], number)  # noqa: E731
            reading = self.task.answer(WholeDocument(name, pages, draw), engine)
        except (EOFError, OSError):  # the other end is gone
            raise
        except Exception as error:
            reading = PageReading(PageResult(0, error=page_error(error)))
        facts = summary(reading.result, time.monotonic() - started)
        return {"results": [facts]}, [pack_reading(reading, name)]


def read_together(task: BatchTask, pages: Sequence[PageImage], engine: Engine) -> list[PageReading]:
    """Read the pages together; if the task itself breaks, one by one."""
    try:
        readings = task.read(pages, engine)
        if len(readings) != len(pages):
            raise RuntimeError(f"task {task.name} gave {len(readings)} results for {len(pages)} pages")
    except Exception as error:
        if len(pages) == 1:
            return [PageReading(failed_page(pages[0], error))]
        return [reading for page in pages for reading in read_together(task, [page], engine)]
    return [
        replace(reading, result=replace(reading.result, text_layer=page.layer_use)) if page.layer_use else reading
        for page, reading in zip(pages, readings, strict=True)
    ]


def summary(result: PageResult, seconds: float) -> Header:
    """Say what became of a page, for those who need no more than that."""
    error = result.error
    return {
        "status": "failed" if error is not None else "blank" if result.blank else "ok",
        "error": None if error is None else [error.code, error.message, error.hint],
        "truncated": any(notice.code == "truncated" for notice in result.warnings),
        "characters": sum(len(block.text) for block in result.blocks),
        "tokens": result.usage.completion_tokens if result.usage is not None else 0,
        "seconds": seconds,
        "doubts": doubts_of(result),
    }
