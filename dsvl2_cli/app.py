"""The program: its commands, its help, and how a run ends. Importing this file imports no command's machinery."""

from __future__ import annotations

import atexit
import copy
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, NoReturn

import typer
import typer.main

from dsvl2_cli import __version__
from dsvl2_cli.commands import (
    ask,
    batch,
    bench,
    chart,
    chat,
    compare,
    completion,
    config,
    doctor,
    eval,
    extract,
    formula,
    ground,
    inspect,
    man,
    mcp,
    models,
    ocr,
    page2code,
    review,
    schema,
    table,
    train,
    watch,
)
from dsvl2_cli.console import Console, Problem, error_json, one_line
from dsvl2_cli.errors import StandardOutputError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.exit_codes import table as exit_code_table
from dsvl2_cli.program import Program
from dsvl2_cli.session import Leave
from dsvl2_cli.stdio import open_missing_streams, silence_stdout

# A paragraph that begins with \b keeps its line breaks; any other is filled.
HELP = """\
Read scanned pages into Markdown, offline, with a model that comes inside the package.

\b
[bold]Examples[/bold]
[cyan]dsvl2 ocr scan.pdf -o scan.md[/cyan]           read a scan into Markdown
[cyan]dsvl2 ocr letters/ -o out/ -f json[/cyan]      a folder of scans, one JSON file each
[cyan]dsvl2 batch archive/ -o out/[/cyan]            many documents; may be stopped
[cyan]dsvl2 ocr --pages 1-3,z - < scan.pdf[/cyan]    three pages and the last, from a pipe
[cyan]dsvl2 ask invoice.pdf "total due?"[/cyan]      an answer with its page and quote
[cyan]dsvl2 compare truth.txt scan.pdf[/cyan]        two readings word by word
[cyan]dsvl2 inspect scan.pdf[/cyan]                  what would be read, without reading it
[cyan]dsvl2 doctor[/cyan]                            what this machine offers
"""
EPILOG = "\b\n[bold]Exit codes[/bold]\n" + exit_code_table()

app = Program(
    name="dsvl2",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
READ, ASK, TAKE, MANY, CHECK, MACHINE = (
    "Read pages",
    "Ask them",
    "Take things out",
    "Many documents",
    "Check and measure",
    "Models and this machine",
)
app.command("ocr", epilog=ocr.EPILOG, rich_help_panel=READ)(ocr.ocr)
app.command("inspect", rich_help_panel=READ)(inspect.inspect)
app.command("page2code", rich_help_panel=READ)(page2code.page2code)
app.command("ask", rich_help_panel=ASK)(ask.ask)
app.command("chat", rich_help_panel=ASK)(chat.chat)
app.command("mcp", rich_help_panel=ASK)(mcp.mcp)
app.command("extract", rich_help_panel=TAKE)(extract.extract)
app.command("table", rich_help_panel=TAKE)(table.table)
app.command("chart", rich_help_panel=TAKE)(chart.chart)
app.command("formula", rich_help_panel=TAKE)(formula.formula)
app.command("ground", rich_help_panel=TAKE)(ground.ground)
app.add_typer(batch.app, name="batch", rich_help_panel=MANY)
app.command("watch", rich_help_panel=MANY)(watch.watch)
app.add_typer(review.app, name="review", rich_help_panel=CHECK)
app.command("compare", rich_help_panel=CHECK)(compare.compare)
app.command("eval", rich_help_panel=CHECK)(eval.evaluate)
app.command("bench", rich_help_panel=CHECK)(bench.bench)
app.add_typer(models.app, name="models", rich_help_panel=MACHINE)
app.command("train", rich_help_panel=MACHINE)(train.train)
app.command("doctor", rich_help_panel=MACHINE)(doctor.doctor)
app.add_typer(config.app, name="config", rich_help_panel=MACHINE)
app.command("schema", rich_help_panel=MACHINE)(schema.schema)
app.command("completion", rich_help_panel=MACHINE)(completion.completion)
app.command("man", rich_help_panel=MACHINE)(man.man)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"dsvl2 {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(int(Exit.USAGE))


@cache
def _command_line(name: str) -> Any:
    """Build what reads the command line: of the command of this name alone, as all of them take 40 ms of every start.

    All of them where there is no such name: for the help, a name that is nearly right, and completions.
    """
    chosen = copy.copy(app)
    chosen.registered_commands = [info for info in app.registered_commands if info.name == name]
    chosen.registered_groups = [info for info in app.registered_groups if info.name == name]
    found = chosen.registered_commands or chosen.registered_groups
    return typer.main.get_command(chosen if found else app)


def run(arguments: list[str]) -> int:
    """Run the program on the arguments (without its name) and return the exit code. Never raises, never exits."""
    if "_DSVL2_COMPLETE" in os.environ:  # a shell asks for completions; Typer sets them up only on demand
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        line = _command_line(arguments[0] if arguments else "")
        code = line(arguments, prog_name="dsvl2", standalone_mode=False)
        sys.stdout.flush()
    except Leave as leave:
        return int(leave.exit)
    except BrokenPipeError:
        silence_stdout()
        return int(Exit.PIPE_CLOSED)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except SystemExit as leave:  # the shell's completion requests end so, and Rich when the reader of help went away
        if isinstance(leave.__context__, BrokenPipeError):
            silence_stdout()
            return int(Exit.PIPE_CLOSED)
        return leave.code if isinstance(leave.code, int) else int(Exit.OK)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # help on a full disk; commands see to theirs
            silence_stdout()
            return _failed(StandardOutputError(error), ())
        return _failed(error, arguments)
    return code if isinstance(code, int) else int(Exit.OK)


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    """Report an error from outside any command body: a wrong command line, or a bug."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its help has just been printed
        return int(Exit.USAGE)
    describe = getattr(error, "format_message", None)
    problem = (
        Problem("usage", one_line(describe()).rstrip("."), _usage_hint(error, arguments))
        if describe
        else Problem.of(error)
    )
    console = Console()
    if "--debug" in options and not describe:
        console.trace(error)
    if "--json" in options:
        print(error_json(problem), end="", flush=True)
    console.problem(problem)
    return int(problem.exit)


def _usage_hint(error: Exception, arguments: Sequence[str]) -> str:
    """Say what was probably meant: a file in the place of a command, or one whose name looks like an option."""
    context = getattr(error, "ctx", None)
    if arguments and not arguments[0].startswith("-") and os.path.exists(arguments[0]):
        return f"to read it: dsvl2 ocr {shlex.quote(arguments[0])}"
    if context and context.command_path.endswith(" review"):  # a scan or a reading where a command belongs
        return "a page to check: dsvl2 ocr SCAN --review check.html; what it saved: dsvl2 review apply FILE -o scan.md"
    dashed = [word for word in arguments if word.startswith("-") and os.path.isfile(word)]
    if dashed:
        return f"a file whose name begins with a dash is given as {shlex.quote('./' + dashed[0])}"
    return f"see: {context.command_path if context else 'dsvl2'} --help"


def main() -> NoReturn:
    """Run on sys.argv and exit.

    The interpreter is left without taking torch's modules apart first: that takes half a second, a fifth of what
    reading one line takes. Exit handlers run and streams are flushed as usual.
    """
    open_missing_streams()
    code = run(sys.argv[1:])
    if "torch" not in sys.modules and code != Exit.INTERRUPTED:  # which Python may turn into a death by the signal
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
