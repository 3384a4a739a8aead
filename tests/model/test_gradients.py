"""The network can be trained: gradients reach every parameter, with either expert form."""

import pytest
import torch

from dsvl2.kernels import ops
from dsvl2.model.config import ModelConfig
from dsvl2.model.moe import Routing
from dsvl2.model.vl2 import DeepseekVL2

TINY = {
    "candidate_resolutions": [[48, 48], [96, 48]],
    "tile_tag": "2D",
    "vision_config": {"image_size": 48, "patch_size": 16, "width": 20, "layers": 2, "heads": 2, "mlp_ratio": 2},
    "projector_config": {"input_dim": 20, "n_embed": 24, "mlp_ratio": 2},
    "language_config": {
        "vocab_size": 31, "hidden_size": 24, "intermediate_size": 40, "moe_intermediate_size": 12, "num_hidden_layers": 3,
        "num_attention_heads": 3, "n_shared_experts": 2, "n_routed_experts": 5, "num_experts_per_tok": 2,
        "kv_lora_rank": 10, "q_lora_rank": None, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 10,
        "topk_method": "greedy", "first_k_dense_replace": 1, "bos_token_id": 0, "eos_token_id": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("form", ["loop", "dense"])
def test_gradients_reach_every_parameter(form: str) -> None:
    torch.manual_seed(0)
    model = DeepseekVL2(ModelConfig.from_dict(TINY))
    routed: list[Routing] = []
    with ops.using(form):
        logits = model(torch.zeros(2, 1, dtype=torch.long), torch.randn(2, 3, 3, 48, 48), (2, 1), torch.randint(31, (2, 40)), routed)
        (logits.logsumexp(-1).mean() + sum(r.scores.square().mean() for r in routed)).backward()
    assert logits.shape == (2, 41, 31) and len(routed) == 2
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not missing


def test_both_expert_forms_agree() -> None:
    torch.manual_seed(0)
    model = DeepseekVL2(ModelConfig.from_dict(TINY)).double()
    args = (torch.zeros(1, 1, dtype=torch.long), torch.randn(1, 1, 3, 48, 48).double(), (1, 1), torch.randint(31, (1, 9)))
    with ops.using("loop"):
        loop = model(*args)
    with ops.using("dense"):
        torch.testing.assert_close(model(*args), loop, rtol=1e-5, atol=1e-6)
