"""`dsvl2 bench`: how fast a model reads on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.session import session


def bench(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="A document of yours; a built-in page by default.", show_default=False),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, max=100, metavar="N", help="Runs that count; their median is told.")
    ] = 3,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="ENGINE", help="tesseract or rapidocr, on the same pages in turns."),
    ] = None,
    no_cold: Annotated[bool, typer.Option("--no-cold", help="Leave the cold start out.")] = False,
    wait: Annotated[
        float,
        typer.Option("--wait", min=0, metavar="S", help="Wait up to so many seconds for a busy machine to calm down."),
    ] = 0.0,
    pages: options.PageList = None,
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
    """Measure seconds a page, tokens a second, memory, a cold start, and the share of what this machine's memory allows.

    \b
    [cyan]dsvl2 bench[/cyan]
    [cyan]dsvl2 bench scan.pdf --pages 1-3 --against tesseract[/cyan]
    [cyan]dsvl2 bench --model tiny --quant 4bit --device cuda --json[/cyan]
    """
    with session(as_json=as_json, verbosity=options.verbosity(quiet, 0), debug=debug) as now:
        from dsvl2_cli.benching import Plan, run
        from dsvl2_cli.settings import resolve

        weights = {"model": model, "device": device, "dtype": dtype, "quant": quant, "adapter": adapter}
        flags = {**weights, "threads": threads}
        run(Plan(file, pages, repeat, against, cold=not no_cold, wait=wait), resolve(flags).settings, now)
