"""How well formulas are read: `python -m dsvl2.pipelines.evaluation.formulas FILE [--model DIR] [--eval-dir DIR]`.

Measures exact match after normalisation and token edit similarity in the steps of `dsvl2 formula`, on drawings of formulas
that were never trained on (splits `held_out` and `unseen` of FILE), and on folders of pictures with a gt.jsonl.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.formulas import edit_similarity, formula_match, normalise, read_formulas
from dsvl2.pipelines.training.formulas.draw import MASTER
from dsvl2.pipelines.training.formulas.samples import X_TO_SIZE, FormulaResources

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and the formula on it."""

    name: str
    image: Image.Image
    truth: str


def drawn(resources: FormulaResources, count: int, seed: int) -> Iterator[Example]:
    """Formulas of a split as clean pictures, their x between 9 and 26 px tall, with a margin."""
    rng = Random(seed)
    for index in rng.sample(resources.members, min(count, len(resources.members))):
        ink = resources.pen.draw(resources.store.drawing(index))
        scale = 9 * 2 ** rng.uniform(0, 1.5) / (resources.sizes[index] * X_TO_SIZE * MASTER)
        size = (max(8, round(ink.shape[1] * scale)), max(8, round(ink.shape[0] * scale)))
        small = Image.fromarray(255 - ink).resize(size, Image.Resampling.BOX)
        image = Image.new("L", (size[0] + 40, size[1] + 40), 255)
        image.paste(small, (20, 20))
        yield Example(str(index), image, normalise(resources.store.labels[index]))


def photographed(folder: Path) -> Iterator[Example]:
    """Pictures of a folder with gt.jsonl (`file`, `latex` on each line)."""
    for line in (folder / "gt.jsonl").read_text("utf-8").splitlines():
        if line.strip():
            row = json.loads(line)
            yield Example(row["file"], Image.open(folder / row["file"]), row["latex"])


def measure(examples: Iterable[Example], engine: Engine, *, looks: int, show: bool) -> dict[str, float]:
    """Read all examples; shares of 1, with a bootstrap interval of 95 % for the exact matches."""
    matches, similar, sound = [], [], []
    begun = time.monotonic()
    for example in examples:
        results = read_formulas([PageImage(1, example.image, 150.0)], engine, whole=True, looks=looks)
        told = results[0].latex if results else ""
        matches.append(formula_match(told, example.truth))
        similar.append(edit_similarity(told, example.truth))
        sound.append(bool(results) and results[0].valid)
        if show and not matches[-1]:
            sys.stderr.write(f"{example.name}\n  truth {normalise(example.truth)}\n  read  {told}\n")
    draws = np.random.default_rng(0).choice(np.array(matches, float), (_RESAMPLES, len(matches))).mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "count": len(matches), "exact": float(np.mean(matches)), "low": float(low), "high": float(high),
        "similarity": float(np.mean(similar)), "valid": float(np.mean(sound)),
        "seconds": (time.monotonic() - begun) / max(1, len(matches)),
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and print a line for each set."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.evaluation.formulas", description=__doc__)
    parser.add_argument("file", type=Path, help="the collected formulas")
    parser.add_argument("--model", help="checkpoint folder; the embedded model if not given")
    parser.add_argument("--eval-dir", type=Path, action="append", default=[], help="folder of pictures with gt.jsonl")
    parser.add_argument("--count", type=int, default=200, help="formulas of each split")
    parser.add_argument("--looks", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="name every mistake")
    options = parser.parse_args(argv)
    from dsvl2.model import load_engine

    engine = load_engine(options.model) if options.model else load_engine()
    sets: dict[str, Iterable[Example]] = {str(folder): photographed(folder) for folder in options.eval_dir}
    for split in ("held_out", "unseen"):
        if options.count:
            sets[split] = drawn(FormulaResources.load(options.file, split), options.count, options.seed)
    for name, examples in sets.items():
        print(
            json.dumps({"set": name, **measure(examples, engine, looks=options.looks, show=options.show)}), flush=True
        )


if __name__ == "__main__":
    main()
