"""`dsvl2 batch`: many documents, resumable to the page. This file is the command line; `dsvl2_cli.batches` does the work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.completing import words
from dsvl2_cli.program import Group, Program
from dsvl2_cli.session import Leave, session
from dsvl2_cli.task_options import TASK, BatchFormat, LexiconFiles, PdfImages, Question, Schema, TaskName


class BatchGroup(Group):
    """`dsvl2 batch INPUT...` is `dsvl2 batch run INPUT...`; an input called `status` is written ./status."""

    default = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [self.default, *args]
        return list(super().parse_args(ctx, args))


app = Program(
    cls=BatchGroup,
    help="Read many documents; after any kind of end the same command goes on where it stopped.\n\n"
    "[cyan]dsvl2 batch archive/ -o out/[/cyan] is short for [cyan]dsvl2 batch run archive/ -o out/[/cyan]",
    no_args_is_help=True,
)
RunPlace = Annotated[str, typer.Argument(metavar="RUN", help="The run folder, or the output folder that holds it.")]


@app.command("run")
@spread
def run(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|DIR|GLOB|URL|-|@LIST ...",
            show_default=False,
            help="As for dsvl2 ocr, and globs; s3:// and other URLs with the extra dsvl2\\[fsspec].",
        ),
    ] = None,
    files_from: options.FilesFrom = None,
    nul: Annotated[
        bool, typer.Option("-0", "--null", rich_help_panel=options.INPUT, help="Paths in that file end in NUL bytes.")
    ] = False,
    task: TaskName = "ocr",
    question: Question = None,
    questions_from: Annotated[
        str | None,
        typer.Option("--questions-from", metavar="FILE|-", rich_help_panel=TASK, help="ask: questions, one a line."),
    ] = None,
    schema: Schema = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", rich_help_panel=TASK, help="extract: what must hold between fields."),
    ] = None,
    phrase: Annotated[
        str | None,
        typer.Option("--phrase", metavar="TEXT", rich_help_panel=TASK, help="ground: what to look for on every page."),
    ] = None,
    chart: Annotated[
        bool,
        typer.Option("--chart", rich_help_panel=TASK, help="ask: the pages are charts; answer from their data."),
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE.jsonl|URL|-",
            rich_help_panel=options.OUTPUT,
            help="A folder for one file per document, one file of JSON lines, either of them elsewhere (s3://...), or "
            "standard output.",
        ),
    ] = None,
    format: BatchFormat = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", rich_help_panel=options.OUTPUT, help="JSON lines in files of many documents.")
    ] = False,
    part_documents: Annotated[
        int, typer.Option(min=1, metavar="N", rich_help_panel=options.OUTPUT, help="Documents in a file of --jsonl.")
    ] = 1000,
    page_markers: options.PageMarkers = None,
    front_matter: options.FrontMatter = None,
    force: Annotated[
        bool, typer.Option("--force", rich_help_panel=options.OUTPUT, help="Replace files that are not this run's.")
    ] = False,
    run_dir: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="DIR", rich_help_panel=options.RUN, show_default="with the output", help="The run folder."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, metavar="N", rich_help_panel=options.RUN, help="Engines at a time."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", rich_help_panel=options.RUN, help="Read only part I of N."),
    ] = None,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            rich_help_panel=options.RUN,
            help="Share the work with every process that runs this same command.",
        ),
    ] = False,
    lease_seconds: Annotated[
        float,
        typer.Option(min=2, metavar="S", rich_help_panel=options.RUN, help="When a silent process counts as dead."),
    ] = 120.0,
    engine: Annotated[
        str,
        typer.Option(
            metavar="local|ray",
            autocompletion=words("local", "ray"),
            rich_help_panel=options.RUN,
            help="Workers of this machine, or of a Ray cluster.",
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            rich_help_panel=options.RUN,
            show_default="RAY_ADDRESS, or a cluster of this machine",
            help="The Ray cluster: auto, or HOST:PORT.",
        ),
    ] = None,
    page_timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="S",
            rich_help_panel=options.RUN,
            show_default="600",
            help="Seconds that a page may take; it fails then, and the others are read. 0: no limit.",
        ),
    ] = None,
    decode_timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", rich_help_panel=options.RUN, help="Seconds to draw a page.")
    ] = 120.0,
    decode_memory: Annotated[
        float,
        typer.Option(
            min=0, metavar="MB", rich_help_panel=options.RUN, help="Memory for opening untrusted files; 0: no limit."
        ),
    ] = 4000.0,
    keep_suffix: options.KeepSuffix = False,
    lexicon: LexiconFiles = None,
    min_confidence: options.MinConfidence = None,
    pdf_images: PdfImages = None,
    fail_on: options.FailOn = None,
    common: Common = COMMON,
) -> None:
    """Read many documents; after any kind of end the same command goes on where it stopped.

    \b
    [cyan]dsvl2 batch archive/ -o out/[/cyan]
    [cyan]find . -name '*.pdf' -print0 | dsvl2 batch --files-from - -0 -o out.jsonl[/cyan]
    [cyan]dsvl2 batch archive/ -o out/ --shared[/cyan]  on every machine that sees the folder
    [cyan]dsvl2 batch archive/ -o out/ --shard 2/8[/cyan]
    [cyan]dsvl2 batch scans/ -o searchable/ -f pdf[/cyan]
    [cyan]dsvl2 batch requests.jsonl -o results.jsonl[/cyan]  OpenAI's batch file format
    [cyan]dsvl2 batch invoices/ -o totals.jsonl --task ask -Q "total due?"[/cyan]
    [cyan]dsvl2 batch invoices/ -o fields/ --task extract -s "date: date, total: number"[/cyan]
    """
    rest: dict[str, Any] = {
        "pages": common.pages,
        "task": task,
        "jobs": jobs,
        "shard": shard,
        "shared": shared,
        "engine": engine,
        "address": address,
        "lease_seconds": lease_seconds,
        "jsonl": jsonl,
        "part_documents": part_documents,
        "page_timeout": page_timeout,
        "decode_timeout": decode_timeout,
        "decode_memory": decode_memory,
        "force": force,
        "keep_suffix": keep_suffix,
        "lexicons": lexicon or [],
    }
    with common.session() as now:
        from dsvl2_cli import batch_places, batches
        from dsvl2_cli.batch_tasks import Asked, task_for
        from dsvl2_cli.inputs import expand

        settings = common.settings(
            now,
            page_markers=page_markers,
            front_matter=front_matter,
            min_confidence=min_confidence,
            pdf_images=pdf_images,
            fail_on=fail_on,
        )
        if settings.fail_on == "doubt":
            now.console.warn("--fail-on doubt is for dsvl2 ocr: a batch counts failed pages only")
        asked = Asked(question or (), questions_from, schema, rules or (), phrase, chart)
        words = expand(inputs or [], files_from, nul=nul)
        rest["task"] = task_for(task, words, output)
        rest["options"] = asked.options(rest["task"], settings)
        job = batches.make_job(settings, output, format, rest, to_json=common.as_json)
        with batch_places.run_folder(job, run_dir) as folder:
            code = batches.run_job(job, folder, batches.planned(job, words, folder, now), common.passwords(), now)
        if code:
            raise Leave(code)


@app.command("status")
def status(place: RunPlace, as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Say how far a run is: counts, rate, time left, failures by code."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli import batch_reports

        batch_reports.status(place, now)


@app.command("retry")
def retry(
    place: RunPlace,
    only: Annotated[str, typer.Option("--only", metavar="failed", help="What to read again.")] = "failed",
    password_file: options.PasswordFile = None,
    password_env: options.PasswordEnv = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    debug: options.Debug = False,
) -> None:
    """Read what failed again, with the options of the run, and write the outputs anew."""
    with session(as_json=as_json, verbosity=options.verbosity(quiet, verbose), debug=debug) as now:
        from dsvl2_cli import batch_reports
        from dsvl2_cli.errors import UsageError
        from dsvl2_cli.inputs import Passwords

        if only != "failed":
            raise UsageError(f"--only {only}: there is only failed", "leave it out")
        code = batch_reports.retry(place, Passwords(password_file, password_env), now)
        if code:
            raise Leave(code)


@app.command("verify")
def verify(place: RunPlace, as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Recount the pages and rehash inputs and outputs of a run."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli import batch_reports

        code = batch_reports.verify(place, now)
        if code:
            raise Leave(code)
