"""`dsvl2 train`: the embedded model's recipes on any number of GPUs, or any checkpoint on pairs of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.session import Leave, session


def train(
    model: Annotated[
        str,
        typer.Argument(metavar="nano|DIR", help="nano: from its recipe; a checkpoint folder: fine-tune it on pairs."),
    ],
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR|FILE", help="nano: the folder that the collect commands made; else JSON lines."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--output", "--out", "-o", metavar="DIR", help="Folder of the run, or the new checkpoint.")
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", metavar="NAME|FILE", help="align, pretrain, tasks, nano_1, ..., or JSON of its fields."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=JSON", help="Override one field; repeatable.")
    ] = None,
    init: Annotated[
        list[Path] | None, typer.Option("--init", metavar="PATH", help="Start from these weights; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last state in --out.")] = False,
    gpus: Annotated[
        int | None, typer.Option("--gpus", metavar="N", min=0, help="How many; default: all there are.")
    ] = None,
    eval_dir: Annotated[
        Path | None,
        typer.Option(
            "--eval-dir", metavar="DIR", help="Measure every figure of the card on these sets when it is done."
        ),
    ] = None,
    card: Annotated[
        list[Path] | None,
        typer.Option("--card", metavar="REPORT", help="Only write the model card, with these reports."),
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Train the embedded model, or fine-tune a checkpoint. Ends with curves.png and MODEL_CARD.md in the run's folder.

    \b
    [cyan]dsvl2 train nano --data D -o ALIGNED --recipe align[/cyan]
    [cyan]dsvl2 train nano --data D -o READS --recipe pretrain --init ALIGNED/weights.pt[/cyan]
    [cyan]dsvl2 train nano --data D -o ANSWERS --recipe tasks --init READS/weights.pt[/cyan]
    [cyan]dsvl2 train nano --data D -o ANSWERS --recipe tasks --resume --gpus 2[/cyan]
    [cyan]dsvl2 train path/to/deepseek-vl2-tiny --data pairs.jsonl -o tuned[/cyan]
    """
    with session(verbosity=options.verbosity(quiet, 0), debug=debug) as now:
        from dsvl2_cli import training

        chosen = training.recipe_file(recipe) if recipe else None
        plan = training.Plan(model, data, out, chosen, tuple(set_ or ()), tuple(init or ()), resume, gpus, eval_dir)
        if card is not None:
            now.results.write(f"{training.finish(plan, card)}\n")
            return
        code = training.run(plan, now.console, show=not quiet and sys.stderr.isatty())
        if code:
            raise Leave(code)
        for path in training.results(plan):
            now.results.write(f"{path}\n")
