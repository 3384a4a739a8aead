"""The benchmark beside other projects: what it refuses, what its floors say, and that a peer runs through it."""

import json
from pathlib import Path

import pytest
import torch

from tests.bench.peers import child, eager
from tests.bench.peers.cases import SHAPES, Cases, Method, moe
from tests.bench.peers.table import red, tables
from tests.bench.peers.vllm import packed_along_rows


def method(answer: torch.Tensor, want: torch.Tensor) -> Method:
    return Method("layer", "other", "bf16", 1, [lambda: answer], want, 1e6, 1e6)


def test_a_wrong_answer_gets_no_time() -> None:
    want = torch.ones(4, 4)
    assert child.checked(method(want * 1.001, want)) == pytest.approx(0.001, rel=1e-2)
    for wrong in (want * 1.1, torch.full((4, 4), float("nan"))):
        assert "errs by" in str(child.checked(method(wrong, want)))


def test_a_call_that_raises_is_refused_with_its_reason() -> None:
    broken = Method("layer", "other", "bf16", 1, [lambda: torch.ones(2) @ torch.ones(3)], torch.ones(1), 1, 1)
    assert "RuntimeError" in str(child.checked(broken))


def test_a_peer_runs_and_every_row_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert child.layers("eager", "experts", Cases(SHAPES["toy"], "cpu"), tmp_path / "lock") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(row["size"], row["skew"]) for row in rows} == {(1, 0), (8, 0), (32, 0), (8, 1)}
    assert all(row["us"] > 0 and row["error"] < 0.012 for row in rows)


def test_all_peers_get_the_same_problems() -> None:
    first, second = (list(Cases(SHAPES["toy"], "cpu").problems()) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one.inputs, other.inputs, strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_reference_is_a_sum_over_chosen_experts() -> None:
    cases = Cases(SHAPES["toy"], "cpu")
    x, idx, weight = next(cases.problems()).inputs[0]
    up, down = (part.float() for part in cases.stacks(0))
    shared_up, shared_down = (part.float() for part in cases.shared())
    held = (up, down, shared_up, shared_down)
    torch.testing.assert_close(
        moe(x, idx, weight, *held), eager._layer(x.float(), idx, weight, held), rtol=1e-4, atol=1e-4
    )


def test_the_table_gives_the_share_of_the_floor_and_names_what_is_red() -> None:
    facts = {"peer": "p", "what": "layer", "form": "bf16", "size": 8, "skew": 0.0, "eager": False}
    rows = [
        {**facts, "method": "ours", "bytes": 1e6, "operations": 1e6, "us": 2.0},
        {**facts, "method": "slow", "bytes": 1e6, "operations": 1e6, "us": 10.0},
        {**facts, "method": "wrong", "bytes": 1e6, "operations": 1e6, "refused": "errs by 0.2"},
    ]
    text = tables(rows, {"bytes_per_s": 1e12, "operations_per_s": 1e15})
    assert "| ours | 2.0 (50%) |" in text and "| slow | 10.0 (10%) |" in text and "| floor | 1.0 |" in text
    assert "wrong" not in text and red(rows) == ["p layer wrong bf16 8: errs by 0.2"]


def test_codes_are_packed_first_lowest() -> None:
    codes = torch.arange(16)[None]
    packed = packed_along_rows(codes, 4)
    assert packed.shape == (1, 2) and packed[0, 0].item() == 0x76543210
    assert packed[0, 1].item() & 0xFFFFFFFF == 0xFEDCBA98
