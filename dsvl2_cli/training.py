"""Start a training run in processes of its own, follow its log, and leave curves and a model card behind."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli.console import Console
from dsvl2_cli.exit_codes import Exit

if TYPE_CHECKING:
    from dsvl2.pipelines.training import Recipe

EMBEDDED = "nano"
_TOLD = {2: Exit.BAD_INPUT, 5: Exit.OUTPUT}  # what a trainer ends with that has said why
_ROOM = 1_500_000_000  # bytes that a run of the embedded model takes: states and weights, twice while they are replaced
_SETS = ("contracts", "receipts", "forms", "charts", "tables", "formulas")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    model: str
    data: Path
    out: Path
    recipe: Path | None = None
    changes: tuple[str, ...] = ()
    init: tuple[Path, ...] = ()
    resume: bool = False
    gpus: int | None = None
    eval_dir: Path | None = None


def recipe_file(given: str) -> Path:
    """The file of a recipe given as a path, or by the name of one in the package."""
    from dsvl2.pipelines.errors import InputError
    from dsvl2.pipelines.training import named_recipe

    if Path(given).is_file():
        return Path(given)
    try:
        return named_recipe(given)
    except ValueError as error:
        raise InputError(str(error), hint="name one of them, or a JSON file") from error


def check(plan: Plan) -> None:
    """Raise before anything is started when an input is not there or a setting makes no sense."""
    from dsvl2.pipelines.errors import InputError
    from dsvl2.pipelines.training import FineTuning, Recipe, changes_of, read_pairs

    for path in (plan.data, *plan.init, *(path for path in (plan.recipe, plan.eval_dir) if path)):
        if not path.exists():
            raise InputError(f"{path} does not exist", hint="check the path")
    if plan.model != EMBEDDED and not (Path(plan.model) / "config.json").is_file():
        raise InputError(f"{plan.model} is no checkpoint folder", hint="give nano, or a folder with config.json")
    if plan.model == EMBEDDED and not plan.resume and (plan.out / "log.jsonl").exists():
        raise InputError(f"{plan.out} holds a run", hint="go on with it by --resume, or name another folder")
    if plan.model == EMBEDDED and plan.resume and not (plan.out / "state.pt").exists():
        raise InputError(
            f"{plan.out} has no saved state to go on from", hint="leave --resume out and name a new folder"
        )
    if plan.model != EMBEDDED and plan.out.exists():
        raise InputError(f"{plan.out} exists", hint="name a folder that does not exist")
    for change in plan.changes:
        name, _, value = change.partition("=")
        try:
            json.loads(value)
        except ValueError as error:
            raise InputError(f"--set {change}: {value!r} is no JSON value", hint=f"for example {name}=3") from error
    own = plan.out / "recipe.json"
    file = own if plan.resume and not plan.recipe and own.exists() else plan.recipe
    try:
        chosen = (Recipe if plan.model == EMBEDDED else FineTuning).load(file, **changes_of(plan.changes))
    except ValueError as error:
        raise InputError(str(error), hint="the fields are those of pipelines/training/recipe.py") from error
    if isinstance(chosen, Recipe):
        _check_material(plan, chosen)
    given = {"--init": plan.init, "--resume": plan.resume, "--gpus": (plan.gpus or 0) > 1, "--eval-dir": plan.eval_dir}
    if plan.model != EMBEDDED and (named := [option for option, value in given.items() if value]):
        raise InputError(
            f"{named[0]} is for nano", hint=f"leave it out: {plan.model} is fine-tuned on one device at a go"
        )
    if plan.model != EMBEDDED:
        read_pairs(plan.data)


def _check_material(plan: Plan, recipe: Recipe) -> None:
    """Raise when the data, the sets to measure on or the room on the disk will not do for a run of the embedded model."""
    from dsvl2.pipelines.errors import InputError, OutputUnwritable
    from dsvl2.pipelines.training import lacking

    if absent := lacking(plan.data, recipe):
        made = "; ".join(dict.fromkeys(absent.values())).replace("DATA", str(plan.data))
        raise InputError(f"{plan.data} has no {', '.join(absent)}", hint=f"make what is missing with: {made}")
    if recipe.adapter_ranks and not any(path.is_dir() for path in plan.init):
        raise InputError(
            "this recipe teaches an adapter over trained weights",
            hint="name the checkpoint's folder: --init model/embedded/nano, with --resume too",
        )
    if plan.eval_dir is not None and not any((plan.eval_dir / name).is_dir() for name in _SETS):
        raise InputError(
            f"{plan.eval_dir} holds none of the sets {', '.join(_SETS)}", hint="name the folder that holds theirs"
        )
    free = shutil.disk_usage(next(place for place in (plan.out, *plan.out.absolute().parents) if place.exists())).free
    if free < _ROOM:
        raise OutputUnwritable(
            f"{plan.out}: {free / 1e9:.1f} GB are free, a run takes up to {_ROOM / 1e9:.1f} GB",
            hint="make room, or name a folder on another disk",
        )


def command(plan: Plan) -> list[str]:
    """The command line of the run: torchrun's module for several GPUs, the trainer itself otherwise."""
    settings = [f"--set={change}" for change in plan.changes]
    if plan.model != EMBEDDED:
        home = "dsvl2.pipelines.training.finetune"
        own = [f"--recipe={plan.recipe}"] if plan.recipe else []
        return [sys.executable, "-m", home, plan.model, f"--data={plan.data}", f"--out={plan.out}", *settings, *own]
    gpus = _gpus() if plan.gpus is None else plan.gpus
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"] if gpus > 1 else []
    more = ["--resume"] if plan.resume else []
    more += [f"--recipe={plan.recipe}"] if plan.recipe else []
    more += ["--init", *map(str, plan.init)] if plan.init else []
    program = ["-m", "dsvl2.pipelines.training.train", f"--data={plan.data}", f"--out={plan.out}"]
    return [sys.executable, *start, *program, *settings, *more]


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def run(plan: Plan, console: Console, *, show: bool) -> Exit:
    """Run to the end; the run's own log goes to standard error, as a progress line on a terminal.

    An interrupt is passed on: the trainer's last saved state stays, and `--resume` goes on from there.
    """
    check(plan)
    if plan.model == EMBEDDED:
        plan.out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command(plan), stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        tail, interrupted = _follow(process, show=show)
    if process.returncode and interrupted:  # torchrun has a code of its own for it
        console.say(_how_to_go_on(plan))
        return Exit.INTERRUPTED
    if process.returncode in _TOLD:
        return _TOLD[process.returncode]
    if process.returncode:
        console.warn(f"training ended with {process.returncode}: {''.join(tail[-3:]).strip()}")
        return Exit.INTERNAL
    if plan.model == EMBEDDED:
        _export(plan)
        finish(plan, [])  # a card there is, whatever becomes of the measuring
        if plan.eval_dir is not None:
            return _measure(plan, plan.eval_dir, console)
    return Exit.OK


