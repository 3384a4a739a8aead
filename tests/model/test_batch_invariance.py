"""The same request gives the same bits whoever it is decoded with."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsvl2.kernels import ops
from dsvl2.model import execution
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.request import GenerationRequest, Message, SamplingParams

MakeCheckpoint = Callable[[dict[str, Any]], Path]


def requests(count: int, *, image_size: tuple[int, int]) -> list[GenerationRequest]:
    """Text and image prompts of many lengths, greedy and sampled, short and long answers."""
    draw = random.Random(5)
    pixels = np.random.default_rng(5)
    made = []
    for number in range(count):
        words = "".join(draw.choice("abcdef ghij") for _ in range(draw.choice((3, 40, 150, 520))))
        images: tuple[Image.Image, ...] = ()
        if number % 4 == 0:
            width, height = image_size
            images = (
                Image.fromarray(pixels.integers(0, 255, (height, width * draw.choice((1, 2)), 3), dtype=np.uint8)),
            )
            words = "<image>" + words[:9]
        sampling = SamplingParams(
            max_new_tokens=draw.choice((1, 7, 30, 60)),
            temperature=(0.0, 0.0, 0.9)[number % 3],
            top_p=0.9,
            repetition_penalty=(1.0, 1.2)[number % 2],
            seed=number,
            guard_loops=number % 5 != 0,
        )
        made.append(GenerationRequest((Message("user", words, images),), sampling))
    return made


def bits(engine: Engine, batch: list[GenerationRequest]) -> list[tuple[Any, ...]]:
    return [
        (r.token_ids, tuple(x.hex() for x in r.logprobs), r.finish_reason, r.loops_recovered)
        for r in engine.generate(batch)
    ]


def check(engine: Engine, todo: list[GenerationRequest]) -> None:
    alone = [bits(engine, [request])[0] for request in todo]
    assert len({ids for ids, *_ in alone}) > len(todo) // 2
    for size in (4, len(todo)):
        order = list(range(len(todo)))
        random.Random(size).shuffle(order)
        for start in range(0, len(order), size):
            group = order[start : start + size]
            assert bits(engine, [todo[number] for number in group]) == [alone[number] for number in group]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_neighbours_do_not_change_a_bit(checkpoint: MakeCheckpoint, nano_shape: dict[str, Any], dtype: str) -> None:
    if dtype == "bfloat16" and not ops.fast_bf16():
        pytest.skip("this CPU has no bf16 products")
    check(load_engine(checkpoint(nano_shape), device="cpu", dtype=dtype), requests(9, image_size=(384, 384)))


# Rows of 16 floats: MKL's last bit depends on the alignment of a row, and every real checkpoint has aligned ones.
ALIGNED = {
    "hidden_size": 32, "moe_intermediate_size": 16, "intermediate_size": 48, "num_attention_heads": 4,
    "kv_lora_rank": 12, "qk_rope_head_dim": 4, "qk_nope_head_dim": 12, "v_head_dim": 16,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"use_mla": False, "num_key_value_heads": 2, "num_attention_heads": 2}, {"q_lora_rank": 16}],
    ids=["multi-head", "low-rank query"],
)
def test_nor_in_the_forms_of_large_models(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any], change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "DENSE", 0)
    monkeypatch.setattr(execution, "MERGED", 0)
    config = {**small_shape, "language_config": {**small_shape["language_config"], **ALIGNED, **change}}
    config["projector_config"] = {**config["projector_config"], "n_embed": 32}
    check(load_engine(checkpoint(config), device="cpu", dtype="float32"), requests(9, image_size=(48, 48)))
