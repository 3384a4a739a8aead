"""What a task is in a batch: how its pages are drawn and read, what is asked of a whole document, how results are written.

A task's package holds a class of this kind, and its `TaskSpec` names it; `dsvl2 batch --task NAME` finds it there. Options
and values are plain JSON data, since they cross processes and are kept in the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from dsvl2.pipelines.documents import Document, OptionValue, PageError, PageResult
from dsvl2.pipelines.errors import UnknownFormat, UnknownTask
from dsvl2.pipelines.tasks.base import Engine, Task

if TYPE_CHECKING:
    from dsvl2.pipelines.documents import PageImage
    from dsvl2.pipelines.sources import SourceOptions

TaskOptions = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PageReading:
    """What became of a page (or, as number 0, of a whole document): `result` says how it went, `value` what was found."""

    result: PageResult
    value: Any = None


@dataclass(frozen=True, slots=True)
class WholeDocument:
    """A document whose pages have all been read or given up; `draw` gives a page's image anew, and may raise."""

    name: str
    pages: tuple[PageReading, ...]
    draw: Callable[[int], PageImage]

    @property
    def good(self) -> tuple[PageReading, ...]:
        """The pages that were read."""
        return tuple(page for page in self.pages if page.result.error is None)


@dataclass(frozen=True, slots=True)
class Finished:
    """All that there is of a document when its output is written: `answer` is the value of the whole, if it was asked.

    `error` says why the document could not be opened.
    """

    document: Document
    pages: tuple[PageReading, ...]
    answer: Any = None
    error: PageError | None = None

    @property
    def good(self) -> tuple[PageReading, ...]:
        """The pages that were read."""
        return tuple(page for page in self.pages if page.result.error is None)


@dataclass(frozen=True, slots=True)
class ValueFormat:
    """A way to write what a task found. `joins`: the texts of several documents may follow each other.

    `failures`: documents that failed are written as well, with their `error`.
    """

    name: str
    suffixes: tuple[str, ...]
    render: Callable[[Finished], str | bytes]
    joins: bool = True
    failures: bool = False


class BatchTask:
    """A task in a batch; this one reads pages by a page task, and its results are written by the formats of `ocr`.

    reading     name that pages' results are kept under; tasks that read pages alike share one, and each other's results
    reads_text  whether a PDF's own text can stand in for a page that cannot be read
    asks_whole  whether `answer` is asked of every document when its pages are read
    """

    name: ClassVar[str] = "ocr"
    reading: str = "ocr"
    reads_text: bool = True
    asks_whole: bool = False

    def __init__(self, task: Task | None = None) -> None:
        self._task = task

    def source(self, options: SourceOptions) -> SourceOptions:
        """Return how files are to be opened and drawn for this task."""
        return options

    def facts(self) -> dict[str, OptionValue]:
        """Return the options that can change a result."""
        return {}

    def page_engine(self, engine: Engine) -> Engine:
        """Return the engine that reads pages, where that is not the one that answers."""
        return engine

    def read(self, pages: Sequence[PageImage], engine: Engine) -> Sequence[PageReading]:
        """Return one reading per page, in order; what one page gives must not depend on the others."""
        assert self._task is not None
        return [PageReading(result) for result in self._task.read(pages, engine)]

    def answer(self, document: WholeDocument, engine: Engine) -> PageReading:
        """Return what was found in the whole document, with a result of number 0; may raise."""
        raise NotImplementedError

    def formats(self) -> tuple[ValueFormat, ...]:
        """Return the formats of the task's own, the usual one first; none: those of `ocr`."""
        return ()


def batch_task(name: str, options: TaskOptions | None = None) -> BatchTask:
    """Return a task by name: a page task of TASKS, or what an entry of the registry names as `batch`.

    Raises:
        UnknownTask: there is none, or it cannot run in a batch. What the task says of its options.
    """
    from dsvl2.pipelines.tasks import TASKS, task_names, task_spec

    if name in TASKS:
        plain = BatchTask(TASKS[name]())
        plain.reading = name
        return plain
    place = task_spec(name).batch
    if place is None:
        able = [known for known in task_names() if known in TASKS or task_spec(known).batch]
        raise UnknownTask(f"{name} cannot run in a batch", hint=f"choose {', '.join(able)}")
    module, _, attribute = place.partition(":")
    made = getattr(import_module(module), attribute)(options or {})
    assert isinstance(made, BatchTask)
    return made


def value_format(task: BatchTask, name: str | None) -> ValueFormat:
    """Return a task's own format by name or suffix; None: its usual one.

    Raises:
        UnknownFormat.
    """
    known = task.formats()
    aliases = {"ndjson": "jsonl", "md": "markdown", "txt": "text", "tex": "latex", "htm": "html"}
    wanted = None if name is None else aliases.get(name.lower().lstrip("."), name.lower())
    for one in known:
        if wanted in (None, one.name):
            return one
    names = ", ".join(one.name for one in known)
    raise UnknownFormat(f"{task.name} is not written as '{name}'", hint=f"known formats: {names}")


def json_formats(records: Callable[[Finished], Sequence[Any]], *, single: bool) -> tuple[ValueFormat, ValueFormat]:
    """Return JSON lines, a record each, and JSON: the record where there is a `single` one, else a list of all."""

    def lines(done: Finished) -> str:
        return "".join(_dumps(record, None) + "\n" for record in records(done))

    def whole(done: Finished) -> str:
        found = records(done)
        return _dumps(found[0] if single else list(found), 2) + "\n"

    return ValueFormat("jsonl", (".jsonl", ".ndjson"), lines), ValueFormat("json", (".json",), whole, joins=False)


def _dumps(record: Any, indent: int | None) -> str:
    text = json.dumps(record, ensure_ascii=False, indent=indent)
    return text.encode("utf-8", "replace").decode("utf-8").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
