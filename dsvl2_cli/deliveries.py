"""Put what was read of a document where it belongs: to files, whole or not at all, to standard output, or into a report."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from dsvl2_cli.reports import series

if TYPE_CHECKING:
    from dsvl2.pipelines import Document, InputFile, Source
    from dsvl2_cli.outputs import Output
    from dsvl2_cli.plan import Plan
    from dsvl2_cli.reports import Report
    from dsvl2_cli.session import Session
    from dsvl2_cli.stdio import Results

PROSE = frozenset({"markdown", "text"})  # formats whose documents are kept apart by an empty line


class Deliveries:
    """Writes the results of one document after the other in every form that the plan names."""

    def __init__(self, plan: Plan, now: Session) -> None:
        self.plan = plan
        self.now = now

    def deliver(
        self, file: InputFile, document: Document, report: Report, source: Source, *, streamed: Output | None
    ) -> None:
        """Write every form but the one that was `streamed`; nothing is written of a document that failed."""
        if report.problem is not None or (report.interrupted and not report.pages):
            if report.interrupted:
                self.now.console.say(f"interrupted before a page of {report.source} was done")
            return
        for output in self.plan.outputs:
            self._deliver(output, file, document, report, source, streamed=output is streamed)
        if report.interrupted:
            self._say_how_to_go_on(report, source)

    def gap(self, output: Output) -> str:
        """What goes between two documents on standard output."""
        return "\n" if self.now.results.wrote and output.format.name in PROSE else ""

    def _deliver(
        self, output: Output, file: InputFile, document: Document, report: Report, source: Source, *, streamed: bool
    ) -> None:
        from dsvl2.pipelines import write_output
        from dsvl2.pipelines.formats import rendered

        if streamed:
            return
        made = rendered(output.format, document, source.original, self.plan.render)
        data = made.data
        report.notices += made.notices
        for notice in made.notices:
            self.now.console.warn(notice.message)
        target = output.targets[file]
        if target is not None:
            path = target.with_name(target.name + ".partial") if report.interrupted else target
            write_output(path, data, force=self.plan.force or report.interrupted)
            report.outputs.append(str(path))
        elif self.plan.report:
            report.content = self._content(output, document, data)
        else:
            self.now.results.write(self.gap(output) + data if isinstance(data, str) else data)

    def _content(self, output: Output, document: Document, data: str | bytes) -> dict[str, Any]:
        """What a --json report without -o carries: the document itself."""
        from dsvl2.pipelines import document_record

        if output.format.name == "json":
            return {"document": document_record(document, self.plan.settings.min_confidence)}
        return {"format": output.format.name, "text": data}

    def _say_how_to_go_on(self, report: Report, source: Source) -> None:
        from dsvl2.pipelines.formats import page_list

        done = {page.number for page in report.pages}
        rest = [number for number in source.selected if number not in done]
        place = series(report.outputs) or "standard output"
        self.now.console.say(f"interrupted: pages {page_list(sorted(done))} of {report.source} are in {place}")
        if rest:
            alone = len(self.plan.documents) == 1
            which = "" if alone else f"dsvl2 ocr {shlex.quote(report.source)} "
            self.now.console.say(f"go on with: {which}--pages {page_list(rest)}")


class Pieces:
    """Streams to standard output, holding back until a page was read: nothing is written of a document that failed."""

    def __init__(self, results: Results, gap: str) -> None:
        self._results = results
        self._gap = gap
        self._held = ""
        self._begun = False

    def add(self, text: str, *, good: bool) -> None:
        """Write a page's text, or keep it while there have only been failed pages."""
        self._held += text
        self._begun = self._begun or good
        if self._begun:
            self.flush()

    def flush(self) -> None:
        """Write what was held back."""
        if self._held:
            self._results.write(self._gap + self._held)
            self._gap = self._held = ""
