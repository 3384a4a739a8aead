"""Scores of predictions, and what many of them come to: a mean with a bootstrap interval, by task and metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsvl2.pipelines.evaluation import answers
from dsvl2.pipelines.evaluation.items import Item, Prediction

if TYPE_CHECKING:
    from dsvl2.pipelines.tables import TableResult

LOWER_IS_BETTER = ("cer", "wer", "seconds")


@dataclass(frozen=True, slots=True)
class Scored:
    """An item, what an engine gave, and the scores by metric (0..1; error rates may exceed 1)."""

    item: Item
    engine: str
    prediction: Prediction
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the table: mean, 95 % bootstrap interval, and median over `count` items.

    Field F1 is micro-averaged over all fields; its interval resamples items.
    """

    engine: str
    task: str
    metric: str
    count: int
    mean: float
    low: float
    high: float
    median: float


def score(item: Item, prediction: Prediction) -> dict[str, float]:
    """The metrics of the item's task. Nothing given scores as an empty answer."""
    return SCORERS[item.task](item, prediction.value)


def _ocr(item: Item, value: Any) -> dict[str, float]:
    from dsvl2.pipelines.evaluation.metrics import compare, plain_word_f1

    truth, told = str(item.truth), str(value or "")
    errors = compare(truth, told)
    return {
        "cer": errors.cer,
        "wer": errors.wer,
        "word_f1": errors.word_f1,
        "word_f1_plain": plain_word_f1(truth, told),
    }


def _ask(item: Item, value: Any) -> dict[str, float]:
    told, accepted = str(value or ""), list(item.truth)
    if item.facts.get("humans"):
        return {"vqa": answers.vqa(told, accepted), "anls": answers.anls(told, accepted)}
    if item.facts.get("substring"):
        return {"ocrbench": answers.contains(told, accepted, ignore_space=bool(item.facts.get("ignore_space")))}
    figures = {"anls": answers.anls(told, accepted), "exact": answers.exact(told, accepted)}
    return figures | {
        "relaxed": answers.relaxed(told, accepted),
        "relaxed_numbers": answers.relaxed_numbers(told, accepted),
    }


def _choice(item: Item, value: Any) -> dict[str, float]:
    return {"accuracy": float(answers.choice(str(value or ""), item.options) == item.truth)}


def _formula(item: Item, value: Any) -> dict[str, float]:
    from dsvl2.pipelines.formulas import edit_similarity, formula_match

    told = str(value or "")
    return {
        "exact": float(formula_match(told, item.truth)),
        "similarity": edit_similarity(told, item.truth),
    }


def _table(item: Item, value: Any) -> dict[str, float]:
    from dsvl2.pipelines.tables.teds import teds

    truth = true_table(item.truth)
    return {"teds": teds(value, truth), "teds_struct": teds(value, truth, structure_only=True)}


def true_table(truth: Any) -> TableResult:
    """A table from its HTML, or from cells {r0, r1, c0, c1, text} whose rows and columns may begin anywhere."""
    from dsvl2.pipelines.tables import TableCell, parse_tables, table_of

    if isinstance(truth, str):
        return parse_tables(truth)[0][0]
    top, left = min(cell["r0"] for cell in truth), min(cell["c0"] for cell in truth)
    return table_of(
        TableCell(
            cell["r0"] - top, cell["c0"] - left, str(cell["text"]),
            rowspan=cell["r1"] - cell["r0"] + 1, colspan=cell["c1"] - cell["c0"] + 1,
        )
        for cell in truth
    )  # fmt: skip


def _extract(item: Item, value: Any) -> dict[str, float]:
    found = value if isinstance(value, Mapping) else {}
    right, given, true = answers.field_f1(dict(found), dict(item.truth))
    figures = {"fields_right": float(right), "fields_given": float(given), "fields_true": float(true)}
    for name, truth in item.truth.items():
        if truth not in (None, "", []):
            got = found.get(name)
            figures[f"exact:{name}"] = float(got not in (None, "") and answers.same_field(got, truth))
            figures[f"anls:{name}"] = answers.anls(answers.as_text(got), answers.as_texts(truth))
    return figures


def _ground(item: Item, value: Any) -> dict[str, float]:
    overlap = answers.iou(value, item.truth) if value else 0.0
    return {"iou": overlap, "iou>=0.5": float(overlap >= 0.5)}


def _chart(item: Item, value: Any) -> dict[str, float]:
    from dsvl2.pipelines.evaluation.chart_data import data_of_records, mapping_f1

    return {"rms_f1": mapping_f1(data_of_records({"data": value or ()}), data_of_records(item.truth))}


SCORERS: dict[str, Callable[[Item, Any], dict[str, float]]] = {
    "ocr": _ocr, "ask": _ask, "choice": _choice, "formula": _formula, "table": _table, "extract": _extract,
    "ground": _ground, "chart": _chart,
}  # fmt: skip


def figures(scored: Sequence[Scored], *, draws: int = 2000, seed: int = 0) -> list[Figure]:
    """Sum up by engine, task and metric, in the order of first appearance."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    counts: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for row in scored:
        for metric, value in row.scores.items():
            if metric.startswith("fields_"):
                continue
            groups.setdefault((row.engine, row.item.task, metric), []).append(value)
        groups.setdefault((row.engine, row.item.task, "seconds"), []).append(row.prediction.seconds)
        if "fields_true" in row.scores:
            triple = tuple(row.scores[f"fields_{name}"] for name in ("right", "given", "true"))
            counts.setdefault((row.engine, row.item.task), []).append(triple)  # type: ignore[arg-type]
    found = [_figure(*key, np.array(values), draws, seed) for key, values in groups.items()]
    return [_micro_f1(*key, np.array(rows), draws, seed) for key, rows in counts.items()] + found


def _figure(engine: str, task: str, metric: str, values: Any, draws: int, seed: int) -> Figure:
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Figure(
        engine, task, metric, len(values), float(values.mean()), float(low), float(high), float(np.median(values))
    )


def _micro_f1(engine: str, task: str, rows: Any, draws: int, seed: int) -> Figure:
    def f1(chosen: Any) -> Any:
        right, given, true = (chosen[..., column].sum(-1) for column in range(3))
        return 2 * right / np.maximum(given + true, 1)

    rng = np.random.default_rng(seed)
    sampled = f1(rows[rng.integers(0, len(rows), (draws, len(rows)))])
    low, high = np.quantile(sampled, (0.025, 0.975))
    each = f1(rows[:, None])
    return Figure(engine, task, "field_f1", len(rows), float(f1(rows)), float(low), float(high), float(np.median(each)))


def regressions(now: Iterable[Figure], before: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is worse than in an earlier report by more than its interval allows, one line each; seconds do not count."""
    old = {(row["engine"], row["task"], row["metric"]): row for row in before}
    lines = []
    for figure in now:
        row = old.get((figure.engine, figure.task, figure.metric))
        if row is None or figure.metric == "seconds":
            continue
        lower = figure.metric in LOWER_IS_BETTER
        worse = figure.mean > row["high"] if lower else figure.mean < row["low"]
        if worse:
            lines.append(
                f"{figure.engine} {figure.task} {figure.metric}: {figure.mean:.4f}, was {row['mean']:.4f}"
                f" ({row['low']:.4f} to {row['high']:.4f})"
            )
    return lines
