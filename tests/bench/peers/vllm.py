"""vLLM's kernels: Triton experts (bf16, int8), Marlin (int4, int8), FlashMLA and Triton latent attention, Machete.

Only its kernels are wanted, so dependencies of its servers that are not installed are replaced by empty modules.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.bench.peers import bnb
from tests.bench.peers.cases import Cases, Method, copies

UNUSED = ("zmq", "cbor2", "aiohttp", "openai_harmony", "openai", "msgspec", "cachetools", "blake3", "cloudpickle", "pybase64",
          "ijson", "fastapi", "starlette", "prometheus_client", "partial_json_parser", "compressed_tensors", "depyf",
          "setproctitle", "watchfiles", "lark", "gguf", "mistral_common", "llguidance", "xgrammar")  # fmt: skip
GROUP = 64


class _Empty(types.ModuleType):
    """A module of which every name is a class that does nothing."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda *_, **__: None, "__class_getitem__": classmethod(lambda cls, _: cls)})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname.partition(".")[0] not in self._names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""


def start() -> None:
    """Make vLLM importable; call it before anything of vLLM."""
    missing = frozenset(name for name in UNUSED if importlib.util.find_spec(name) is None)
    sys.meta_path.append(_Finder(missing))
    import vllm.model_executor.layers.fused_moe.fused_moe
    import vllm.platforms
    import vllm.third_party.flashmla.flash_mla_interface
    import vllm.v1.attention.ops.triton_decode_attention  # noqa: F401

    for library in ("_C_stable_libtorch", "_moe_C_stable_libtorch", "_flashmla_C"):
        importlib.import_module(f"vllm.{library}")
    torch.backends.cuda.enable_cudnn_sdp(True)  # its import forbids it for the whole process


def experts(cases: Cases) -> Iterator[Method]:
    """bf16 and int8 by Triton with its default tiles: 0.26 has none for E = 64, N = 1,408 on this card."""
    from vllm.model_executor.layers.fused_moe import fused_experts
    from vllm.model_executor.layers.fused_moe.config import int8_w8a16_moe_quant_config

    wide, shared = [cases.stacks(number) for number in range(cases.shape.sets)], cases.shared()
    for problem in cases.problems():
        run = partial(_triton, fused_experts)
        sets = [(*pair, *shared, None) for pair in wide]
        yield cases.layer("vLLM Triton", "bf16", 16, problem, run, sets, (*wide[0], *shared))
    whole = [[_int8(part) for part in pair] for pair in wide]
    del wide
    sets = []
    for up, down in whole:
        config = int8_w8a16_moe_quant_config(w1_scale=up[1], w2_scale=down[1], block_shape=None)
        sets.append((up[0], down[0], *shared, config))
    exact = tuple((codes.float() * scale[..., None]).bfloat16() for codes, scale in whole[0])
    for problem in cases.problems(prefill=False):
        more = {"shared": "bf16"}
        yield cases.layer(
            "vLLM Triton W8A16", "int8", 8, problem, partial(_triton, fused_experts), sets, (*exact, *shared), more=more
        )


def _int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    scale = weight.abs().amax(-1).float() / 127
    codes = torch.stack([(w / s[:, None]).round().to(torch.int8) for w, s in zip(weight, scale, strict=True)])
    return codes, scale


