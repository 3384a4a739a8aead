"""Conversations and formulas become batches as the runtime will ask; every kind gives losses and gradients."""

from __future__ import annotations

import random

import pytest
import torch

from dsvl2.kernels import ops
from dsvl2.model import Message, prompt
from dsvl2.model.config import ModelConfig
from dsvl2.model.tokenizer import Tokenizer
from dsvl2.pipelines.training import material, nano
from dsvl2.pipelines.training.batches import on_device
from dsvl2.pipelines.training.learner import Learner
from dsvl2.pipelines.training.material import (
    ANSWER,
    DECISION,
    LENGTH_STEP,
    PADDING,
    PROMPTS,
    Fresh,
    Row,
    answer_roles,
    batched,
    conversations,
    formula_tokens,
    prompt_length,
    sorted_batches,
)
from dsvl2.pipelines.training.recipe import Recipe

PAGE = "<|y_0|><|y_1|><|y_9|>Total<|y_30|><|y_36|>12.50\n<|y_3|><|y_1|><|y_9|>Größe"
TURNS = [("Q: total?", "12.50"), ("Q: date?", "")]


def test_the_first_turn_is_the_prompt_that_the_runtime_writes(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("nano")
    nano.write_files(folder)
    tokenizer = Tokenizer.from_file(folder / "tokenizer.json", bos=nano.BOS, eos=nano.EOS)
    ((ids, roles),) = conversations([(PAGE, TURNS)])
    asked = prompt.write([Message("user", f"{PAGE}\n{TURNS[0][0]}")], [], tokenizer).ids
    assert tuple(ids[: len(asked)]) == asked
    told = ids[len(asked) : len(asked) + 6]
    assert tokenizer.decode(told[:-1]) == "12.50" and told[-1] == nano.EOS
    assert ids[-1] == nano.EOS and roles[-1] == DECISION  # an empty answer is the end token alone
    assert sum(role >= ANSWER for role in roles) == len("12.50") + 2
    again = prompt.write(
        [Message("user", f"{PAGE}\n{TURNS[0][0]}"), Message("assistant", "12.50"), Message("user", TURNS[1][0])],
        [], tokenizer,
    ).ids  # fmt: skip
    assert tuple(ids[:-1]) == again


def test_what_begins_a_value_decides() -> None:
    answer = '{"no":"A 1","due":null,"sum":12.5,"items":[{"text":"x"}],"tip":""}'
    roles = answer_roles(answer, len(answer) + 1)
    assert "".join(letter for letter, role in zip(answer, roles, strict=False) if role == DECISION) == '{"An1["x'
    assert set(roles) == {ANSWER, DECISION} and roles[-1] == ANSWER
    assert answer_roles("12.50", 6) == [DECISION] + [ANSWER] * 5 and answer_roles("", 1) == [DECISION]
    assert answer_roles(answer, 5) == [DECISION] + [ANSWER] * 4  # letters that are no tokens: places are not known


def test_batches_keep_to_their_budget_and_lose_nothing() -> None:
    rows = conversations([(PAGE * (1 + index % 5), TURNS) for index in range(17)])
    batches = list(batched(rows, 1200))
    assert sum(len(batch.parts["tokens"]) for batch in batches) == len(rows)
    for batch in batches:
        tokens, roles = batch.parts["tokens"], batch.parts["roles"]
        assert tokens.shape == roles.shape and (tokens.shape[1] - 1) % LENGTH_STEP == 0
        assert len(tokens) == 1 or tokens.numel() <= 1200 * (1 + 1 / 64)
        assert ((tokens == nano.PAD) == (roles == PADDING)).all()


def test_pages_wait_to_be_sorted_with_more_and_none_is_lost_or_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "PAGES_AT_ONCE", 64)
    monkeypatch.setattr(material, "PAGES_SORTED", 256)
    rng = random.Random(1)
    waiting: list[Row] = []
    came, went, shares = 0, 0, []
    for _ in range(24):
        rows = [([5] * n, [ANSWER] * n) for n in (int(rng.lognormvariate(6.5, 0.4)) for _ in range(64))]
        ready, waiting = sorted_batches(rng, [*waiting, *rows], 4096)
        assert ready and len(waiting) < 320
        came, went = came + len(rows), went + sum(len(batch.parts["tokens"]) for batch in ready)
        roles = [batch.parts["roles"] for batch in ready]
        shares.append(sum(int((part == PADDING).sum()) for part in roles) / sum(part.numel() for part in roles))
    assert came == went + len(waiting) and len(waiting) > 128
    assert sum(shares[-8:]) / 8 < 0.75 * shares[0]


