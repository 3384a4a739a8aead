"""The model card of a run: what was trained on what, for how long, and every figure that the model is held to.

Reports are JSON files of `dsvl2 eval` and of `evaluation.targets`, which has all of them beside their targets; figures that
nobody measured are listed as that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsvl2.pipelines.training.curves import read_log

_TARGETS = "dsvl2/figures/v1"
_ACCURACY = "accuracy of answered tokens (teacher forced)"

_UNFITTED = (
    "Nothing was fitted to these weights yet: confidence is raw, and questions are declined where the empty answer is likeliest,",
    "not by a limit of their own, so the figures of answers cannot be held against those of a model that has one. To fit them:",
    "`python -m dsvl2.pipelines.training.calibrate --model RUN/nano --vocabulary DATA/answers.xz`, and then measure again.",
)


def write_card(run: Path, reports: Sequence[Path] = ()) -> Path:
    """Write RUN/MODEL_CARD.md from the recipe and the log of a run, and reports of what its model can do.

    Raises:
        FileNotFoundError: RUN holds no run.
        ValueError: a report is none.
    """
    tuned = (run / "finetuning.json").exists()
    recipe = json.loads((run / ("finetuning.json" if tuned else "recipe.json")).read_text(encoding="utf-8"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in reports]
    for path, report in zip(reports, found, strict=True):
        if not (report.get("schema") == _TARGETS or "figures" in report):
            raise ValueError(f"{path} is no report of dsvl2 eval or of evaluation.targets")
    lines = ["# Model card", "", *_training(read_log(run / "log.jsonl")), ""]
    if (run / "curves.png").exists():
        lines += ["![accuracy and loss over the seconds of the run](curves.png)", ""]
    if not tuned:
        lines += ["## Figures", "", *_held_to([report for report in found if report.get("schema") == _TARGETS])]
        if not (run / "nano" / "confidence.json").exists():
            lines += ["", *_UNFITTED]
    evaluated = [(path, report) for path, report in zip(reports, found, strict=True) if "figures" in report]
    if evaluated:
        lines += ["", "## Evaluations", "", "| set | engine | task | metric | items | mean | 95 % of the mean |"]
        lines += ["| --- " * 7 + "|", *(line for path, report in evaluated for line in _evaluation(path, report))]
    if "memory" in recipe:
        needed, most = (size_text(recipe["memory"][key]) for key in ("needed", "most"))
        lines += [f"Memory: {needed} for weights, gradients and moments; at most {most} were held in all."]
    lines += ["", "## Recipe", "", "```json", json.dumps(recipe, indent=2), "```"]
    card = run / "MODEL_CARD.md"
    card.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return card


def _training(records: Sequence[Mapping[str, Any]]) -> list[str]:
    steps = [record for record in records if "step" in record]
    if not steps:
        return ["The run has taken no step."]
    last, kinds = steps[-1], ("bands", "formulas", "answers")
    machines = [record for record in records if "devices" in record]
    on = f" on {machines[-1]['devices']} x {machines[-1]['device']}" if machines else ""
    pace = f", {last['ms']} ms a step at the end" if "ms" in last else ""
    lines = [f"{last['step']} steps in {last['s']:.0f} s{on}{pace}."]
    if "loss" in last:
        pace = (
            f" {last['tokens_per_s']:.0f} tokens a second, prompts and pictures counted."
            if "tokens_per_s" in last
            else ""
        )
        return [*lines, "", f"Loss {steps[0]['loss']:.4f} at the first step, {last['loss']:.4f} at the last.{pace}"]
    lines += ["", f"| kind | samples | {_ACCURACY} | loss |", "| --- | --- | --- | --- |"]
    for kind in kinds:
        tail = [record[kind] for record in steps if kind in record][-5:]
        if tail:
            accuracy, loss = (sum(values[key] for values in tail) / len(tail) for key in ("acc", "loss"))
            lines.append(f"| {kind} | {tail[-1]['seen']} per device | {accuracy:.4f} | {loss:.4f} |")
    looks = [record["held_out"] for record in records if "held_out" in record]
    if looks:
        lines += [
            "",
            "| held out: share of wrong tokens (teacher forced) | at the start | at the end |",
            "| --- " * 3 + "|",
        ]
        lines += [f"| {name} | {looks[0][name]:.4f} | {looks[-1][name]:.4f} |" for name in looks[-1]]
    return lines


def _held_to(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every figure that the embedded model is held to, the last report's where several have it."""
    from dsvl2.pipelines.evaluation.targets import figures

    rows: dict[str, list[Mapping[str, Any]]] = {}
    absent: dict[str, str] = {}
    for report in reports:
        rows |= report["rows"]
        absent |= report.get("absent", {})
        yield from (f"Measured on {report['model']}, {'everything' if report['full'] else 'small samples'}.", "")
    yield from ("| figure | got | must reach | | Tesseract | on |", "| --- " * 6 + "|")
    for name in figures():
        for row in rows.get(name, ()):
            met = {True: "met", False: "missed", None: ""}[row["met"]]
            yield f"| {row['what']} | {row['got']} | {row['target']} | {met} | {row['beside']} | {row['count']} |"
        if not rows.get(name):
            yield f"| {name} | not measured{': ' + absent[name] if name in absent else ''} | | | | |"
    if not reports:
        yield ""
        yield "To measure them: `dsvl2 train ... --eval-dir DIR`, or `python -m dsvl2.pipelines.evaluation.targets`"
        yield "with `--model RUN/nano --out RUN/figures`, and then `dsvl2 train ... --card RUN/figures/figures.json`."


def size_text(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def _evaluation(path: Path, report: Mapping[str, Any]) -> Iterator[str]:
    for row in report["figures"]:
        yield (
            f"| {path.stem} | {row['engine']} | {row['task']} | {row['metric']} | {row['count']} | {row['mean']:.4f} "
            f"| {row['low']:.4f} to {row['high']:.4f} |"
        )
