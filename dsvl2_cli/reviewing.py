"""Write the document that results from a file of corrections."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.errors import UsageError
from dsvl2_cli.outputs import choose_format
from dsvl2_cli.reports import count
from dsvl2_cli.settings import Setting, resolve

if TYPE_CHECKING:
    from dsvl2.pipelines import Document, RenderOptions
    from dsvl2.pipelines.formats import Format, Rendered
    from dsvl2_cli.session import Session

STDIO = "-"


def apply_file(
    name: str,
    output: str | None,
    format: str | None,
    now: Session,
    *,
    force: bool,
    flags: Mapping[str, Setting],
    scan: str | None = None,
    passwords: tuple[str | None, str | None] = (None, None),
) -> None:
    """Read corrections from a file (- for standard input), apply them and write the document.

    `scan` is the file that was read, for a searchable PDF; without it that is looked for where it was.

    Raises:
        UsageError: a searchable PDF whose scan is nowhere. InputError, OutputError and their kinds.
    """
    from dsvl2.pipelines import RenderOptions, write_output
    from dsvl2.pipelines.errors import FileMissing
    from dsvl2.pipelines.formats import OriginalFormat, Rendered
    from dsvl2.pipelines.review import apply_corrections, parse_corrections

    settings = resolve(flags).settings
    chosen = choose_format(format, output, settings, as_json=False)
    over = isinstance(chosen, OriginalFormat)
    if scan is not None and not over:
        raise UsageError(f"{chosen.name} is made of the corrections alone", "leave --scan out, or write to a .pdf")
    try:
        text = sys.stdin.buffer.read() if name == STDIO else Path(name).read_bytes()
    except OSError as error:
        raise FileMissing(f"{name} cannot be read: {error.strerror or error}") from error
    corrections = parse_corrections(text)
    document = apply_corrections(corrections)
    options = RenderOptions(settings.page_markers, settings.front_matter, pdf_images=settings.pdf_images)
    made = (
        _over_scan(document, scan, passwords, chosen, options) if over else Rendered(chosen.render(document, options))
    )
    for notice in made.notices:
        now.console.warn(notice.message)
    place = "standard output"
    if output is None or output == STDIO:
        now.results.write(made.data)
    else:
        path = Path(output)
        if path.is_dir() or output.endswith("/"):
            path = path / Path(document.source).with_suffix(chosen.suffixes[0]).name
        write_output(path, made.data, force=force)
        place = str(path)
    done = f"{count(len(corrections.changed), 'line')} corrected, {count(len(corrections.added), 'place')} added"
    now.console.say(f"{document.source}: {done}; wrote {place}")


def _over_scan(
    document: Document,
    scan: str | None,
    passwords: tuple[str | None, str | None],
    chosen: Format,
    options: RenderOptions,
) -> Rendered:
    """Render over the scan that was read, and no other file."""
    from dsvl2.pipelines.errors import FileMissing
    from dsvl2.pipelines.formats import rendered
    from dsvl2.pipelines.review import BadCorrections
    from dsvl2.pipelines.sources import InputFile, SourceOptions
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.opening import open_document

    path = Path(scan or document.source)
    if not path.is_file():
        raise FileMissing(
            f"a searchable PDF is made from the scan, and {path} is not there",
            hint=f"name the file that was read: --scan {Path(document.source).name}",
        )
    with open_document(InputFile(path), SourceOptions(), Passwords(*passwords)) as source:
        if document.sha256 not in (None, source.sha256):
            raise BadCorrections(
                f"{path} is not the file that was read, or has changed since then",
                hint="give that file with --scan, or read this one again: its text may stand elsewhere",
            )
        return rendered(chosen, document, source.original, options)
