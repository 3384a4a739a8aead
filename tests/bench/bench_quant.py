"""What each quantization scheme costs: KL per token and characters of the embedded model on held-out bands, and the error of
layers with random weights in the released shapes. Not collected by pytest.

    python tests/bench/bench_quant.py --data DIR [--weights FOLDER] [--bands 12] [--schemes int8,e4a8,w4,nf4]
    python tests/bench/bench_quant.py --layers [--divide 4]

DIR is a folder packed for training (`dsvl2.pipelines.training.collect`); its held-out text and fonts are used. The reference
is the embedded model with its weights unpacked, in fp32. As these weights come from an int8 file, rounding them to int8
again changes nothing: give --weights, a checkpoint with full weights, for a figure of int8 that says something.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from dsvl2.kernels.packing import INT4, INT8, NF4, PackedWeight
from dsvl2.model import GenerationRequest, Message, SamplingParams, load_engine
from dsvl2.model.config import ModelConfig
from dsvl2.model.folders import find_model, read_json
from dsvl2.model.moe import MoE
from dsvl2.model.quantization.modules import QuantizedExperts
from dsvl2.model.weights import load_network, save_checkpoint

SIDE_FILES = ("processor_config.json", "tokenizer.json", "reading.json")
LOCATION = re.compile(r"<\|y_\d+\|>")


def full_weights(folder: Path, target: Path) -> Path:
    """The checkpoint unpacked to fp32."""
    raw = read_json(folder / "config.json")
    network = load_network(folder, ModelConfig.from_dict(raw), dtype=torch.float32)
    raw.pop("quantization_config", None)
    save_checkpoint(network.state_dict(), raw, target, dtype=torch.float32)
    for name in SIDE_FILES:
        shutil.copyfile(folder / name, target / name)
    return target


def held_out_bands(data: Path, count: int, seed: int) -> list[tuple[Image.Image, list[int]]]:
    """Bands one to three tiles wide, with the token ids of what they say."""
    from dsvl2.pipelines.training import nano
    from dsvl2.pipelines.training.fonts import Resources
    from dsvl2.pipelines.training.render import LINE_MARK, render_band

    rng, resources = random.Random(seed), Resources.load(data, split="held_out")
    bands: list[tuple[Image.Image, list[int]]] = []
    while len(bands) < count:
        sample = render_band(rng, resources, 1 + len(bands) % 3, 1.0)
        if not 60 <= len(sample.tokens) < 500:
            continue
        lines = iter(sample.lines[:, 1])
        ids = [
            nano.FIRST_LOCATION + min(max(int(next(lines) // 8), 0), 47)
            if token == LINE_MARK
            else token + nano.FIRST_CHARACTER - 1
            for token in sample.tokens
        ]
        bands.append((Image.fromarray(sample.image), [*ids, nano.EOS]))
    return bands


def request_of(engine: Any, image: Image.Image) -> GenerationRequest:
    message = Message("user", engine.info.reading.prompt, (image,))
    return GenerationRequest((message,), SamplingParams(max_new_tokens=1500))


@torch.inference_mode()
def forced(engine: Any, image: Image.Image, ids: list[int]) -> torch.Tensor:
    """Log probabilities [T, V] of the next token at every place of the answer."""
    network, plan = engine.network, engine._plan(request_of(engine, image))
    x = torch.cat((engine._embed(plan), network.language.embed(torch.tensor([ids[:-1]]))), dim=1)
    hidden = network.language.model(x)[0, -len(ids) :]
    return network.language.logits(hidden).log_softmax(-1)


def errors(engine: Any, bands: list[tuple[Image.Image, list[int]]]) -> tuple[int, int]:
    """Wrong characters and characters in all, greedily read."""
    from rapidfuzz.distance import Levenshtein

    wrong = total = 0
    for image, ids in bands:
        truth, text = (
            LOCATION.sub("\n", part)
            for part in (engine.tokenizer.decode(ids[:-1]), engine.generate([request_of(engine, image)])[0].text)
        )
        wrong, total = wrong + Levenshtein.distance(truth, text), total + len(truth)
    return wrong, total


def measure(options: argparse.Namespace) -> None:
    """Print a row a scheme."""
    bands = held_out_bands(options.data, options.bands, options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        source = full_weights(options.weights or find_model("nano"), Path(scratch) / "full")
        reference = load_engine(source, device="cpu", dtype="float32")
        expected = [forced(reference, *band) for band in bands]
        positions = sum(map(len, expected))
        nll = -sum(
            float(rows.gather(1, torch.tensor(ids)[:, None]).sum())
            for rows, (_, ids) in zip(expected, bands, strict=True)
        )
        reread = bands[: options.reread]
        wrong, total = errors(reference, reread)
        print(
            f"{positions} positions of {len(bands)} bands, loss {nll / positions:.4f}; CER of {len(reread)} {wrong / total:.3%}"
        )
        print("| scheme | KL mean | KL p99 | top-1 agreement | loss | CER change, points |\n|---|---|---|---|---|---|")
        for scheme in options.schemes.split(","):
            start = time.perf_counter()
            engine = load_engine(source, device="cpu", dtype="float32", quant=scheme)
            found = [forced(engine, *band) for band in bands]
            pairs = list(zip(expected, found, strict=True))
            kl = torch.cat([(want.exp() * (want - got)).sum(-1) for want, got in pairs])
            same = torch.cat([want.argmax(-1) == got.argmax(-1) for want, got in pairs]).float().mean()
            loss = -sum(
                float(got.gather(1, torch.tensor(ids)[:, None]).sum())
                for got, (_, ids) in zip(found, bands, strict=True)
            )
            change = (errors(engine, reread)[0] - wrong) / total * 100
            print(
                f"| {scheme} | {kl.mean():.5f} | {kl.quantile(0.99):.4f} | {same:.2%} | {loss / positions:.4f} "
                f"| {change:+.3f} |  ({time.perf_counter() - start:.0f} s)",
                flush=True,
            )


@torch.inference_mode()
def layers(divide: int) -> None:
    """Relative error of outputs against bf16, one product and a whole expert layer, random weights, widths divided."""
    torch.manual_seed(0)
    print("| shape | format | one product | routed experts | with shared experts and residual |\n|---|---|---|---|---|")
    for name, hidden, width in (("tiny", 1280, 896), ("small", 2048, 1408), ("base", 2560, 1536)):
        hidden, width = (-(-size // divide // 64) * 64 for size in (hidden, width))
        language = read_json(find_model("nano") / "config.json")["language_config"] | {
            "hidden_size": hidden, "moe_intermediate_size": width, "n_routed_experts": 8, "num_experts_per_tok": 6,
        }  # fmt: skip
        raw = read_json(find_model("nano") / "config.json")
        raw["projector_config"]["n_embed"] = hidden
        moe = MoE(ModelConfig.from_dict(raw | {"language_config": language}).language)
        for parameter in moe.parameters():
            parameter.data = torch.randn_like(parameter).mul_(parameter.shape[-1] ** -0.5).bfloat16().float()
        x = torch.randn(256, hidden).bfloat16().float()
        routing = moe.gate(x)
        stack = moe.experts.gate_up_proj
        want, product = moe.experts(x, routing), F.linear(x, stack[0])
        whole = x + want + moe.shared_experts(x)
        for form in (INT8, INT4, NF4):
            packed = QuantizedExperts(
                PackedWeight.of(form, stack.unflatten(1, (2, -1))), PackedWeight.of(form, moe.experts.down_proj)
            )
            got = packed(x, routing)
            one = F.linear(x, PackedWeight.of(form, stack[0]).dequantize())
            figures = [
                float((a - b).norm() / b.norm())
                for a, b in ((one, product), (got, want), (x + got + moe.shared_experts(x), whole))
            ]
            print(
                f"| {name} {hidden} x {width} | {form.name} | " + " | ".join(f"{value:.2%}" for value in figures) + " |"
            )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument(
        "--weights", type=Path, help="a checkpoint with full weights; default: the embedded model, unpacked"
    )
    parser.add_argument("--bands", type=int, default=12)
    parser.add_argument("--reread", type=int, default=12, help="so many bands are also read greedily, for the CER")
    parser.add_argument("--schemes", default="int8,e4a8,w4,nf4,int8-bnb")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--layers", action="store_true", help="random layers in the released shapes")
    parser.add_argument("--divide", type=int, default=4, help="widths of these layers are divided by this")
    options = parser.parse_args()
    if options.layers:
        layers(options.divide)
    if options.data is not None:
        measure(options)


if __name__ == "__main__":
    main()
