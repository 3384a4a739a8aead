"""Every task by name. A new one is a `TaskSpec` in its own package and one line in `HOMES`.

An entry's module is imported when it is asked for: listing the tasks loads none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dsvl2.pipelines.errors import UnknownTask
from dsvl2.pipelines.tasks.base import TaskSpec

HOMES: dict[str, str] = {
    "chart": "dsvl2.pipelines.charts.task:SPEC",
    "ocr": "dsvl2.pipelines.tasks.ocr:SPEC",
    "extract": "dsvl2.pipelines.extract.task:SPEC",
    "ask": "dsvl2.pipelines.ask.task:SPEC",
    "formula": "dsvl2.pipelines.formulas.task:SPEC",
    "chat": "dsvl2.pipelines.chat.task:SPEC",
    "ground": "dsvl2.pipelines.grounding.task:SPEC",
    "table": "dsvl2.pipelines.tables.task:SPEC",
    "page2code": "dsvl2.pipelines.page2code.task:SPEC",
    "requests": "dsvl2.pipelines.batch.completions:SPEC",
}
"""Name -> "module:attribute" of its TaskSpec."""


def task_names() -> tuple[str, ...]:
    """Return the names of all tasks."""
    return tuple(HOMES)


def task_spec(name: str) -> TaskSpec[Any]:
    """Return a task's entry.

    Raises:
        UnknownTask: lists the known ones.
    """
    if name not in HOMES:
        raise UnknownTask(f"no task is called {name!r}", hint=f"known tasks: {', '.join(HOMES)}")
    module, _, attribute = HOMES[name].partition(":")
    spec = getattr(import_module(module), attribute)
    assert isinstance(spec, TaskSpec) and spec.name == name
    return spec
