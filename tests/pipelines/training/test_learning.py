"""The parts of training that are not rendering: optimiser, degradation, targets, recipe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.average import Average
from dsvl2.pipelines.training.cluster import keep_own_device
from dsvl2.pipelines.training.degrade import degrade, jpeg
from dsvl2.pipelines.training.optim import Muon, orthogonalise
from dsvl2.pipelines.training.recipe import Recipe
from dsvl2.pipelines.training.targets import MAP_COLS, MAP_ROWS, Targets, character_labels, corrupt


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(3, 24, 40)))
    assert values.min() > 0.6 and values.max() < 1.3


def test_muon_moves_a_fused_matrix_part_by_part() -> None:
    weight = torch.nn.Parameter(torch.zeros(6, 4))
    weight.grad = torch.cat([torch.eye(2, 4) * 100, torch.eye(2, 4) * 0.01, torch.zeros(2, 4)])
    Muon([("blocks.0.attn.qkv.weight", weight)], lr=0.1).step(1.0)
    large, small, none = weight.detach().split(2)
    assert torch.allclose(large, small, atol=0.02)  # each part is orthogonalised alone: its size does not matter
    assert large.abs().max() > 0.05
    assert not none.any()


def test_degradation_carries_the_points_along_with_the_ink() -> None:
    torch.manual_seed(3)
    images = torch.full((6, 384, 768), 255, dtype=torch.uint8)
    images[:, 196:204, 396:404] = 0
    points = torch.tensor([[400.0, 200.0], [-1.0, -1.0]]).expand(6, -1, -1)
    pictures, moved = degrade(images, points, strength=1.0)
    assert torch.equal(moved[:, 1], points[:, 1])  # padding stays padding
    for picture, (x, y) in zip(pictures, moved[:, 0].round().int().tolist(), strict=True):
        around = picture[y - 12 : y + 13, x - 12 : x + 13]
        contrast = (around - picture.median()).abs()
        assert contrast[8:17, 8:17].mean() > contrast[:4].mean()


def test_strength_zero_leaves_the_picture_alone() -> None:
    images = torch.randint(0, 256, (2, 384, 384), dtype=torch.uint8)
    pictures, points = degrade(images, torch.zeros(2, 1, 2), strength=0.0)
    assert torch.equal((pictures * 255).round().to(torch.uint8), images)
    assert not points.any()


def test_jpeg_keeps_odd_sizes_and_coarse_steps_lose_more() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 37, 53)
    fine, coarse = (jpeg(picture, torch.tensor([q])) for q in (0.1, 2.0))
    assert fine.shape == picture.shape
    assert (fine - picture).abs().mean() < (coarse - picture).abs().mean()


def test_character_labels_fall_into_the_tile_patch_and_cell_of_their_centre() -> None:
    # x = 400 lies in tile 1 at 16 px: patch column 1, cell column 0; y = 30: patch row 1, cell row 1
    points = torch.tensor([[[400.0, 30.0], [-1.0, -1.0]]])
    labels = character_labels(points, torch.tensor([[7.0, 0.0]]), columns=2, grid=24)
    assert labels.shape == (1, 2, 576, MAP_ROWS * MAP_COLS)
    assert labels.nonzero().tolist() == [[0, 1, 24 + 1, 1 * MAP_COLS + 0]]
    assert labels.max() == 7


def test_noise_never_touches_padding_and_keeps_locations_locations() -> None:
    torch.manual_seed(0)
    tokens = torch.full((4, 40), nano.PAD)
    tokens[:, :30] = nano.FIRST_CHARACTER + 5
    tokens[:, 0] = nano.FIRST_LOCATION
    weight = (tokens != nano.PAD).float()
    noisy = corrupt(Targets(tokens, weight, tokens == nano.FIRST_LOCATION), 1.0, 1.0)
    assert noisy.shape == (4, 39)
    assert (noisy[:, 30:] == nano.PAD).all()
    assert (noisy[:, 0] >= nano.FIRST_LOCATION).all()
    assert (noisy[:, 1:30] != tokens[:, 1:30]).float().mean() > 0.9


def test_recipe_refuses_unknown_fields_and_ends_at_rate_zero(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bugdet"):
        Recipe.load(None, bugdet=3)
    recipe = Recipe.load(None, warmup_steps=10)
    assert recipe.rate(0, 0.0) == pytest.approx(0.1)
    assert recipe.rate(100, 0.2) == 1.0
    assert recipe.rate(100, 0.999) <= 0.01
    recipe.save(tmp_path / "recipe.json")
    assert Recipe.load(tmp_path / "recipe.json") == recipe


def test_tokenizer_writes_one_token_a_character_and_the_prompt_of_the_released_models() -> None:
    tokenizer = nano.build_tokenizer()
    text = "<|y_3|># Größe\t7 €\n<|y_47|>x"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(ids) == len("# Größe\t7 €\nx") + 2
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    before, after = nano.prompt_ids()
    assert tokenizer.decode(before, skip_special_tokens=False) == "<｜begin▁of▁sentence｜><|User|>: "
    assert tokenizer.decode(after, skip_special_tokens=False) == "\nRead.\n\n<|Assistant|>:"
    assert tokenizer.get_vocab_size() == nano.VOCAB_SIZE


def test_kinds_that_come_every_second_step_take_turns() -> None:
    recipe = Recipe(formulas_weight=1.0, answers_weight=1.0, formulas_every=2, answers_every=2)
    assert [recipe.kinds_at(step) for step in range(2)] == [("bands", "answers"), ("bands", "formulas")]
    assert recipe.kinds_at(4) == recipe.kinds_at(0)
    assert Recipe(formulas_weight=1.0).kinds_at(3) == ("bands", "formulas")


def test_an_average_follows_its_parameters_slowly_and_is_restored() -> None:
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.zero_()
        average = Average(layer)
        layer.weight.fill_(1.0)
    average.update(0.25)
    assert torch.allclose(average.state_dict()["weight"], torch.full((2, 2), 0.25))
    other = Average(torch.nn.Linear(2, 2))
    other.load_state_dict(average.state_dict())
    assert torch.equal(other.state_dict()["weight"], average.state_dict()["weight"])
    with average.applied():
        assert torch.allclose(layer.weight, torch.full((2, 2), 0.25)) and torch.is_grad_enabled()
    assert torch.equal(layer.weight, torch.ones(2, 2)) and layer.weight.requires_grad


def test_a_process_of_several_sees_its_own_device_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for world, visible, kept in (("3", "4,5,6", "5"), ("3", "", "1"), ("1", "4,5", "4,5")):
        monkeypatch.setenv("WORLD_SIZE", world)
        monkeypatch.setenv("LOCAL_RANK", "1")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        keep_own_device()
        assert os.environ["CUDA_VISIBLE_DEVICES"] == kept


def test_a_share_of_clean_bands_comes_back_from_fewer_pixels() -> None:
    torch.manual_seed(0)
    stripes = torch.zeros(20, 32, 64, dtype=torch.uint8)
    stripes[..., ::2] = 255  # lost where there are fewer pixels
    nowhere = torch.full((20, 1, 2), -1.0)

    def blurred(coarse: float) -> int:
        pictures, _ = degrade(stripes, nowhere, strength=1e-6, coarse=coarse)
        return int((pictures.std(2).mean(1) < 0.4).sum())

    assert (blurred(0.0), blurred(0.25)) == (1, 5)
