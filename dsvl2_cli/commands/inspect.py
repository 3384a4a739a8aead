"""`dsvl2 inspect`: what a document holds and what reading it would cost. No model is loaded, torch is not imported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dsvl2_cli import options
from dsvl2_cli.session import Session, session

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import Source
    from dsvl2_cli.settings import Settings

HEADER = ("page", "size", "dpi", "pixels", "text layer", "images", "tiles", "tokens")


def inspect(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A document, or - for standard input.", show_default=False)
    ],
    password_file: options.PasswordFile = None,
    password_env: options.PasswordEnv = None,
    max_megabytes: options.MaxMegabytes = None,
    pages: options.PageList = None,
    dpi: options.Dpi = None,
    max_pages: options.MaxPages = None,
    max_megapixels: options.MaxMegapixels = None,
    model: options.ModelName = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    debug: options.Debug = False,
) -> None:
    """Show pages, sizes, resolution, text layer, and the tiles and tokens each page becomes. Reads no text.

    \b
    [cyan]dsvl2 inspect scan.pdf[/cyan]
    [cyan]dsvl2 inspect scan.pdf --pages 1-3 --json[/cyan]
    """
    with session(as_json=as_json, verbosity=options.verbosity(quiet, verbose), debug=debug) as now:
        from dsvl2_cli.inputs import Passwords, expand
        from dsvl2_cli.opening import open_document, source_options
        from dsvl2_cli.settings import resolve

        flags = {
            "model": model,
            "dpi": dpi,
            "max_pages": max_pages,
            "max_megapixels": max_megapixels,
            "max_megabytes": max_megabytes,
        }
        settings = resolve(flags).settings
        (word,) = expand([file])
        passwords = Passwords(password_file, password_env)
        drawn = replace(source_options(settings, pages, passwords), text_layer="ignore")
        with open_document(word, drawn, passwords) as source:
            report(source, settings, now)


def report(source: Source, settings: Settings, now: Session) -> None:
    """Print a row a page as it is measured, or everything as one object."""
    records = []
    for number, record in enumerate(page_records(source, settings)):
        records.append(record)
        if not now.json:
            if number == 0:
                noun = "page" if source.page_count == 1 else "pages"
                now.results.write(f"{source.name}: {source.kind}, {source.page_count} {noun}\n{row(HEADER)}\n")
            now.results.write(row(cells(record)) + "\n")
    for notice in source.notices:
        now.console.warn(notice.message)
    if now.json:
        now.emit(
            {
                "schema": "dsvl2/inspect/v1",
                "source": source.name,
                "kind": source.kind,
                "sha256": source.sha256,
                "page_count": source.page_count,
                "model": settings.model,
                "pages": records,
                "notices": [{"code": notice.code, "message": notice.message} for notice in source.notices],
            }
        )


def page_records(source: Source, settings: Settings) -> Any:
    """Yield one record a page. A page that cannot be drawn has `error` instead of a count."""
    from dsvl2.model import ModelConfig, ReadingProfile
    from dsvl2.pipelines import PageImage, UnreadablePage
    from dsvl2_cli.catalog import find
    from dsvl2_cli.measuring import measure

    folder = find(settings.model).path
    config, profile = ModelConfig.from_file(folder / "config.json"), ReadingProfile.for_folder(folder)
    for page, info in zip(source, source.page_infos(), strict=True):
        record: dict[str, Any] = {
            "page": page.number,
            "size_pt": info.size_pt,
            "dpi": round(info.dpi, 1),
            "text_characters": info.text_characters,
        }
        if isinstance(page, UnreadablePage):
            yield record | {"error": {"code": page.error.code, "message": page.error.message}}
            continue
        assert isinstance(page, PageImage)  # text layers are ignored here
        feed = measure(page, config, profile)
        yield record | {
            "width_px": page.image.width,
            "height_px": page.image.height,
            "rotation": feed.rotation,
            "skew": round(feed.skew, 2),
            "blank": feed.blank,
            "images": feed.images,
            "grids": feed.grids,
            "tiles": feed.tiles,
            "image_tokens": feed.tokens,
        }


def cells(record: dict[str, Any]) -> tuple[str, ...]:
    """One page's record as the words of its row."""
    size = "-"
    if record["size_pt"]:
        size = "x".join(f"{points / 72 * 25.4:.0f}" for points in record["size_pt"]) + " mm"
    text = f"{record['text_characters']} chars" if record["text_characters"] else "no"
    start = (str(record["page"]), size, f"{record['dpi']:g}")
    if "error" in record:
        return (*start, "-", text, f"error: {record['error']['message']}", "", "")
    grids = " + ".join(f"{count} of {grid}" for grid, count in record["grids"].items())
    pixels = f"{record['width_px']}x{record['height_px']}"
    return (*start, pixels, text, grids or "blank", str(record["tiles"]), str(record["image_tokens"]))


def row(words: tuple[str, ...]) -> str:
    """Line up the words of a row."""
    return "  ".join(
        f"{word:<{width}}" for word, width in zip(words, (4, 10, 5, 10, 11, 28, 5, 6), strict=True)
    ).rstrip()
