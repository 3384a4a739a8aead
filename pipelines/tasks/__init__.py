"""What can be done with documents: page tasks that read (`Task`, TASKS), and the registry of all tasks (`TaskSpec`)."""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.tasks.base import Engine, Parsed, Prompts, Task, TaskSpec, fill
from dsvl2.pipelines.tasks.batching import (
    BatchTask,
    Finished,
    PageReading,
    TaskOptions,
    ValueFormat,
    WholeDocument,
    batch_task,
    json_formats,
    value_format,
)
from dsvl2.pipelines.tasks.ocr import OcrTask, failed_page
from dsvl2.pipelines.tasks.registry import HOMES, task_names, task_spec
from dsvl2.pipelines.tasks.schemas import record_of, schema_of

TASKS: dict[str, Callable[[], Task]] = {"ocr": OcrTask}
"""Every task that turns pages into page results, by name; `run` and `batch` take these."""

__all__ = [
    "HOMES",
    "TASKS",
    "BatchTask",
    "Engine",
    "Finished",
    "OcrTask",
    "PageReading",
    "Parsed",
    "Prompts",
    "Task",
    "TaskOptions",
    "TaskSpec",
    "ValueFormat",
    "WholeDocument",
    "batch_task",
    "failed_page",
    "fill",
    "json_formats",
    "record_of",
    "schema_of",
    "task_names",
    "task_spec",
    "value_format",
]
