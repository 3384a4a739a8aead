"""What the reference computed, computed again: integers exactly, tensors to 1e-5 of their largest value, in fp32."""

from typing import Any

import pytest
import torch
from torch import Tensor

from dsvl2.model import prompt
from dsvl2.model.answers import Job
from dsvl2.model.cache import PrefixCache
from dsvl2.model.engine import Engine
from dsvl2.model.layout import token_count
from dsvl2.model.moe import Routing
from dsvl2.model.pixels import cut_all
from dsvl2.model.prefill import positions_of, run_prompt, visible
from dsvl2.model.request import GenerationRequest, SamplingParams
from dsvl2.model.room import Room
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.tokenizer import Tokenizer
from dsvl2.model.vl2 import DeepseekVL2

TOLERANCE = 1e-5


def assert_near(name: str, got: Tensor, want: Tensor) -> None:
    want = want.float()
    error = (got.float().reshape(want.shape) - want).abs().max() / want.abs().max().clamp_min(1e-12)
    assert error <= TOLERANCE, f"{name} is off by {error:.2e} of its largest value"


@pytest.fixture
def want(case: Any) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = case.tensors
    return tensors


def test_tokenizer_cases_give_the_same_ids(folder: Any) -> None:
    from json import loads

    index = loads((folder / "oracle" / "index.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(folder / "tokenizer.json", bos=index["bos"], eos=index["eos"])
    assert tokenizer.image == index["image_token_id"]
    for entry in index["tokenizer_cases"]:
        assert tokenizer.encode(entry["text"]) == entry["ids"], entry["text"]


def test_prompt_is_the_same_token_for_token(case: Any, engine: Engine, want: dict[str, Tensor]) -> None:
    side = engine.network.config.side
    for row, messages in enumerate(case.conversations):
        images = [image for message in messages for image in message.images]
        grids = [inputs.grid for inputs in cut_all(images, engine.network.config.candidate_resolutions, (127,) * 3)]
        sizes = [token_count(side, grid.width, grid.height) for grid in grids]
        ids = list(prompt.write(messages, sizes, engine.tokenizer).ids)
        mask = valid_of(want)[row]
        assert ids == want["input_ids"][row][mask].tolist()
        assert [token == engine.tokenizer.image for token in ids] == want["images_seq_mask"][row][mask].bool().tolist()
        recorded = [pair for pair in want["images_spatial_crop"][row].tolist() if all(pair)]
        assert [[grid.width, grid.height] for grid in grids] == recorded


def test_pixels_are_the_same_bytes(case: Any, engine: Engine, want: dict[str, Tensor]) -> None:
    for row, messages in enumerate(case.conversations):
        images = [image for message in messages for image in message.images]
        at = 0
        for inputs in cut_all(images, engine.network.config.candidate_resolutions, engine.processor.pad_color):
            tiles = torch.from_numpy(inputs.tiles).permute(0, 3, 1, 2)
            if len(tiles) == 1:  # one tile stands for both views
                tiles = tiles.repeat(2, 1, 1, 1)
            assert torch.equal(tiles, want["images_u8"][row, at : at + len(tiles)])
            at += len(tiles)


@torch.inference_mode()
def test_every_recorded_tensor_agrees(case: Any, network: DeepseekVL2, want: dict[str, Tensor]) -> None:
    pixels = pixels_of(want)
    if any(case.entry["image_sizes"]):
        check_vision(network, pixels, want)
    x = embed(network, pixels, want)
    valid = valid_of(want)
    routed: list[Routing] = []
    hidden: list[Tensor] = []
    caches = make_caches(network, x)
    mask = visible(valid, 0) if case.padded else None
    out = network.language.model(x, positions_of(valid), mask=mask, caches=caches, routed=routed, hidden=hidden)
    check_decoder(network, want, hidden, routed, caches, valid)
    check_logits(network.language.logits(out), want, valid)


@torch.inference_mode()
@pytest.mark.parametrize("chunk", [7, 128])
def test_a_prompt_in_chunks_is_the_prompt(case: Any, network: DeepseekVL2, want: dict[str, Tensor], chunk: int) -> None:
    x = embed(network, pixels_of(want), want)
    hidden = run_prompt(
        network.language.model, x, make_caches(network, x), attention_mask=want.get("attention_mask"), chunk=chunk
    )
    assert_near("last_logits", network.language.logits(hidden), want["last_logits"])


@torch.inference_mode()
@pytest.mark.parametrize("chunk", [100, 4096])
def test_a_left_padded_batch_is_its_rows(folder: Any, chunk: int) -> None:
    cases = cases_of(folder)
    network = engine_for(folder).network
    rows = [embed(network, pixels_of(case), case)[0] for case in cases if case["input_ids"].shape[0] == 1]
    longest = max(len(row) for row in rows)
    x = torch.stack([torch.nn.functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
    mask = torch.stack([torch.arange(longest) >= longest - len(row) for row in rows])
    hidden = run_prompt(network.language.model, x, make_caches(network, x), attention_mask=mask, chunk=chunk)
    recorded = torch.cat([case["last_logits"] for case in cases if case["input_ids"].shape[0] == 1])
    assert_near("last_logits", network.language.logits(hidden), recorded)


@pytest.mark.parametrize(
    ("key", "penalty", "chunk"),
    [("greedy_ids", 1.0, 4096), ("greedy_rep13_ids", 1.3, 4096), ("greedy_chunked_ids", 1.0, 128)],
)
def test_greedy_tokens_are_the_same(
    case: Any, engine: Engine, want: dict[str, Tensor], key: str, penalty: float, chunk: int
) -> None:
    if key not in want or (chunk == 128 and case.padded):
        pytest.skip("not recorded, or recorded from padded chunks, where the reference is wrong")
    count = want[key].shape[1]
    sampling = SamplingParams(max_new_tokens=count, repetition_penalty=penalty, guard_loops=False)
    scheduler = Scheduler(
        engine.network,
        Room(torch.float32),
        stop=(engine.tokenizer.eos,),
        spell=engine.tokenizer.decode,
        chunk=chunk,
    )
    plans = [engine._plan(GenerationRequest(messages, sampling)) for messages in case.conversations]
    jobs = [
        Job(i, plan.size.prompt_tokens, lambda plan=plan: engine._embed(plan), sampling) for i, plan in enumerate(plans)
    ]  # type: ignore[misc]
    for answer in scheduler.run(jobs):
        recorded = want[key][answer.job.index].tolist()
        got = answer.ids + [engine.tokenizer.eos] * (count - len(answer.ids))
        assert got == recorded


def check_vision(network: DeepseekVL2, pixels: Tensor, want: dict[str, Tensor]) -> None:
    tower, tiles = network.vision, pixels[0, :2]
    embedded = tower.patch_embed(tiles)
    stages = {
        "vision_patch_embed": embedded,
        "vision_block0": torch.add(*tower.blocks[0](embedded + tower.pos_embed, None)),
        "vision_features": tower(tiles),
    }
    for name, got in stages.items():
        if name in want:
            assert_near(name, got, want[name])
    if "projected_2" in want:
        assert_near("projected_2", network.tiles(tiles), want["projected_2"])
    if "projected" in want:
        assert_near("projected", network.tiles(pixels.flatten(0, 1)), want["projected"])


def check_decoder(
    network: DeepseekVL2,
    want: dict[str, Tensor],
    hidden: list[Tensor],
    routed: list[Routing],
    caches: list[PrefixCache],
    valid: Tensor,
) -> None:
    if "inputs_embeds" in want:
        assert_near("inputs_embeds", hidden[0][valid], want["inputs_embeds"][valid])
    for layer, got in enumerate(hidden):
        if f"hidden_{layer}" in want:
            assert_near(f"hidden_{layer}", got[valid], want[f"hidden_{layer}"][valid])
    config = network.config.language
    moe_layers = [layer for layer in range(config.num_hidden_layers) if config.is_moe(layer)]
    for layer, routing in zip(moe_layers, routed, strict=True):
        if f"router_idx_{layer}" in want:
            order = routing.idx.argsort(-1)
            rows = valid.flatten()
            assert torch.equal(
                routing.idx.gather(1, order)[rows], want[f"router_idx_{layer}"].reshape(order.shape)[rows]
            )
            assert_near(
                f"router_w_{layer}",
                routing.weight.gather(1, order)[rows],
                want[f"router_w_{layer}"].reshape(order.shape)[rows],
            )
    if "cache0_0" in want:
        kept = caches[0].extend(torch.empty(valid.shape[0], 0, *part_shape(network)))
        parts = (
            kept.split((config.kv_lora_rank or 0, config.qk_rope_head_dim), -1)[::-1]
            if config.use_mla
            else kept.unbind(2)
        )
        for number, got in enumerate(parts):
            recorded = want[f"cache0_{number}"].transpose(1, 2)  # [B, T, heads, d]
            assert_near(f"cache0_{number}", got.reshape(recorded.shape)[valid], recorded[valid])


def check_logits(logits: Tensor, want: dict[str, Tensor], valid: Tensor) -> None:
    assert_near("last_logits", logits[:, -1], want["last_logits"])
    if "logits" in want:
        assert_near("logits", logits[valid], want["logits"][valid])
    if "topk_ids" in want:
        assert_near("topk_logits", logits.gather(-1, want["topk_ids"])[valid], want["topk_logits"][valid])
    if "logsumexp" in want:
        assert_near("logsumexp", logits.logsumexp(-1)[valid], want["logsumexp"][valid])


def embed(network: DeepseekVL2, pixels: Tensor, want: dict[str, Tensor]) -> Tensor:
    """Prompt embeddings [B, T, E] from the recorded ids and pixels."""
    x = network.language.embed(want["input_ids"]).clone()
    for row, crops in enumerate(want["images_spatial_crop"].tolist()):
        at, rows = 0, []
        for columns, lines in (crop for crop in crops if all(crop)):
            count = 1 + columns * lines
            rows.append(network.image_rows(network.tiles(pixels[row, at : at + count]), (columns, lines)))
            at += count
        if rows:
            x[row, want["images_seq_mask"][row].bool()] = torch.cat(rows)
    return x


def pixels_of(want: dict[str, Tensor]) -> Tensor:
    """Normalised tiles; nothing for a case without images whose dummy tile was not kept."""
    return (
        (want["images_u8"].float() / 255 - 0.5) / 0.5 if "images_u8" in want else torch.empty(len(want["input_ids"]), 0)
    )


def valid_of(want: dict[str, Tensor]) -> Tensor:
    """True where there is a token, [B, T]."""
    mask = want.get("attention_mask")
    return torch.ones_like(want["input_ids"], dtype=torch.bool) if mask is None else mask.bool()


def part_shape(network: DeepseekVL2) -> tuple[int, ...]:
    config = network.config.language
    return (
        (1, 1, (config.kv_lora_rank or 0) + config.qk_rope_head_dim)
        if config.use_mla
        else (2, config.kv_heads, config.head_dim)
    )


def make_caches(network: DeepseekVL2, x: Tensor) -> list[PrefixCache]:
    shape = (*x.shape[:2], *part_shape(network))
    return [PrefixCache(torch.zeros(shape)) for _ in range(network.config.language.num_hidden_layers)]


def cases_of(folder: Any) -> list[dict[str, Tensor]]:
    from safetensors.torch import load_file

    return [load_file(path) for path in sorted((folder / "oracle").glob("*.safetensors"))]


def engine_for(folder: Any) -> Engine:
    from dsvl2.model.loading import load_engine

    return load_engine(folder, device="cpu", dtype="float32")
