"""`dsvl2 man`: manual pages, made from the commands as they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.session import session


def man(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND ...", show_default=False, help="Whose page; without it, the program's."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            show_default="none",
            help="Write all pages there, dsvl2.1, dsvl2-ocr.1 and so on.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace pages that are there.")] = False,
    debug: options.Debug = False,
) -> None:
    """Show the manual page of a command, or write them all.

    \b
    [cyan]dsvl2 man batch[/cyan]                        by man on a terminal, else as roff
    [cyan]dsvl2 man -o ~/.local/share/man/man1[/cyan]        then: man dsvl2, man dsvl2-batch
    """
    with session(debug=debug) as now:
        from dsvl2_cli.errors import UsageError
        from dsvl2_cli.manual import names_of_pages, page

        if output is None:
            text = page(*(names or ()))
            viewer = shutil.which("man") if now.results.isatty() else None
            if viewer is None or subprocess.run([viewer, "-l", "-"], input=text, text=True, check=False).returncode:
                now.results.write(text)
            return
        if names:
            raise UsageError("-o writes all pages", "leave the command out, or redirect: dsvl2 man ocr > dsvl2-ocr.1")
        from dsvl2.pipelines.output import check_writable, write_output

        pages = {Path(output) / f"{'-'.join(('dsvl2', *one))}.1": one for one in names_of_pages()}
        for path in pages:
            check_writable(path, force=force)
        for path, one in pages.items():
            write_output(path, page(*one), force=force)
        now.console.say(f"wrote {len(pages)} pages into {output}")
