"""What an assistant may do with the documents of some folders: list, inspect, read, ask, extract. Nothing is written.

One engine serves all calls; pages that were read are kept, so that the second question about a document reads nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli import __version__
from dsvl2_cli.console import Problem
from dsvl2_cli.errors import UsageError
from dsvl2_cli.mcp_server import Server, Tool, ToolAnswer
from dsvl2_cli.progress import Progress, Silent
from dsvl2_cli.session import Leave
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from dsvl2.pipelines import Engine, InputFile, PageResult, Source, Task
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

MOST_KEPT = 1000  # pages in memory, some 20 KB each
MOST_LISTED = 200
_PATH = {"type": "string", "description": "Path of a document (PDF or image)."}
_PAGES = {"type": "string", "description": "Pages, counted from 1: 1-3,8,z (z is the last). Default: from the first."}


def serve(folders: Sequence[str], most: int, common: Common, now: Session) -> None:
    """Answer an assistant until it closes standard input.

    Raises:
        UsageError: no such folder, or nobody but a person at the other end.
    """
    from dsvl2_cli.offline import forbid_network

    roots = [Path(os.path.realpath(folder)) for folder in folders]
    for root, folder in zip(roots, folders, strict=True):
        if not root.is_dir():
            raise UsageError(f"{folder} is no folder", "name folders whose documents may be read")
    if sys.stdin.isatty():
        args = json.dumps(["mcp", *map(str, roots)], ensure_ascii=False)
        raise UsageError(
            "an assistant starts this command and talks to it on standard input",
            f'put into its configuration: {{"mcpServers": {{"dsvl2": {{"command": "dsvl2", "args": {args}}}}}}}',
        )
    forbid_network()

    def send(message: dict[str, Any]) -> None:
        now.results.write(json.dumps(message, ensure_ascii=False) + "\n")

    work = KeptWork(common, now)
    with work:
        desk = Desk(roots, most, work)
        server = Server("dsvl2", __version__, desk.tools(), send)
        work.tell = server.progress
        now.console.detail(f"reading from {', '.join(map(str, roots))}")
        for line in sys.stdin.buffer:
            server.line(line)


class KeptWork(Work):
    """Work that remembers the pages it has read, and passes on how far it is."""

    tell: Callable[[int, int], None]

    def __init__(self, common: Common, now: Session) -> None:
        super().__init__(common, now)
        self._kept: dict[tuple[str, int], PageResult] = {}

    def read(
        self,
        source: Source,
        task: Task | None = None,
        numbers: Sequence[int] | None = None,
        engine: Engine | None = None,
    ) -> list[PageResult]:
        """Read the pages that have not been read yet; return all that were asked for."""
        if task is not None:
            return super().read(source, task, numbers, engine)
        wanted = tuple(source.selected if numbers is None else numbers)
        new = [number for number in wanted if (source.sha256, number) not in self._kept]
        found = {page.number: page for page in super().read(source, None, new, engine)} if new else {}
        pages = [found.get(number) or self._kept[source.sha256, number] for number in wanted]
        for page in found.values():
            if page.error is None:
                self._kept[source.sha256, page.number] = page
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return pages

    def progress(self) -> Progress:
        return _Told(self.tell)

    def stop_progress(self) -> None:
        """Nothing is shown."""


class _Told(Silent):
    """Counts the pages of a document for the assistant."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self._tell, self._done, self._of = tell, 0, 0

    def begin(self, source: str, pages: int) -> None:
        self._done, self._of = 0, pages

    def page(self, source: str, page: PageResult) -> None:
        self._done += 1
        self._tell(self._done, self._of)


