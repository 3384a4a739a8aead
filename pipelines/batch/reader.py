"""The process that holds an engine: page images in, packed results out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from dsvl2.pipelines.batch.children import settle
from dsvl2.pipelines.batch.codec import Header, pack_result, receive, send, unpack_image
from dsvl2.pipelines.batch.ladder import Rung
from dsvl2.pipelines.documents import ModelStamp, PageResult
from dsvl2.pipelines.errors import page_error
from dsvl2.pipelines.run import run
from dsvl2.pipelines.tasks import TASKS, Engine, Task

if TYPE_CHECKING:
    from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo

EngineMaker = Callable[[], Engine]
"""Loads an engine inside the process that will use it; it must pickle."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """An engine that is asked one request at a time, to take the least memory."""

    engine: Engine

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        """Answer the requests one after the other."""
        return [answer for request in requests for answer in self.engine.generate([request])]


def reader_main(pipe: Connection, make: EngineMaker, task_name: str) -> None:
    """Load the engine, say which it is, and read pages until the pipe closes."""
    settle()
    with suppress(EOFError, OSError):
        try:
            engine, task = make(), TASKS[task_name]()
        except Exception as error:
            failure = page_error(error)
            send(pipe, {"failed": [failure.code, failure.message, failure.hint]})
            return
        send(pipe, {"model": asdict(ModelStamp.of(engine.info))})
        while True:
            header, pixels = receive(pipe)
            send(pipe, *read_pages(header, pixels, task, engine))


def read_pages(header: Header, pixels: Sequence[bytes], task: Task, engine: Engine) -> tuple[Header, list[bytes]]:
    """Read the pages of a request; the answer has a summary of each result, and the results packed."""
    started = time.monotonic()
    pages = [unpack_image(page, data) for page, data in zip(header["pages"], pixels, strict=True)]
    reader = OneByOne(engine) if header["rung"] == Rung.ALONE else engine
    results = list(run(task, pages, reader, batch_size=len(pages)))
    seconds = (time.monotonic() - started) / len(pages)
    packed = [pack_result(result, page.source) for result, page in zip(results, pages, strict=True)]
    return {"results": [summary(result, seconds) for result in results]}, packed


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
    }
