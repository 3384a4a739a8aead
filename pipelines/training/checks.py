"""Held-out bands of each kind, and questions, looked at from time to time while a run goes on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from dsvl2.pipelines.training.answers.draw import resources
from dsvl2.pipelines.training.answers.pages import VirtualPage, held_out, make_page
from dsvl2.pipelines.training.batches import on_device
from dsvl2.pipelines.training.documents import VOCABULARY, Documents
from dsvl2.pipelines.training.fonts import Resources
from dsvl2.pipelines.training.learner import Learner
from dsvl2.pipelines.training.material import PROMPTS, Fresh, as_batch, batched, conversations
from dsvl2.pipelines.training.recipe import Recipe
from dsvl2.pipelines.training.render import make_batch, wordless_batch

#: name -> (tiles, share of receipts and forms, strength of the degradation)
KINDS = {"print": (3, 0.0, 0.3), "scan": (2, 0.0, 1.0), "document": (2, 1.0, 0.3), "photo": (1, 1.0, 1.0)}
_BANDS = 16  # of each kind
_WORDLESS = 48
_PAGES = 64  # one question each, held-out kinds among them
KINDS_ASKED = ("post", "bill", "letter", "memo", "form", "receipt", "invoice", "table", "notes", "contract")


class Checks:
    """Bands of held-out text and faces; the same bands and the same noise each time."""

    def __init__(self, data: Path, recipe: Recipe, device: torch.device) -> None:
        self.recipe = replace(recipe, character_noise=0.0, location_noise=0.0, context_weight=0.0, coarse_share=0.0)
        self.device = device
        self.batches = dict(_held_out(data, recipe))

    def errors(self, learner: Learner) -> dict[str, float]:
        """Share of wrong tokens of each kind, teacher forced: nothing is generated, so a look takes moments.

        Of wordless bands it is the share that is not answered with nothing.
        """
        found = {}
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(7)
            for name, batch in self.batches.items():
                strength = KINDS[name][2] if name in KINDS else 0.5
                images, targets = on_device(batch, self.device, learner.grid, strength, self.recipe)
                # not compiled: these few sizes would take half a minute of every run
                with (
                    torch.no_grad(),
                    torch.compiler.set_stance("force_eager"),
                    torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.amp),
                ):
                    result = learner(images, targets, PROMPTS[batch.kind], self.recipe, late=False)
                found[name] = round(1 - float(result.accuracy), 5)
        return found


def _held_out(data: Path, recipe: Recipe) -> Iterator[tuple[str, Fresh]]:
    if "bands" in recipe.kinds:
        yield from _bands(data, recipe)
    if recipe.answers_weight and (data / VOCABULARY).exists():
        vocabulary = resources(data)[1]
        pages = held_out(5, min(_PAGES, recipe.answer_tokens // 1000 + 1), vocabulary)
        yield _answers("answers", pages, recipe)
        if "bands" not in recipe.kinds:  # nothing else is learned: what is asked, kind by kind
            for number, kind in enumerate(KINDS_ASKED):
                rng = random.Random(number)
                count = min(_PAGES, recipe.answer_tokens // 1000 + 1)
                yield _answers(kind, [make_page(rng, vocabulary, kind=kind) for _ in range(count)], recipe)


def _answers(name: str, pages: Sequence[VirtualPage], recipe: Recipe) -> tuple[str, Fresh]:
    rows = conversations([(page.spatial_text, [(t.prompt, t.answer) for t in page.turns[:1]]) for page in pages])
    return name, next(iter(batched(rows, recipe.answer_tokens)))


def _bands(data: Path, recipe: Recipe) -> Iterator[tuple[str, Fresh]]:
    faces = Resources.load(data, "held_out")
    documents = Documents.load(data, held=True)
    for number, (name, (columns, share, _)) in enumerate(KINDS.items()):
        if share and documents is None:
            continue
        rng = random.Random(number)
        chosen = documents if share else None
        size = min(_BANDS, recipe.batch_sizes[columns - 1])
        yield name, as_batch(make_batch(rng, faces, columns, 1.0, size, chosen, share, 2)[0], columns)
    size = min(_WORDLESS, recipe.batch_sizes[0])
    yield "wordless", as_batch(wordless_batch(random.Random(99), 1, size), 1)
