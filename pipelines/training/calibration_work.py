"""Read strips and ask about virtual pages in several processes; what the model said is kept, by weights and pictures.

A refit for the same weights asks the model nothing, one that was cut short goes on, and new weights are read anew.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from dsvl2.model import load_engine
from dsvl2.pipelines.confidence.calibration import Calibration
from dsvl2.pipelines.confidence.scoring import uncalibrated
from dsvl2.pipelines.evaluation.kept import KeptEngine
from dsvl2.pipelines.training.calibration_answers import Judged, judged_answers
from dsvl2.pipelines.training.calibration_pages import ReadWord, read_words, strip

T = TypeVar("T")
KEPT = "calibration.sqlite"


@dataclass(frozen=True, slots=True)
class Plan:
    """What every process needs: model, CPU threads, folder of kept downloads and answers, seed of the draws.

    vocabulary: `answers.xz` of the training data, for answers; words: the calibration that they build on.
    """

    model: str
    threads: int
    cache: Path
    seed: int
    vocabulary: Path | None = None
    words: Calibration | None = None


def words_of_strips(plan: Plan, count: int, jobs: int) -> Iterator[list[ReadWord]]:
    """Yield the judged words of strips 0 to count - 1, in order."""
    return _in_processes(_strip_words, plan, count, jobs)


def answers_of_pages(plan: Plan, count: int, jobs: int) -> Iterator[list[Judged]]:
    """Yield the judged answers and fields of virtual pages 0 to count - 1, in order."""
    return _in_processes(_page_answers, plan, count, jobs)


def _strip_words(plan: Plan, engine: KeptEngine, number: int) -> list[ReadWord]:
    page = strip(number, plan.seed, plan.cache)
    return [] if page is None else [replace(word, line=f"{number}:{word.line}") for word in read_words(page, engine)]


def _page_answers(plan: Plan, engine: KeptEngine, number: int) -> list[Judged]:
    assert plan.vocabulary is not None and plan.words is not None
    with uncalibrated(engine.info, plan.words):
        return judged_answers(engine, plan.vocabulary, seed=plan.seed, number=number)


Work = Callable[[Plan, KeptEngine, int], list[T]]
_engines: dict[str, KeptEngine] = {}


def _engine_of(plan: Plan) -> KeptEngine:
    if plan.model not in _engines:
        _engines[plan.model] = KeptEngine(load_engine(plan.model, threads=plan.threads), plan.cache / KEPT)
    return _engines[plan.model]


def _one(work: Work[T], plan: Plan, number: int) -> list[T]:
    return work(plan, _engine_of(plan), number)


def _in_processes(work: Work[T], plan: Plan, count: int, jobs: int) -> Iterator[list[T]]:
    if jobs <= 1:
        yield from (_one(work, plan, number) for number in range(count))
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(_one, work, plan), range(count))