def _follow(process: subprocess.Popen[str], *, show: bool) -> tuple[list[str], bool]:
    """Pass the run's lines on until it has ended; returns the last of them, and whether it was interrupted.

    The run is in a session of its own: an interrupt comes to it from here alone, once for each that comes here.
    """
    tail: list[str] = []
    interrupted = below = False  # below: whether a progress line waits to be overwritten
    assert process.stderr is not None
    while True:
        try:
            for line in process.stderr:
                tail = [*tail[-40:], line]
                if show and _steps(line):
                    sys.stderr.write(f"\r\x1b[K{line.strip()[: _width() - 1]}")
                    sys.stderr.flush()
                else:
                    sys.stderr.write(("\n" if below else "") + line)
                below = show and _steps(line)
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
            continue
        if below:
            sys.stderr.write("\n")
        return tail, interrupted


def _export(plan: Plan) -> None:
    """The checkpoint that `--model` takes, in 8 bits as the one in the package."""
    fitted = plan.out / EMBEDDED / "confidence.json"  # for weights that it names: it is worth nothing to others
    kept = fitted.read_bytes() if fitted.exists() else None
    shutil.rmtree(plan.out / EMBEDDED, ignore_errors=True)  # of the run before it was resumed
    home = [sys.executable, "-m", "dsvl2.pipelines.training"]
    if (plan.out / "adapter.pt").exists():
        base = next(path for path in reversed(plan.init) if path.is_dir())
        program: list[Any] = [f"{home[2]}.adapter_file", plan.out / "adapter.pt", plan.out / EMBEDDED, "--base", base]
    else:
        program = [f"{home[2]}.export", plan.out / "weights.pt", plan.out / EMBEDDED, "--scheme=int8"]
    subprocess.run([*home[:2], *map(str, program)], check=True)
    if kept is not None:
        fitted.write_bytes(kept)


