"""`dsvl2 models pull|verify|quantize|export|rm`: what fetches, checks, makes and removes model folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.completing import MODELS, SCHEMES, words
from dsvl2_cli.session import Leave, session

Name = Annotated[
    str, typer.Argument(help="A listed name or a folder.", metavar="NAME|DIR", autocompletion=words(*MODELS))
]


def pull(
    repository: Annotated[
        str,
        typer.Argument(
            help="tiny, small, base, or ORG/NAME on huggingface.co.", metavar="NAME", autocompletion=words(*MODELS[1:])
        ),
    ],
    revision: Annotated[str | None, typer.Option("--revision", metavar="REV", help="Branch, tag or commit.")] = None,
    offline: options.Offline = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Fetch a model into Hugging Face's cache. An attempt that broke off is resumed; no other command fetches one."""
    with session(as_json=as_json, verbosity=options.verbosity(quiet, 0), debug=debug) as now:
        from dsvl2_cli.errors import OfflineError
        from dsvl2_cli.hub import fetch
        from dsvl2_cli.settings import resolve

        if resolve({"offline": offline}).settings.offline:
            raise OfflineError("models pull needs the network and --offline is on", "run it without --offline")
        name, path = fetch(repository, revision, quiet=quiet)
        if as_json:
            now.emit({"schema": "dsvl2/model-pull/v1", "name": name, "path": str(path)})
        else:
            now.results.write(f"{path}\n")
            now.console.say(f"read with it: dsvl2 ocr FILE --model {repository}")


def verify(name: Name = "nano", as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Check every file of a model: sizes, headers, the index, and sha256 where there is one to compare with."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli.catalog import find
        from dsvl2_cli.exit_codes import Exit
        from dsvl2_cli.verification import check

        entry = find(name)
        files, problems = check(entry.path)
        if as_json:
            now.emit({"schema": "dsvl2/model-verify/v1", "name": name, "files": files, "problems": problems})
        else:
            for file, state in files.items():
                now.results.write(f"{state:<9}  {file}\n")
        for problem in problems:
            now.console.warn(f"{entry.name}: {problem}")
        if problems:
            raise Leave(Exit.MODEL)


def quantize(
    source: Annotated[str, typer.Argument(help="A listed name or a folder, with full weights.", metavar="SRC")],
    target: Annotated[Path, typer.Argument(help="The folder to make; it must not exist.", metavar="DST")],
    scheme: Annotated[
        str,
        typer.Option(
            "--scheme",
            metavar="NAME",
            autocompletion=words(*SCHEMES, "bf16"),
            help="4bit (= e4a8), 8bit (= int8), e4a8, w4, nf4, int8, int8-bnb; bf16: full weights, also of a quantized model.",
        ),
    ] = "e4a8",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Write a model with its weights in fewer bits, a tensor at a time. The folder appears when it is complete."""
    with session(as_json=as_json, verbosity=options.verbosity(quiet, 0), debug=debug) as now:
        from dsvl2_cli.catalog import find, read_headers
        from dsvl2_cli.counter import counting

        path = find(source).path
        from dsvl2.model import quantize_checkpoint

        with counting(quiet) as progress:
            quantize_checkpoint(path, target, scheme, progress=progress)
        before, after = (read_headers(folder)["bytes"] for folder in (path, target))
        if as_json:
            record = {"path": str(target), "scheme": scheme, "bytes_before": before, "bytes": after}
            now.emit({"schema": "dsvl2/model-quantize/v1", **record})
        else:
            now.results.write(f"{target}\n")
            now.console.say(f"{before / 1e6:,.1f} MB became {after / 1e6:,.1f} MB")


def export(
    name: Name,
    target: Annotated[
        Path, typer.Argument(help="The folder or .tar file to make; it must not exist.", metavar="DIR|FILE.tar")
    ],
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Copy a model out, for a machine without a network: plain files with their sha256, which models verify compares there.

    \b
    [cyan]dsvl2 models export small small.tar[/cyan]            then there: tar xf small.tar
    [cyan]dsvl2 models verify ./small[/cyan]
    [cyan]dsvl2 ocr scan.pdf --model ./small[/cyan]

    The weights stay as they are stored. Fewer bits, or full weights that other programs for DeepSeek-VL2 read
    (--scheme bf16), come from models quantize, whose folder can be exported too.
    """
    with session(as_json=as_json, verbosity=options.verbosity(quiet, 0), debug=debug) as now:
        from dsvl2_cli.catalog import find
        from dsvl2_cli.counter import counting
        from dsvl2_cli.exporting import TAR, export_model

        entry = find(name)
        with counting(quiet) as progress:
            sums = export_model(entry.path, target, progress)
        if as_json:
            now.emit({"schema": "dsvl2/model-export/v1", "name": entry.name, "path": str(target), "sha256": sums})
            return
        now.results.write(f"{target}\n")
        packed = target.suffix.lower() == TAR
        first = f"tar xf {target.name}; " if packed else ""
        there = target.stem if packed else target.name
        now.console.say(f"on the other machine: {first}dsvl2 models verify ./{there}; dsvl2 ocr FILE --model ./{there}")


def remove(
    name: Annotated[str, typer.Argument(help="A listed name.", metavar="NAME")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove a model from Hugging Face's cache or from this program's own folder, after asking."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli.catalog import find
        from dsvl2_cli.errors import UsageError
        from dsvl2_cli.exit_codes import Exit
        from dsvl2_cli.removal import place_of, remove_tree, size_of

        place = place_of(find(name))
        size = size_of(place)
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(
                    f"{place} ({size / 1e6:,.1f} MB) would be removed", "say --yes to do it without asking"
                )
            if not typer.confirm(f"Remove {place} ({size / 1e6:,.1f} MB)?", err=True):
                now.console.say("kept")
                raise Leave(Exit.NOTHING_TO_DO)
        remove_tree(place)
        if as_json:
            now.emit({"schema": "dsvl2/model-rm/v1", "path": str(place), "bytes": size})
        else:
            now.results.write(f"{place}\n")
