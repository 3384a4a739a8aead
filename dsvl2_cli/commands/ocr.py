"""`dsvl2 ocr`: documents in, text out. This file is the command line; `dsvl2_cli.reading` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.session import Leave
from dsvl2_cli.task_options import LexiconFiles, PdfImages, format_option

EPILOG = "Exit codes: dsvl2 --help"


@spread
def ocr(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|DIR|-|@LIST ...",
            show_default=False,
            help="PDF, PNG, JPEG, TIFF, WebP, HEIC, AVIF, JPEG 2000, BMP or GIF; a folder; - for standard input; "
            "@LIST for a list of paths; or an earlier reading (.json), which is written anew and not read again.",
        ),
    ] = None,
    files_from: options.FilesFrom = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR|-",
            rich_help_panel=options.OUTPUT,
            show_default="-",
            help="Where to write; a folder (ending in / or existing) takes one file per document. Repeat it to write one "
            "reading in several formats: -o scan.md -o scan.pdf",
        ),
    ] = None,
    format: Annotated[
        list[str] | None,
        format_option(
            "md, txt, json, jsonl, tex, html, tsv, hocr, alto, docling or pdf; repeated, a folder gets all of them.",
            default="by the suffix of -o, else md",
        ),
    ] = None,
    keep_suffix: options.KeepSuffix = False,
    page_markers: options.PageMarkers = None,
    front_matter: options.FrontMatter = None,
    force: options.Force = False,
    figures: Annotated[
        str | None,
        typer.Option(
            "--figures",
            metavar="DIR",
            rich_help_panel=options.OUTPUT,
            show_default="none",
            help="Cut the figures of scanned pages out into PNG files there; the text links to them.",
        ),
    ] = None,
    review: options.Review = None,
    lexicon: LexiconFiles = None,
    min_confidence: options.MinConfidence = None,
    pdf_images: PdfImages = None,
    fail_on: options.FailOn = None,
    common: Common = COMMON,
) -> None:
    """Read scans into Markdown, text, JSON, LaTeX, HTML, TSV, hOCR, ALTO, DoclingDocument, or searchable PDF.

    \b
    [cyan]dsvl2 ocr scan.pdf -o scan.md[/cyan]
    [cyan]dsvl2 ocr scan.pdf -o searchable.pdf -o scan.txt[/cyan]
    [cyan]dsvl2 ocr scan.pdf -o scan.md --review check.html[/cyan]
    [cyan]dsvl2 ocr letters/ -o out/ -f json --lexicon names.txt[/cyan]
    [cyan]dsvl2 ocr out/a.json -o a.html[/cyan]           another form of what was read
    [cyan]dsvl2 ocr --pages 1-3,z - < scan.pdf[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli.plan import make_plan
        from dsvl2_cli.reading import read_all

        settings = common.settings(
            now,
            page_markers=page_markers,
            front_matter=front_matter,
            min_confidence=min_confidence,
            pdf_images=pdf_images,
            fail_on=fail_on,
        )
        plan = make_plan(
            inputs or [],
            settings,
            files_from=files_from,
            pages=common.pages,
            outputs=output or (),
            formats=format or (),
            keep_suffix=keep_suffix,
            review=review,
            figures=figures,
            lexicons=lexicon or (),
            force=force,
            as_json=common.as_json,
            password_file=common.password_file,
            password_env=common.password_env,
        )
        if plan.left_out:
            now.console.say(plan.left_out)
        code = read_all(plan, now)
        if code:
            raise Leave(code)
