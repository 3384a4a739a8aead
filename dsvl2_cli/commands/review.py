"""`dsvl2 review apply`: what a person corrected in a review page, put back into the document."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.program import Program
from dsvl2_cli.session import session
from dsvl2_cli.task_options import PdfImages, format_option

app = Program(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Check a reading in the browser and put the corrections into it.

    \b
    [cyan]dsvl2 ocr scan.pdf -o scan.md --review check.html[/cyan]       then open check.html
    [cyan]dsvl2 review apply scan.corrections.json -o scan.md --force[/cyan]
    [cyan]dsvl2 review apply scan.corrections.json -o searchable.pdf --scan scan.pdf[/cyan]
    [cyan]dsvl2 ocr more/ -o out/ --lexicon scan.corrections.json[/cyan]   the next pages
    """


@app.command("apply")
def apply(
    corrections: Annotated[
        str, typer.Argument(metavar="FILE|-", help="What 'Save corrections' of the review page wrote.")
    ],
    output: options.OneOutput = None,
    format: Annotated[
        str | None,
        format_option(
            "md, txt, json, jsonl, tex, html, tsv, hocr, alto, docling or pdf.", default="by the suffix of -o, else md"
        ),
    ] = None,
    scan: Annotated[
        str | None,
        typer.Option(
            "--scan",
            metavar="FILE",
            rich_help_panel=options.INPUT,
            show_default="where it was when it was read",
            help="The file that was read, which a searchable PDF is made from.",
        ),
    ] = None,
    password_file: options.PasswordFile = None,
    password_env: options.PasswordEnv = None,
    page_markers: options.PageMarkers = None,
    front_matter: options.FrontMatter = None,
    pdf_images: PdfImages = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    debug: options.Debug = False,
) -> None:
    """Write the corrected document. The file of corrections holds all of it; only a searchable PDF needs the scan too."""
    with session(verbosity=options.verbosity(quiet, verbose), debug=debug) as now:
        from dsvl2_cli.reviewing import apply_file

        apply_file(
            corrections,
            output,
            format,
            now,
            force=force,
            flags={"page_markers": page_markers, "front_matter": front_matter, "pdf_images": pdf_images},
            scan=scan,
            passwords=(password_file, password_env),
        )
