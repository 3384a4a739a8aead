"""A released layout with random weights learns a handful of pairs, and what is written loads again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dsvl2.model import GenerationRequest, Message, SamplingParams, load_engine
from dsvl2.pipelines.training.blend import blend
from dsvl2.pipelines.training.blend import main as blend_main
from dsvl2.pipelines.training.finetune import Student, memory_needed
from dsvl2.pipelines.training.pairs import PairsError, read_pairs
from dsvl2.pipelines.training.recipe import FineTuning
from dsvl2.pipelines.training.rounded import RoundedAdamW, put_

FIXTURE = Path(__file__).parents[2] / "parity" / "fixture"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    Image.new("RGB", (90, 60), "white").save(tmp_path / "white.png")
    rows: list[dict[str, Any]] = [
        {"file": "white.png", "prompt": "<image>\nWhat?", "answer": "white"},
        {"prompt": "Say it.", "answer": "it"},
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_the_loss_falls_and_the_checkpoint_loads(pairs: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = FineTuning(steps=12, batch=2, rate=3e-3, warmup=2)
    student = Student(FIXTURE, options, torch.device("cpu"))
    records: list[dict[str, Any]] = []
    student.run(read_pairs(pairs), records.append)
    assert records[-1]["loss"] < 0.5 * records[0]["loss"]
    student.save(tmp_path / "new", records)
    card = (tmp_path / "new" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"Loss {records[0]['loss']:.4f} at the first step, {records[-1]['loss']:.4f} at the last." in card
    assert "for weights, gradients and moments; at most" in card and (tmp_path / "new" / "curves.png").exists()
    engine = load_engine(tmp_path / "new")
    request = GenerationRequest((Message("user", "Say it."),), SamplingParams(max_new_tokens=4))
    assert len(engine.generate([request])[0].token_ids) <= 4
    assert memory_needed(FIXTURE, options) > sum(p.numel() * 4 for p in student.network.parameters())


def test_steps_smaller_than_a_bfloat16_number_arrive_on_average() -> None:
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.full((4096,), 0.02, dtype=torch.bfloat16))
    adam = RoundedAdamW([weight], lr=1e-5, weight_decay=0.0)
    start = weight.float().mean()
    for _ in range(20):
        weight.grad = torch.ones_like(weight)
        adam.step()
    moved = float((start - weight.float().mean()).detach())
    assert moved == pytest.approx(20e-5, rel=0.05)  # plain bfloat16 stays where it was
    adam.zero_grad()
    before = weight.detach().clone()
    adam.step()
    assert torch.equal(weight, before)


def test_rounding_by_chance_keeps_what_a_bfloat16_number_holds() -> None:
    kept = torch.tensor([0.0, -1.5, 3.0e-39, 1e38], dtype=torch.bfloat16)
    target = torch.empty_like(kept)
    put_(target, kept.float())
    assert torch.equal(target, kept)


def test_bfloat16_learns_too(pairs: Path) -> None:
    torch.manual_seed(0)
    student = Student(
        FIXTURE, FineTuning(steps=12, batch=2, rate=3e-3, warmup=2, dtype="bfloat16"), torch.device("cpu")
    )
    records: list[dict[str, Any]] = []
    student.run(read_pairs(pairs), records.append)
    assert records[-1]["loss"] < 0.5 * records[0]["loss"] and records[-1]["tokens_per_s"] > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("{", "line 1: this is no JSON"),
        ("[1]", "line 1: a pair is a JSON object"),
        ('\n{"answer": "x"}', "line 2: there is no 'prompt'"),
        ('{"prompt": "x"}', "line 1: there is no 'answer'"),
        ('{"prompt": "x", "answer": null}', "line 1: 'answer' is no text: null"),
        ('{"file": 3, "prompt": "x", "answer": "y"}', "line 1: 'file' is no text: 3"),
        ('{"file": "no.png", "prompt": "x", "answer": "y"}', "line 1: the picture .*no.png does not exist"),
    ],
)
def test_pairs_that_cannot_be_used_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PairsError, match=said):
        read_pairs(path)


def test_a_blend_lies_between_its_ends(tmp_path: Path) -> None:
    ends = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([1.0, 4.0])}
    files = [tmp_path / "before.pt", tmp_path / "after.pt"]
    for file, end in zip(files, ends, strict=True):
        torch.save(end, file)
    blend_main([*map(str, files), str(tmp_path / "out.pt"), "--share", "0.25"])
    assert torch.load(tmp_path / "out.pt")["w"].tolist() == [0.25, 2.5]
    with pytest.raises(ValueError, match="same model"):
        blend(ends[0], {"v": ends[1]["w"]}, 0.5)