def test_formula_answers_fill_whole_steps() -> None:
    tokens = formula_tokens(["x^2", r"\frac{a}{b}"], 2)
    assert (prompt_length(2, nano.FORMULA_PROMPT) + tokens.shape[1] - 1) % LENGTH_STEP == 0
    assert tokens[0, 3] == nano.EOS and tokens[0, 4] == nano.PAD and (tokens == nano.EOS).sum() == 2


@pytest.mark.parametrize("kind", ["formulas", "answers"])
def test_every_kind_learns(kind: str) -> None:
    torch.manual_seed(0)
    config = {**nano.CONFIG, "language_config": {**nano.LANGUAGE, "num_hidden_layers": 2}}
    config["vision_config"] = {**nano.VISION, "layers": 1}
    learner = Learner(ModelConfig.from_dict(config))
    recipe = Recipe(context_weight=0.1)
    if kind == "answers":
        (batch,) = batched(conversations([(PAGE, TURNS), (PAGE[:40], TURNS[:1])]), 4000)
    else:
        parts = {"images": torch.full((2, 384, 384), 255, dtype=torch.uint8),
                 "tokens": torch.from_numpy(formula_tokens(["x", "y^2"], 1))}  # fmt: skip
        batch = Fresh("formulas", 1, parts)
    images, targets = on_device(batch, torch.device("cpu"), learner.grid, 1.0, recipe)
    with ops.using("dense"):
        result = learner(images, targets, PROMPTS[kind], recipe, late=False)
        result.loss.backward()
    assert 3 < float(result.text.detach()) < 9  # near ln 512 before learning
    assert 0 <= float(result.accuracy) <= 1 and float(result.exact) in (0.0, 0.5, 1.0)
    moved = {name.split(".")[1] for name, p in learner.named_parameters() if p.grad is not None and p.grad.any()}
    assert "language" in moved and ("vision" in moved) == (kind == "formulas")


def test_the_decision_and_the_empty_answer_weigh_what_the_recipe_says() -> None:
    recipe = Recipe(decision_weight=3.0, nothing_weight=20.0, context_weight=0.5)
    (batch,) = batched(conversations([(PAGE, TURNS)]), 4000)
    _, targets = on_device(batch, torch.device("cpu"), 24, 1.0, recipe)
    told = (batch.parts["roles"] >= ANSWER)[0]
    weights = targets.weight[0][told].tolist()
    assert weights == [3.0, *[1.0] * len("12.50"), 3.0]  # the answer, its end, and the end that is an answer of its own
    assert set(targets.weight[0][~told].tolist()) <= {0.0, 0.5}
    words = torch.tensor(
        [[nano.FIRST_CHARACTER, nano.EOS, nano.PAD], [nano.EOS, nano.PAD, nano.PAD]], dtype=torch.int16
    )
    nowhere = torch.full((2, 1, 2), -1.0)
    parts = {"images": torch.full((2, 384, 384), 255, dtype=torch.uint8), "tokens": words, "lines": nowhere,
             "chars": torch.full((2, 1, 3), -1.0)}  # fmt: skip
    _, targets = on_device(Fresh("bands", 1, parts), torch.device("cpu"), 24, 0.0, recipe)
    assert targets.weight.tolist() == [[1.0, 1.0, 0.0], [20.0, 0.0, 0.0]]
