"""Carry out `dsvl2 batch`: from its options to a batch run, and from its counts to an exit code."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli import engines
from dsvl2_cli.batch_endings import can_be_retried, closing_line, ended, signals
from dsvl2_cli.batch_engines import check_engine, workplace
from dsvl2_cli.batch_places import check_remote, is_kept, is_remote, is_stream, lease_board, parse_shard
from dsvl2_cli.batch_progress import BatchReporter, choose_display
from dsvl2_cli.batch_tasks import choose_batch_format, make_task, named_format
from dsvl2_cli.engines import PAGE_SECONDS
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.inputs import left_out
from dsvl2_cli.lexicons import read_lexicons
from dsvl2_cli.opening import source_options
from dsvl2_cli.plan import render_options
from dsvl2_cli.settings import Settings

if TYPE_CHECKING:
    from dsvl2.pipelines.batch import BatchOptions, OutputPlan, Place, PlannedFile, RunFolder
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.session import Session

SCHEMA = "dsvl2/batch/v1"
NO_LIMIT = 1e9  # seconds: what --page-timeout 0 means to those who hold a page to its time


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that decides what a run does but its inputs and password; kept in the run folder for `retry`."""

    cwd: str
    output: str
    format: str
    settings: dict[str, Any]
    pages: str | None = None
    task: str = "ocr"
    options: dict[str, Any] = field(default_factory=dict)
    jobs: int | None = None
    shard: str | None = None
    shared: bool = False
    engine: str = "local"
    address: str | None = None
    lease_seconds: float = 120.0
    jsonl: bool = False
    part_documents: int = 1000
    page_timeout: float = PAGE_SECONDS
    decode_timeout: float = 120.0
    decode_memory: float = 4000.0
    force: bool = False
    keep_suffix: bool = False
    lexicons: list[str] = field(default_factory=list)
    command: str = ""

    def parsed_settings(self) -> Settings:
        return Settings(**self.settings)


def make_job(settings: Settings, output: str | None, format: str | None, rest: dict[str, Any], *, to_json: bool) -> Job:
    """Check what can be checked before anything is read.

    Raises:
        UsageError, UnknownTask, UnknownFormat, OutputError, ModelNotFound; what a task says of its options; a lexicon
        cannot be read.
    """
    if output is None:
        raise UsageError("no output was named", "give a folder with -o DIR/, a file with -o FILE.jsonl, or -o -")
    if to_json and output == "-":
        raise UsageError("--json and -o - both want standard output", "give a folder with -o DIR/")
    parse_shard(rest["shard"])
    check_engine(rest["engine"], rest["address"], settings)
    if rest["shared"] and (output == "-" or rest["jsonl"] or is_stream(output)):
        raise UsageError("--shared needs a file per document", "give a folder with -o DIR/, on the shared file system")
    check_remote(output, settings, shared=rest["shared"])
    engines.check_model(settings.model)
    if rest["lexicons"] and rest["task"] != "ocr":
        raise UsageError(f"--lexicon is not for the task {rest['task']}", "it mends the text that the task ocr writes")
    read_lexicons(rest["lexicons"])
    task = make_task(rest["task"], rest["options"])
    chosen = choose_batch_format(task, format, output, settings, jsonl=rest["jsonl"])
    command = shlex.join(["dsvl2", *sys.argv[1:]])
    asked = rest.get("page_timeout")
    limit = settings.page_timeout if asked is None else asked
    rest = {**rest, "page_timeout": PAGE_SECONDS if limit is None else limit or NO_LIMIT}
    return Job(os.getcwd(), output, chosen.name, asdict(settings), **rest, command=command)


def planned(job: Job, words: Iterable[str], folder: RunFolder, now: Session) -> Iterator[PlannedFile]:
    """Yield the documents of the command line; standard input is first put into the run folder.

    Says in the end what folders held that is no document.
    """
    from dsvl2.pipelines.batch import (
        STDIN_FILE,
        STDIN_NAME,
        PlannedFile,
        Shard,
        below,
        is_url,
        place_of,
        plan_files,
        plan_requests,
    )
    from dsvl2.pipelines.output import output_name

    index, parts = parse_shard(job.shard)
    suffix = named_format(job.task, job.options, job.format).suffixes[0]
    tree = job.output != "-" and not job.jsonl and not is_stream(job.output)

    def target(relative: Path) -> Place | None:
        named = output_name(relative, suffix, keep=job.keep_suffix)
        return below(place_of(job.output), named) if tree else None

    others: Counter[str] = Counter()
    for word in words:
        if word == "-":
            place = folder.path / STDIN_FILE
            with place.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        if job.task == "requests":
            chosen = Shard(index, parts)
            path = place if word == "-" else Path(word)
            yield from (request for request in plan_requests(path) if chosen.holds(request.relative))
        elif word == "-":
            yield PlannedFile(place, STDIN_NAME, Path("stdin"), target(Path("stdin")))
        elif is_url(word) and job.parsed_settings().offline:
            raise UsageError(
                f"{word} is elsewhere, and --offline forbids to fetch it", "fetch it first, or leave it out"
            )
        else:
            yield from plan_files([word], shard=Shard(index, parts), target=target, others=others)
    if others:
        now.console.say(left_out(others))


