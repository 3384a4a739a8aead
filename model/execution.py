"""How a loaded network runs on this machine: number format, and modules exchanged for faster equals.

The exchange happens once, after loading. The network's forward passes never learn of it.
"""

from typing import cast

import torch
from torch import Tensor, nn

from dsvl2.kernels import ops
from dsvl2.model.attention import LatentAttention
from dsvl2.model.compiled import compile_decoder
from dsvl2.model.config import ModelConfig
from dsvl2.model.errors import DtypeError
from dsvl2.model.fused import DenseMoE, GeluMlp, MergedLatentAttention
from dsvl2.model.grouped import GroupedMoE, GroupedSwiGLU, choose, merge_first
from dsvl2.model.moe import Experts, MoE, SwiGLU
from dsvl2.model.vision import Mlp
from dsvl2.model.vl2 import DeepseekVL2

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SHORT = {"fp32": "float32", "bf16": "bfloat16"}
SMALL = 1 << 28  # parameters up to which a CPU keeps vectors, embeddings and the residual stream in fp32
EXACT_HEAD = 1 << 22  # weights of a head up to which it stays fp32: logits rounded to bf16 tie
DENSE = 1 << 22  # weights of one layer's experts up to which all of them run at once
NARROW = 512  # hidden width up to which answers run on one thread each
MERGED = 1 << 19  # weights of one attention up to which the absorbed products are multiplied out


def choose_dtype(dtype: str | None, device: torch.device) -> torch.dtype:
    """Resolve None to the format that is fast on the device; raise DtypeError for an unknown name."""
    if dtype is None:
        fast = device.type == "cuda" or ops.fast_bf16()
        return torch.bfloat16 if fast else torch.float32
    known = DTYPES.get(SHORT.get(dtype, dtype))
    if known is None:
        raise DtypeError(f"unknown dtype {dtype!r}", f"known: {', '.join((*DTYPES, *SHORT))}")
    return known


def storage_dtype(config: ModelConfig, dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """The format to load in: a small model on a CPU keeps fp32 around its bf16 products."""
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in DeepseekVL2(config).parameters())
    return torch.float32 if device.type == "cpu" and size <= SMALL else dtype


class PackedLinear(nn.Module):
    """A linear layer whose weight was laid out for this CPU; the plain weight stays only when asked for."""

    def __init__(self, linear: nn.Linear, dtype: torch.dtype, *, keep: bool = False) -> None:
        super().__init__()
        if keep:
            self.weight = linear.weight.to(dtype)
        self._product = ops.pack_linear(linear.weight, linear.bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self._product(x)


@torch.inference_mode()
def prepare(network: DeepseekVL2, dtype: torch.dtype) -> DeepseekVL2:
    """Make a freshly loaded network ready to run; on a CPU its modules are exchanged in place."""
    prepare_language(network, dtype)
    if network.image_newline.device.type == "cpu":
        for tower_block in network.vision.blocks:
            tower_block.mlp = GeluMlp(cast(Mlp, tower_block.mlp), dtype)
        _pack(network.vision, dtype)
        _pack(network.projector, dtype)
    return network


@torch.inference_mode()
def prepare_language(network: DeepseekVL2, dtype: torch.dtype) -> DeepseekVL2:
    """The same for the language part alone, of a network whose other parts belong to one that is prepared."""
    if network.image_newline.device.type != "cpu":
        return group(network)
    if lane_threads(network) == 1:
        network.compiled = compile_decoder(network.language, network.config.language)
    for block in network.language.model.layers:
        _exchange_experts(block, dtype)
        if network.compiled is None:
            _exchange_attention(block, dtype)
    _pack(network.language.model, dtype)
    head = network.language.lm_head
    if isinstance(head, nn.Linear):
        network.language.lm_head = PackedLinear(head, torch.float32 if head.weight.numel() <= EXACT_HEAD else dtype)  # type: ignore[assignment]
    return network


def group(network: DeepseekVL2) -> DeepseekVL2:
    """Exchange modules of the decoder for those that start fewer kernels; what they replace is let go layer by layer."""
    for block in network.language.model.layers:
        mlp = block.mlp
        if isinstance(mlp, MoE):
            mlp.gate.float()  # scores are fp32 (spec.md 6.3): widened here once instead of at every step
            if GroupedMoE.fits(mlp):
                block.mlp = GroupedMoE(mlp)
        elif isinstance(mlp, SwiGLU) and GroupedSwiGLU.fits(mlp):
            block.mlp = GroupedSwiGLU(mlp)
        merge_first(cast(nn.Module, block.self_attn))
    choose(network.language)
    return network


def tiles_at_once(device: torch.device) -> int:
    """How many tiles of an image go through the tower together.

    One on a CPU: no slower there, and the tower's result cannot depend on how many came together.
    """
    return 1 if device.type == "cpu" else 28


def lane_threads(network: DeepseekVL2) -> int | None:
    """CPU threads inside a lane (see `lanes`): one for a small model, whose products end before a second thread has begun.

    Measured on 2 Zen 5 cores: a decode step is no slower alone (8 x 256 x 4624 in bf16: 52 us against 51), and tens of
    times faster beside other busy processes, where threads wait for each other at the end of every product.
    """
    hidden = network.config.language.hidden_size
    return 1 if hidden <= NARROW else None


def _exchange_experts(block: nn.Module, dtype: torch.dtype) -> None:
    mlp = block.mlp
    if not isinstance(mlp, MoE) or not isinstance(mlp.experts, Experts):  # quantized ones run as they are
        return
    stacks = (mlp.experts.gate_up_proj, mlp.experts.down_proj)
    if sum(stack.numel() for stack in stacks) <= DENSE and DenseMoE.fits(mlp):
        block.mlp = DenseMoE(mlp, dtype)
    else:
        for stack in stacks:
            stack.data = stack.data.to(dtype)


def _exchange_attention(block: nn.Module, dtype: torch.dtype) -> None:
    attention = block.self_attn
    if not isinstance(attention, LatentAttention) or not MergedLatentAttention.fits(attention):
        return
    if not isinstance(attention.o_proj, nn.Linear):
        return
    if MergedLatentAttention.size(attention) <= MERGED:
        block.self_attn = MergedLatentAttention(attention, dtype)


def _pack(module: nn.Module, dtype: torch.dtype) -> None:
    """Exchange every linear layer below a module; absorbed attention also reads the weight of kv_b itself."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child, dtype, keep=name == "kv_b_proj"))
        else:
            _pack(child, dtype)
