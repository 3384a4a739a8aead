"""`dsvl2 ground`: where a phrase is. This file is the command line; `dsvl2_cli.finding` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread


@spread
def ground(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", show_default=False, help="A document, or - for standard input.")
    ],
    phrase: Annotated[
        str | None, typer.Argument(metavar="PHRASE", show_default=False, help="What to look for.")
    ] = None,
    describe: Annotated[
        bool,
        typer.Option(
            "--describe", rich_help_panel=options.OUTPUT, help="Say what is on the page and where, instead of a phrase."
        ),
    ] = False,
    draw: Annotated[
        str | None,
        typer.Option(
            "--draw",
            metavar="FILE.png",
            rich_help_panel=options.OUTPUT,
            help="Write the page with the boxes on it; with several pages one file each, -N before the suffix.",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="L,T,R,B",
            rich_help_panel=options.PAGES,
            show_default="the whole page",
            help="Look only there, in pixels of the page image.",
        ),
    ] = None,
    read_at_most: options.ReadAtMost = None,
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Find a phrase on pages: boxes in pixels and on the grid of 0 to 999.

    \b
    [cyan]dsvl2 ground invoice.png "total due"[/cyan]
    [cyan]dsvl2 ground scan.pdf "Whitcombe" --draw found.png[/cyan]
    [cyan]dsvl2 ground photo.jpg "the giraffe at the back" --model small[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli.finding import find_all

        find_all(
            file, phrase, common, now, describe=describe, draw=draw, region=region, limit=read_at_most, force=force
        )
