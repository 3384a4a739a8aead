"""An engine that reads every page as its size, and does other things on request. Run as a program it stands in for
`dsvl2` with that engine: `python scripted_engine.py ocr FILE`.

An image as wide as BAD_WIDTH makes it raise; one as wide as SLOW_WIDTH makes it wait for a signal.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationRequest, GenerationResult, ModelInfo, Usage
from dsvl2_cli import engines

BAD_WIDTH, SLOW_WIDTH, HUGE_WIDTH = 131, 137, 139  # pixels


class ScriptedEngine:
    """Stands in for the real one; `calls` counts requests, `loaded` how often it was made."""

    loaded = 0
    calls = 0

    def __init__(self) -> None:
        self.info = ModelInfo(
            name="scripted",
            path="",
            parameters=0,
            weight_bytes=0,
            scheme="none",
            dtype="float32",
            device="cpu",
            context_length=4096,
            vocab_size=512,
            fingerprint="0" * 64,
            reading=ReadingProfile(),
        )

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: GenerationRequest) -> GenerationResult:
        type(self).calls += 1
        width, height = request.messages[0].images[0].size
        if width == BAD_WIDTH:
            raise RuntimeError("the tower fell over")
        if width == HUGE_WIDTH:
            raise MemoryError
        if width == SLOW_WIDTH:
            sys.stderr.write("waiting\n")
            sys.stderr.flush()
            for _ in range(6000):  # in short ones: a signal just before a sleep begins is seen when it ends
                time.sleep(0.01)
        os.write(1, b"a library prints to standard output\n")
        text = f"# A page\n\nIt is {width} by {height} pixels.\n"
        count = len(text)
        return GenerationResult(text, (1,) * count, tuple(text), (0.0,) * count, "stop", Usage(9, 5, count, 1))


def make_engine(settings: Any) -> ScriptedEngine:
    ScriptedEngine.loaded += 1
    return ScriptedEngine()


def install() -> None:
    """Put the scripted engine in the real one's place."""
    engines.make_engine = make_engine  # type: ignore[assignment]
    engines.check_model = lambda name: None


if __name__ == "__main__":
    from dsvl2_cli.app import main

    install()
    main()
