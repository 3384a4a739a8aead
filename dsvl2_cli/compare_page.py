"""The page of `dsvl2 compare --html`: finds the scans, draws the pages that differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.reports import count

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile
    from dsvl2.pipelines.compare import Comparison, Listed
    from dsvl2_cli.comparing import Side, Wanted
    from dsvl2_cli.work import Work


def write_page(wanted: Wanted, found: Comparison, sides: tuple[Side, Side], work: Work) -> None:
    """Write the page of --html."""
    assert wanted.html is not None
    page, scans = page_of(wanted.scan, found, sides, work)
    work.deliver(page, wanted.html, wanted.force)
    if not scans:
        work.now.console.say("the page is without the scan: name the document with --scan FILE")


def page_of(scan: str | None, found: Comparison, sides: tuple[Side, Side], work: Work) -> tuple[str, bool]:
    """Return the page, with the scan of both or with each side's own where two documents are compared; whether it has one."""
    from dsvl2.pipelines.compare import comparison_page

    a, b = sides
    one = a.document is None or b.document is None or found.a.sha256 == found.b.sha256
    if one:
        pages = {token.page for side in (found.a, found.b) for token in side.tokens}
        scans = _drawn(scan or _scan_of(sides), pages, found, work)
        return comparison_page(found, scans), bool(scans)
    assert a.document is not None and b.document is not None
    drawn = [
        _drawn(side.document, {token.page for token in side.reading.tokens}, found, work)
        for side in (a, b)
        if side.document is not None
    ]
    return comparison_page(found, *drawn), True


class PageFolder:
    """`--html DIR` of two folders: a page for each document that differs, and an index that leads to them."""

    def __init__(self, folder: str, work: Work, force: bool) -> None:
        self._folder, self._work, self._force = Path(folder), work, force
        self._listed: list[Listed] = []
        work.check_output(str(self._folder / "index.html"), force)

    def add(self, name: str, found: Comparison | None, sides: tuple[Side, Side] | None, missing: str = "") -> None:
        """Write the page of a document, if its sides differ."""
        from dsvl2.pipelines.compare import Listed

        page = None
        if found is not None and sides is not None and not found.same:
            page = f"pages/{name}.html"
            self._write(page, page_of(None, found, sides, self._work)[0])
        self._listed.append(Listed(name, found, page, missing))

    def finish(self, title: str) -> None:
        """Write the index."""
        from dsvl2.pipelines.compare import comparison_index

        self._write("index.html", comparison_index(self._listed, title))
        pages = sum(one.page is not None for one in self._listed)
        self._work.now.console.say(f"wrote {self._folder / 'index.html'} and {count(pages, 'page')}")

    def _write(self, name: str, page: str) -> None:
        from dsvl2.pipelines import write_output

        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_output(path, page, force=self._force)


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
