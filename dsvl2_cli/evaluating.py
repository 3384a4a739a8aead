"""Carry out `dsvl2 eval`: load the sets, let every engine do every item, print the table, keep the report."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dsvl2_cli import engines
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit

if TYPE_CHECKING:
    from dsvl2.pipelines.evaluation import Item, Measured, TaskName
    from dsvl2_cli.session import Session
    from dsvl2_cli.settings import Settings

TASKS = ("ocr", "ask", "choice", "table", "formula", "extract", "chart", "ground")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    sets: tuple[Path, ...]
    task: str | None = None
    against: tuple[str, ...] = ()
    limit: int | None = None
    output: Path | None = None
    regress: Path | None = None
    own: bool = True
    charts: bool = False
    force: bool = False


def measure_all(plan: Plan, settings: Settings, now: Session) -> Exit:
    """Measure; exit 10 when a figure regressed, 3 when items failed.

    Raises:
        UsageError, SetError, EngineUnavailable, and what loading a model raises.
    """
    from dsvl2.pipelines.evaluation import check_pictures, figures, measure, regressions, report, table
    from dsvl2.pipelines.output import check_writable, write_durably

    before = _before(plan.regress)
    if plan.output is not None:
        check_writable(plan.output, force=plan.force)
    items = _items(plan)
    check_pictures(items)
    measured = _engines(plan, settings)
    _tell_skipped(items, measured, now)
    scored = []
    live = sys.stderr.isatty() and now.console.verbosity >= 0
    for row in measure(items, measured):
        scored.append(row)
        if live:
            sys.stderr.write(f"\r\x1b[K{len(scored)} of {len(items) * len(measured)}  {row.item.file.name}")
    if live:
        sys.stderr.write("\r\x1b[K")
    found = figures(scored)
    arguments: dict[str, Any] = {key: str(value) for key, value in asdict(plan).items()}
    content = report(scored, measured, arguments)
    if plan.output is not None:
        write_durably(plan.output, [json.dumps(content, ensure_ascii=False, indent=1) + "\n"], force=plan.force)
    if now.json:
        now.emit({key: content[key] for key in ("schema", "machine", "engines", "figures")})
    else:
        lines = [f"{name}: {about}" for name, about in content["engines"].items()]
        now.results.write("\n".join([*lines, "", table(found)]) + "\n")
    failed = [row for row in scored if row.prediction.error]
    for row in failed[:5]:
        now.console.warn(f"{row.engine} {row.item.id}: {row.prediction.error}")
    if before and not {(f.engine, f.task, f.metric) for f in found} & {_key(row) for row in before}:
        raise UsageError(f"{plan.regress} has no figure that was measured now", "name a report of this set and engine")
    worse = regressions(found, before)
    for line in worse:
        now.console.warn(f"worse: {line}")
    return Exit.LOW_CONFIDENCE if worse else Exit.PARTIAL if failed else Exit.OK


def _key(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["engine"], row["task"], row["metric"]


def _before(path: Path | None) -> list[dict[str, Any]]:
    """The figures of an earlier report."""
    if path is None:
        return []
    try:
        figures: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["figures"]
        for row in figures:
            _key(row), float(row["low"]), float(row["high"]), float(row["mean"])
    except OSError as error:
        raise UsageError(f"--regress: {path} cannot be read: {error.strerror}", "check the path") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--regress: {path} is no report of dsvl2 eval", "make one with: dsvl2 eval SET -o FILE"
        ) from error
    return figures


def _tell_skipped(items: list[Item], measured: list[Measured], now: Session) -> None:
    """Say which items no engine or not every engine can do."""
    for task in dict.fromkeys(item.task for item in items):
        absent = [engine.name for engine in measured if task not in engine.tasks]
        if absent:
            count = sum(item.task == task for item in items)
            now.console.warn(
                f"{', '.join(absent)}: {count} item{'s' * (count > 1)} of the kind {task} left out: text only"
            )


def _items(plan: Plan) -> list[Item]:
    from dsvl2.pipelines.evaluation import load_items

    if plan.task is not None and plan.task not in TASKS:
        raise UsageError(f"no items are of the kind {plan.task!r}", f"choose {', '.join(TASKS)}")
    items: list[Item] = []
    for place in plan.sets:
        items += load_items(place, task=cast("TaskName | None", plan.task))[: plan.limit]
    return items


def _engines(plan: Plan, settings: Settings) -> list[Measured]:
    from dsvl2.pipelines.evaluation import OwnEngine, engine_named

    measured: list[Measured] = []
    if plan.own:
        engines.check_model(settings.model)
        measured.append(OwnEngine(engines.make_engine(settings), charts=plan.charts))
    measured += [engine_named(name) for name in plan.against]
    if not measured:
        raise UsageError("nothing to measure", "leave --no-model out, or add --against tesseract")
    return measured
