"""`dsvl2 schema`: the published JSON Schema of what dsvl2 writes."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.completing import TASKS, words
from dsvl2_cli.session import session


def schema(
    name: Annotated[
        str,
        typer.Argument(
            help="Which task, or compare, run or error; --list names them.",
            metavar="TASK",
            autocompletion=words(*TASKS, "chat", "requests", "compare", "run", "error"),
        ),
    ] = "ocr",
    list_all: Annotated[bool, typer.Option("--list", help="List what has a schema, one a line.")] = False,
    debug: options.Debug = False,
) -> None:
    """Print the JSON Schema of what a task's --json (or -f json) writes, for validators and code generators.

    dsvl2 schema ocr > ocr.schema.json
    """
    with session(debug=debug) as now:
        if list_all:
            from dsvl2.pipelines.tasks import task_names, task_spec
            from dsvl2_cli.record_schemas import SUMMARIES

            found = {task: task_spec(task).summary for task in task_names()} | SUMMARIES
            now.results.write("".join(f"{name:<12}{summary}\n" for name, summary in found.items()))
            return
        now.results.write(schema_text(name))


def schema_text(name: str) -> str:
    """Return the schema of a task or record as printed; those that lie in the package as files need no library to be loaded.

    Raises:
        UsageError: there is no task of that name.
    """
    from dsvl2_cli.packaged import published_schemas

    found = published_schemas()
    if name in found:
        return found[name].read_text(encoding="utf-8")
    from dsvl2_cli.record_schemas import RECORDS

    if name in RECORDS:
        return json.dumps(RECORDS[name](), ensure_ascii=False, indent=2) + "\n"
    from dsvl2.pipelines.tasks import task_names, task_spec
    from dsvl2_cli.errors import UsageError

    if name not in task_names():
        raise UsageError(f"no task is called {name!r}", f"choose {', '.join((*task_names(), *RECORDS))}")
    return json.dumps(task_spec(name).json_schema(), ensure_ascii=False, indent=2) + "\n"
