"""Names of tensors in the released files (spec.md 2)."""

import re

EXPERT = re.compile(r"(.+\.mlp\.experts)\.(\d+)\.(gate|up|down)_proj\.weight")
UNUSED = ("vision.attn_pool.", "tile_indicators")
ROUTER = ("mlp.gate.weight", "e_score_correction_bias")


def is_unused(name: str) -> bool:
    """Tensors of the released files that the network never reads."""
    return name.startswith(UNUSED)


def is_router(name: str) -> bool:
    """What decides between experts: near-ties flip in less than full precision."""
    return name.endswith(ROUTER)
