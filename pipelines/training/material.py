"""What the trainer learns from, as batches on the host: bands of pages, pictures of formulas, questions about pages.

Each source yields endless batches of one kind; `columns` is the width of its pictures in tiles, 0 without pictures.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dsvl2.model.layout import token_count
from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.answers.pages import make_page, resources
from dsvl2.pipelines.training.charset import INDEX
from dsvl2.pipelines.training.documents import Documents
from dsvl2.pipelines.training.fonts import Resources
from dsvl2.pipelines.training.formulas import inline
from dsvl2.pipelines.training.formulas.samples import FormulaResources, make_formula_batch, make_inline_batch
from dsvl2.pipelines.training.recipe import LEVELS, Recipe
from dsvl2.pipelines.training.render import LINE_MARK, Batch, make_batch

FORMULAS = "formulas.npz.xz"  # in the folder of training data
LENGTH_STEP = 64  # whole sequences are padded to multiples of this: fewer shapes to compile
PROMPTS = {"bands": nano.PROMPT, "formulas": nano.FORMULA_PROMPT, "answers": ""}
KINDS = tuple(PROMPTS)
PAGES_AT_ONCE = 1024  # virtual pages that are made between two batches
PAGES_SORTED = 4096  # that are sorted by length together, once so many wait: 4 % padding, of 1,024 pages 7 %
QUESTIONS = (1, 4, 8, 12)  # about a page; the first is asked as every question will be, the others share its cost
Row = tuple[list[int], list[int]]  # token ids and roles of a conversation
PADDING, CONTEXT, ANSWER, DECISION = 0, 1, 2, 3  # the role of a token in a conversation
_VALUES = re.compile(r'(?<=":)(?:"(?!")|(?=[^"]))')  # where a field's value begins in a JSON answer


@dataclass(frozen=True, slots=True)
class Fresh:
    """A batch of one kind on the host. parts:

    bands     images uint8 [B,384,384m], tokens int16 [B,L], lines [B,K,2], chars [B,N,3]
    formulas  images uint8 [B,384,384m], tokens int16 [B,L]
    answers   tokens int16 [B,T], roles uint8 [B,T]
    """

    kind: str
    columns: int
    parts: dict[str, Tensor]

    def pin_memory(self) -> Fresh:
        """Called by the loader's pinning thread."""
        return Fresh(self.kind, self.columns, {name: part.pin_memory() for name, part in self.parts.items()})


def prompt_length(columns: int, prompt: str = nano.PROMPT) -> int:
    """Tokens before the answer: prompt text and image."""
    before, after = nano.prompt_ids(prompt)
    return len(before) + len(after) + token_count(nano.SIDE, columns, 1)


