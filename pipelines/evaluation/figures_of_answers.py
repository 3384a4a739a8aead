"""Figures of answering: totals of receipts, fields of forms, charts, tables, formulas, and what is not on the page."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.evaluation import answers
from dsvl2.pipelines.evaluation.bench import Bench, NotMeasured, Row
from dsvl2.pipelines.evaluation.items import Item, Prediction
from dsvl2.pipelines.evaluation.own import OwnEngine
from dsvl2.pipelines.evaluation.sets import load_items

if TYPE_CHECKING:
    from dsvl2.pipelines.evaluation.formulas import Example

_CHART_SEEDS = 10_000  # training draws charts of smaller numbers


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _predict(bench: Bench, items: Sequence[Item], *, charts: bool = False) -> list[tuple[Item, Prediction]]:
    """Items with what our engine gives, those about one file together."""
    engine = OwnEngine(bench.engine, charts=charts)
    found: list[tuple[Item, Prediction]] = []
    for _, group in groupby(items, key=lambda item: item.file):
        together = list(group)
        found += zip(together, engine.predict(together), strict=True)
    return found


def receipts_total(bench: Bench) -> list[Row]:
    """The totals of receipts, as `dsvl2 extract` fills them in, equal as numbers."""
    items = load_items(bench.eval_dir / "receipts", task="extract")[: bench.sample(16)]
    asked = [(item, told) for item, told in _predict(bench, items) if item.truth.get("total")]
    right = [answers.same_field((told.value or {}).get("total"), item.truth["total"]) for item, told in asked]
    share = statistics.mean(map(float, right))
    return [Row("receipts: total exactly", _share(share), ">= 60 %", share >= 0.6, f"{len(right)} receipts")]


def forms_fields(bench: Bench) -> list[Row]:
    """Fields of forms asked for by their printed labels; small samples take the first eight of each form."""
    most = bench.sample(8)
    items: list[Item] = []
    for _, group in groupby(load_items(bench.eval_dir / "forms", task="ask"), key=lambda item: item.file):
        items += list(group)[:most]
    scores = [answers.anls(str(told.value or ""), item.truth) for item, told in _predict(bench, items)]
    mean = statistics.mean(scores)
    return [Row("forms: field by its label, ANLS", f"{mean:.3f}", ">= 0.45", mean >= 0.45, f"{len(scores)} fields")]


def charts(bench: Bench) -> list[Row]:
    """Questions about charts whose values are printed, answered from the charts' data."""
    items = load_items(bench.eval_dir / "charts", task="ask")[: bench.sample(20)]
    told = _predict(bench, items, charts=True)
    share = statistics.mean(answers.relaxed_numbers(str(p.value or ""), item.truth) for item, p in told)
    return [Row("charts: relaxed accuracy", _share(share), ">= 40 %", share >= 0.4, f"{len(told)} questions")]


def charts_unseen(bench: Bench) -> list[Row]:
    """Charts drawn by matplotlib in styles that training never draws."""
    from dsvl2.pipelines.evaluation.charts import means, synthetic

    count = bench.sample(10, 48) or 48
    found = means(synthetic(bench.engine, "unseen", range(_CHART_SEEDS, _CHART_SEEDS + count)))
    share, asked = found["relaxed_accuracy"], int(found["questions"])
    on = f"{count} charts, {asked} questions"
    return [Row("charts, unseen styles: relaxed accuracy", _share(share), ">= 85 %", share >= 0.85, on)]


def tables(bench: Bench) -> list[Row]:
    """Tables as pictures; TEDS."""
    from dsvl2.pipelines.evaluation.scoring import score

    items = load_items(bench.eval_dir / "tables", task="table")[: bench.sample(8)]
    scores = [score(item, told)["teds"] for item, told in _predict(bench, items)]
    mean = statistics.mean(scores)
    return [Row("tables: TEDS", f"{mean:.3f}", ">= 0.60", mean >= 0.6, f"{len(scores)} tables")]


def tables_unseen(bench: Bench) -> list[Row]:
    """Tables drawn here in every style; TEDS."""
    from dsvl2.pipelines.evaluation.page_sets import pdf_page
    from dsvl2.pipelines.run import run
    from dsvl2.pipelines.tables import TableTask, document_tables
    from dsvl2.pipelines.tables.teds import teds
    from dsvl2.pipelines.training.tables_synthetic import STYLES, draw

    count = bench.sample(8, 40) or 40
    scores = []
    for seed in range(count):
        drawn = draw(Random(f"figures {seed}"), STYLES[seed % len(STYLES)])
        page = pdf_page(drawn.document[0], set_name="drawn", name=str(seed), dpi=150)
        found = document_tables(list(run(TableTask(), [PageImage(1, page.image, page.dpi)], bench.engine)))
        largest = max(found, key=lambda table: table.rows * table.columns, default=None)
        scores.append(teds(largest, drawn.truth))
    mean = statistics.mean(scores)
    return [
        Row("tables, drawn: TEDS", f"{mean:.3f}", ">= 0.90", mean >= 0.9, f"{count} tables in {len(STYLES)} styles")
    ]


def _formula_row(bench: Bench, what: str, examples: Sequence[Example], target: float) -> list[Row]:
    from dsvl2.pipelines.evaluation.formulas import measure

    found = measure(examples, bench.engine, looks=3, show=False)
    got = f"{_share(found['exact'])} ({100 * found['low']:.0f} to {100 * found['high']:.0f})"
    return [Row(what, got, f">= {_share(target)}", found["exact"] >= target, f"{len(examples)} formulas")]


def formulas(bench: Bench) -> list[Row]:
    """Printed formulas, exact after normalisation."""
    from dsvl2.pipelines.evaluation.formulas import photographed

    examples = list(photographed(bench.eval_dir / "formulas"))[: bench.sample(30)]
    return _formula_row(bench, "formulas: exact", examples, 0.25)


def formulas_unseen(bench: Bench) -> list[Row]:
    """Formulas that training held out, drawn here, exact after normalisation."""
    from dsvl2.pipelines.evaluation.formulas import drawn
    from dsvl2.pipelines.training.formulas.samples import FormulaResources

    path = _needed(bench.formulas, "--formulas FILE (formulas.npz.xz)")
    count = bench.sample(30, 200) or 200
    rows: list[Row] = []
    for split in ("held_out", "unseen"):
        examples = list(drawn(FormulaResources.load(path, split), count, 0))
        rows += _formula_row(bench, f"formulas, {split.replace('_', ' ')}: exact", examples, 0.7)
    return rows


def refusals(bench: Bench) -> list[Row]:
    """Questions about virtual pages that were never trained on: refused where there is no answer, answered where there is."""
    from dsvl2.pipelines.evaluation.answering import ask, synthetic
    from dsvl2.pipelines.evaluation.tally import tally

    path = _needed(bench.vocabulary, "--vocabulary FILE (answers.xz)")
    items = [item for item in synthetic(path, bench.sample(48, 200) or 200) if item.prompt.startswith("Q:")]
    told = ask(bench.engine, items)
    found = tally([t.item.prompt for t in told], [t.item.truths for t in told], [t.answer for t in told])
    return [
        Row("not in the document, said so", _share(found.refused), ">= 90 %", found.refused >= 0.9, f"{found.missing} questions"),
        Row("false refusals", f"{100 * found.lost:.1f} %", "<= 5 %", found.lost <= 0.05, f"{found.asked} questions"),
    ]  # fmt: skip


def _needed(path: Path | None, option: str) -> Path:
    if path is None or not path.is_file():
        raise NotMeasured(f"give {option}" if path is None else f"{path} does not exist")
    return path
