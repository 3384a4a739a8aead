"""Where a batch keeps its books: the run folder, and for a shared batch the board of leases."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli.errors import UsageError
from dsvl2_cli.lexicons import read_lexicons

if TYPE_CHECKING:
    from dsvl2.pipelines.batch import LeaseBoard, RunFolder
    from dsvl2_cli.batches import Job
    from dsvl2_cli.settings import Settings

PASSING = "dsvl2-run-"
BOARD = ".dsvl2-shared"
STREAMS = (".jsonl", ".ndjson")
PRIVATE = ("device", "threads", "batch_size", "progress", "offline", "fail_on")  # settings that change no output


def is_stream(output: str) -> bool:
    """Whether an output is one file of JSON lines."""
    return Path(output).suffix.lower() in STREAMS and not output.endswith("/") and not Path(output).is_dir()


def is_remote(output: str) -> bool:
    """Whether outputs go to a URL."""
    from dsvl2.pipelines.batch import place_of

    return isinstance(place_of(output), str)


def check_remote(output: str, settings: Settings, *, shared: bool) -> None:
    """Refuse at once what cannot be done with outputs at a URL; nothing to say of other outputs.

    Raises:
        UsageError, OutputUnwritable.
    """
    from dsvl2.pipelines.batch import check_shelf, shown

    if not is_remote(output):
        return
    if settings.offline:
        raise UsageError(f"{shown(output)} is elsewhere, and --offline forbids to write there", "give a folder")
    if shared:
        raise UsageError("--shared keeps its leases with the outputs, in a folder", "use --shard I/N, or give a folder")
    check_shelf(output)


def run_place(word: str) -> Path:
    """What the commands on a run take for it: a folder, or outputs, whose run folder lies in the current one if they do not."""
    from dsvl2.pipelines.batch import place_of, shown

    place = place_of(word)
    return Path(re.sub(r"[^\w.]+", "-", shown(place)).strip("-")) if isinstance(place, str) else place


def is_kept(folder: RunFolder) -> bool:
    """Whether a run folder outlives the command."""
    return not folder.path.name.startswith(PASSING)


def parse_shard(text: str | None) -> tuple[int, int]:
    """Read i/n.

    Raises:
        UsageError.
    """
    if text is None:
        return 1, 1
    first, slash, last = text.partition("/")
    if slash and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last):
        return int(first), int(last)
    raise UsageError(f"--shard {text} is not i/n", "part 2 of 8 is --shard 2/8")


@contextmanager
def run_folder(job: Job, explicit: str | None) -> Iterator[RunFolder]:
    """Open the run folder: the one of --run, one with the output, or a passing one for standard output."""
    from dsvl2.pipelines.batch import DEFAULT_NAME, RunFolder

    if explicit is None and job.output == "-":
        place = tempfile.mkdtemp(prefix=PASSING)
        try:
            with RunFolder.begin(Path(place)) as folder:
                yield folder
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return
    index, parts = parse_shard(job.shard)
    name = DEFAULT_NAME + (f"-{index}-of-{parts}" if job.shard else "")
    output = run_place(job.output)
    beside = is_stream(job.output) or is_remote(job.output)
    default = output.with_name(output.name + name) if beside else output / name
    if job.shared and explicit is None:
        with own_folder(output) as folder:
            yield folder
        return
    with RunFolder.begin(Path(explicit) if explicit is not None else default) as folder:
        yield folder


def own_folder(output: Path) -> RunFolder:
    """The first run folder of this machine that no other process has: HOST-1, HOST-2, ... beside the outputs.

    The manifests of a shared batch are private, since SQLite's log does not work over networks. A process that is started
    again gets its folder back, and with it the leases of before.
    """
    from dsvl2.pipelines.batch import DEFAULT_NAME, RunFolder
    from dsvl2.pipelines.errors import RunBusy

    host = re.sub(r"[^\w.-]", "_", socket.gethostname()) or "host"
    for number in range(1, 1000):
        with suppress(RunBusy):
            return RunFolder.begin(output / f"{DEFAULT_NAME}-{host}-{number}")
    raise UsageError("a thousand processes of this machine share this batch", "start fewer, with more --jobs each")


def lease_board(job: Job, folder: RunFolder) -> LeaseBoard:
    """The board of a shared batch: processes meet on it if their commands would write the same outputs."""
    from dsvl2.pipelines.batch import LeaseBoard

    settings = {key: value for key, value in job.settings.items() if key not in PRIVATE}
    facts: list[Any] = [settings, job.format, job.pages, job.task, job.options]
    if (lexicon := read_lexicons(job.lexicons)) is not None:
        facts.append(lexicon.digest)
    name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return LeaseBoard(Path(job.output) / BOARD / name, folder.path.name, seconds=job.lease_seconds)
