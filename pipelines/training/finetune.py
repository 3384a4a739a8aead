"""Fine-tune any checkpoint in the released layout on pairs of question and answer:

    python -m dsvl2.pipelines.training.finetune FOLDER --data pairs.jsonl --out NEW --steps 200

pairs.jsonl holds {"file": picture beside it, or none, "prompt": text (`<image>` marks the picture's place), "answer": text}.
NEW is a checkpoint in the same layout, written whole or not at all, with the log, the curves and a card of the run. Only
answers count in the loss. By default the language model and the projector learn and the tower rests, as in the last stage of
the paper (section 4.1). The memory that weights, gradients and moments take is told before, the most that was used after.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model import Message, ModelError, prompt
from dsvl2.model.config import ModelConfig, ProcessorConfig
from dsvl2.model.folders import read_json
from dsvl2.model.layout import token_count
from dsvl2.model.pixels import cut_all
from dsvl2.model.tokenizer import Tokenizer
from dsvl2.model.weights import load_network, save_checkpoint
from dsvl2.pipelines.training.card import size_text, write_card
from dsvl2.pipelines.training.curves import draw
from dsvl2.pipelines.training.ending import STOPPED
from dsvl2.pipelines.training.pairs import Pair, PairsError, read_pairs
from dsvl2.pipelines.training.recipe import FineTuning, changes_of
from dsvl2.pipelines.training.rounded import RoundedAdamW

SIDE_FILES = ("processor_config.json", "tokenizer.json", "tokenizer_config.json", "reading.json")


class Student:
    """A checkpoint that learns: weights in `dtype`, gradients for what is trained."""

    def __init__(self, folder: Path, options: FineTuning, device: torch.device) -> None:
        self.folder, self.options, self.device = folder, options, device
        self.raw = read_json(folder / "config.json")
        self.config = ModelConfig.from_dict(self.raw)
        language = self.config.language
        self.tokenizer = Tokenizer.from_file(
            folder / "tokenizer.json", bos=language.bos_token_id, eos=language.eos_token_id
        )
        self.tokenizer.check_rows(language.vocab_size)
        file = folder / "processor_config.json"
        self.processor = ProcessorConfig.from_dict(read_json(file) if file.exists() else {})
        self.network = load_network(folder, self.config, dtype=getattr(torch, options.dtype), device=device)
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(options.tower or not name.startswith("vision."))
        self.learned = [p for p in self.network.parameters() if p.requires_grad]
        kind = RoundedAdamW if options.dtype == "bfloat16" else torch.optim.AdamW
        self.adam = kind(self.learned, lr=options.rate, weight_decay=options.weight_decay)
        self.tokens = 0  # that went through the decoder so far, those of pictures too

    def loss(self, pair: Pair) -> Tensor:
        """Mean cross entropy of the answer's tokens and the end token."""
        images = () if pair.file is None else (_picture(pair.file),)
        cuts = cut_all(images, self.config.candidate_resolutions, self.processor.pad_color)
        sizes = [token_count(self.config.side, cut.grid.width, cut.grid.height) for cut in cuts]
        written = prompt.write((Message("user", pair.prompt, images),), sizes, self.tokenizer)
        answer = torch.tensor([*self.tokenizer.encode(pair.answer), self.tokenizer.eos], device=self.device)
        x = self.network.language.embed(torch.tensor(written.ids, device=self.device))
        for start, cut in zip(written.image_starts, cuts, strict=True):
            vectors = self.network.tiles(self._pixels(cut.tiles))
            rows = self.network.image_rows(vectors, (cut.grid.width, cut.grid.height))
            x = torch.cat((x[:start], rows, x[start + len(rows) :]))
        x = torch.cat((x, self.network.language.embed(answer[:-1])))
        self.tokens += len(x)
        hidden = self.network.language.model(x[None])
        logits = self.network.language.logits(hidden[:, -len(answer) :])[0]
        return F.cross_entropy(logits.float(), answer)

    def _pixels(self, tiles: Any) -> Tensor:
        pixels = torch.from_numpy(tiles).to(self.device).permute(0, 3, 1, 2).float() / 255
        mean, std = (
            torch.tensor(values, device=self.device)[:, None, None]
            for values in (self.processor.image_mean, self.processor.image_std)
        )
        normal = (pixels - mean) / std if self.processor.normalize else pixels
        return normal.to(self.network.image_newline.dtype)

    def run(self, pairs: Sequence[Pair], log: Callable[[dict[str, Any]], None]) -> None:
        """Take all steps; `log` gets a record of each."""
        options, order = self.options, _endless(pairs, random.Random(self.options.seed))
        begun = time.monotonic()
        for step in range(options.steps):
            left = (options.steps - step) / options.steps
            for group in self.adam.param_groups:
                group["lr"] = options.rate * min(1.0, (step + 1) / options.warmup, left * 1.25)
            total, before, at = 0.0, self.tokens, time.monotonic()
            with ops.using("loop"):
                for _ in range(options.batch):
                    loss = self.loss(next(order)) / options.batch
                    loss.backward()
                    total += float(loss.detach())
            torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
            self.adam.step()
            self.adam.zero_grad(set_to_none=True)
            now = time.monotonic()  # the loss was read back: a device has done all but the last update
            pace = {"tokens_per_s": round((self.tokens - before) / (now - at), 1)}
            log({"step": step + 1, "loss": round(total, 4), "s": round(now - begun, 1)} | pace)

    def save(self, out: Path, records: Sequence[dict[str, Any]] = ()) -> None:
        """Write the checkpoint with the files beside it; `out` appears when it is whole."""
        part = out.with_name(f".{out.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        raw = {key: value for key, value in self.raw.items() if key != "quantization_config"}
        save_checkpoint(self.network.state_dict(), raw, part, dtype=torch.bfloat16)
        for name in SIDE_FILES:
            if (self.folder / name).exists():
                shutil.copy2(self.folder / name, part / name)
        told = asdict(self.options) | {
            "memory": {"needed": memory_needed(self.folder, self.options), "most": most_memory()}
        }
        (part / "finetuning.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        (part / "log.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
        if records:
            draw(part / "log.jsonl", part / "curves.png")
        write_card(part)
        part.replace(out)


def _picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _endless(pairs: Sequence[Pair], rng: random.Random) -> Iterator[Pair]:
    while True:
        yield from rng.sample(pairs, len(pairs))


def most_memory() -> int:
    """Bytes: the most that this process has held so far, on the GPU if there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory_needed(folder: Path, options: FineTuning) -> int:
    """Bytes for weights, gradients and the two moments of what is trained; activations come on top."""
    from math import prod

    from dsvl2.model.weights import released_shapes

    width = 2 if options.dtype == "bfloat16" else 4
    total = 0
    for name, shape in released_shapes(ModelConfig.from_file(folder / "config.json")).items():
        trained = options.tower or not name.startswith("vision.")
        total += prod(shape) * width * (4 if trained else 1)
    return total


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and fine-tune; 2 with one line on stderr for wrong pairs or a wrong folder, 130 when stopped."""
    try:
        _run(argv)
    except (PairsError, ModelError) as error:
        sys.stderr.write(f"error: {error}; {error.hint}\n")
        return 2
    except KeyboardInterrupt:
        return STOPPED
    return 0


def _run(argv: Sequence[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.finetune", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="JSON lines of pairs")
    parser.add_argument("--out", type=Path, required=True, help="new checkpoint folder")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--recipe", type=Path, help="JSON file of some of the numbers")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=JSON", help="override one number")
    chosen = parser.parse_args(argv)
    options = FineTuning.load(chosen.recipe, **changes_of(chosen.set))
    if chosen.out.exists():
        raise PairsError(f"{chosen.out} exists", hint="name a folder that does not exist")
    pairs = read_pairs(chosen.data)
    sys.stderr.write(f"weights, gradients and moments: {size_text(memory_needed(chosen.folder, options))}\n")
    student = Student(chosen.folder, options, torch.device(chosen.device))
    records: list[dict[str, Any]] = []

    def log(record: dict[str, Any]) -> None:
        records.append(record)
        sys.stderr.write(" ".join(f"{key} {value}" for key, value in record.items()) + "\n")
        sys.stderr.flush()

    student.run(pairs, log)
    student.save(chosen.out, records)
    sys.stderr.write(f"most memory held: {size_text(most_memory())}\n")


if __name__ == "__main__":
    raise SystemExit(main())
