"""Requests without an image go to a language part of their own; nothing changes for those that have one, not by a bit."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from dsvl2.model import loading, memory
from dsvl2.model.adapters.files import read_adapter
from dsvl2.model.config import ModelConfig
from dsvl2.model.constraints.decoding import GrammarConstraint
from dsvl2.model.constraints.language import either, text
from dsvl2.model.engine import Engine
from dsvl2.model.errors import AdapterError, NotEnoughMemory, PromptError
from dsvl2.model.loading import fingerprint, load_engine
from dsvl2.model.quantization.schemes import NONE
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.weights import released_shapes
from tests.model.lora import Shapes, lora, write

WEIGHTS = "adapter_model.safetensors"

ALIGNED = {
    "hidden_size": 32, "moe_intermediate_size": 16, "intermediate_size": 48, "num_attention_heads": 4,
    "kv_lora_rank": 12, "qk_rope_head_dim": 4, "qk_nope_head_dim": 12, "v_head_dim": 16,
}  # fmt: skip
PAGE = "Pump B, 412 litres per second; valve, 5,200 pounds. " * 3


@pytest.fixture(scope="module")
def plain(
    request: pytest.FixtureRequest,
    checkpoint: Callable[[dict[str, Any]], Path],
    small_shape: dict[str, Any],
    nano_shape: dict[str, Any],
) -> Path:
    kind = getattr(request, "param", "small")
    if kind == "nano":
        return checkpoint(nano_shape)
    heads = {"use_mla": False, "num_attention_heads": 2} if kind == "multi-head" else {}
    config = {**small_shape, "language_config": {**small_shape["language_config"], **ALIGNED, **heads}}
    return checkpoint({**config, "projector_config": {**config["projector_config"], "n_embed": 32}})


@pytest.fixture(scope="module")
def shapes(plain: Path) -> Shapes:
    return released_shapes(ModelConfig.from_file(plain / "config.json"))


@pytest.fixture(scope="module")
def adapter(shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lora(tmp_path_factory.mktemp("lora"), shapes)


@pytest.fixture(scope="module")
def both(plain: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint with an adapter for text."""
    folder = shutil.copytree(plain, tmp_path_factory.mktemp("both") / "model")
    shutil.copytree(adapter, folder / "text_adapter")
    return folder


def load(folder: Path, **options: Any) -> Engine:
    return load_engine(folder, device="cpu", dtype="float32", **options)


def ask(text: str, *images: Image.Image, shared: int | None = None, **sampling: Any) -> GenerationRequest:
    message = Message("user", "<image>" * len(images) + text, images, shared=shared)
    return GenerationRequest((message,), SamplingParams(max_new_tokens=10, guard_loops=False, **sampling))


def picture(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, 2 * side, 3), dtype=np.uint8))


def requests(side: int) -> list[GenerationRequest]:
    """Of both kinds, mixed; some with a common beginning, one with a constraint, one that is drawn."""
    questions = [ask(f"{PAGE}Q: {word}", shared=len(PAGE)) for word in ("pump?", "x", "what does it cost")]
    image = picture(side)
    form = GrammarConstraint(lambda alphabet: either(text("4,120"), text("none")))
    return [
        ask("Read it.", image),
        *questions[:2],
        ask(f"{PAGE}Q: pump?", image, shared=len(PAGE)),
        ask("no page"),
        ask("how many?", constraint=form),
        ask("anything", temperature=0.8, seed=3),
        questions[2],
        ask("Read it again.", image),
    ]


def bits(answer: Any) -> tuple[Any, ...]:
    assert isinstance(answer, GenerationResult)
    return answer.token_ids, tuple(value.hex() for value in answer.logprobs), answer.usage, answer.finish_reason


@pytest.mark.parametrize("plain", ["small", "multi-head", "nano"], indirect=True)
def test_each_kind_gets_its_own_part_whatever_comes_beside_it(plain: Path, both: Path, adapter: Path) -> None:
    reading, texts, engine = load(plain), load(plain, adapter=adapter), load(both)
    asked = requests(engine.network.config.candidate_resolutions[0][0])
    alone = [bits((texts if one.text_only else reading).generate([one])[0]) for one in asked]
    assert alone[1] != bits(reading.generate([asked[1]])[0])  # the adapter is one that changes answers
    assert [bits(answer) for answer in engine.generate(asked)] == alone
    streamed = dict(engine.stream(iter(asked)))
    assert [bits(streamed[number]) for number in range(len(asked))] == alone


@pytest.mark.gpu
def test_each_kind_gets_its_own_part_on_a_gpu(plain: Path, both: Path, adapter: Path) -> None:
    """With steps and prompts as recorded graphs, each part's own."""
    options: dict[str, Any] = {"device": "cuda", "dtype": "bfloat16", "deterministic": True}
    reading, texts, engine = (
        load_engine(folder, adapter=given, **options)
        for folder, given in ((plain, None), (plain, adapter), (both, None))
    )
    asked = requests(engine.network.config.candidate_resolutions[0][0])
    alone = [bits((texts if one.text_only else reading).generate([one])[0]) for one in asked]
    assert alone[1] != bits(reading.generate([asked[1]])[0])
    for _ in range(3):
        assert [bits(answer) for answer in engine.generate(asked)] == alone
    streamed = dict(engine.stream(iter(asked)))
    assert [bits(streamed[number]) for number in range(len(asked))] == alone
    text = engine._branches.of(asked[1])
    assert text.lanes.first.room.kept is not None
    assert text.lanes.first.room.kept is not engine._lanes.first.room.kept


