"""The page of `dsvl2 compare --html`: finds the scans, draws the pages that differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile
    from dsvl2.pipelines.compare import Comparison
    from dsvl2_cli.comparing import Side, Wanted
    from dsvl2_cli.work import Work


def write_page(wanted: Wanted, found: Comparison, sides: tuple[Side, Side], work: Work) -> None:
    """Write the page of --html: with the scan of both, or with each side's own where two documents are compared."""
    from dsvl2.pipelines.compare import comparison_page

    assert wanted.html is not None
    a, b = sides
    one = a.document is None or b.document is None or found.a.sha256 == found.b.sha256
    if one:
        scan = wanted.scan or _scan_of(sides)
        scans = _drawn(scan, {token.page for side in (found.a, found.b) for token in side.tokens}, found, work)
        work.deliver(comparison_page(found, scans), wanted.html, wanted.force)
        if not scans:
            work.now.console.say("the page is without the scan: name the document with --scan FILE")
        return
    assert a.document is not None and b.document is not None
    drawn = [
        _drawn(side.document, {token.page for token in side.reading.tokens}, found, work)
        for side in (a, b)
        if side.document is not None
    ]
    work.deliver(comparison_page(found, *drawn), wanted.html, wanted.force)


def _scan_of(sides: tuple[Side, Side]) -> InputFile | None:
    """Return the document that was read now, else the one that a reading names, if it is there and unchanged."""
    from dsvl2.pipelines.sources import InputFile, open_source

    for side in sides:
        if side.document is not None:
            return side.document
    for side in sides:
        if side.reading.source is None:
            continue
        for place in (Path(side.reading.source), Path(side.reading.name).parent / Path(side.reading.source).name):
            if place.is_file():
                with open_source(place) as source:
                    if source.sha256 == side.reading.sha256:
                        return InputFile(place)
    return None


def _drawn(scan: str | InputFile | None, wanted: set[int | None], found: Comparison, work: Work) -> dict[int, str]:
    """Return the scans of the pages on which something differs."""
    from dsvl2.pipelines import PageImage
    from dsvl2.pipelines.review import data_uri

    if scan is None:
        return {}
    document = work.document(scan) if isinstance(scan, str) else scan
    places = {token.page for change in found.changes for token in (*change.a, *change.b)}
    places |= {section.page for section in found.sections if not section.same}
    drawn = {}
    with work.open(document, text_layer="ignore", pages=None) as source:
        for number in sorted(number for number in places & wanted if number is not None):
            if number <= source.page_count:
                page = source.page(number)
                if isinstance(page, PageImage):
                    drawn[number] = data_uri(page.image)
    return drawn
