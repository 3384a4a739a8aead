"""Asks about pages of held-out words: how many answers are right to the letter, teacher forced, kind by kind.

    python -m dsvl2.pipelines.training.exam --vocabulary DATA/answers.xz [--adapter RUN/adapter.pt --scale 0.7 1]

What to keep of a run is chosen by this, not by the sets that figures are measured on.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.config import ModelConfig
from dsvl2.model.folders import find_model
from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.answers.draw import resources
from dsvl2.pipelines.training.answers.kinds import KINDS, UNSEEN
from dsvl2.pipelines.training.answers.pages import VirtualPage, make_page
from dsvl2.pipelines.training.learner import Learner
from dsvl2.pipelines.training.low_rank import LowRank
from dsvl2.pipelines.training.material import conversations
from dsvl2.pipelines.training.start import starting_weights

Counts = dict[str, list[bool]]


def pages(vocabulary: Path, each: int, seed: int) -> Iterator[VirtualPage]:
    """So many pages of every kind, of held-out words; the same seed gives the same pages."""
    held = resources(vocabulary)[1]
    for kind in (*KINDS, *UNSEEN):
        rng = random.Random(f"{seed} {kind}")
        for _ in range(each):
            yield make_page(rng, held, kind=kind)


@torch.no_grad()
def examine(learner: Learner, asked: Iterable[VirtualPage]) -> Counts:
    """Which answers are right to the letter: by kind of page, and field lists, questions and those without an answer."""
    found: Counts = defaultdict(list)
    language = learner.model.language
    for page in asked:
        ((ids, roles),) = conversations([(page.spatial_text, [(turn.prompt, turn.answer) for turn in page.turns])])
        states, _ = learner.states(language.model.embed_tokens(torch.tensor([ids[:-1]])))
        guess = language.logits(states)[0].argmax(-1).tolist()
        right = [int(a == b) for a, b in zip(guess, ids[1:], strict=True)]
        for turn, good in zip(page.turns, _turns(right, roles[1:], ids[1:]), strict=True):
            what = "nothing" if not turn.answer else "lists" if turn.prompt.startswith("JSON") else "questions"
            for key in (page.kind, what, "all"):
                found[key].append(good)
    return found


def _turns(right: Sequence[int], roles: Sequence[int], ids: Sequence[int]) -> Iterator[bool]:
    """Of each answer, its end token included, whether it is right."""
    good = True
    for one, role, token in zip(right, roles, ids, strict=True):
        if role < 2:
            continue
        good = good and bool(one)
        if token == nano.EOS:
            yield good
            good = True


def main(argv: Sequence[str] | None = None) -> None:
    """Examine the weights alone, and with an adapter at some scales."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.exam", description=__doc__)
    parser.add_argument("--vocabulary", type=Path, required=True, help="answers.xz of the collect command")
    parser.add_argument("--model", default="nano", help="name or folder of nano's shape")
    parser.add_argument("--adapter", type=Path, help="adapter.pt of a run")
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0], help="of what was learned; 0 is without it")
    parser.add_argument(
        "--bits", type=int, choices=(0, 4, 8), default=4, help="that the adapter is stored in; 0: as learned"
    )
    parser.add_argument("--each", type=int, default=8, help="pages of a kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    ops.use("sparse")
    learner = Learner(ModelConfig.from_dict(nano.CONFIG)).eval()
    learner.load_state_dict(starting_weights([find_model(options.model)], torch.device("cpu")), strict=False)
    adapter = _over(learner, options.adapter, options.bits) if options.adapter else None
    asked = list(pages(options.vocabulary, options.each, options.seed))
    for scale in options.scale if adapter else [0.0]:
        if adapter:
            adapter.write(scale)
        found = examine(learner, asked)
        shares = {key: [round(100 * sum(good) / len(good), 1), len(good)] for key, good in found.items()}
        sys.stdout.write(json.dumps({"scale": scale} | shares) + "\n")
        sys.stdout.flush()


def _over(learner: Learner, file: Path, bits: int) -> LowRank:
    factors: dict[str, tuple[Tensor, Tensor]] = torch.load(file, map_location="cpu", weights_only=True)
    return LowRank.of(learner.model.language, factors, bits)


if __name__ == "__main__":
    main()