def test_the_second_part_is_made_when_it_is_needed_and_shares_what_it_can(both: Path) -> None:
    engine = load(both)
    made: list[int] = []
    make = engine._branches._make
    assert make is not None
    engine._branches._make = lambda: made.append(1) or make()  # type: ignore[func-returns-value]
    side = engine.network.config.candidate_resolutions[0][0]
    engine.generate([ask("", picture(side))])
    assert list(engine.stream([ask("", picture(side))])) and not made
    engine.generate([ask("now"), ask("and")])
    engine.generate([ask("again")])
    assert made == [1]
    text = engine._branches.of(ask("x")).network
    assert text is not engine.network and text.vision is engine.network.vision
    assert text.language.model.embed_tokens is engine.network.language.model.embed_tokens
    assert text.projector is engine.network.projector and text.image_newline is engine.network.image_newline


def test_a_gpu_s_caches_make_room_for_the_second_part(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, room = load(both), load(both)._lanes.first.room
    make, tries = engine._branches._make, list[bool]()
    assert make is not None

    def short() -> Any:
        tries.append(room.kept is None)
        if not tries[-1]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return make()

    monkeypatch.setattr(engine._branches, "_make", short)
    monkeypatch.setattr(engine._lanes.first, "room", room)
    room.kept = room.make(engine.network, 64, 1)
    assert engine.generate([ask("x")])[0].usage.completion_tokens
    assert tries == [False, True]


@pytest.mark.parametrize("plain", ["small", "multi-head", "nano"], indirect=True)
def test_what_the_adapter_leaves_as_it_is_exists_once(plain: Path, shapes: Shapes, tmp_path: Path) -> None:
    """Except under a compiled step; and a given adapter that changes more does not make more of it twice."""
    folder = shutil.copytree(plain, tmp_path / "model")
    narrow = lora(folder / "text_adapter", shapes, ("o_proj",))
    wide = lora(tmp_path / "wide", shapes, ("down_proj",), seed=4)
    engine = load(folder, adapter=wide)
    text = engine._branches.of(ask("x")).network
    for own, shared in zip(text.language.model.layers, engine.network.language.model.layers, strict=True):
        assert own.self_attn is not shared.self_attn
        assert (own.mlp is shared.mlp) == (engine.network.compiled is None)
    together = {name: tensor.clone() for path in (wide, narrow) for name, tensor in load_file(path / WEIGHTS).items()}
    alone = load(plain, adapter=write(tmp_path / "together", together))
    question = ask("what?")
    assert bits(engine.generate([question])[0]) == bits(alone.generate([question])[0])


def test_answers_grow_and_questions_share_their_page_in_the_second_part(both: Path) -> None:
    engine = load(both)
    asked = [ask(f"{PAGE}Q: {word}", shared=len(PAGE)) for word in ("a", "b", "c")]
    told: dict[int, list[str]] = {}
    answers = engine.generate(asked, lambda number, text: told.setdefault(number, []).append(text))
    assert [told[number][-1] for number in range(3)] == [answer.text for answer in answers]
    assert engine.prefixes.misses == 1


def test_a_given_adapter_is_merged_under_the_one_for_text(
    plain: Path, both: Path, adapter: Path, shapes: Shapes, tmp_path: Path
) -> None:
    """Both parts get it, so an adapter that does nothing changes nothing."""
    zero = lora(tmp_path / "zero", shapes, ("q_proj",), size=0.0)
    other = lora(tmp_path / "other", shapes, ("q_proj",), seed=9)
    question = ask("what?")
    for_text = bits(load(both).generate([question])[0])
    assert bits(load(both, adapter=zero).generate([question])[0]) == for_text
    assert bits(load(both, adapter=other).generate([question])[0]) != for_text
    assert load(both, adapter=other).info.text_adapter


def test_the_fingerprint_is_of_both_parts_and_of_reading_alone_as_before(plain: Path, both: Path) -> None:
    assert load(both).info.fingerprint == fingerprint(both) != fingerprint(plain)
    info, request = load(both).info, ask("what?")
    assert info.reading_fingerprint == fingerprint(plain) == load(plain).info.fingerprint_for(request)
    assert info.fingerprint_for(request) == info.fingerprint != info.fingerprint_for(ask("", picture(48)))
    assert load(both).info.weight_bytes > load(plain).info.weight_bytes


def test_an_adapter_for_text_that_does_not_fit_is_told_at_load(both: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(both, tmp_path / "model")
    (folder / "text_adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(AdapterError, match=r"text_adapter.adapter_model\.safetensors is missing"):
        load(folder)


def test_what_drawing_raises_comes_behind_the_answers_of_both_kinds(both: Path) -> None:
    engine = load(both)
    image = picture(engine.network.config.candidate_resolutions[0][0])

    def drawn() -> Iterator[GenerationRequest]:
        yield from (ask("a"), ask("b", image), ask("<image> without one"), ask("c"))
        raise OSError("the scanner is on fire")

    found: dict[int, Any] = {}
    with pytest.raises(OSError, match="on fire"):  # noqa: PT012
        for number, answer in engine.stream(drawn()):
            found[number] = answer
    assert sorted(found) == [0, 1, 2, 3] and isinstance(found[2], PromptError)


def test_the_memory_of_both_parts_is_counted(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig.from_file(both / "config.json")
    text = read_adapter(both / "text_adapter", released_shapes(config))
    once, twice = (memory.need(config, NONE, torch.float32, packed=False, text=given).weights for given in (None, text))
    assert once < twice < 2 * once
    monkeypatch.setattr(loading, "UNPACK", 0)
    monkeypatch.setattr(memory, "free_bytes", lambda device: once + 4096)
    with pytest.raises(NotEnoughMemory, match="second language part for text"):
        load(both)
