"""Calibrate answers and fields: ask about virtual pages that no training saw, as `ask` and `extract` do, and judge.

Pages, words and wordings are those held out by `training.answers`; nothing is read from images, so that a few minutes
give a thousand answers. How surely the letters were read comes on top, from the words' own calibration.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from PIL import Image

from dsvl2.model import GenerationResult
from dsvl2.pipelines.ask.choosing import choose, judge
from dsvl2.pipelines.ask.declining import insisted
from dsvl2.pipelines.ask.text import request_for
from dsvl2.pipelines.ask.types import AskPage
from dsvl2.pipelines.confidence.calibration import ANSWER_KINDS, Curve, along
from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.tally import exact
from dsvl2.pipelines.extract import Options, View, extract, read_schema
from dsvl2.pipelines.extract.leaves import leaves_of, shown
from dsvl2.pipelines.training.answers.kinds import KINDS, UNSEEN
from dsvl2.pipelines.training.answers.pages import Turn, VirtualPage, make_page, resources
from dsvl2.pipelines.training.calibration_fit import calibration_error, logistic

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine

REFUSED, LOST = 0.9, 0.05
"""Of the questions without an answer at least so many are to be declined, of those with one at most so many."""
_LIMITS = (
    None,
    0.95,
    0.9,
    0.85,
    0.8,
    0.75,
    0.7,
    0.65,
    0.6,
    0.55,
    0.5,
    0.45,
    0.4,
    0.35,
    0.3,
    0.25,
    0.2,
    0.17,
    0.14,
    0.12,
    0.1,
    0.08,
    0.06,
    0.05,
)
_PRESSED = 0.97  # empty answers that are surer are never asked for what else they would be
FOLDS = 5
LEAST = 80  # judged answers of a kind; with fewer it keeps its raw confidence
_KNOTS = (0.0005, 0.002, 0.01, 0.03, 0.08, 0.15, 0.25, 0.4, 0.55, 0.7, 0.8, 0.88, 0.93, 0.96, 0.98, 0.99, 0.996, 0.9995)


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer of one of ANSWER_KINDS, what its token probabilities made of it, and whether it is right.

    Of questions also the probability of an empty answer, whether the page has one, and what the model says when it has
    to say something.
    """

    kind: str
    raw: float
    right: bool
    absent: float | None = None
    answerable: bool = True
    pressed: Judged | None = None

    def declined_above(self, limit: float | None) -> Judged:
        """As `ask` gives it when it declines where an empty answer is likelier than ``limit``, and only there."""
        if limit is None or self.absent is None or (self.absent > limit) == (self.kind == "absent"):
            return self
        if self.absent > limit:
            return replace(self, kind="absent", raw=self.absent, right=not self.answerable)
        return self.pressed or self


def judged_answers(engine: Engine, vocabulary: Path, *, seed: int, number: int) -> list[Judged]:
    """Ask about the held-out page of a number (from 0), the same whenever it is asked for; other seeds give other pages.

    Raises:
        OSError: the vocabulary cannot be read.
    """
    names = [*KINDS, *UNSEEN]
    rng = Random(crc32(f"calibration {seed} {number}".encode()))
    page = make_page(rng, _words(vocabulary), kind=names[number % len(names)], keep_places=True)
    return [*_questions(engine, page), *_fields(engine, page)]


@cache
def _words(vocabulary: Path) -> Any:
    return resources(vocabulary)[1]


def _questions(engine: Engine, page: VirtualPage) -> Iterator[Judged]:
    spatial = page.places
    asked = [turn for turn in page.turns if turn.prompt.startswith("Q: ")]
    if spatial is None or not asked:
        return
    requests = [request_for(spatial, turn.prompt[3:]) for turn in asked]
    answers = engine.generate(requests)
    pressed = insisted(engine, requests, answers, _PRESSED)
    shown_page = AskPage(page.kind, 1, PageResult(1, (), 1000, 1414), lambda: Image.new("L", (1, 1)))

    def judged(turn: Turn, answer: GenerationResult) -> Judged | None:
        said = judge(shown_page, spatial, answer)
        result = choose(turn.prompt, [said], asked=[shown_page], pages=[shown_page])
        if result.confidence is None:
            return None
        right = exact(result.answer, (turn.answer,)) if result.answer is not None else not turn.answer
        kind = "answer" if result.found else "absent"
        return Judged(kind, result.confidence, right, said.absent, bool(turn.answer))

    for turn, answer, other in zip(asked, answers, pressed, strict=True):
        found = judged(turn, answer)
        if found is not None:
            yield found if other is answer else replace(found, pressed=judged(turn, other))


def _fields(engine: Engine, page: VirtualPage) -> Iterator[Judged]:
    for turn in page.turns:
        if not turn.prompt.startswith("JSON: ") or page.places is None:
            continue
        try:
            form = read_schema(turn.prompt[6:])
            result = extract("virtual", [View(1, page.places)], engine, form, options=Options(least=0.0))
        except DocumentError:  # a list of fields that is no schema
            continue
        truth = {shown(leaf.path): leaf.value for leaf in leaves_of(turn.answer)}
        for leaf in leaves_of(json.dumps(result.data)):
            where = result.fields.get(shown(leaf.path))
            if where is not None and where.confidence is not None:
                right = _same(leaf.value, truth.get(shown(leaf.path)))
                yield Judged("null" if leaf.value is None else "field", where.confidence, right)


