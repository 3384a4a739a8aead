"""Names of tensors in the released files (spec.md 2)."""

import re

EXPERT = re.compile(r"(.+\.mlp\.experts)\.(\d+)\.(gate|up|down)_proj\.weight")
UNIT = re.compile(r"language\.(?:model\.layers\.\d+\.\w+|model\.\w+|\w+)")
UNUSED = ("vision.attn_pool.", "tile_indicators")
ROUTER = ("mlp.gate.weight", "e_score_correction_bias")


def is_unused(name: str) -> bool:
    """Tensors of the released files that the network never reads."""
    return name.startswith(UNUSED)


def unit_of(name: str) -> str | None:
    """The attention, MLP, norm, table or head of the language part that a tensor belongs to; None outside of it."""
    match = UNIT.match(name)
    return None if match is None else match[0]


def is_router(name: str) -> bool:
    """What decides between experts: near-ties flip in less than full precision."""
    return name.endswith(ROUTER)
