"""Rotary positions: angles in fp32 whatever the model's dtype (spec.md 6.1, 6.2, 6.5); what turns by them is in `ops`.

Frequencies are computed, never stored as a buffer: a model-wide cast to bf16 cannot round them.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dsvl2.model.config import LanguageConfig


def angles(config: LanguageConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of every position, fp32 [..., rotary_dim / 2], YaRN scaling included."""
    scaling = config.rope_scaling or {}
    frequency = frequencies(config.rotary_dim, config.rope_theta, scaling, positions.device)
    phase = positions.to(torch.float32)[..., None] * frequency
    stretch = 1.0
    if scaling:
        factor = float(scaling["factor"])
        stretch = mscale(factor, scaling.get("mscale", 1.0)) / mscale(factor, scaling.get("mscale_all_dim", 0.0))
    return phase.cos() * stretch, phase.sin() * stretch


def frequencies(dim: int, theta: float, scaling: Mapping[str, Any], device: torch.device) -> Tensor:
    """Inverse frequencies fp32 [dim / 2]; with YaRN, low ones are interpolated and high ones kept."""
    exponent = torch.arange(0, dim, 2, dtype=torch.float32, device=device) / dim
    plain = 1.0 / (theta**exponent)
    if not scaling:
        return plain
    original = scaling.get("original_max_position_embeddings", 4096)

    def turning_point(turns: float) -> float:
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(turning_point(scaling.get("beta_fast", 32))), 0)
    high = min(math.ceil(turning_point(scaling.get("beta_slow", 1))), dim - 1)
    ramp = (torch.arange(dim // 2, dtype=torch.float32, device=device) - low) / max(high - low, 0.001)
    ramp = ramp.clamp(0, 1)
    return plain / float(scaling["factor"]) * ramp + plain * (1 - ramp)


def mscale(factor: float, scale: float) -> float:
    """YaRN's length-dependent magnitude."""
    return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0
