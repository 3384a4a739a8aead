"""`dsvl2 watch`: a folder that a scanner drops files into. `dsvl2_cli.watching` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.session import Leave
from dsvl2_cli.task_options import BatchFormat, LexiconFiles, PdfImages, Question, Schema, TaskName

WATCHING = "Watching"


@spread
def watch(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", show_default=False, help="The folder to watch, with all below it.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            rich_help_panel=options.OUTPUT,
            help="Where the results go, one file per document; what was read is remembered there.",
        ),
    ] = None,
    format: BatchFormat = None,
    done: Annotated[
        str | None,
        typer.Option(
            "--done",
            metavar="DIR",
            rich_help_panel=WATCHING,
            show_default="they stay",
            help="Move what was read there, with its folders.",
        ),
    ] = None,
    failed: Annotated[
        str | None,
        typer.Option(
            "--failed",
            metavar="DIR",
            rich_help_panel=WATCHING,
            show_default="they stay",
            help="Move there what could not be read, or not all of it.",
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="S",
            rich_help_panel=WATCHING,
            help="Seconds for which a file must not change before it counts as whole; ten times that for a PDF "
            "without its end.",
        ),
    ] = 3.0,
    every: Annotated[
        float, typer.Option(min=0.1, metavar="S", rich_help_panel=WATCHING, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", rich_help_panel=WATCHING, help="Read what is there, then end: for cron.")
    ] = False,
    task: TaskName = "ocr",
    question: Question = None,
    schema: Schema = None,
    page_markers: options.PageMarkers = None,
    front_matter: options.FrontMatter = None,
    lexicon: LexiconFiles = None,
    pdf_images: PdfImages = None,
    common: Common = COMMON,
) -> None:
    """Read every document that comes into a folder, as a scanner drops them; go on after any kind of end.

    \b
    [cyan]dsvl2 watch /srv/scans -o /srv/text[/cyan]
    [cyan]dsvl2 watch inbox/ -o archive/ -f pdf --done originals/ --failed odd/[/cyan]
    [cyan]dsvl2 watch receipts/ -o fields/ --task extract -s "shop, total: number"[/cyan]
    [cyan]dsvl2 watch inbox/ -o out/ --once --progress json[/cyan]

    Nothing is ever replaced: a scanner that begins again with scan1.pdf gets scan1-2.md. SIGTERM ends it with exit code 0
    and Ctrl-C with 130; pages in work are finished, and the same command goes on. The model is loaded when the first file
    comes and stays loaded. --json: a line for each document.
    """
    with common.session() as now:
        from dsvl2_cli.watching import Places, Watch, watch_folder

        settings = common.settings(now, page_markers=page_markers, front_matter=front_matter, pdf_images=pdf_images)
        job, places = Watch.planned(
            settings,
            Places(folder, output, done, failed),
            common,
            format=format,
            task=task,
            asked=(question or (), schema),
            lexicons=lexicon or (),
        )
        code = watch_folder(Watch(job, places, settle, every, once), common.passwords(), now)
        if code:
            raise Leave(code)
