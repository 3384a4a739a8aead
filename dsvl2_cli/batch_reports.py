"""`dsvl2 batch status`, `verify` and `retry`: what a run folder holds, and going on with it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from dsvl2_cli import batches
from dsvl2_cli.batch_places import lease_board, run_place
from dsvl2_cli.exit_codes import Exit

if TYPE_CHECKING:
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.session import Session


def status(place: str, now: Session) -> None:
    """Print how far a run is.

    Raises:
        RunMissing, RunDamaged.
    """
    from dsvl2.pipelines.batch import RunFolder, run_status

    with RunFolder.look(run_place(place)) as folder:
        facts = run_status(folder.manifest)
    if now.json:
        now.emit({"schema": "dsvl2/batch-status/v1", "run": str(folder.path), **asdict(facts)})
        return
    states = ", ".join(f"{number} {state}" for state, number in facts.documents_by_state.items())
    pages = ", ".join(f"{number} {status}" for status, number in facts.pages_by_status.items())
    lines = [f"documents  {facts.documents} ({states or 'none'})", f"pages      {facts.pages} ({pages or 'none done'})"]
    if facts.answers_by_status:
        answers = ", ".join(f"{number} {status}" for status, number in facts.answers_by_status.items())
        lines.append(f"answers    {sum(facts.answers_by_status.values())} ({answers})")
    lines.append(f"outputs    {facts.outputs}")
    if facts.rate is not None:
        left = "" if not facts.seconds_left else f", about {_duration(facts.seconds_left)} left"
        lines.append(f"rate       {facts.rate:.2f} pages/s{left}")
    lines += [f"failed     {number} {code}" for code, number in facts.failures.items()]
    if facts.vanished:
        lines.append(f"vanished   {facts.vanished} inputs of earlier sessions")
    now.results.write("".join(line + "\n" for line in lines))


def verify(place: str, now: Session) -> Exit:
    """Print what is not as the manifest says.

    Raises:
        RunMissing, RunDamaged.
    """
    from dsvl2.pipelines.batch import RunFolder, verify_run

    with RunFolder.look(run_place(place)) as folder:
        found = list(verify_run(folder.manifest))
    code = Exit.LOW_CONFIDENCE if found else Exit.OK
    if now.json:
        problems = [{"code": notice.code, "message": notice.message} for notice in found]
        now.emit(
            {"schema": "dsvl2/batch-verify/v1", "run": str(folder.path), "exit_code": int(code), "problems": problems}
        )
        return code
    for notice in found:
        now.results.write(f"{notice.code}: {' '.join(notice.message.split())}\n")
    now.console.say("everything is as it should be" if not found else f"{len(found)} problems")
    return code


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