class Desk:
    """The tools, and the folders that they keep to."""

    def __init__(self, roots: Sequence[Path], most: int, work: Work) -> None:
        self._roots, self._most, self._work = roots, most, work

    def tools(self) -> list[Tool]:
        """Return all tools with what they take."""
        one = {"path": _PATH, "pages": _PAGES}
        form = {"type": "string", "enum": ["markdown", "text"], "description": "Default: markdown."}
        questions = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50}
        fields = {
            "type": "string",
            "description": "The fields in short, as: invoice_no, date: date, total: number, items[]: {text, amount: number}; "
            "or a JSON Schema as text.",
        }
        folder = {"type": "string", "description": "Where to look. Default: all folders that may be read."}
        return [
            self._tool("list_documents", "List the documents (PDF, images) in the folders that may be read.",
                       {"folder": folder}, (), self._list),
            self._tool("inspect_document", "Say how many pages a document has and which carry text. Quick: nothing is read.",
                       {"path": _PATH}, ("path",), self._inspect),
            self._tool("read_document", f"Read a scanned or digital document into Markdown, at most {self._most} pages a call.",
                       {**one, "format": form}, ("path",), self._read),
            self._tool("ask_document", "Answer questions about a document, each with page, quote and confidence, or say that "
                       "it is not in the document. Good for facts that stand there: names, dates, sums.",
                       {**one, "questions": questions}, ("path", "questions"), self._ask),
            self._tool("extract_fields", "Extract fields from a document as JSON valid for a schema; null where it does not say, "
                       "or not surely (then `candidate`).", {**one, "fields": fields}, ("path", "fields"), self._extract),
        ]  # fmt: skip

    def _tool(
        self,
        name: str,
        description: str,
        properties: dict[str, Any],
        required: Sequence[str],
        call: Callable[[dict[str, Any]], ToolAnswer],
    ) -> Tool:
        schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}

        def guarded(arguments: dict[str, Any]) -> ToolAnswer:
            self._work.failed.clear()
            self._work.pages = 0
            try:
                return call(arguments)
            except (KeyboardInterrupt, BrokenPipeError):
                raise
            except Leave as leave:
                return ToolAnswer(f"no page could be read (exit code {int(leave.exit)})", failed=True)
            except Exception as error:
                if self._work.now.debug:
                    self._work.now.console.trace(error)
                problem = Problem.of(error)
                hint = f"; {problem.hint}" if problem.hint else ""
                return ToolAnswer(f"error[{problem.code}]: {problem.message}{hint}", problem.as_dict(), failed=True)

        return Tool(name, description, schema, guarded)

    def _document(self, word: str) -> InputFile:
        """Return the document at a path, absolute or below one of the folders.

        Raises:
            FileMissing: it is not there, or outside the folders.
        """
        from dsvl2.pipelines import InputFile

        path = self._inside(word)
        if path.is_dir():
            return self._work.document(str(path))
        return InputFile(path)

    def _inside(self, word: str) -> Path:
        from dsvl2.pipelines.errors import FileMissing

        places = [Path(os.path.realpath(root / Path(word).expanduser())) for root in self._roots]
        inside = [place for place in places if any(place.is_relative_to(root) for root in self._roots)]
        found = next((place for place in inside if place.exists()), None)
        if found is None:
            allowed = ", ".join(map(str, self._roots))
            fact = f"{word} does not exist" if inside else f"{word} lies outside the folders that may be read"
            raise FileMissing(fact, hint=f"list_documents names the documents in {allowed}")
        return found

    def _list(self, given: dict[str, Any]) -> ToolAnswer:
        from dsvl2.pipelines.errors import FileMissing
        from dsvl2.pipelines.sources import printable, walk_folder

        places = [self._inside(given["folder"])] if "folder" in given else list(self._roots)
        skipped: list[FileMissing] = []
        names = []
        for place in places:
            for path in walk_folder(place, skipped) if place.is_dir() else [place]:
                names.append(printable(str(path)))
                if len(names) > MOST_LISTED:
                    break
        shown = names[:MOST_LISTED]
        more = [f"... and more; name a folder to see fewer than {MOST_LISTED}"] if len(names) > MOST_LISTED else []
        text = "\n".join([*shown, *more, *map(str, skipped)]) or "no documents"
        return ToolAnswer(text, {"documents": shown, "complete": not more})

    def _inspect(self, given: dict[str, Any]) -> ToolAnswer:
        with self._work.open(self._document(given["path"]), text_layer="ignore") as source:
            layers = [info.number for info in source.page_infos() if info.text_characters]
            from dsvl2.pipelines.formats import page_list

            pages = f"{source.page_count} page{'s' if source.page_count != 1 else ''}"
            text = f"{source.name}: {source.kind}, {pages}; " + (
                f"text stored on {page_list(layers)}" if layers else "scanned"
            )
            return ToolAnswer(text, {"kind": source.kind, "page_count": source.page_count, "text_pages": layers})

    def _read(self, given: dict[str, Any]) -> ToolAnswer:
        from dataclasses import replace

        from dsvl2.pipelines import RenderOptions, document_head, get_format
        from dsvl2.pipelines.formats import page_list

        with self._work.open(self._document(given["path"]), pages=given.get("pages")) as source:
            now, rest = source.selected[: self._most], source.selected[self._most :]
            pages = tuple(self._work.read(source, numbers=now))
            if len(self._work.failed) == len(pages) and self._work.failed[0].error is not None:
                error = self._work.failed[0].error
                return ToolAnswer(f"error[{error.code}]: {error.message}", failed=True)
            document = replace(document_head(source, None), pages=pages)
            options = RenderOptions(page_markers=source.page_count > 1)
            text = get_format(given.get("format", "markdown")).render(document, options) or "(blank)\n"
            data = {"pages": list(now), "page_count": source.page_count, "failed_pages": list(document.failed)}
            if rest:
                text += f"\n[pages {page_list(now)} of {source.page_count}; go on with pages {page_list(rest)}]\n"
            return ToolAnswer(text, {**data, "rest": page_list(rest) or None})

    def _ask(self, given: dict[str, Any]) -> ToolAnswer:
        from dsvl2.pipelines.ask import CANDIDATES, SPEC, check_question
        from dsvl2_cli.askable import gather
        from dsvl2_cli.asking import ask_pages, readable

        questions = [check_question(question, number) for number, question in enumerate(given["questions"], 1)]
        with ExitStack() as stack, self._pages(given):
            document = self._document(given["path"])
            found = gather(self._work, [document], stack, limit=None, rank_all=CANDIDATES, questions=questions)
            results = ask_pages(self._work, found, questions, CANDIDATES)
        text = "\n".join(readable(result, heading=len(results) > 1, one_source=True) for result in results)
        return ToolAnswer(text, {"answers": [SPEC.record(result) for result in results]})

    def _extract(self, given: dict[str, Any]) -> ToolAnswer:
        from dsvl2.pipelines.extract import extraction_record, read_schema
        from dsvl2_cli.extracting import Extractor, ExtractPlan

        if not given["fields"].lstrip().startswith("{") and _is_file(given["fields"]):
            raise UsageError("a schema is given itself, not by its file", "write the fields, or JSON Schema as text")
        form = read_schema(given["fields"])
        plan = ExtractPlan((), given["fields"], (), False, None, None, None, True, None, None, False, False)
        with self._pages(given):
            extraction = Extractor(self._work, plan, form).one(self._document(given["path"]))
        return ToolAnswer(json.dumps(extraction.data, ensure_ascii=False, indent=1), extraction_record(extraction))

    def _pages(self, given: dict[str, Any]) -> _Pages:
        return _Pages(self._work, given.get("pages"))


def _is_file(word: str) -> bool:
    try:
        return os.path.exists(word)
    except (OSError, ValueError):
        return False


class _Pages:
    """For the length of a call, open documents with its page list."""

    def __init__(self, work: Work, pages: str | None) -> None:
        from dataclasses import replace

        self._work, self._before = work, work.options
        self._options = replace(work.options, pages=pages) if pages else work.options

    def __enter__(self) -> None:
        self._work.options = self._options

    def __exit__(self, *ended: object) -> None:
        self._work.options = self._before
