"""`dsvl2 batch status`, `verify` and `retry`: what a run folder holds, and going on with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from dsvl2_cli import batches
from dsvl2_cli.batch_places import lease_board, run_place
from dsvl2_cli.exit_codes import Exit

if TYPE_CHECKING:
    from dsvl2.pipelines.batch import RunStatus
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.session import Session


def status(place: str, now: Session) -> None:
    """Print how far a run is, or every part of it.

    Raises:
        RunMissing, RunDamaged.
    """
    from dsvl2.pipelines.batch import RunFolder, find_runs, run_status

    found = []
    for path in find_runs(run_place(place)):
        with RunFolder.look(path) as folder:
            found.append((path, run_status(folder.manifest)))
    if now.json:
        runs = [{"run": str(path), **asdict(facts)} for path, facts in found]
        now.emit({"schema": "dsvl2/batch-status/v1", **(runs[0] if len(runs) == 1 else {"runs": runs})})
        return
    for path, facts in found:
        if len(found) > 1:
            now.results.write(f"run        {path}\n")
        now.results.write("".join(line + "\n" for line in _lines(facts)))


def _lines(facts: RunStatus) -> Iterator[str]:
    from dsvl2.pipelines.sources import printable

    states = ", ".join(f"{number} {state}" for state, number in facts.documents_by_state.items())
    pages = ", ".join(f"{number} {status}" for status, number in facts.pages_by_status.items())
    yield f"documents  {facts.documents} ({states or 'none'})"
    yield f"pages      {facts.pages} ({pages or 'none done'})"
    if facts.answers_by_status:
        answers = ", ".join(f"{number} {status}" for status, number in facts.answers_by_status.items())
        yield f"answers    {sum(facts.answers_by_status.values())} ({answers})"
    told = ", ".join(f"{number} {code}" for code, number in facts.notices.items())
    yield f"outputs    {facts.outputs}" + (f" ({told})" if told else "")
    if facts.rate is not None:
        left = "" if not facts.seconds_left else f", about {_duration(facts.seconds_left)} left"
        yield f"rate       {facts.rate:.2f} pages/s{left}"
    for code, number in facts.failures.items():
        named = [printable(name) for name in facts.examples[code]]
        more = [f"and {number - len(named)} more"] if number > len(named) else []
        yield f"failed     {number} {code}"
        yield from (f"             {name}" for name in (*named, *more))
    if facts.vanished:
        yield f"vanished   {facts.vanished} inputs of earlier sessions"


def verify(place: str, now: Session) -> Exit:
    """Print what is not as the manifest says, or those of all parts.

    Raises:
        RunMissing, RunDamaged.
    """
    from dsvl2.pipelines.batch import RunFolder, find_runs, verify_run
    from dsvl2.pipelines.documents import Notice

    paths, found = find_runs(run_place(place)), list[Notice]()
    for path in paths:
        with RunFolder.look(path) as folder:
            found += verify_run(folder.manifest)
    code = Exit.LOW_CONFIDENCE if found else Exit.OK
    if now.json:
        problems = [{"code": notice.code, "message": notice.message} for notice in found]
        runs = {"run": str(paths[0])} if len(paths) == 1 else {"runs": [str(path) for path in paths]}
        now.emit({"schema": "dsvl2/batch-verify/v1", **runs, "exit_code": int(code), "problems": problems})
        return code
    for notice in found:
        now.results.write(f"{notice.code}: {' '.join(notice.message.split())}\n")
    now.console.say("everything is as it should be" if not found else _remedy([notice.code for notice in found]))
    return code


def _remedy(codes: Sequence[str]) -> str:
    told = "1 problem" if len(codes) == 1 else f"{len(codes)} problems"
    ways = {
        "output_gone": "writes what is gone again",
        "output_changed": "with --force also writes what was changed again",
    }
    ways |= {"not_read": "reads what is missing", "page_missing": "reads what is missing"}
    found = list(dict.fromkeys(ways[code] for code in ways if code in codes))
    return f"{told}; the same batch command {', '.join(found)}" if found else told


def retry(place: str, passwords: Passwords, now: Session) -> Exit:
    """Read what failed again with the options that the run had, in the folder where it was started.

    Raises:
        RunMissing, RunBusy, RunDamaged, and what a batch raises.
    """
    from dsvl2.pipelines.batch import RunFolder, failed_documents, find_run, lease_key, reset_failed

    path = find_run(run_place(place)).absolute()
    with RunFolder.begin(path) as folder:
        job = batches.Job(**json.loads(folder.manifest.meta("job") or "{}"))
        os.chdir(job.cwd)
        now.obey(job.parsed_settings())
        if job.shared:
            board = lease_board(job, folder)
            for relative in failed_documents(folder.manifest):
                board.forget(lease_key(relative))
        pages, documents = reset_failed(folder.manifest)
        now.console.say(f"trying again: {pages} pages and {documents} documents")
        return batches.run_job(job, folder, None, passwords, now)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
