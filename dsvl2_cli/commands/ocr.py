"""`dsvl2 ocr`: documents in, text out. This file is the command line; `dsvl2_cli.reading` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.session import Leave, session

EPILOG = "Exit codes: dsvl2 --help"


def ocr(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|DIR|-|@LIST ...",
            show_default=False,
            help="PDF, PNG, JPEG, TIFF, WebP, BMP or GIF; a folder; - for standard input; @LIST for a list of paths.",
        ),
    ] = None,
    files_from: Annotated[
        str | None,
        typer.Option(
            "--files-from", metavar="FILE|-", rich_help_panel=options.INPUT, help="Read paths from a file, one a line."
        ),
    ] = None,
    password_file: options.PasswordFile = None,
    password_env: options.PasswordEnv = None,
    max_megabytes: options.MaxMegabytes = None,
    pages: options.PageList = None,
    dpi: options.Dpi = None,
    text_layer: Annotated[
        str | None,
        typer.Option(
            "--text-layer",
            metavar="auto|force|ignore",
            rich_help_panel=options.PAGES,
            show_default="auto",
            help="Use the text that PDF pages carry: where it is good, wherever there is any, or never.",
        ),
    ] = None,
    max_pages: options.MaxPages = None,
    max_megapixels: options.MaxMegapixels = None,
    model: options.ModelName = None,
    device: Annotated[
        str | None,
        typer.Option("--device", rich_help_panel=options.MODEL, show_default="auto", help="auto, cpu, cuda or cuda:N."),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype",
            rich_help_panel=options.MODEL,
            show_default="the model's",
            help="Number format, for example bfloat16.",
        ),
    ] = None,
    quant: Annotated[
        str | None,
        typer.Option(
            "--quant",
            rich_help_panel=options.MODEL,
            show_default="the model's",
            help="Round full weights at load: 4bit, 8bit, e4a8, w4, nf4, int8, int8-bnb.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", metavar="N", rich_help_panel=options.MODEL, show_default="one per core", help="CPU threads."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size",
            metavar="N",
            rich_help_panel=options.MODEL,
            help="Pages read together; never changes the text.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR|-",
            rich_help_panel=options.OUTPUT,
            show_default="-",
            help="Where to write; a folder (ending in / or existing) takes one file per document.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            rich_help_panel=options.OUTPUT,
            show_default="by the suffix of -o, else md",
            help="md, txt, json, jsonl, tex, html, tsv, hocr, alto or pdf.",
        ),
    ] = None,
    page_markers: Annotated[
        bool | None,
        typer.Option(
            "--page-markers/--no-page-markers",
            rich_help_panel=options.OUTPUT,
            show_default="no",
            help="Mark where pages begin.",
        ),
    ] = None,
    front_matter: Annotated[
        bool | None,
        typer.Option(
            "--front-matter/--no-front-matter",
            rich_help_panel=options.OUTPUT,
            show_default="no",
            help="Begin with source, model and options (YAML in Markdown).",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", rich_help_panel=options.OUTPUT, help="Replace existing output files.")
    ] = False,
    as_json: options.Json = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="never|partial|failure",
            rich_help_panel=options.RUN,
            show_default="partial",
            help="What makes the exit code non-zero: nothing, a failed page, or a document without one page read.",
        ),
    ] = None,
    progress: Annotated[
        str | None,
        typer.Option(
            "--progress",
            metavar="auto|always|never|json",
            rich_help_panel=options.RUN,
            show_default="auto",
            help="Progress on standard error: a bar on a terminal, or NDJSON events.",
        ),
    ] = None,
    offline: options.Offline = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    debug: options.Debug = False,
) -> None:
    """Read scans into Markdown, text, JSON, LaTeX, HTML, TSV, hOCR, ALTO, or searchable PDF.

    \b
    [cyan]dsvl2 ocr scan.pdf -o scan.md[/cyan]
    [cyan]dsvl2 ocr scan.pdf -o searchable.pdf[/cyan]
    [cyan]dsvl2 ocr letters/ -o out/ -f json[/cyan]
    [cyan]dsvl2 ocr --pages 1-3,z - < scan.pdf[/cyan]
    """
    with session(as_json=as_json, verbosity=options.verbosity(quiet, verbose), debug=debug) as now:
        from dsvl2_cli.plan import make_plan
        from dsvl2_cli.reading import read_all
        from dsvl2_cli.settings import resolve

        flags = {
            "model": model,
            "device": device,
            "dtype": dtype,
            "quant": quant,
            "threads": threads,
            "batch_size": batch_size,
            "dpi": dpi,
            "text_layer": text_layer,
            "page_markers": page_markers,
            "front_matter": front_matter,
            "max_pages": max_pages,
            "max_megapixels": max_megapixels,
            "max_megabytes": max_megabytes,
            "fail_on": fail_on,
            "progress": progress,
            "offline": offline,
        }
        settings = resolve(flags).settings
        now.obey(settings)
        plan = make_plan(
            inputs or [],
            settings,
            files_from=files_from,
            pages=pages,
            output=output,
            format=format,
            force=force,
            as_json=as_json,
            password_file=password_file,
            password_env=password_env,
        )
        code = read_all(plan, now)
        if code:
            raise Leave(code)
