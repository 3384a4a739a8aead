"""Measure engines on items, file by file, so that all engines are timed under the same load; and lay out the figures."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from dsvl2.pipelines.evaluation.engines import Measured
from dsvl2.pipelines.evaluation.items import Item
from dsvl2.pipelines.evaluation.scoring import Figure, Scored, figures, score

SHOWN = {
    "ocr": ("cer", "wer", "word_f1", "word_f1_plain"),
    "ask": ("anls", "exact", "relaxed_numbers", "vqa", "ocrbench"),
    "extract": ("field_f1",),
}
"""The metrics of the table; every other task shows all of its own. The JSON report always has all."""


def measure(items: Sequence[Item], engines: Sequence[Measured]) -> Iterator[Scored]:
    """Let every engine that can do an item's task do it; yield a score for each."""
    for (file, task), group in groupby(items, key=lambda item: (item.file, item.task)):
        together = list(group)
        assert file is not None
        for engine in engines:
            if task not in engine.tasks:
                continue
            predictions = engine.predict(together)
            for item, prediction in zip(together, predictions, strict=True):
                yield Scored(item, engine.name, prediction, score(item, prediction))


def report(scored: Sequence[Scored], engines: Sequence[Measured], arguments: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured, as one JSON-able dict."""
    return {
        "schema": "dsvl2/eval/v1",
        "machine": f"{platform.machine()} {platform.system()}, Python {platform.python_version()}",
        "arguments": arguments,
        "engines": {engine.name: engine.about for engine in engines},
        "figures": [asdict(figure) for figure in figures(scored)],
        "items": [
            {
                "engine": row.engine,
                "id": row.item.id,
                "file": row.item.file.name,
                "task": row.item.task,
                "prompt": row.item.prompt,
                "truth": row.item.truth,
                "value": _plain(row.prediction.value),
                "confidence": row.prediction.confidence,
                "error": row.prediction.error,
                "seconds": round(row.prediction.seconds, 4),
                "scores": {name: round(value, 6) for name, value in row.scores.items()},
            }
            for row in scored
        ],
    }


def _plain(value: Any) -> Any:
    """A prediction as JSON has it; tables as HTML."""
    from dsvl2.pipelines.tables import TableResult, to_html

    return to_html(value) if isinstance(value, TableResult) else value


def shown(found: Sequence[Figure]) -> list[Figure]:
    """The figures that the table shows."""
    return [figure for figure in found if _shows(figure)]


def _shows(figure: Figure) -> bool:
    wanted = SHOWN.get(figure.task)
    field = figure.task == "extract" and figure.metric.startswith(("exact:", "anls:"))
    return figure.metric == "seconds" or wanted is None or figure.metric in wanted or field


def table(found: Sequence[Figure]) -> str:
    """The figures as text: one line each, scores in percent."""
    rows = [("engine", "task", "metric", "n", "mean", "95% of the mean", "median")]
    for figure in shown(found):
        factor = 1 if figure.metric == "seconds" else 100
        mean, low, high, median = (
            f"{factor * value:.2f}" for value in (figure.mean, figure.low, figure.high, figure.median)
        )
        rows.append((figure.engine, figure.task, figure.metric, str(figure.count), mean, f"{low}..{high}", median))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    return "\n".join(lines)
