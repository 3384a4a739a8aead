"""Write the document that results from a file of corrections."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.errors import UsageError
from dsvl2_cli.outputs import choose_format
from dsvl2_cli.reports import count
from dsvl2_cli.settings import resolve

if TYPE_CHECKING:
    from dsvl2_cli.session import Session

STDIO = "-"


def apply_file(
    name: str,
    output: str | None,
    format: str | None,
    now: Session,
    *,
    force: bool,
    flags: tuple[bool | None, bool | None],
) -> None:
    """Read corrections from a file (- for standard input), apply them and write the document.

    Raises:
        UsageError: a format that needs the scan. InputError, OutputError and their kinds.
    """
    from dsvl2.pipelines import RenderOptions, write_output
    from dsvl2.pipelines.errors import FileMissing
    from dsvl2.pipelines.formats import OriginalFormat
    from dsvl2.pipelines.review import apply_corrections, parse_corrections

    settings = resolve({"page_markers": flags[0], "front_matter": flags[1]}).settings
    chosen = choose_format(format, output, settings, as_json=False)
    if isinstance(chosen, OriginalFormat):
        raise UsageError(f"{chosen.name} is made from the scan, which corrections do not hold", "choose another -f")
    try:
        text = sys.stdin.buffer.read() if name == STDIO else Path(name).read_bytes()
    except OSError as error:
        raise FileMissing(f"{name} cannot be read: {error.strerror or error}") from error
    corrections = parse_corrections(text)
    document = apply_corrections(corrections)
    written = chosen.render(document, RenderOptions(settings.page_markers, settings.front_matter))
    place = "standard output"
    if output is None or output == STDIO:
        now.results.write(written)
    else:
        path = Path(output)
        if path.is_dir() or output.endswith("/"):
            path = path / Path(document.source).with_suffix(chosen.suffixes[0]).name
        write_output(path, written, force=force)
        place = str(path)
    done = f"{count(len(corrections.changed), 'line')} corrected, {count(len(corrections.added), 'place')} added"
    now.console.say(f"{document.source}: {done}; wrote {place}")
