"""The training command end to end on the CPU: it runs, resumes, exports, and the runtime reads what came out."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageFont

from dsvl2.kernels import ops
from dsvl2.model import GenerationRequest, Message, SamplingParams, load_engine
from dsvl2.pipelines.training import nano, train
from dsvl2.pipelines.training.ending import NO_ROOM, run_to_its_end
from dsvl2.pipelines.training.export import export
from dsvl2.pipelines.training.start import put_whole

TEXT = "en\tThe quick brown fox jumps over the lazy dog, and five boxing wizards jump quickly; 42 did so twice.\n"
FACE = {"file": "default.ttf", "family": "Default", "weight": 1.0, "held_out": False, "bold": False, "italic": False,
        "mono": False, "small_caps": False, "x_height": 0.5, "cap_height": 0.7,
        "cover": "".join(map(chr, range(32, 127)))}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A packed training folder of one sentence and the face that Pillow carries."""
    folder = tmp_path / "data"
    (folder / "fonts").mkdir(parents=True)
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    stream = font.font_bytes if getattr(font, "font_bytes", b"") else font.path.getvalue()  # type: ignore[union-attr]
    (folder / "fonts" / "default.ttf").write_bytes(bytes(stream))
    (folder / "corpus.txt").write_text(TEXT * 50, encoding="utf-8")
    (folder / "meta.json").write_text(json.dumps({"train_lines": 50, "faces": [FACE]}), encoding="utf-8")
    return folder


def _words(data: Path, out: Path, steps: int) -> list[str]:
    values = {"batch_sizes": [1, 1, 1, 1], "workers": 0, "compile": False, "amp": False, "budget": 600, "log_every": 1}
    settings = [f"--set={key}={json.dumps(value)}" for key, value in {**values, "max_steps": steps}.items()]
    return [f"--data={data}", f"--out={out}", *settings]


def _train(data: Path, out: Path, steps: int, *extra: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "dsvl2_cli", "train", "nano", *_words(data, out, steps), *extra]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return _log(out)


def _go_on_here(data: Path, out: Path, steps: int) -> list[dict[str, Any]]:
    """What the command starts to go on, in this process: another would import torch and its compiler once more."""
    ended, precision, press = list[int](), torch.get_float32_matmul_precision(), signal.getsignal(signal.SIGINT)
    try:
        with ops.using("dense"), pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "_exit", ended.append)
            train.main([*_words(data, out, steps), "--resume"])
    finally:
        torch.set_float32_matmul_precision(precision)
        signal.signal(signal.SIGINT, press)
    assert ended == [0]
    return _log(out)


def _log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_resumes_and_its_export_is_a_checkpoint_that_the_runtime_reads(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = _train(data, out, 1, "--gpus=1")
    assert first[-1]["done"] == 1
    assert all(0 < record["bands"]["loss"] < 20 for record in first if "bands" in record)
    with Image.open(out / "curves.png") as curves:
        assert curves.size == (1200, 520)
    card = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| bands | 1 per device |" in card and "on 1 x CPU" in card
    assert load_engine(out / "nano").info.scheme == "int8"
    again = _go_on_here(data, out, 2)
    assert [record["step"] for record in again if "step" in record] == [1, 2]

    folder = export(out / "weights.pt", tmp_path / "checkpoint", "int8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size <= 24_000_000
    engine = load_engine(folder)
    assert engine.info.vocab_size == nano.VOCAB_SIZE
    blank = Image.new("L", (nano.TILE, nano.TILE), 255)
    request = GenerationRequest((Message("user", nano.PROMPT, (blank,)),), SamplingParams(max_new_tokens=3))
    (result,) = engine.generate([request])
    assert 0 < len(result.token_ids) <= 3
    before, after = nano.prompt_ids()
    image_tokens = 12 * 13 + 1 + 12 * 13
    assert result.usage.prompt_tokens == len(before) + len(after) + image_tokens


class _Full:
    """A run whose disk is full at its first save."""

    stopping = False

    def run(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "run/.state.pt")


def test_a_full_disk_is_one_line_and_what_was_saved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_to_its_end(_Full(), alone=False) == NO_ROOM
    assert capsys.readouterr().err == (
        "error: run/.state.pt: No space left on device; what was saved before is whole\n"
    )
    file = tmp_path / "state.pt"
    put_whole(file, {"step": 1})

    def fill(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OSError, match="No space"):
        put_whole(file, {"step": 2})
    assert torch.load(file) == {"step": 1} and list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="starts torchrun twice: set LONG_TESTS=1")
def test_two_processes_train_and_go_on_with_the_recipe_of_the_run(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = _train(data, out, 2, "--gpus=2", "--set=seed=11")
    assert first[0]["devices"] == 2 and first[-1]["done"] == 2
    again = _train(data, out, 3, "--gpus=2", "--resume")
    assert [record["step"] for record in again if "step" in record] == [1, 2, 3]
    assert json.loads((out / "recipe.json").read_text(encoding="utf-8"))["seed"] == 11
