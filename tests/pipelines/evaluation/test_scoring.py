"""Figures from predictions: means, intervals, micro F1, regressions, and the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from dsvl2.pipelines.evaluation import Item, Prediction, Scored, figures, measure, regressions, report, score, table
from dsvl2.pipelines.evaluation.scoring import true_table


class Parrot:
    """Says the truth to every nth item, and nothing to the others."""

    name, about, tasks = "parrot", "a test", frozenset({"ask", "extract"})

    def __init__(self, every: int = 1) -> None:
        self.every, self.seen = every, 0

    def predict(self, items: Sequence[Item]) -> list[Prediction]:
        told = []
        for item in items:
            self.seen += 1
            value = item.truth[0] if item.task == "ask" else item.truth
            told.append(Prediction(value if self.seen % self.every == 0 else None, 0.5))
        return told


def asks(count: int) -> list[Item]:
    return [Item(str(n), Path("x.png"), "ask", f"Q{n}", (str(10 + n),)) for n in range(count)]


def test_means_and_intervals_of_items() -> None:
    scored = list(measure(asks(10), [Parrot(every=2)]))
    found = {figure.metric: figure for figure in figures(scored)}
    assert found["anls"].mean == 0.5 and found["anls"].count == 10
    assert 0.1 <= found["anls"].low < 0.5 < found["anls"].high <= 0.9
    assert found["seconds"].mean == 0.5
    content = report(scored, [Parrot()], {})
    assert len(content["items"]) == 10 and content["items"][0]["scores"]["anls"] == 0
    assert "parrot  ask" in table(figures(scored)) and "50.00" in table(figures(scored))


def test_field_f1_is_over_all_fields() -> None:
    items = [
        Item("a", Path("a"), "extract", "", {"x": "1", "y": "2", "z": None}),
        Item("b", Path("b"), "extract", "", {"x": "3"}),
    ]
    found = {figure.metric: figure for figure in figures(list(measure(items, [Parrot(every=2)])))}
    assert found["field_f1"].mean == pytest.approx(2 * 1 / (1 + 3))
    assert found["exact:x"].mean == 0.5 and found["exact:y"].mean == 0 and "exact:z" not in found


def test_an_engine_is_not_asked_for_what_it_cannot_do() -> None:
    assert not list(measure([Item("a", Path("a"), "table", "", "")], [Parrot()]))


def test_tables_and_formulas_are_scored_by_their_structure() -> None:
    cells = [{"r0": 2, "r1": 2, "c0": 1, "c1": 2, "text": "head"}, {"r0": 3, "r1": 3, "c0": 1, "c1": 1, "text": "a"},
             {"r0": 3, "r1": 3, "c0": 2, "c1": 2, "text": "b"}]  # fmt: skip
    html = '<table><tr><td colspan="2">head</td></tr><tr><td>a</td><td>b</td></tr></table>'
    item = Item("t", Path("t"), "table", "", cells)
    assert score(item, Prediction(true_table(html))) == {"teds": 1.0, "teds_struct": 1.0}
    told = Scored(item, "x", Prediction(true_table(html)), {"teds": 1.0})
    assert "colspan" in json.dumps(report([told], [], {}))
    wrong = score(item, Prediction(true_table(html.replace("<td>b</td>", "<td>c</td>"))))
    assert wrong["teds"] < 1 and wrong["teds_struct"] == 1
    assert score(item, Prediction(None)) == {"teds": 0, "teds_struct": 0}
    formula = Item("f", Path("f"), "formula", "", r"{a \over b}\label{x}")
    assert score(formula, Prediction(r"\frac{a}{b}"))["exact"] == 1
    assert score(formula, Prediction(None))["exact"] == 0


def test_a_drop_below_the_interval_is_a_regression() -> None:
    good = figures(list(measure(asks(10), [Parrot()])))
    bad = figures(list(measure(asks(10), [Parrot(every=2)])))
    before = [asdict(figure) for figure in good]
    assert not regressions(good, before)
    assert any("anls" in line for line in regressions(bad, before))
    assert not regressions(good, [asdict(figure) for figure in bad])  # better is no regression
