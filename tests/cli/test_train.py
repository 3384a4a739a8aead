"""`dsvl2 train` refuses what cannot work before it starts anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.errors import InputError
from dsvl2_cli.training import Plan, check, command, recipe_file


def test_mistakes_are_told_before_a_process_starts(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "log.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="nowhere"):
        check(Plan("nano", tmp_path / "nowhere", run))
    with pytest.raises(InputError, match="holds a run") as error:
        check(Plan("nano", tmp_path, run))
    assert "--resume" in str(error.value.hint)
    with pytest.raises(InputError, match="no checkpoint"):
        check(Plan(str(tmp_path), tmp_path, tmp_path / "new"))
    with pytest.raises(InputError, match="no JSON"):
        check(Plan("nano", tmp_path, tmp_path / "new", changes=("budget=soon",)))
    with pytest.raises(InputError, match="do you mean budget"):
        check(Plan("nano", tmp_path, tmp_path / "new", changes=("bugdet=3",)))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="unknown recipe field 'budget'"):
        check(Plan(str(tmp_path), tmp_path, tmp_path / "new", changes=("budget=3",)))
    with pytest.raises(InputError, match="--resume is for nano"):
        check(Plan(str(tmp_path), tmp_path, tmp_path / "new", resume=True))
    with pytest.raises(InputError, match="run exists"):
        check(Plan(str(tmp_path), tmp_path, run))
    with pytest.raises(InputError, match="no saved state"):
        check(Plan("nano", tmp_path, run, resume=True))
    (run / "state.pt").write_bytes(b"")
    check(Plan("nano", tmp_path, run, resume=True, changes=("budget=3",)))


def test_several_gpus_run_under_torchrun_and_a_folder_is_fine_tuned() -> None:
    many = command(Plan("nano", Path("d"), Path("o"), gpus=2, resume=True))
    assert "torch.distributed.run" in many and "--nproc-per-node=2" in many and "--resume" in many
    one = command(Plan("nano", Path("d"), Path("o"), gpus=0, changes=("seed=1",)))
    assert "torch.distributed.run" not in one and "--set=seed=1" in one
    assert "dsvl2.pipelines.training.finetune" in command(Plan("folder", Path("d"), Path("o")))


def test_a_recipe_is_named_or_a_file(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text("{}", encoding="utf-8")
    assert recipe_file(str(own)) == own
    assert recipe_file("align").name == "align.json"
    with pytest.raises(InputError, match="align") as error:
        recipe_file("alin")
    assert "JSON" in str(error.value.hint)


def test_a_folder_to_measure_on_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sets"):
        check(Plan("nano", tmp_path, tmp_path / "new", eval_dir=tmp_path / "sets"))


@pytest.mark.parametrize(
    "row", ['{"answer": "x"}', '{"prompt": "x"}', "{", '{"file": "no", "prompt": "x", "answer": "y"}']
)
def test_bad_pairs_end_with_their_line_and_a_remedy(dsvl2: Any, tmp_path: Path, row: str) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(f'{{"prompt": "a", "answer": "b"}}\n{row}\n', encoding="utf-8")
    done = dsvl2("train", tmp_path, "--data", pairs, "-o", tmp_path / "new")
    assert done.code == 4 and "error[training_pairs]" in done.err
    assert "line 2: " in " ".join(done.err.split()) and "hint: " in done.err and "KeyError" not in done.err
