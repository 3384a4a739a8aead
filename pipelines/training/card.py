"""The model card of a run: what was trained on what, for how long, and every figure that `dsvl2 eval` reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsvl2.pipelines.training.curves import read_log


def write_card(run: Path, reports: Sequence[Path] = ()) -> Path:
    """Write RUN/MODEL_CARD.md from recipe.json, log.jsonl and the JSON reports of `dsvl2 eval`."""
    recipe = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    records = read_log(run / "log.jsonl")
    lines = ["# Model card", "", *_training(recipe, records), "", "## Figures", ""]
    rows = [row for path in reports for row in _figures(path)]
    if rows:
        lines += ["| set | engine | task | metric | items | mean | 95 % of the mean |", "| --- " * 7 + "|", *rows]
    else:
        lines.append("None measured yet: run `dsvl2 eval SET --model FOLDER -o report.json`, and this card again.")
    path = run / "MODEL_CARD.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _training(recipe: dict[str, Any], records: Sequence[dict[str, Any]]) -> list[str]:
    if not records:
        return ["The run has taken no step."]
    last = records[-1]
    lines = [f"{last['step']} steps in {last['s']:.0f} s, {last.get('ms', 0)} ms a step at the end.", ""]
    lines += ["| kind | samples | accuracy of answered tokens (teacher forced) | loss |", "| --- | --- | --- | --- |"]
    for kind, values in last.items():
        if isinstance(values, dict):
            tail = [record[kind] for record in records[-5:] if kind in record]
            accuracy, loss = (sum(v[key] for v in tail) / len(tail) for key in ("acc", "loss"))
            lines.append(f"| {kind} | {values['seen']} per device | {accuracy:.4f} | {loss:.4f} |")
    return [*lines, "", "Recipe:", "", "```json", json.dumps(recipe, indent=2), "```"]


def _figures(path: Path) -> list[str]:
    report = json.loads(path.read_text(encoding="utf-8"))
    return [
        f"| {path.stem} | {row['engine']} | {row['task']} | {row['metric']} | {row['count']} | {row['mean']:.4f} "
        f"| {row['low']:.4f} to {row['high']:.4f} |"
        for row in report["figures"]
    ]
