"""`dsvl2 formula`: formulas as LaTeX, displayed and inside lines. `dsvl2_cli.formulas` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.completing import words


@spread
def formula(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...", show_default=False, help="Pictures of formulas, or documents; - for standard input."
        ),
    ] = None,
    files_from: options.FilesFrom = None,
    shows: Annotated[
        str,
        typer.Option(
            "--shows",
            metavar="WHAT",
            autocompletion=words("auto", "page", "picture"),
            rich_help_panel=options.INPUT,
            help="What pictures show: one formula (picture), text with formulas between (page), or look and see (auto).",
        ),
    ] = "auto",
    looks: Annotated[
        int,
        typer.Option(
            "--looks",
            min=1,
            max=3,
            metavar="N",
            rich_help_panel=options.MODEL,
            help="Sizes at which the embedded model may look at a formula it is not sure of.",
        ),
    ] = 3,
    strict: Annotated[
        bool,
        typer.Option("--strict", rich_help_panel=options.OUTPUT, help="Exit with 10 if a formula cannot be typeset."),
    ] = False,
    output: options.OneOutput = None,
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Read formulas into LaTeX, one a line, and say which cannot be typeset.

    Those inside lines of text are given where the embedded model is sure of them, as \\(...\\).

    \b
    [cyan]dsvl2 formula equation.png[/cyan]
    [cyan]dsvl2 formula paper.pdf --pages 3 --json[/cyan]
    [cyan]dsvl2 formula a.png b.png -o formulas.txt[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli.formulas import Named, read_all

        named = Named(tuple(files or ()), files_from)
        read_all(named, common, now, shows=shows, looks=looks, strict=strict, output=output, force=force)
