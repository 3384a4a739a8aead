"""Watch a folder: wait until files are whole, read them as a batch that goes on where it was stopped, move them on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli import batches
from dsvl2_cli.arrivals import Arrivals, Facts, free_name
from dsvl2_cli.batch_endings import STOPPING, signals
from dsvl2_cli.batch_engines import workplace
from dsvl2_cli.batch_places import is_remote, is_stream, run_folder
from dsvl2_cli.batch_progress import choose_display
from dsvl2_cli.batch_tasks import Asked, named_format
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.reports import count
from dsvl2_cli.watch_lines import Teller

if TYPE_CHECKING:
    from dsvl2.pipelines.batch import EngineSpec, KeptHands, PlannedFile, RunFolder
    from dsvl2_cli.batch_engines import Workers
    from dsvl2_cli.batches import Job
    from dsvl2_cli.common import Common
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.session import Session
    from dsvl2_cli.settings import Settings

_STEP = 0.1  # seconds after which a signal is noticed while nothing is read


@dataclass(frozen=True, slots=True)
class Places:
    """The folder that is watched, and where results, read and failed files go."""

    folder: str
    output: str | None
    done: str | None
    failed: str | None

    def check(self) -> None:
        """Look whether they can be what they are named for.

        Raises:
            UsageError. FileMissing: there is no such folder.
        """
        from dsvl2.pipelines.errors import FileMissing

        if self.output is None:
            raise UsageError("no output was named", "give a folder: -o DIR/")
        if self.output == "-" or is_stream(self.output) or is_remote(self.output):
            raise UsageError(f"-o {self.output}: a watch writes into a folder of this machine", "give -o DIR/")
        if not Path(self.folder).is_dir():
            kind = "is a file" if Path(self.folder).exists() else "does not exist"
            raise FileMissing(f"{self.folder} {kind}", hint="name the folder that the scanner writes into")
        watched = os.path.realpath(self.folder)
        for name, place in (("-o", self.output), ("--done", self.done), ("--failed", self.failed)):
            if place is not None and os.path.realpath(place) == watched:
                raise UsageError(f"{name} {place} is the folder that is watched", "name another folder")

    @property
    def own(self) -> list[Path]:
        """The folders that hold no arrivals, wherever they are."""
        return [Path(place) for place in (self.output, self.done, self.failed) if place is not None]


@dataclass(frozen=True, slots=True)
class Watch:
    """What to do with what arrives, where, and how patiently."""

    job: Job
    places: Places
    settle: float
    every: float
    once: bool

    @staticmethod
    def planned(
        settings: Settings,
        places: Places,
        common: Common,
        *,
        format: str | None,
        task: str,
        asked: tuple[Sequence[str], str | None],
        lexicons: Sequence[str] = (),
    ) -> tuple[Job, Places]:
        """Check the command line and say how each document is read.

        Raises:
            UsageError, FileMissing, and what `batches.make_job` raises.
        """
        places.check()
        if task in ("ground", "requests"):
            raise UsageError(f"--task {task} is for dsvl2 batch", "run that on the folder")
        questions, schema = asked
        rest: dict[str, Any] = {"pages": common.pages, "task": task, "jobs": None, "shard": None, "shared": False}
        rest |= {"engine": "local", "address": None, "jsonl": False, "keep_suffix": False, "lexicons": list(lexicons)}
        rest["options"] = Asked(questions, schema=schema).options(task, settings)
        assert places.output is not None
        output = places.output if places.output.endswith(os.sep) else places.output + os.sep
        return batches.make_job(settings, output, format, rest, to_json=False), places


def watch_folder(watch: Watch, passwords: Passwords, now: Session) -> Exit:
    """Read what comes until a signal ends it (or, with `once`, until nothing is left); return the exit code.

    Raises:
        EngineFailed, RunBusy, RunUnwritable: nothing more can be done here.
    """
    from dsvl2.pipelines.batch import Stop

    stop, waiting = Stop(), Waiting()
    with ExitStack() as ends:
        folder = ends.enter_context(run_folder(watch.job, None))
        seen = ends.enter_context(signals(stop, now.console, waiting.told))
        folder.manifest.set_meta("job", json.dumps(asdict(watch.job)))
        rounds = ends.enter_context(closing(Rounds(watch, folder, passwords, now, stop)))
        arrivals = Arrivals(Path(watch.places.folder), watch.settle, watch.places.own)
        if not watch.once:
            now.console.say(f"watching {watch.places.folder}; results go to {watch.places.output}; Ctrl-C ends it")
        trouble = ""
        while not stop.wanted:
            whole = arrivals.look()
            if arrivals.trouble and arrivals.trouble != trouble:
                now.console.warn(f"{arrivals.trouble}; it is looked for again every {watch.every:g} s")
            trouble = arrivals.trouble
            if rounds.news(whole):
                with waiting.busy():
                    rounds.read(whole)
            elif watch.once and not arrivals.waiting:
                break
            else:
                _sleep(min(watch.every, max(watch.settle, _STEP)) if watch.once else watch.every, stop)
        if seen:
            now.console.say(f"told to end; everything that is done is kept. Go on with: {watch.job.command}")
            return Exit.INTERRUPTED if seen[0] == signal.SIGINT else Exit.OK
        return rounds.exit


def _sleep(seconds: float, stop: Any) -> None:
    until = time.monotonic() + seconds
    while not stop.wanted and (left := until - time.monotonic()) > 0:
        time.sleep(min(_STEP, left))


class Waiting:
    """Knows what a signal means just now, for the line that answers it."""

    def __init__(self) -> None:
        self._busy = False

    def told(self) -> str:
        """Return what is said when the first signal comes."""
        return STOPPING if self._busy else ""

    def busy(self) -> Waiting:
        """Use in `with`: pages are in work."""
        return self

    def __enter__(self) -> None:
        self._busy = True

    def __exit__(self, *ended: object) -> None:
        self._busy = False


class Rounds:
    """One batch after the other over all that lies in the folder: the manifest knows what needs no more work.

    The model stays loaded from one to the next, unless its files change.
    """

    def __init__(self, watch: Watch, folder: RunFolder, passwords: Passwords, now: Session, stop: Any) -> None:
        self._watch, self._folder, self._now, self._stop = watch, folder, now, stop
        self._options = batches.batch_options(watch.job, passwords)
        self._output = batches.output_plan(watch.job, None)
        self._kept: tuple[EngineSpec, KeptHands] | None = None
        self._tried: dict[Path, Facts] = {}
        self.exit = Exit.OK

    def news(self, whole: Mapping[Path, Facts]) -> bool:
        """Whether a file is whole that was not looked at as it is now."""
        return any(self._tried.get(path) != facts for path, facts in whole.items())

    def read(self, whole: Mapping[Path, Facts]) -> None:
        """Read what has not been read, and move what is to be moved."""
        from dsvl2.pipelines.batch import run_batch

        watch = self._watch
        display = choose_display(
            watch.job.parsed_settings().progress, self._now.console.verbosity, text_on_terminal=False
        )
        planned = list(self._planned(whole))
        fresh = {file.name for file in planned if self._tried.get(file.path) != whole[file.path]}
        there = {file.name for file in planned if os.path.lexists(str(file.target))}
        reporter = Teller(self._now, display, fresh, there)
        reporter.prepare(f"opening {count(len(reporter.fresh), 'file')}")
        try:
            with workplace(watch.job, self._options) as workers:
                engines, hands = self._loaded(workers)
                run_batch(
                    self._folder,
                    iter(planned),
                    self._output,
                    engines,
                    options=workers.options,
                    reporter=reporter,
                    stop=self._stop,
                    hands=hands,
                )
        except KeyboardInterrupt:  # while the model was being loaded
            return
        finally:
            reporter.stop()
        self._tried = dict(whole)
        for file in planned:
            status = reporter.ended.get(file.name)
            if status is not None:
                self._move(file, status)
                self.exit = self.exit if status == "ok" else Exit.PARTIAL

    def _loaded(self, workers: Workers) -> tuple[EngineSpec, KeptHands]:
        """The engines of the round before, or new ones if there is none or the model is another one now."""
        from dsvl2.pipelines.batch import KeptHands

        if self._kept is None or self._kept[0].key != workers.engines.key:
            self.close()
            self._kept = workers.engines, KeptHands(workers.options)
        return self._kept

    def close(self) -> None:
        """Let go of the model."""
        if self._kept is not None:
            self._kept[1].let_go()
            self._kept = None

    def _planned(self, whole: Mapping[Path, Facts]) -> Iterator[PlannedFile]:
        from dsvl2.pipelines import InputFile
        from dsvl2.pipelines.batch import PlannedFile

        suffix = named_format(self._watch.job.task, self._watch.job.options, self._watch.job.format).suffixes[0]
        root, taken = Path(self._watch.places.folder), set[Path]()
        for path, facts in whole.items():
            file = InputFile(path, root)
            target = self._target(path, facts, file.relative.with_suffix(suffix), taken)
            taken.add(target)
            yield PlannedFile(path, file.name, file.relative, target)

    def _target(self, path: Path, facts: Facts, relative: Path, taken: set[Path]) -> Path:
        """Return where a file's result goes: where it went, if it was read as it is; else to a name that is free."""
        query = "SELECT target, size, mtime_ns FROM documents WHERE real = ? AND target IS NOT NULL"
        row = self._folder.manifest.db.execute(query, (os.fsencode(os.path.realpath(path)),)).fetchone()
        if row is not None and (row[1], row[2]) == facts:
            return Path(os.fsdecode(row[0]))
        return free_name(Path(self._watch.job.output) / relative, taken)

    def _move(self, file: PlannedFile, status: str) -> None:
        place = self._watch.places.done if status == "ok" else self._watch.places.failed
        if place is None:
            return
        try:
            target = Path(place) / file.relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file.path, free_name(target))
        except OSError as error:
            self._now.console.warn(f"{file.name} stays where it is: it cannot be moved to {place}: {error.strerror}")
