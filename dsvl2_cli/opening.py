"""Open one document, asking for its password where a person can answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import InputFile, Source, SourceOptions
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.settings import Settings

ATTEMPTS = 3


def source_options(settings: Settings, pages: str | None, passwords: Passwords) -> SourceOptions:
    """Gather what decides how pages become images.

    Raises:
        PageRangeError: the page list does not parse.
    """
    from dsvl2.pipelines.pages import check_pages
    from dsvl2.pipelines.sources import Limits, SourceOptions

    if pages is not None:
        check_pages(pages)
    standard = Limits()
    limits = Limits(
        megapixels=standard.megapixels if settings.max_megapixels is None else settings.max_megapixels,
        pages=standard.pages if settings.max_pages is None else settings.max_pages,
        megabytes=standard.megabytes if settings.max_megabytes is None else settings.max_megabytes,
    )
    mode = cast(Literal["auto", "force", "ignore"], settings.text_layer)  # the settings have checked it
    return SourceOptions(pages=pages, dpi=settings.dpi, password=passwords.given, text_layer=mode, limits=limits)


def open_document(document: str | InputFile, options: SourceOptions, passwords: Passwords) -> Source:
    """Open a document; on a terminal ask up to three times for the password of an encrypted one."""
    from dsvl2.pipelines.errors import Encrypted, WrongPassword
    from dsvl2.pipelines.sources import open_source

    try:
        return open_source(document, options)
    except Encrypted:
        if not passwords.can_ask:
            raise
    name = document if isinstance(document, str) else document.name
    for attempt in range(ATTEMPTS):
        password = passwords.ask(name, again=attempt > 0)
        if password is None:
            break
        try:
            return open_source(document, replace(options, password=password))
        except WrongPassword:
            if attempt == ATTEMPTS - 1:
                raise
    raise Encrypted(f"{name} is encrypted")