def _triton(fused: Any, x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    up, down, shared_up, shared_down, config = held
    routed = fused(x, up, down, weight, idx.to(torch.int32), quant_config=config)
    gate_up = F.linear(x, shared_up)
    act = torch.empty(len(x), gate_up.shape[1] // 2, dtype=x.dtype, device=x.device)
    torch.ops._C.silu_and_mul(act, gate_up)
    return routed + F.linear(act, shared_down)


def marlin(cases: Cases) -> Iterator[Method]:
    """int4 in groups of 64 and int8 per channel: its fastest for weights alone; the shared experts by dense Marlin."""
    from vllm.model_executor.layers.quantization.utils.marlin_utils import marlin_make_workspace_new
    from vllm.scalar_type import scalar_types

    work = marlin_make_workspace_new(torch.device(cases.device, 0) if cases.device == "cuda" else torch.device("cpu"))
    for form, kind, group, bits in (
        ("int4", scalar_types.uint4b8, GROUP, 4.25), ("int8", scalar_types.uint8b128, -1, 8.0),
    ):  # fmt: skip
        first = [[_marlin(w, kind, group) for w in stack] for stack in cases.stacks(0)]
        exact = [torch.stack([one[2] for one in stack]) for stack in first]
        base = [torch.stack([one[part] for one in stack]) for stack in first for part in (0, 1)]
        shared = [_marlin(w, kind, group) for w in cases.shared()]
        sets = [
            (*(part.clone() for part in base), *((s[0], s[1]) for s in shared), kind, work)
            for _ in range(cases.shape.sets)
        ]
        del first
        for problem in cases.problems(prefill=form == "int4"):
            yield cases.layer(
                "vLLM Marlin", form, bits, problem, _marlin_layer, sets, (*exact, shared[0][2], shared[1][2])
            )


def codes_of(weight: Tensor, kind: Any, group: int) -> tuple[Tensor, Tensor, Tensor]:
    """[N, K] -> codes [K, N] with the offset of `kind` added, scales [K / group, N] in bf16, and the weight they stand for."""
    columns = weight.shape[1]
    most = (1 << (kind.size_bits - 1)) - 1
    grouped = weight.float().unflatten(1, (-1, columns if group < 0 else group))
    scale = (grouped.abs().amax(-1, keepdim=True) / most).bfloat16().float()
    codes = (grouped / scale).round().clamp(-most - 1, most)
    exact = (codes * scale).flatten(1).bfloat16()
    return (codes.flatten(1).t() + most + 1).int(), scale[..., 0].t().contiguous().bfloat16(), exact


def _marlin(weight: Tensor, kind: Any, group: int) -> tuple[Tensor, Tensor, Tensor]:
    """A weight [N, K] in Marlin's order, its scales, and what they stand for."""
    from vllm.model_executor.layers.quantization.utils import marlin_utils, marlin_utils_test

    codes, scale, exact = codes_of(weight, kind, group)
    columns, rows = codes.shape
    order = marlin_utils_test.get_weight_perm(kind.size_bits).to(weight.device)
    turned = marlin_utils_test.marlin_permute_weights(codes, columns, rows, order)
    return (
        packed_along_rows(turned, kind.size_bits),
        marlin_utils.marlin_permute_scales(scale, columns, rows, group),
        exact,
    )


def packed_along_rows(codes: Tensor, bits: int) -> Tensor:
    """[R, C] of small numbers -> [R, C * bits / 32] int32, the first in the lowest bits."""
    each = 32 // bits
    shifts = torch.arange(each, device=codes.device) * bits
    return (codes.long().unflatten(1, (-1, each)) << shifts).sum(-1).to(torch.int32)


def _marlin_layer(x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    from vllm.model_executor.layers.fused_moe.experts.marlin_moe import fused_marlin_moe

    up, up_scale, down, down_scale, shared_up, shared_down, kind, work = held
    routed = fused_marlin_moe(
        x, up, down, None, None, up_scale, down_scale, weight, idx.to(torch.int32), quant_type_id=kind.id
    )
    gate_up = _marlin_linear(x, (*shared_up, kind, work))
    act = torch.empty(len(x), gate_up.shape[1] // 2, dtype=x.dtype, device=x.device)
    torch.ops._C.silu_and_mul(act, gate_up)
    return routed + _marlin_linear(act, (*shared_down, kind, work))


def _marlin_linear(x: Tensor, held: Any) -> Tensor:
    from vllm import _custom_ops

    codes, scale, kind, work = held
    rows, none = scale.shape[1], torch.empty(0, dtype=torch.int32, device=x.device)
    return _custom_ops.marlin_gemm(
        x, None, codes, None, scale, None, None, None, none, none, work, kind, len(x), rows, x.shape[1],
        use_fp32_reduce=True,
    )  # fmt: skip


def nf4(cases: Cases) -> Iterator[Method]:
    """What vLLM makes of a bitsandbytes checkpoint: dequantize all experts, then its bf16 kernel."""
    from vllm.model_executor.layers.fused_moe import fused_experts

    shared = [bnb.quantized(part) for part in cases.shared()]
    stacks = [[bnb.quantized(part) for part in cases.stacks(number)] for number in range(2)]
    sets = [(*(held for held, _ in pair), *(held for held, _ in shared), fused_experts) for pair in stacks]
    exact = (*(part for _, part in stacks[0]), *(part for _, part in shared))
    for problem in cases.problems(prefill=False):
        yield cases.layer("vLLM bitsandbytes", "nf4", bnb.BITS, problem, _nf4_layer, sets, exact)


def _nf4_layer(x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    import bitsandbytes

    up, down = (bitsandbytes.functional.dequantize_4bit(*part).view(part[1].shape) for part in held[:2])
    routed: Tensor = held[4](x, up, down, weight, idx.to(torch.int32))
    return routed + bnb.shared_experts(x, held[2], held[3])


def decode(cases: Cases) -> Iterator[Method]:
    """FlashMLA with its schedule made once, as across layers, and the Triton kernel with its best number of splits."""
    from vllm.third_party.flashmla import flash_mla_interface as flash
    from vllm.v1.attention.ops.triton_decode_attention import decode_attention_fwd

    s = cases.shape
    for slots, query, caches, want, moved, work in cases.decodes():
        pages = s.length // s.page
        table = torch.arange(slots * pages, dtype=torch.int32, device=cases.device).view(slots, pages)
        lengths = torch.full((slots,), s.length, dtype=torch.int32, device=cases.device)
        paged = [c.view(-1, s.page, 1, c.shape[-1]) for c in caches]
        schedule, _ = flash.get_mla_metadata()
        calls = [
            lambda c=c, q=query, t=table, n=lengths, m=schedule: flash.flash_mla_with_kvcache(
                q[:, None], c, t, n, s.latent, m, softmax_scale=1.0, causal=True
            )[0][:, 0]
            for c in paged
        ]
        yield Method("decode", "vLLM FlashMLA", "bf16", slots, calls, want, moved, work)
        for splits in (2, 8, 32):
            part = torch.empty(slots, s.heads, splits, s.latent + 1, device=cases.device)
            out = torch.empty(slots, s.heads, s.latent, dtype=query.dtype, device=cases.device)
            lse, one = torch.empty(slots, s.heads, device=cases.device), torch.ones(1, device=cases.device)

            def run(c: Tensor, q: Tensor = query, part: Tensor = part, out: Tensor = out, lse: Tensor = lse, n: int = splits,
                    t: Tensor = table, e: Tensor = lengths, one: Tensor = one) -> Tensor:  # fmt: skip
                decode_attention_fwd(
                    q,
                    c,
                    c[..., : s.latent],
                    out,
                    lse,
                    t,
                    e,
                    part,
                    n,
                    1.0,
                    s.page,
                    k_scale=one,
                    v_scale=one,
                    is_mla=True,
                )
                return out

            calls = [lambda c=c, run=run: run(c) for c in paged]
            yield Method("decode", f"vLLM Triton, {splits} splits", "bf16", slots, calls, want, moved, work)


def head(cases: Cases) -> Iterator[Method]:
    """Marlin in int4 and int8, Machete in int4."""
    from vllm import _custom_ops
    from vllm.model_executor.layers.quantization.utils.marlin_utils import marlin_make_workspace_new
    from vllm.scalar_type import scalar_types

    s, weight = cases.shape, cases.heads()
    work = marlin_make_workspace_new(torch.device(cases.device, 0))
    for form, kind, group, bits in (
        ("int4", scalar_types.uint4b8, GROUP, 4.25), ("int8", scalar_types.uint8b128, -1, 8.0),
    ):  # fmt: skip
        codes, scale, exact = _marlin(weight, kind, group)
        held = [(one, scale, kind, work) for one in copies(codes, s.rotated)]
        yield from cases.linear("vLLM Marlin", form, bits, _marlin_linear, held, exact)
    raw, scale, exact = codes_of(weight, scalar_types.uint4b8, GROUP)
    packed = packed_along_rows(raw.t().contiguous(), 4).t()  # [H / 8, V], column-major
    made = _custom_ops.machete_prepack_B(packed, torch.bfloat16, scalar_types.uint4b8, torch.bfloat16)
    turned = [made, *(made.t().clone().t() for _ in range(max(1, int(s.rotated / made.nbytes)) - 1))]
    yield from cases.linear("vLLM Machete", "int4", 4.25, partial(_machete, scalar_types.uint4b8),
                            [(one, scale) for one in turned], exact)  # fmt: skip


def _machete(kind: Any, x: Tensor, held: Any) -> Tensor:
    from vllm import _custom_ops

    return _custom_ops.machete_mm(x, held[0], kind, b_group_scales=held[1], b_group_size=GROUP)


GROUPS = {"experts": experts, "marlin": marlin, "nf4": nf4, "decode": decode, "head": head}
