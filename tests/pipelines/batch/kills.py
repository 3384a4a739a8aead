"""A program that runs a batch again and again and kills it at random moments; run by test_kills.py.

    kills.py FOLDER --pages N --kills K --seed S [--shared]

It forks a session, which works with forked children (starting fresh interpreters would take all the time), and kills the
session at a random SQLite statement, fsync or rename, or after a random time, or kills one of its children. A run that
got to its end is compared with an undisturbed one; then a new one begins, until there were K kills. Prints JSON.
With --shared two sessions at a time share each run by leases, and both are killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationResult, ModelInfo, Usage
from dsvl2.pipelines import batch, get_format
from dsvl2.pipelines.batch import children, scheduler
from dsvl2.pipelines.errors import RunBusy

SECONDS = 0.002  # that the engine takes for a page


class Instant:
    """Reads every page as its size."""

    info = ModelInfo("scripted", "", 0, 0, "none", "float32", "cpu", 4096, 512, "0" * 64, ReadingProfile())

    def generate(self, requests: Any) -> list[GenerationResult]:
        return [self._answer(*request.messages[0].images[0].size) for request in requests]

    def _answer(self, width: int, height: int) -> GenerationResult:
        time.sleep(SECONDS)
        text = f"# A page\n\nIt is {width} by {height} pixels.\n"
        return GenerationResult(text, (1,), (text,), (0.0,), "stop", Usage(9, 5, 1, 1))


def make_documents(folder: Path, pages: int) -> None:
    """Write PDFs of 1 to 25 pages; no two pages have the same size."""
    import pymupdf

    folder.mkdir(parents=True)
    made = 0
    for number in range(10**6):
        document = pymupdf.open()
        for _ in range(min(1 + number * 7 % 25, pages - made)):
            page = document.new_page(width=72 + made, height=90 + number)
            page.draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
            made += 1
        place = folder / ("even" if number % 2 else ".") / f"{number}.pdf"
        place.parent.mkdir(exist_ok=True)
        document.save(place)
        if made >= pages:
            return


def session(place: Path, documents: Path, *, stream: bool, name: str = "run") -> batch.Counts:
    """Work until all is done; a session that is not called "run" shares the work with others."""
    format = get_format("jsonl" if stream else "markdown")
    output = batch.OutputPlan(format, tree=not stream, parts=place / "out" if stream else None, part_size=3)
    engines = batch.EngineSpec((Instant,) * 2, "instant", batch_size=2)
    board = batch.LeaseBoard(place / "board", name, seconds=3) if name != "run" else None
    with batch.RunFolder.begin(place / name) as folder, board or nullcontext():
        files = batch.plan_files([documents], target=lambda path: place / "out" / path.with_suffix(".md"))
        options = batch.BatchOptions(decoders=2, decode_memory=None)
        return batch.run_batch(folder, files, output, engines, options=options, leases=board)


def forked(place: Path, documents: Path, statements: int | None, *, stream: bool, name: str = "run") -> int:
    """Start a session in a process of its own, which kills itself at a certain write."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if statements is not None:
            count_down(statements)
        for _ in range(100):
            try:
                session(place, documents, stream=stream, name=name)
                os._exit(0)
            except RunBusy:  # forked workers of a killed session hold its lock for a moment
                time.sleep(0.02)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    os._exit(1)


def count_down(statements: int) -> None:
    """Kill this process at its n-th SQLite statement, fsync or rename."""
    left = statements

    def tick(*_: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def ticking(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            tick()
            return function(*arguments)

        return call

    os.replace, os.fsync = ticking(os.replace), ticking(os.fsync)
    begin = batch.RunFolder.begin.__func__  # type: ignore[attr-defined]

    def traced(cls: Any, path: Path) -> Any:
        folder = begin(cls, path)
        folder.manifest.db.set_trace_callback(tick)
        return folder

    batch.RunFolder.begin = classmethod(traced)  # type: ignore[assignment,method-assign]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def disturb(pid: int, chance: random.Random) -> str:
    """Kill a session or one of its children, as soon as there is one, after a moment; return what was killed."""
    aimed, workers, until = chance.random() < 0.6, list[str](), time.monotonic() + 2
    time.sleep(chance.uniform(0.0, 0.15))
    while aimed and not workers and time.monotonic() < until:
        try:
            workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return ""
        time.sleep(0.002)
    victim = int(chance.choice(workers)) if workers else pid
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return "session" if victim == pid else "worker"


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("folder", type=Path)
    words.add_argument("--shared", action="store_true")
    for name in ("--pages", "--kills", "--seed"):
        words.add_argument(name, type=int, required=True)
    given = words.parse_args()
    children.METHOD, scheduler.COMMIT_SECONDS = "fork", 0.01
    chance, kills = random.Random(given.seed), {"write": 0, "session": 0, "worker": 0}
    documents = given.folder / "in"
    make_documents(documents, given.pages)
    wanted = {}
    for stream in (False, True):
        place = given.folder / f"calm-{stream}"
        assert os.waitpid(forked(place, documents, None, stream=stream), 0)[1] == 0
        wanted[stream] = tree(place / "out")
    runs = wrong = failures = 0
    while sum(kills.values()) < given.kills:
        stream, place = runs % 2 == 1 and not given.shared, given.folder / "disturbed"
        shutil.rmtree(place, ignore_errors=True)
        left, working = {"run"} if not given.shared else {"one", "two"}, dict[int, tuple[str, bool]]()
        while left and not failures:
            for name in left - {name for name, _ in working.values()}:
                at_write = chance.random() < 0.5
                statements = chance.randint(1, given.pages) if at_write else None
                pid = forked(place, documents, statements, stream=stream, name=name)
                working[pid] = name, at_write
                if not at_write:
                    killed = disturb(pid, chance)
                    if killed:
                        kills[killed] += 1
            pid, status = os.wait()
            name, at_write = working.pop(pid)
            kills["write"] += at_write and status == signal.SIGKILL
            failures += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
            left -= {name} if status == 0 else set()
        runs += 1
        wrong += {n: b for n, b in tree(place / "out").items() if not n.endswith(".part")} != wanted[stream]
        wrong += any(n.endswith(".part") for n in tree(place / "out"))
        if failures:
            break
    print(json.dumps({"kills": kills, "runs": runs, "wrong": wrong, "failures": failures}))


if __name__ == "__main__":
    main()
