"""Carry out `dsvl2 bench`: the pages, the model, the figures; a machine that is busy is told before and in the result."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli import engines

if TYPE_CHECKING:
    from dsvl2.pipelines.benchmark import Spread
    from dsvl2.pipelines.documents import PageImage
    from dsvl2_cli.session import Session
    from dsvl2_cli.settings import Settings

LOOK_EVERY = 2.0  # seconds between two looks at a busy machine


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    file: str | None = None
    pages: str | None = None
    repeat: int = 3
    against: str | None = None
    cold: bool = True
    wait: float = 0.0


def run(plan: Plan, settings: Settings, now: Session) -> None:
    """Measure and print.

    Raises:
        ModelNotFound, EngineUnavailable, BenchmarkError, UsageError, and what opening the document raises.
    """
    engines.check_model(settings.model)
    from dsvl2.pipelines.benchmark import measure, record, table
    from dsvl2.pipelines.evaluation import engine_named

    others = [engine_named(plan.against)] if plan.against else []
    pages = _pages(plan, settings)
    _calm(plan.wait, settings.device, now)
    tell = _teller(now)
    tell("cold start" if plan.cold else "loading")
    cold = _cold_start(settings, plan.repeat) if plan.cold else None
    tell("loading")
    start = time.perf_counter()
    engine = engines.make_engine(settings)
    loaded = time.perf_counter() - start
    figures = measure(engine, pages, load_seconds=loaded, repeat=plan.repeat, others=others, told=tell)
    tell("")
    figures = replace(figures, cold_start=cold)
    if now.json:
        now.emit(record(figures))
    else:
        now.results.write(table(figures))


def _pages(plan: Plan, settings: Settings) -> list[PageImage]:
    from dsvl2.pipelines.benchmark import example_page
    from dsvl2.pipelines.documents import PageImage
    from dsvl2_cli.errors import UsageError

    if plan.file is None:
        if plan.pages is not None:
            raise UsageError("--pages needs a FILE", "name a document, or leave --pages out")
        return [example_page()[0]]
    from dsvl2_cli.inputs import Passwords, expand
    from dsvl2_cli.opening import open_document, source_options

    (word,) = expand([plan.file])
    passwords = Passwords(None, None)
    drawn = replace(source_options(settings, plan.pages, passwords), text_layer="ignore")
    with open_document(word, drawn, passwords) as source:
        found = [page for page in source if isinstance(page, PageImage)]
    if not found:
        raise UsageError(f"no page of {plan.file} can be drawn", "see what it holds with: dsvl2 inspect")
    return [replace(page, text_layer=None) for page in found]  # a draft would make it another measurement


def _calm(seconds: float, device: str, now: Session) -> None:
    """Wait for a busy machine; say so when it stays busy."""
    from dsvl2.pipelines.benchmark import look_at_machine

    end = time.monotonic() + seconds
    machine = look_at_machine("cpu")
    while machine.busy and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
        machine = look_at_machine("cpu")
    if machine.busy:
        now.console.warn(
            f"the machine is busy (load {machine.load:.1f} on {machine.cores} cores): times will be too long; "
            "end other programs, or give it time with --wait 60"
        )


def _cold_start(settings: Settings, repeat: int) -> Spread:
    """One line of text in a new process of this program."""
    from dsvl2.pipelines.benchmark import measure_cold_start, one_line

    with tempfile.TemporaryDirectory() as folder:
        path = one_line(Path(folder))
        command = [sys.executable, "-m", "dsvl2_cli", "ocr", str(path), "-o", "-", "-q", "--model", settings.model]
        given = {"--device": settings.device, "--dtype": settings.dtype, "--quant": settings.quant}
        given |= {"--adapter": settings.adapter}
        for flag, value in given.items():
            command += [flag, str(value)] if value else []
        return measure_cold_start(command, repeat)


def _teller(now: Session) -> Callable[[str], None]:
    """What is being done, on one line of a terminal."""

    def tell(step: str) -> None:
        if sys.stderr.isatty() and now.console.verbosity >= 0:
            sys.stderr.write(f"\r\x1b[K{step}")
            sys.stderr.flush()

    return tell
