"""The card of a run names every figure that the model is held to, measured or not, and the recipes are there by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsvl2.model import load_engine
from dsvl2.pipelines.evaluation.targets import figures
from dsvl2.pipelines.training import named_recipe, telling, write_card
from dsvl2.pipelines.training.recipe import RECIPES, Recipe

STEP = {"step": 7, "s": 3.0, "ms": 210, "bands": {"acc": 0.9, "loss": 0.3, "seen": 40}}
LOOKS = [{"held_out": {"print": value}, "s": value} for value in (0.5, 0.25)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "recipe.json").write_text(json.dumps({"seed": 3}), encoding="utf-8")
    records: list[dict[str, Any]] = [{"devices": 2, "device": "H100"}, *LOOKS, STEP, {"step": 8, "s": 4.0}]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n{cut", encoding="utf-8")
    return tmp_path


def test_a_card_without_reports_lists_every_figure_as_not_measured(run: Path) -> None:
    card = write_card(run).read_text(encoding="utf-8")
    assert all(f"| {name} | not measured" in card for name in figures())
    assert "8 steps in 4 s on 2 x H100" in card and "| bands | 40 per device | 0.9000 |" in card
    assert "| print | 0.5000 | 0.2500 |" in card and '"seed": 3' in card


def test_a_card_says_whether_confidence_was_fitted_to_the_weights(run: Path) -> None:
    assert "calibrate --model RUN/nano" in write_card(run).read_text(encoding="utf-8")
    (run / "nano").mkdir()
    (run / "nano" / "confidence.json").write_text("{}", encoding="utf-8")
    assert "calibrate" not in write_card(run).read_text(encoding="utf-8")


def test_figures_stand_beside_their_targets(run: Path, tmp_path: Path) -> None:
    row = {
        "what": "contracts: CER",
        "got": ".02 %",
        "target": "<= .1 %",
        "met": True,
        "count": "12 pages",
        "beside": "",
    }
    report = {"schema": "dsvl2/figures/v1", "model": "nano int8", "full": False, "rows": {"contracts": [row]},
              "absent": {"papers": "no network"}}  # fmt: skip
    scores = {"engine": "nano", "task": "ask", "metric": "anls", "count": 5, "mean": 0.5, "low": 0.4, "high": 0.6}
    for name, content in (("targets.json", report), ("forms.json", {"figures": [scores]})):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    card = write_card(run, [tmp_path / "targets.json", tmp_path / "forms.json"]).read_text(encoding="utf-8")
    assert "| contracts: CER | .02 % | <= .1 % | met |  | 12 pages |" in card
    assert "| papers | not measured: no network |" in card and "| time | not measured |" in card
    assert "| forms | nano | ask | anls | 5 | 0.5000 | 0.4000 to 0.6000 |" in card
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.json is no report"):
        write_card(run, [tmp_path / "other.json"])


def test_every_recipe_of_the_package_can_be_named_and_read() -> None:
    names = {path.stem for path in RECIPES.glob("*.json")}
    assert {"align", "pretrain", "tasks", "nano_1", "nano_6"} <= names
    kinds = {name: Recipe.load(named_recipe(name)).kinds for name in names}
    assert kinds["align"] == kinds["pretrain"] == ("bands",) and len(kinds["tasks"]) == 3
    assert Recipe.load(named_recipe("align")).last_level == 1
    with pytest.raises(ValueError, match="pretrain"):
        named_recipe("pretrian")


def test_a_line_says_how_far_a_run_is() -> None:
    assert telling.line(STEP, 12.0) == "step 7, 3 of 12 s (25%), 210 ms a step, right: bands 90.0 %"
    assert telling.line({"compiled": [1.5], "taken over": True}, 12.0) == "compiled [1.5], taken over True"


def test_the_card_of_the_embedded_model_is_of_its_weights_and_has_every_figure() -> None:
    engine = load_engine("nano")
    card = (Path(engine.info.path) / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"weights {engine.info.fingerprint[:12]}" in card  # new weights want a new card
    assert "| not measured" not in card and "## Learning curve" in card
    wanted = (
        "150 dpi",
        "100 dpi",
        "75 dpi",
        "scanned by simulation",
        "two-column papers",
        "two columns, drawn",
        "total exactly",
        "ANLS",
    )
    wanted += (
        "relaxed accuracy",
        "unseen styles",
        "TEDS",
        "formulas, unseen",
        "line boxes",
        "word boxes",
        "false refusals",
        "runaway",
    )
    assert all(name in card for name in wanted)
