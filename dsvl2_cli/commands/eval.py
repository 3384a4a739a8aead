"""`dsvl2 eval`: how well a model does on data at hand, by the field's own metrics, beside other engines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.completing import words
from dsvl2_cli.session import Leave, session


def evaluate(
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="SET", help="Folders with gt.jsonl, or public sets as they are handed out.", show_default=False
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="NAME",
            autocompletion=words("ocr", "ask", "choice", "table", "formula", "extract", "chart", "ground"),
            help="Only items of this kind: ocr, ask, choice, table, formula, extract, chart, ground.",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="ENGINE",
            help="tesseract, tesseract:LANGUAGES or rapidocr; repeatable, or with commas.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="The first N items of each set.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", rich_help_panel=options.OUTPUT, help="Report with every item, JSON."
        ),
    ] = None,
    regress: Annotated[
        Path | None,
        typer.Option(
            "--regress", metavar="FILE", help="An earlier report: exit 10 if a figure is worse than its interval."
        ),
    ] = None,
    charts: Annotated[
        bool, typer.Option("--charts", help="Questions are about charts: answer from their data.")
    ] = False,
    force: options.Force = False,
    no_model: Annotated[bool, typer.Option("--no-model", help="Measure only what --against names.")] = False,
    model: options.ModelName = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    quant: options.Quant = None,
    adapter: options.Adapter = None,
    threads: options.Threads = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Score a model on local data: one table, means with 95 % bootstrap intervals.

    \b
    [cyan]dsvl2 eval receipts/ --task extract[/cyan]
    [cyan]dsvl2 eval scans/ --against tesseract,rapidocr -o report.json[/cyan]
    [cyan]dsvl2 eval scans/ --regress report.json[/cyan]
    """
    with session(as_json=as_json, verbosity=options.verbosity(quiet, 0), debug=debug) as now:
        from dsvl2_cli.errors import LibraryMissing
        from dsvl2_cli.evaluating import Plan, measure_all
        from dsvl2_cli.settings import resolve

        if find_spec("rapidfuzz") is None:
            raise LibraryMissing("eval needs rapidfuzz", "pip install 'dsvl2[eval]'")
        names = [name for word in against or [] for name in word.split(",") if name]
        weights = {"model": model, "device": device, "dtype": dtype, "quant": quant, "adapter": adapter}
        flags = {**weights, "threads": threads}
        plan = Plan(
            tuple(sets), task, tuple(names), limit, output, regress, own=not no_model, charts=charts, force=force
        )
        code = measure_all(plan, resolve(flags).settings, now)
        if code:
            raise Leave(code)