def _same(value: Any, truth: Any) -> bool:
    if value is None or truth is None:
        return value is truth
    if isinstance(value, int | float) and isinstance(truth, int | float):
        return math.isclose(value, truth, rel_tol=1e-9)
    return exact(str(value), (str(truth),))


@dataclass(frozen=True, slots=True)
class Declining:
    """What a limit for declining gives: shares of the questions without an answer, and of those with one, that are declined.

    limit: None for the likeliest answer, whatever its probability.
    """

    limit: float | None
    refused: float
    lost: float


def declining(judged: Sequence[Judged]) -> tuple[Declining, ...]:
    """Return the curve of right refusals against false ones: as the likeliest answer has it, then over limits downwards."""
    asked = [one for one in judged if one.absent is not None and one.kind in ANSWER_KINDS[:2]]
    without = [one for one in asked if not one.answerable]
    with_one = [one for one in asked if one.answerable]

    def share(those: Sequence[Judged], limit: float | None) -> float:
        return sum(one.declined_above(limit).kind == "absent" for one in those) / max(1, len(those))

    return tuple(Declining(limit, share(without, limit), share(with_one, limit)) for limit in _LIMITS)


def best_limit(curve: Sequence[Declining]) -> float | None:
    """Return the limit at which both targets are met with the most room; None if there is none."""

    def room(one: Declining) -> float:
        return min((one.refused - REFUSED) / (1 - REFUSED), (LOST - one.lost) / LOST)

    best = max((one for one in curve if one.limit is not None), key=room)
    return best.limit if room(best) >= 0 else None


def fit_answers(judged: Sequence[Judged]) -> tuple[tuple[str, Curve], ...]:
    """Return a curve for each kind that was judged often enough: a logistic of the log-odds, two numbers a kind.

    A free curve would fit the noise of some hundred answers.
    """
    curves = []
    for kind in ANSWER_KINDS:
        mine = [one for one in judged if one.kind == kind]
        if len(mine) < LEAST:
            continue
        odds = np.array([_odds(one.raw) for one in mine])
        right = np.array([one.right for one in mine], dtype=np.float64)
        centre = float(odds.mean())
        bias, slope = logistic((odds - centre)[:, None], right, np.ones(len(mine)))
        slope = max(float(slope), 0.0)  # a surer answer is never less likely right
        if slope == 0.0:
            share = min(max(float(right.mean()), 0.02), 0.98)
            bias = math.log(share / (1 - share))
        knots = tuple((raw, round(_share(bias + slope * (_odds(raw) - centre)), 5)) for raw in _KNOTS)
        curves.append((kind, knots))
    return tuple(curves)


def _odds(share: float) -> float:
    clipped = min(max(share, _KNOTS[0]), _KNOTS[-1])
    return math.log(clipped / (1 - clipped))


def _share(odds: float) -> float:
    return 1 / (1 + math.exp(-max(min(odds, 30.0), -30.0)))


def out_of_fold(judged: Sequence[Judged]) -> list[float]:
    """Return for every answer what curves make of it that were fitted to other pages only: FOLDS parts, each left out once.

    So all answers measure and all fit; an error over few answers is mostly chance.
    """
    size = -(-len(judged) // FOLDS)
    sure: list[float] = []
    for start in range(0, len(judged), max(size, 1)):
        curves = dict(fit_answers([*judged[:start], *judged[start + size :]]))
        sure += [
            along(curves[one.kind], one.raw) if one.kind in curves else one.raw for one in judged[start : start + size]
        ]
    return sure


def measured_answers(judged: Sequence[Judged], sure: Sequence[float]) -> tuple[dict[str, float], list[str]]:
    """Return the calibration errors of each kind and of `ask` and `extract` as wholes, and a line on each.

    sure: the calibrated confidence of each answer.
    """
    found: dict[str, float] = {}
    lines: list[str] = []
    groups = [(kind, (kind,)) for kind in ANSWER_KINDS] + [("ask", ANSWER_KINDS[:2]), ("extract", ANSWER_KINDS[2:])]
    for name, kinds in groups:
        pairs = [(one, own) for one, own in zip(judged, sure, strict=True) if one.kind in kinds]
        if not pairs:
            continue
        mine = [one for one, _ in pairs]
        right = [one.right for one in mine]
        own = calibration_error([value for _, value in pairs], right)
        raw = calibration_error([one.raw for one in mine], right)
        lines.append(
            f"{name}: {len(mine)} answers on other pages, {100 * sum(right) / len(mine):.1f} % right; "
            f"calibrated {own:.4f}, raw {raw:.4f}"
        )
        found[f"ece_{name}"] = own
    return found, lines


def counted(judged: Sequence[Judged]) -> str:
    """How many of each kind."""
    return ", ".join(f"{many} {kind}" for kind, many in sorted(Counter(one.kind for one in judged).items()))
