"""Faster equals of the tower's MLP and of modules of the decoder, for a CPU: see `grouped` for a GPU.

Merged attention and dense experts are for models whose weights are small against the cost of starting a product.

Letters: S rows, N tokens, H hidden, A heads, r latent, dn/dr/dv widths of a head's position-free, rotary and value part,
E experts (shared ones included), I expert width.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsvl2.kernels import ops
from dsvl2.kernels.ops import Sight
from dsvl2.model.attention import LatentAttention, LayerCache, RMSNorm
from dsvl2.model.cache import Layer
from dsvl2.model.moe import MoE, Routing
from dsvl2.model.vision import Mlp


class MergedLatentAttention(nn.Module):
    """MLA whose decode step is two products: kv_b is multiplied into the query and the output projection beforehand.

    The rotation comes out of the first product too: it holds the rotary rows twice, as they are and turned by 90 degrees,
    so that what is left is one multiplication with cos and one with sin.
    """

    def __init__(self, plain: LatentAttention, dtype: torch.dtype) -> None:
        super().__init__()
        self.plain = plain
        self.heads, self.rank, self.rotary = plain.heads, plain.rank, plain.rotary
        to_key, to_value = (
            plain.kv_b_proj.weight.float().unflatten(0, (self.heads, -1)).split((plain.nope, plain.value), dim=1)
        )
        self._into = ops.pack_linear(_first_rows(plain, to_key), None, dtype)
        output = plain.o_proj.weight.float().unflatten(1, (self.heads, -1))  # [H, A, dv]
        self._out = ops.pack_linear(torch.einsum("oav,avr->oar", output, to_value).flatten(1), plain.o_proj.bias, dtype)

    @staticmethod
    def fits(plain: LatentAttention) -> bool:
        """Whether there is nothing between the input and the projections: no low-rank query, no biases."""
        return not plain.low_rank_query and plain.kv_a_proj_with_mqa.bias is None

    @staticmethod
    def size(plain: LatentAttention) -> int:
        """Weights of the merged products."""
        hidden = plain.o_proj.out_features
        return hidden * ((plain.heads + 1) * (plain.rank + 2 * plain.rotary) + plain.heads * plain.rank)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        return cast(Tensor, self.plain(x, cos, sin, mask, cache))

    def step(
        self, x: Tensor, delta: Tensor | None, norm: RMSNorm, cos: Tensor, sin: Tensor, sight: Sight, layer: Layer
    ) -> tuple[Tensor, Tensor]:
        """One new token a row; see `LatentAttention.step`."""
        total, normed = norm.behind(x, delta)
        both = self._into(normed)
        width = self.rank + self.rotary
        turned = both[:, (self.heads + 1) * width :].unflatten(1, (-1, self.rotary))  # [S, A + 1, dr]
        parts = both[:, : (self.heads + 1) * width].unflatten(1, (-1, width))  # [S, A + 1, r + dr], the last is the key
        rotary, latent = parts[..., self.rank :], parts[:, -1, : self.rank]
        cos, sin = torch.cat((cos, cos), -1)[:, None], torch.cat((sin, sin), -1)[:, None]
        rotary.copy_(torch.addcmul(rotary * cos, turned, sin))
        latent.copy_(self.plain.kv_a_layernorm(latent.float()))
        mixed = ops.decode(parts[:, None, :-1], layer.write(parts[:, -1]), sight)
        return total, self._out(mixed[:, 0, :, : self.rank].flatten(1))


def _first_rows(plain: LatentAttention, to_key: Tensor) -> Tensor:
    """Rows of the first product: of every head, then of the key, its latent and rotary part; then all rotary parts turned."""
    query = plain.q_proj.weight.float().unflatten(0, (plain.heads, -1)) * plain.scale  # [A, dn + dr, H]
    nope, rope = query.split((plain.nope, plain.rotary), dim=1)
    key = plain.kv_a_proj_with_mqa.weight.float()
    latent, key_rope = key.split((plain.rank, plain.rotary))
    absorbed = torch.cat((torch.einsum("anr,anh->arh", to_key, nope), latent[None]))  # [A + 1, r, H]
    rotary = torch.cat((rope, key_rope[None]))
    even, odd = rotary[:, 0::2], rotary[:, 1::2]
    straight = torch.cat((absorbed, even, odd), dim=1).flatten(0, 1)
    turned = torch.cat((-odd, even), dim=1).flatten(0, 1)
    return torch.cat((straight, turned))


class GeluMlp(nn.Module):
    """The tower's MLP with GELU inside the first product."""

    def __init__(self, plain: Mlp, dtype: torch.dtype) -> None:
        super().__init__()
        self._into = ops.pack_linear(plain.fc1.weight, plain.fc1.bias, dtype, gelu=True)
        self._out = ops.pack_linear(plain.fc2.weight, plain.fc2.bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self._out(self._into(x))


class DenseMoE(nn.Module):
    """All experts, shared ones included, as one wide SwiGLU whose hidden layer is multiplied by the routing weights."""

    def __init__(self, plain: MoE, dtype: torch.dtype) -> None:
        super().__init__()
        self.gate = plain.gate
        gates, ups = (part.flatten(0, 1) for part in plain.experts.gate_up_proj.chunk(2, dim=1))  # each [E * I, H]
        downs = plain.experts.down_proj.transpose(0, 1).flatten(1)  # [H, E * I]
        self.width = plain.experts.down_proj.shape[2]
        if plain.shared_experts is not None:
            shared = plain.shared_experts
            gates, ups = torch.cat((gates, shared.gate_proj.weight)), torch.cat((ups, shared.up_proj.weight))
            downs = torch.cat((downs, shared.down_proj.weight), dim=1)
        parts, routed = downs.shape[1] // self.width, plain.experts.down_proj.shape[0]
        self._always = (torch.arange(parts) >= routed).float()[None]  # weight 1 for shared experts, 0 until routed to
        self._into = ops.pack_linear(torch.cat((gates, ups)), None, dtype)
        self._out = ops.pack_linear(downs, None, dtype)

    def forward(self, x: Tensor, routed: list[Routing] | None = None) -> Tensor:
        flat = x.flatten(0, -2)
        routing = self.gate(flat)
        if routed is not None:
            routed.append(routing)
        share = self._always.expand(len(flat), -1).scatter(1, routing.idx, routing.weight)
        gate, up = self._into(flat).chunk(2, dim=-1)
        hidden = (F.silu(gate) * up).unflatten(1, (-1, self.width)) * share.to(gate.dtype)[:, :, None]
        return self._out(hidden.flatten(1)).view(x.shape)

    @staticmethod
    def fits(plain: MoE) -> bool:
        """Whether the shared experts are a whole number of routed ones wide."""
        return (
            plain.shared_experts is None
            or plain.shared_experts.gate_proj.out_features % plain.experts.down_proj.shape[2] == 0
        )
