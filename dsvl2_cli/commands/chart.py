"""`dsvl2 chart`: a chart to its data. This file is the command line; `dsvl2_cli.charting` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.completing import words


@spread
def chart(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-", help="A picture or PDF with a chart, or - for standard input.", show_default=False
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="csv|long|json|md",
            autocompletion=words("csv", "long", "json", "md"),
            rich_help_panel=options.OUTPUT,
            show_default="by the suffix of -o, else csv",
            help="csv: a column a series; long: a row a value, with its origin and uncertainty; json; md.",
        ),
    ] = None,
    output: options.OneOutput = None,
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot",
            metavar="PNG",
            rich_help_panel=options.OUTPUT,
            help="Also draw the data beside the picture, read values framed green, measured ones red.",
        ),
    ] = None,
    code: Annotated[
        bool,
        typer.Option(
            "--code", rich_help_panel=options.OUTPUT, help="Write matplotlib code instead, tried out in a sandbox."
        ),
    ] = False,
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Turn a chart into data: series with labels, values and units, read where they are printed, else measured.

    \b
    [cyan]dsvl2 chart sales.png[/cyan]
    [cyan]dsvl2 chart report.pdf --pages 7 -o data.json[/cyan]
    [cyan]dsvl2 chart sales.png --plot check.png -f long[/cyan]
    [cyan]dsvl2 chart sales.png --code > redraw.py[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli.charting import Wanted, run

        run(file, Wanted(format, output, plot, code, force), common, now)
