"""Recorded folders on a GPU, in fp32 and bf16: errors beside those of plain PyTorch, greedy tokens, top-1 agreement.

    python tests/bench/bench_parity.py DIR... [--device cuda]

fp32: largest relative error of the logits, greedy tokens equal or not. bf16: rms error of the logits with kernels and without;
agreement of the likeliest token with the recording wherever the recorded gap is more than twice plain bf16's largest error.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model import execution
from dsvl2.model.config import ModelConfig
from dsvl2.model.loading import load_engine
from dsvl2.model.prefill import positions_of, visible
from dsvl2.model.request import GenerationRequest, SamplingParams
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import load_network
from tests.parity.conftest import Recorded, _expand, index_of
from tests.parity.test_parity import embed, pixels_of, valid_of


def logits(network: DeepseekVL2, want: dict[str, Tensor], dtype: torch.dtype, device: torch.device) -> Tensor:
    """fp32 logits of every position, on the CPU."""
    here = {name: tensor.to(device) for name, tensor in want.items()}
    x = embed(network, pixels_of(here).to(dtype), here)
    valid = valid_of(here)
    mask = None if bool(valid.all()) else visible(valid, 0)
    return network.language.logits(network.language.model(x, positions_of(valid), mask=mask)).float().cpu()


def compare(case: Recorded, device: torch.device) -> dict[str, Any]:
    """All figures of one case."""
    want, figures = case.tensors, dict[str, Any]({"case": f"{case.folder.name}/{case.name}"})
    config, valid = ModelConfig.from_file(case.folder / "config.json"), valid_of(case.tensors)
    ids, recorded = want["topk_ids"], want["topk_logits"]
    for dtype in (torch.float32, torch.bfloat16):
        network = execution.prepare(load_network(case.folder, config, dtype=dtype, device=device), dtype)
        errors = {}
        for backend in ("auto", "plain"):
            with torch.inference_mode(), ops.backend(backend):
                got = logits(network, want, dtype, device)
            errors[backend] = (got.gather(-1, ids) - recorded)[valid]
            if backend == "auto":
                likeliest = got.argmax(-1)
        name = str(dtype).removeprefix("torch.")
        rms = {backend: float(error.square().mean().sqrt()) for backend, error in errors.items()}
        gap = (recorded[..., 0] - recorded[..., 1])[valid]
        safe = gap > 2 * float(errors["plain"].abs().max())
        agree = (likeliest == ids[..., 0])[valid]
        figures[name] = {
            "rms_kernels": rms["auto"], "rms_plain": rms["plain"],
            "largest_relative": float(errors["auto"].abs().max() / recorded[valid].abs().max()),
            "safe_positions": int(safe.sum()), "safe_agree": int((agree & safe).sum()),
            "positions": len(agree), "agree": int(agree.sum()),
        }  # fmt: skip
    if "greedy_ids" in want:
        figures["greedy_equal"] = greedy(case, str(device))
    return figures


def greedy(case: Recorded, device: str) -> bool:
    """Whether the engine in fp32 writes the recorded tokens, one conversation at a time and together."""
    engine = load_engine(case.folder, device=device, dtype="float32")
    count = case.tensors["greedy_ids"].shape[1]
    sampling = SamplingParams(max_new_tokens=count, guard_loops=False)
    requests = [GenerationRequest(messages, sampling) for messages in case.conversations]
    eos = engine.tokenizer.eos
    for batch in ([[request] for request in requests], [requests]):
        answers = [answer for part in batch for answer in engine.generate(part)]
        for answer, recorded in zip(answers, case.tensors["greedy_ids"].tolist(), strict=True):
            if list(answer.token_ids) + [eos] * (count - len(answer.token_ids)) != recorded:
                return False
    return True


def main() -> int:
    """Print one JSON object a case; exit 1 if a figure misses what is promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    good = True
    for folder in (found for given in options.folder for found in _expand(given)):
        for entry in index_of(folder)["cases"]:
            figures = compare(Recorded(folder, entry["name"]), torch.device(options.device))
            half = figures["bfloat16"]
            figures["good"] = (
                figures["float32"]["largest_relative"] < 1e-5
                and figures.get("greedy_equal", True)
                and half["safe_agree"] == half["safe_positions"]
                and half["rms_kernels"] <= 1.05 * half["rms_plain"]
            )
            good &= figures["good"]
            print(json.dumps(figures), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