def answer_width(longest: int, columns: int, prompt: str) -> int:
    """Columns of the token array for answers of at most ``longest`` tokens, end token not counted."""
    fixed = prompt_length(columns, prompt) - 1  # the last answer token is never an input
    return -(-(fixed + longest + 1) // LENGTH_STEP) * LENGTH_STEP - fixed


def to_tokens(batch: Batch, columns: int) -> npt.NDArray[np.int16]:
    """Model token ids [B, L] of a rendered batch: characters, location placeholders (bin 0), eos, padding."""
    rendered = batch.tokens
    lengths = (rendered != 0).sum(1)
    length = answer_width(int(lengths.max()), columns, nano.PROMPT)
    tokens = np.full((len(rendered), length), nano.PAD, np.int16)
    ids = np.where(rendered == LINE_MARK, nano.FIRST_LOCATION, rendered + (nano.FIRST_CHARACTER - 1))
    width = min(length, rendered.shape[1])
    tokens[:, :width] = np.where(rendered[:, :width] == 0, nano.PAD, ids[:, :width])
    tokens[np.arange(len(rendered)), lengths] = nano.EOS
    return tokens


def bands(rng: random.Random, data: Path, recipe: Recipe, level: Callable[[], int]) -> Iterator[Fresh]:
    """Bands of synthetic pages at the curriculum level that ``level`` tells."""
    resources = Resources.load(data)
    documents = Documents.load(data) if any(recipe.document_shares) else None
    while True:
        stage, mix, _ = LEVELS[level()]
        columns = rng.choices(range(1, nano.MAX_COLUMNS + 1), mix)[0]
        share = recipe.document_shares[columns - 1]
        for batch in make_batch(rng, resources, columns, stage, recipe.batch_sizes[columns - 1], documents, share):
            yield as_batch(batch, columns)


def as_batch(batch: Batch, columns: int) -> Fresh:
    """Rendered bands with the model's token ids."""
    arrays = {"images": batch.images, "tokens": to_tokens(batch, columns), "lines": batch.lines, "chars": batch.chars}
    return Fresh("bands", columns, {name: torch.from_numpy(array) for name, array in arrays.items()})


def formula_tokens(labels: Sequence[str], columns: int) -> npt.NDArray[np.int16]:
    """Token ids [B, L] of LaTeX answers: characters, eos, padding."""
    longest = max(map(len, labels))
    tokens = np.full((len(labels), answer_width(longest, columns, nano.FORMULA_PROMPT)), nano.PAD, np.int16)
    for row, label in zip(tokens, labels, strict=True):
        row[: len(label) + 1] = [*(nano.FIRST_CHARACTER + INDEX[character] for character in label), nano.EOS]
    return tokens


def formulas(rng: random.Random, data: Path, recipe: Recipe, level: Callable[[], int]) -> Iterator[Fresh]:
    """Pictures of typeset formulas, in the recipe's mix of widths."""
    found = FormulaResources.load(data / FORMULAS)
    short = FormulaResources.load(data / inline.FILE) if recipe.inline_share else None
    while True:
        columns = rng.choices(range(1, nano.MAX_COLUMNS + 1), recipe.formula_mix)[0]
        size = recipe.formula_sizes[columns - 1]
        if short is not None and columns == 1 and rng.random() < recipe.inline_share:
            batch = make_inline_batch(rng, short, size)
        else:
            batch = make_formula_batch(rng, found, columns, size)
        tokens = torch.from_numpy(formula_tokens(batch.labels, columns))
        yield Fresh("formulas", columns, {"images": torch.from_numpy(batch.images), "tokens": tokens})


def conversations(pages: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> list[Row]:
    """(token ids, roles) of each (page text, turns): the runtime's prompt form (spec 7.2), the page in the first turn."""
    tokenizer = nano.build_tokenizer()
    texts: list[str] = []
    for page, turns in pages:
        for index, (question, answer) in enumerate(turns):
            content = f"{page}\n{question}" if index == 0 else question
            texts += [f"<|User|>: {content}\n\n<|Assistant|>:", answer]
    encoded = iter(tokenizer.encode_batch_fast(texts, add_special_tokens=False))
    rows = []
    for _, turns in pages:
        ids, roles = [nano.BOS], [CONTEXT]
        for _, answer in turns:
            asked, told = next(encoded).ids, [*next(encoded).ids, nano.EOS]
            ids += asked + told
            roles += [CONTEXT] * len(asked) + answer_roles(answer, len(told))
        rows.append((ids, roles))
    return rows


def answer_roles(answer: str, count: int) -> list[int]:
    """Roles of an answer's tokens, the end token last: what begins an answer or a field's value decides where it is read.

    One token is one character, so places in the text are places of tokens; where that does not hold, only the first counts.
    """
    roles = [DECISION] + [ANSWER] * (count - 1)
    if len(answer) == count - 1 and answer.startswith("{"):
        for found in _VALUES.finditer(answer):
            roles[found.start()] = roles[found.end()] = DECISION  # nothing or something, and what
    return roles


def answers(rng: random.Random, data: Path, recipe: Recipe, level: Callable[[], int]) -> Iterator[Fresh]:
    """Questions about virtual pages, several about each in a row, in batches of like length."""
    vocabulary, _ = resources(data)
    waiting: list[Row] = []
    while True:
        made = [make_page(rng, vocabulary, questions_wanted=rng.choice(QUESTIONS)) for _ in range(PAGES_AT_ONCE)]
        turns = [(page.spatial_text, [(turn.prompt, turn.answer) for turn in page.turns]) for page in made]
        ready, waiting = sorted_batches(rng, [*waiting, *conversations(turns)], recipe.answer_tokens)
        yield from ready


def sorted_batches(rng: random.Random, rows: Sequence[Row], budget: int) -> tuple[list[Fresh], list[Row]]:
    """Batches of as many rows as came in, any of those that all rows make, and the rows that wait to be sorted again.

    The more wait, the nearer the lengths in a batch; their number grows with time, so that the first comes soon.
    """
    groups = list(grouped(rows, budget))
    rng.shuffle(groups)
    coming_in = PAGES_AT_ONCE * (1.0 if len(rows) >= PAGES_SORTED else 0.75)
    count = max(1, round(len(groups) * min(1.0, coming_in / len(rows))))
    return [padded(group) for group in groups[:count]], [row for group in groups[count:] for row in group]


def batched(rows: Sequence[Row], budget: int) -> Iterator[Fresh]:
    """Conversations of like length together, padded, at most ``budget`` tokens a batch."""
    return map(padded, grouped(rows, budget))


def grouped(rows: Sequence[Row], budget: int) -> Iterator[list[Row]]:
    """Rows of like length, as many as a batch of ``budget`` tokens holds, the longest first."""
    ordered = sorted(rows, key=lambda row: len(row[0]))
    while ordered:
        count = max(1, budget // (_width(ordered[-1]) - 1))
        taken, ordered = ordered[-count:], ordered[:-count]
        yield taken


def _width(longest: Row) -> int:
    return -(-(len(longest[0]) - 1) // LENGTH_STEP) * LENGTH_STEP + 1  # inputs are one shorter


def padded(rows: Sequence[Row]) -> Fresh:
    """A batch of rows, the longest last."""
    width = _width(rows[-1])
    tokens = np.full((len(rows), width), nano.PAD, np.int16)
    roles = np.zeros((len(rows), width), np.uint8)
    for index, (ids, parts) in enumerate(rows):
        tokens[index, : len(ids)], roles[index, : len(ids)] = ids, parts
    return Fresh("answers", 0, {"tokens": torch.from_numpy(tokens), "roles": torch.from_numpy(roles)})


def source(kind: str, rng: random.Random, data: Path, recipe: Recipe, level: Callable[[], int]) -> Iterator[Fresh]:
    """Endless batches of one kind from the folder that the collect commands filled."""
    makers: dict[str, Callable[..., Any]] = {"bands": bands, "formulas": formulas, "answers": answers}
    batches: Iterator[Fresh] = makers[kind](rng, data, recipe, level)
    return batches