def _measure(plan: Plan, eval_dir: Path, console: Console) -> Exit:
    """Every figure that the model is held to, into the card; what was measured before an interrupt is in it too."""
    out = plan.out / "figures"
    program = [sys.executable, "-m", "dsvl2.pipelines.evaluation.targets", f"--eval-dir={eval_dir}"]
    program += [f"--model={plan.out / EMBEDDED}", f"--out={out}"]
    for option, name in (("vocabulary", "answers.xz"), ("formulas", "formulas.npz.xz")):
        if (plan.data / name).exists():
            program.append(f"--{option}={plan.data / name}")
    console.say(f"measuring every figure of the card into {out}; on a CPU that takes the better part of an hour")
    ending = Exit.OK
    with subprocess.Popen(program, stdout=sys.stderr, start_new_session=True) as process:
        try:
            process.wait()  # what could not be measured is in the report too
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            console.say(f"stopped measuring; what was answered is kept: {_again(plan)}")
            ending = Exit.INTERRUPTED
    if (report := out / "figures.json").exists():
        finish(plan, [report])
    if ending is Exit.OK and process.returncode:
        why = "the card says why" if process.returncode == Exit.PARTIAL else f"it ended with {process.returncode}"
        console.warn(f"not every figure was measured, {why}; what was answered is kept: {_again(plan)}")
        ending = Exit.PARTIAL
    return ending


def _how_to_go_on(plan: Plan) -> str:
    if plan.model != EMBEDDED:
        return "stopped; nothing was written"
    if not (plan.out / "state.pt").exists():
        return "stopped before the first state was saved"
    return f"stopped; go on from the last saved state with: {_again(plan)}"


def _again(plan: Plan) -> str:
    words = ["dsvl2", "train", plan.model, "--data", str(plan.data), "-o", str(plan.out), "--resume"]
    return shlex.join([*words, *(["--eval-dir", str(plan.eval_dir)] if plan.eval_dir else [])])


def _steps(line: str) -> bool:
    return line.startswith("step ")


def _width() -> int:
    try:
        return os.get_terminal_size(2).columns or 200
    except OSError:
        return 200


def finish(plan: Plan, reports: Sequence[Path]) -> Path:
    """Draw the curves and write the card; return the card's path."""
    from dsvl2.pipelines.training import draw, write_card

    draw(plan.out / "log.jsonl", plan.out / "curves.png")
    return write_card(plan.out, reports)


def results(plan: Plan) -> list[Any]:
    """What the run left, for the last lines on standard output."""
    if plan.model != EMBEDDED:
        return [plan.out]
    names = ("weights.pt", "adapter.pt", EMBEDDED, "curves.png", "MODEL_CARD.md")
    return [plan.out / name for name in names if (plan.out / name).exists()]
