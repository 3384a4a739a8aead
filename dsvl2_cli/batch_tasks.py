"""What a batch does with every document: the task, its options, and the formats that it can be written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli.asking import question_lines
from dsvl2_cli.batch_places import is_stream
from dsvl2_cli.errors import UsageError

if TYPE_CHECKING:
    from dsvl2.pipelines import Format
    from dsvl2.pipelines.tasks import BatchTask, ValueFormat
    from dsvl2_cli.settings import Settings

OWN = {
    "questions": "-Q, --questions-from",
    "schema": "--schema",
    "rules": "--rule",
    "phrase": "--phrase",
    "chart": "--chart",
}
USED = {"ask": {"questions", "chart"}, "extract": {"schema", "rules"}, "ground": {"phrase"}}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of tasks as given on the command line."""

    questions: Sequence[str] = ()
    questions_from: str | None = None
    schema: str | None = None
    rules: Sequence[str] = ()
    phrase: str | None = None
    chart: bool = False

    def options(self, task: str, settings: Settings) -> dict[str, Any]:
        """Return the options for a task; a schema is read now, so that the run no longer needs its file.

        Raises:
            UsageError: an option of another task; the questions cannot be read. SchemaError.
        """
        questions = [*self.questions, *(question_lines(self.questions_from) if self.questions_from else ())]
        given: dict[str, Any] = {
            "questions": questions,
            "schema": self.schema,
            "rules": list(self.rules),
            "phrase": self.phrase,
            "chart": self.chart,
        }
        found = {name: value for name, value in given.items() if value}
        for name in found:
            if task in USED.keys() | {"ocr"} and name not in USED.get(task, ()):
                other = next(task for task, names in USED.items() if name in names)
                raise UsageError(f"{OWN[name]} is not for the task {task}", f"add --task {other}")
        if "schema" in found:
            from dsvl2.pipelines.extract import read_schema

            found["schema"] = read_schema(found["schema"]).schema
            found["least"] = settings.min_confidence
        return found


def task_for(task: str, words: Sequence[str], output: str | None) -> str:
    """Return the task: files in OpenAI's batch format ask for `requests`.

    Raises:
        UsageError: requests beside other inputs, without a stream to write to, or a file of them that is not there.
    """
    from dsvl2.pipelines.batch import looks_like_requests

    lists = [word for word in words if word.lower().endswith((".jsonl", ".ndjson"))]
    if task == "ocr" and lists and all(looks_like_requests(Path(word)) for word in lists):
        task = "requests"
    if task != "requests":
        return task
    for word in words:
        if word != "-" and not Path(word).is_file():
            raise UsageError(f"{word} is no file of requests", "give JSON lines with custom_id, method, url and body")
    if output is not None and output != "-" and not is_stream(output):
        raise UsageError("the answers to requests go to one file", "name it with -o results.jsonl, or -o -")
    return task


def make_task(name: str, options: dict[str, Any]) -> BatchTask:
    """Return the task.

    Raises:
        UsageError: there is none, or it needs a person. What the task says of its options.
    """
    from dsvl2.pipelines.errors import UnknownTask
    from dsvl2.pipelines.tasks import batch_task

    try:
        return batch_task(name, options)
    except UnknownTask as error:
        raise UsageError(str(error), error.hint) from error


def named_format(task: str, options: dict[str, Any], name: str) -> Format | ValueFormat:
    """Return a task's format, or one of those that pages are written in.

    Raises:
        UnknownFormat.
    """
    from dsvl2.pipelines import get_format
    from dsvl2.pipelines.tasks import batch_task, value_format

    made = batch_task(task, options)
    return value_format(made, name) if made.formats() else get_format(name)


def choose_batch_format(
    task: BatchTask, flag: str | None, output: str, settings: Settings, *, jsonl: bool
) -> Format | ValueFormat:
    """-f wins, then --jsonl and a .jsonl output, then the configured format (of pages), then the usual one.

    Raises:
        UsageError: the format cannot go there. UnknownFormat. OutputError: documents that cannot follow each other.
    """
    from dsvl2.pipelines import get_format
    from dsvl2.pipelines.errors import OutputError
    from dsvl2.pipelines.output import ONE_DOCUMENT
    from dsvl2.pipelines.tasks import value_format

    stream = jsonl or is_stream(output)
    chosen: Format | ValueFormat
    if task.formats():
        chosen = value_format(task, flag or ("jsonl" if stream or output == "-" else None))
        joins = chosen.joins
    else:
        chosen = get_format(flag or ("jsonl" if stream else settings.format or "md"))
        joins = chosen.name not in ONE_DOCUMENT
    if stream and not (joins and chosen.suffixes[0] == ".jsonl"):
        raise UsageError(f"{chosen.name} documents cannot be put together in one file", "use -f jsonl, or -o DIR/")
    if output == "-" and not joins:
        fact = f"{chosen.name} documents cannot follow each other on standard output"
        raise OutputError(fact, hint="give a folder with -o DIR/, or use -f jsonl or -f markdown")
    folder = output == "-" or output.endswith("/") or Path(output).is_dir()
    if not stream and not folder and Path(output).suffix.lower() in chosen.suffixes:
        raise UsageError(f"a batch cannot be written to the one file {output}", "name a folder: -o DIR/")
    return chosen
