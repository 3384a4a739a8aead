"""`dsvl2 compare`: two readings of one document, word by word. `dsvl2_cli.comparing` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.completing import words
from dsvl2_cli.session import Leave

COMPARING = "Comparing"


@spread
def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            show_default=False,
            help="What B is held against: a reading (.json, .jsonl, .md, .txt), a document (it is read now), a folder of "
            "either, or - for standard input.",
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", show_default=False, help="The other one, of any of these kinds.")],
    tolerance: Annotated[
        str,
        typer.Option(
            "--tolerance",
            metavar="RATE",
            rich_help_panel=COMPARING,
            help="Character error rate up to which the exit code is 0: 0.5% or 0.005. Beyond it the exit code is 10.",
        ),
    ] = "0",
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore",
            metavar="case|punctuation|typography",
            autocompletion=words("case", "punctuation", "typography"),
            rich_help_panel=COMPARING,
            show_default="white space only",
            help="What does not count; may be repeated. typography: quotes, dashes, ligatures, hyphens at line ends.",
        ),
    ] = None,
    context: Annotated[
        int,
        typer.Option(
            "--context", "-C", min=0, metavar="N", rich_help_panel=COMPARING, help="Words shown around a difference."
        ),
    ] = 6,
    most: Annotated[
        int,
        typer.Option(
            "--most", min=0, metavar="N", rich_help_panel=COMPARING, help="Passages shown at most; 0: all of them."
        ),
    ] = 100,
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            metavar="FILE|DIR",
            rich_help_panel=options.OUTPUT,
            show_default="none",
            help="Also write one offline page: the scan with the places that differ, both texts beside it; of two folders a "
            "page for each document that differs, and DIR/index.html.",
        ),
    ] = None,
    scan: Annotated[
        str | None,
        typer.Option(
            "--scan",
            metavar="FILE",
            rich_help_panel=options.OUTPUT,
            show_default="where it was when it was read",
            help="The document that both are readings of, for --html.",
        ),
    ] = None,
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Compare two readings word by word: two models', two versions', or one with what a person wrote.

    \b
    [cyan]dsvl2 compare before.json after.json[/cyan]
    [cyan]dsvl2 compare truth.txt scan.pdf --tolerance 0.5%[/cyan]   exit code 10 beyond
    [cyan]dsvl2 compare signed.pdf draft.pdf --html c.html[/cyan]    what was changed
    [cyan]dsvl2 compare expected/ out/ --json[/cyan]                 folders, for a test
    [cyan]dsvl2 compare before/ after/ --html pages/[/cyan]          a page for each

    Words that only A has are [-so-], words that only B has {+so+}, or in colour. Exit code 0: the same, or within the
    tolerance; 10: they differ by more.
    """
    with common.session() as now:
        from dsvl2_cli.comparing import Wanted, compare_all

        wanted = Wanted(a, b, tolerance, tuple(ignore or ()), context, most, html, scan, force)
        code = compare_all(wanted, common, now)
        if code:
            raise Leave(code)
