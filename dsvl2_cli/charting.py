"""What `dsvl2 chart` does: open, read the charts page by page, write data, drawing or code, say what was measured."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.session import Leave
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines.charts import Charts, PageChart
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

FORMATS = ("csv", "long", "json", "md")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for beside the file."""

    format: str | None
    output: str | None
    plot: str | None
    code: bool
    force: bool


def run(file: str, wanted: Wanted, common: Common, now: Session) -> None:
    """Read the charts of a document and write them.

    Raises:
        UsageError: formats that exclude each other. Leave: LOW_CONFIDENCE if no page has a chart.
    """
    chosen = _format(wanted, as_json=now.json)
    if wanted.plot and Path(wanted.plot).suffix.lower() not in ("", ".png"):
        raise UsageError(f"--plot writes a PNG picture, not {wanted.plot}", "name a file that ends in .png")
    with Work(common, now) as work:
        work.check_output(wanted.output, wanted.force)
        work.check_output(wanted.plot, wanted.force)
        charts, images = _read(work, file)
        found = [page for page in charts.charts if page.chart.found]
        _tell(now, charts)
        if wanted.plot:
            _draw(work, wanted, found, images)
        text = _code(now, found) if wanted.code else _text(chosen, charts, found)
        if text or wanted.output:
            work.deliver(text, wanted.output, wanted.force)
        work.leave()
        if not found:
            raise Leave(Exit.LOW_CONFIDENCE)


def _format(wanted: Wanted, *, as_json: bool) -> str:
    if wanted.code:
        if as_json or wanted.format:
            raise UsageError("--code writes a program, not data", "leave out --json and -f, or leave out --code")
        return "csv"
    if wanted.format is not None and wanted.format not in FORMATS:
        raise UsageError(f"no format is called {wanted.format!r}", f"choose {', '.join(FORMATS)}")
    if as_json:
        if wanted.format not in (None, "json"):
            raise UsageError("--json and --format exclude each other", "leave one of them out")
        return "json"
    suffix = Path(wanted.output).suffix.lstrip(".").lower() if wanted.output else ""
    if suffix and wanted.format is None and suffix not in FORMATS:
        raise UsageError(
            f"the suffix of {wanted.output} stands for no format of charts", f"choose {', '.join(FORMATS)}"
        )
    return wanted.format or suffix or "csv"


def _read(work: Work, file: str) -> tuple[Charts, dict[int, Image]]:
    """Read every selected page; its picture is kept for the drawing. A page that fails is told and left out."""
    from dsvl2.pipelines import PageImage, PageResult, UnreadablePage
    from dsvl2.pipelines.charts import Charts, PageChart, read_page
    from dsvl2.pipelines.documents import PageError
    from dsvl2.pipelines.errors import page_error

    pages, images = [], {}
    progress = work.progress()
    with work.open(work.document(file), text_layer="ignore", color=True) as source:
        progress.begin(source.name, len(source.selected))
        for page in source:
            error: PageError | None = page.error if isinstance(page, UnreadablePage) else None
            if isinstance(page, PageImage):
                work.pages += 1
                engine = work.engine  # a model that cannot be loaded fails for every page: no page's error
                try:
                    with work.limit():
                        chart = read_page(page.image, engine)
                    pages.append(PageChart(page.number, chart))
                    images[page.number] = page.image
                    progress.page(source.name, PageResult(page.number))
                except Exception as failure:  # one bad page must not stop the others
                    error = page_error(failure)
            else:
                work.pages += 1
            if error is not None:
                progress.page(source.name, work.fail(source.name, page.number, error))
        progress.end(source.name)
        return Charts(source.name, tuple(pages)), images


def _tell(now: Session, charts: Charts) -> None:
    """Say what a person should know about the values, and which pages hold no chart."""
    for page in charts.charts:
        place = f"{charts.source} page {page.page}"
        for notice in page.chart.notices:
            if notice.code == "no_chart" and len(charts.charts) > 1:
                now.console.detail(f"{place}: {notice.message}")
            else:
                now.console.warn(f"{place}: {notice.message}")
        points = [point for _, point in page.chart.points()]
        measured = sum(point.origin == "measured" for point in points)
        if measured:
            now.console.say(
                f"{place}: {measured} of {len(points)} values are not printed and were measured; -f long says how sure they are"
            )


def _text(chosen: str, charts: Charts, found: list[PageChart]) -> str:
    from dsvl2.pipelines.charts import SPEC, to_csv, to_long_csv, to_markdown

    if chosen == "json":
        import json

        return json.dumps(SPEC.record(charts), ensure_ascii=False, indent=2) + "\n"
    render = {"csv": to_csv, "long": to_long_csv, "md": to_markdown}[chosen]
    return "\n".join(render(page.chart) for page in found)


def _code(now: Session, found: list[PageChart]) -> str:
    """Return the programs of all charts, tried out if matplotlib is there."""
    from dsvl2.pipelines.charts import can_run_code, run_code, to_code

    programs = []
    for page in found:
        program = to_code(page.chart)
        if not can_run_code():
            now.console.warn("the code was not tried out: pip install 'dsvl2[charts]' brings matplotlib")
        else:
            drawn = run_code(program)
            if not drawn.ok:
                now.console.warn(f"page {page.page}: the code does not draw: {drawn.problem}")
        programs.append(program)
    return "\n".join(programs)


def _draw(work: Work, wanted: Wanted, pages: list[PageChart], images: dict[int, Image]) -> None:
    """Write the drawing of the first chart; of several, each further one with its page number in the name."""
    from dsvl2.pipelines import write_output
    from dsvl2.pipelines.charts import beside

    assert wanted.plot is not None
    work.stop_progress()
    if not pages:
        work.now.console.say(f"{wanted.plot} was not written: there is nothing to draw")
    for number, page in enumerate(pages):
        path = Path(wanted.plot)
        if number:
            path = path.with_stem(f"{path.stem}-{page.page}")
        buffer = io.BytesIO()
        beside(images[page.page], page.chart).save(buffer, "PNG")
        write_output(path, buffer.getvalue(), force=wanted.force)
        work.now.console.say(f"wrote {path}")
