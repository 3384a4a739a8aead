"""`dsvl2 train` refuses what cannot work before it starts anything."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dsvl2.pipelines.errors import InputError, OutputUnwritable
from dsvl2_cli import training
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.training import Plan, check, command, recipe_file

TRAINER = """
import signal, sys, time
from pathlib import Path
from dsvl2.pipelines.training.ending import run_to_its_end
class Trainer:
    stopping = False
    def run(self):
        for step in range(600):
            sys.stderr.write(f"step {step}\\n")
            sys.stderr.flush()
            time.sleep(0.05)
            if self.stopping and sys.argv[2] == "1":
                Path(sys.argv[1], "state.pt").write_bytes(b"")
                return
raise SystemExit(run_to_its_end(Trainer(), alone=True))
"""


class Pressing:
    """A terminal whose user presses Ctrl-C when lines come."""

    def __init__(self, presses: int) -> None:
        self.left = presses

    def write(self, text: str) -> int:
        if self.left and (text.startswith("step 3") or "stopping" in text):
            self.left -= 1
            raise KeyboardInterrupt
        return len(text)

    def flush(self) -> None:
        return None

    def isatty(self) -> bool:
        return False


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """A folder that holds what the first recipes need, by name."""
    folder = tmp_path / "data"
    (folder / "fonts").mkdir(parents=True)
    for name in ("corpus.txt", "meta.json"):
        (folder / name).write_text("", encoding="utf-8")
    return folder


def test_mistakes_are_told_before_a_process_starts(material: Path, tmp_path: Path) -> None:
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
    check(Plan("nano", material, run, resume=True, changes=("budget=3",)))


def test_several_gpus_run_under_torchrun_and_a_folder_is_fine_tuned(monkeypatch: pytest.MonkeyPatch) -> None:
    many = command(Plan("nano", Path("d"), Path("o"), gpus=2, resume=True))
    assert "torch.distributed.run" in many and "--nproc-per-node=2" in many and "--resume" in many
    one = command(Plan("nano", Path("d"), Path("o"), gpus=0, changes=("seed=1",)))
    assert "torch.distributed.run" not in one and "--set=seed=1" in one
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert "--nproc-per-node=4" in command(Plan("nano", Path("d"), Path("o")))
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


def test_what_is_missing_of_the_data_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"has no meta.json, fonts, answers.xz, formulas.npz.xz, inline.npz.xz"
    ) as error:
        check(Plan("nano", tmp_path, tmp_path / "new", recipe_file("nano_7")))
    assert "training.answers.collect" in str(error.value.hint) and "--inline" in str(error.value.hint)
    with pytest.raises(InputError, match=r"has no meta.json, fonts$"):
        check(Plan("nano", tmp_path, tmp_path / "new"))


def test_a_folder_without_any_set_and_a_full_disk_are_told_at_once(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="none of the sets contracts"):
        check(Plan("nano", material, tmp_path / "new", eval_dir=material))
    (material / "receipts").mkdir()
    check(Plan("nano", material, tmp_path / "new", eval_dir=material))
    monkeypatch.setattr(training, "_ROOM", 10**18)
    with pytest.raises(OutputUnwritable, match="GB are free"):
        check(Plan("nano", material, tmp_path / "new"))


@pytest.mark.parametrize(("presses", "said"), [(1, "go on from the last saved state"), (2, "before the first state")])
def test_an_interrupt_reaches_the_run_once_and_says_how_to_go_on(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, presses: int, said: str
) -> None:
    plan = Plan("nano", material, tmp_path / "run")
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER, encoding="utf-8")
    monkeypatch.setattr(training, "command", lambda _: [sys.executable, str(script), str(plan.out), str(presses)])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    told: list[str] = []
    console = SimpleNamespace(say=told.append, warn=told.append)
    monkeypatch.setattr(sys, "stderr", Pressing(presses))
    assert training.run(plan, console, show=False) == Exit.INTERRUPTED, told  # type: ignore[arg-type]
    assert len(told) == 1 and said in told[0]


def test_measuring_can_be_stopped_and_the_card_has_what_there_is(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan("nano", material, tmp_path / "a run", eval_dir=tmp_path)
    (plan.out / "figures").mkdir(parents=True)
    (plan.out / "figures" / "figures.json").write_text("{}", encoding="utf-8")
    cards: list[list[Path]] = []

    class Measuring:
        waits = 0

        def __init__(self, *_: Any, **__: Any) -> None:
            return None

        __enter__, __exit__, send_signal = (lambda self: self), (lambda *_: None), (lambda *_: None)

        def wait(self) -> None:
            Measuring.waits += 1
            if Measuring.waits == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(training.subprocess, "Popen", Measuring)
    monkeypatch.setattr(training, "finish", lambda _, reports: cards.append(list(reports)))
    told: list[str] = []
    console = SimpleNamespace(say=told.append)
    assert training._measure(plan, tmp_path, console) == Exit.INTERRUPTED  # type: ignore[arg-type]
    assert cards == [[plan.out / "figures" / "figures.json"]]
    assert f"-o '{plan.out}' --resume --eval-dir {tmp_path}" in told[-1]


@pytest.mark.parametrize(("code", "said"), [(0, ""), (3, "the card says why"), (-9, "ended with -9")])
def test_measuring_that_did_not_come_to_its_end_is_told(
    code: int, said: str, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = SimpleNamespace(wait=lambda: code, returncode=code)
    monkeypatch.setattr(training.subprocess, "Popen", lambda *_, **__: contextlib.nullcontext(process))
    told: list[str] = []
    console = SimpleNamespace(say=lambda _: None, warn=told.append)
    plan = Plan("nano", material, tmp_path / "run", eval_dir=tmp_path)
    assert training._measure(plan, tmp_path, console) == (Exit.PARTIAL if code else Exit.OK)  # type: ignore[arg-type]
    assert said in "".join(told) and len(told) == bool(code)


def test_what_was_fitted_to_the_weights_outlives_their_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run" / "nano"
    folder.mkdir(parents=True)
    (folder / "confidence.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").touch()
    monkeypatch.setattr(training.subprocess, "run", lambda *_, **__: folder.mkdir())
    training._export(Plan("nano", tmp_path, tmp_path / "run"))
    assert [file.name for file in folder.iterdir()] == ["confidence.json"]
