"""What is measured: one question, picture or page with what is true of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

TaskName = Literal["ocr", "ask", "choice", "chart", "table", "formula", "extract", "ground"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do and its truth.

    id        unique in its set
    file      the picture or document
    task      what is asked; it decides the metrics
    prompt    the question, the phrase to find, the field names (`extract`: comma-separated); empty otherwise
    truth     ocr: text; ask: accepted answers; choice: index of the right option; table: rows of `Cell` mappings;
              formula: LaTeX; extract: field -> value; ground: (x0, y0, x1, y1) px; chart: {"data": records} (see chart_data.py)
    options   the options of a `choice`
    facts     what a metric needs besides: {"humans": True} for VQA accuracy, {"substring": True} for OCRBench, "group"
    """

    id: str
    file: Path
    task: TaskName
    prompt: str
    truth: Any
    options: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an engine gave for an item; `value` is shaped as the truth, None when it gave nothing. seconds: its share."""

    value: Any
    seconds: float = 0.0
    confidence: float | None = None
    error: str | None = None
