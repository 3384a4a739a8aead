"""`dsvl2 page2code`: a screenshot to one HTML file."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread

if TYPE_CHECKING:
    from dsvl2.pipelines import Source
    from dsvl2.pipelines.page2code import PageCode
    from dsvl2_cli.work import Work


@spread
def page2code(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE|-", show_default=False, help="A screenshot or document, or - for standard input."),
    ],
    output: options.OneOutput = None,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe",
            rich_help_panel=options.OUTPUT,
            help="Keep scripts and references to other places in what a whole-page model writes.",
        ),
    ] = False,
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Turn a screenshot into one self-contained HTML file: headings, text, tables and pictures in their places.

    \b
    [cyan]dsvl2 page2code screen.png -o screen.html[/cyan]
    [cyan]dsvl2 page2code screen.png -o screen.html --model small[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli import engines
        from dsvl2_cli.errors import UsageError
        from dsvl2_cli.work import Work

        suffix = Path(output or "-").suffix.lower()
        if suffix not in ("", ".html", ".htm", ".xhtml") and not (now.json and suffix == ".json"):
            asked = shlex.join(["dsvl2", "ocr", file, "-o", str(output)])
            raise UsageError(f"{output}: page2code writes HTML", f"name it .html; other formats: {asked}")
        with Work(common, now) as work, ExitStack() as stack:
            work.check_output(output, force)
            source = stack.enter_context(work.open(work.document(file), color=True))
            seen = engines.reading_profile(work.settings).mode != "bands"
            code = from_images(source, work, unsafe) if seen else from_reading(source, work)
            for notice in code.notices:
                now.console.warn(notice.message)
            if now.json:
                from dsvl2.pipelines.page2code import SPEC

                work.deliver(json.dumps(SPEC.record(code), ensure_ascii=False) + "\n", output, force)
            else:
                work.deliver(code.html, output, force)
            work.leave()


def from_reading(source: Source, work: Work) -> PageCode:
    """Read the pages and place what was read.

    Raises:
        UnreadableFile, Leave: no page could be read.
    """
    from dsvl2.pipelines.errors import UnreadableFile
    from dsvl2.pipelines.page2code import page_from_reading

    pages = [page for page in work.read(source) if page.error is None]
    if not pages:
        work.leave()
        raise UnreadableFile(f"no page of {source.name} could be read")
    return page_from_reading(source.name, [(page, source.read_page(page.number).image) for page in pages])


def from_images(source: Source, work: Work, unsafe: bool) -> PageCode:
    """Ask a whole-page checkpoint for the HTML of the one page.

    Raises:
        UsageError: several pages were chosen.
    """
    from dsvl2.pipelines.page2code import page_from_image
    from dsvl2_cli.errors import UsageError

    if len(source.selected) > 1:
        raise UsageError(
            f"{source.name} has {len(source.selected)} pages; one makes an HTML file", "choose with --pages 1"
        )
    (number,) = source.selected
    engine, image = work.engine, source.read_page(number).image
    with work.limit():
        return page_from_image(source.name, number, image, engine, unsafe=unsafe)