def output_plan(job: Job, now: Session | None) -> OutputPlan:
    """Say where the results go."""
    from dsvl2.pipelines.batch import OutputPlan, place_of

    settings = job.parsed_settings()
    plan = OutputPlan(
        named_format(job.task, job.options, job.format),
        render_options(settings),
        force=job.force,
        part_size=job.part_documents,
    )
    lexicon = read_lexicons(job.lexicons)
    if lexicon is not None:
        plan = replace(plan, mend=lexicon.apply, mended_by=lexicon.digest)
    if job.output == "-":
        return replace(plan, emit=now.results.write if now else None)
    if job.jsonl:
        index, parts = parse_shard(job.shard)
        name = f"part-{index}-of-{parts}" if job.shard else "part"
        return replace(plan, parts=place_of(job.output), part_name=name)
    place = place_of(job.output)
    if is_stream(job.output):
        return replace(plan, file=place)
    return replace(plan, tree=True, top=place if isinstance(place, str) else None)


def batch_options(job: Job, passwords: Passwords) -> BatchOptions:
    """Say how pages are drawn and read, and with which limits."""
    from dsvl2.pipelines.batch import BatchOptions

    return BatchOptions(
        task=job.task,
        task_options=job.options,
        source=source_options(job.parsed_settings(), job.pages, passwords),
        page_seconds=job.page_timeout,
        decode_seconds=job.decode_timeout,
        decode_memory=int(job.decode_memory * 1e6) or None,
    )


def run_job(
    job: Job, folder: RunFolder, files: Iterable[PlannedFile] | None, passwords: Passwords, now: Session
) -> Exit:
    """Run a batch and say how it went. `files` None keeps the plan of the run folder."""
    from dsvl2.pipelines.batch import Stop, run_batch

    settings = job.parsed_settings()
    if is_remote(job.output):
        now.console.say(f"what is done is kept in {folder.path}; start there again to go on")
    folder.manifest.set_meta("job", json.dumps(asdict(job)))
    shown = job.output == "-" and now.results.isatty()
    display = choose_display(settings.progress, now.console.verbosity, text_on_terminal=shown)
    reporter, stop = BatchReporter(now.console, display), Stop()
    options = batch_options(job, passwords)
    started = time.monotonic()
    reporter.prepare("starting Ray" if job.engine == "ray" else f"loading {settings.model}")
    board = lease_board(job, folder) if job.shared else None
    with workplace(job, options) as workers, signals(stop, now.console) as seen, board or nullcontext():
        try:
            counts = run_batch(
                folder,
                files,
                output_plan(job, now),
                workers.engines,
                options=workers.options,
                reporter=reporter,
                stop=stop,
                leases=board,
                hands=workers.hands,
            )
        except KeyboardInterrupt:  # while the model was being loaded
            counts = None
        finally:
            reporter.stop()
    code = ended(counts, settings.fail_on, seen)
    if code == Exit.NOTHING_TO_DO and job.shard:  # others have it all: no reason for a scheduler to call this a failure
        now.console.say(f"part {job.shard} has no documents")
        code = Exit.OK
    seconds = time.monotonic() - started
    if now.json:
        facts = {} if counts is None else {k: v for k, v in asdict(counts).items() if k != "first_error"}
        now.emit(
            {"schema": SCHEMA, "exit_code": int(code), "seconds": round(seconds, 3), "run": str(folder.path), **facts}
        )
    if counts is not None:
        now.console.say(closing_line(counts, seconds, reporter.doubts))
    if seen:
        kept = f"interrupted; everything that is done is kept. Go on with: {job.command}"
        now.console.say(kept if is_kept(folder) else "interrupted; with --run DIR it could go on where it stopped")
    elif is_kept(folder) and counts and can_be_retried(counts):
        now.console.say(
            f"try the failed ones again with: dsvl2 batch retry {shlex.quote(str(folder.path))} --only failed"
        )
    return code
