"""Give every word, line and block of a page its confidence, from the probabilities that its lines still carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from dsvl2.pipelines.confidence.calibration import Calibration, load_calibration
from dsvl2.pipelines.confidence.evidence import usual_width, word_evidence
from dsvl2.pipelines.documents import Block, Line, PageResult, geometric_mean
from dsvl2.pipelines.words import Slant


class Model(Protocol):
    """The part of the engine's `info` that says which weights run."""

    @property
    def path(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


def calibration_of(model: Model) -> Calibration | None:
    """Return the calibration of a model, None if it has none."""
    return _instead.get(model.fingerprint) or _load(model.path, model.fingerprint)


def answer_confidence(model: Model, kind: str, raw: float | None) -> float | None:
    """Return the probability that an answer of the model is right, from what its token probabilities make of it.

    kind: one of `calibration.ANSWER_KINDS`. Without a calibration of such answers it is `raw`.
    """
    calibration = calibration_of(model) if raw is not None else None
    return raw if raw is None or calibration is None else calibration.answer(kind, raw)


def refuses_above(model: Model) -> float | None:
    """Return the probability of an empty answer from which on questions are declined, and only then; None: not known."""
    calibration = calibration_of(model)
    return None if calibration is None else calibration.refuse


_instead: dict[str, Calibration] = {}


@lru_cache(maxsize=8)
def _load(path: str, fingerprint: str) -> Calibration | None:
    return load_calibration(path, fingerprint)


@contextmanager
def uncalibrated(model: Model, instead: Calibration) -> Iterator[None]:
    """Use another calibration for the model within the block: one that leaves out what is being fitted."""
    _instead[model.fingerprint] = instead
    try:
        yield
    finally:
        del _instead[model.fingerprint]


def score_page(page: PageResult, calibration: Calibration | None) -> PageResult:
    """Return the page with confidences in place and the probabilities of single letters let go.

    Words: the probability to be right. Lines: that all their words are. Blocks and the page: the share of words that
    can be expected to be right. Without a calibration all of these are geometric means of token probabilities, and
    what has no lines keeps the confidence that it has.
    """
    slant = Slant.of(page)
    usual = usual_width(page.blocks, slant)
    shares: list[tuple[float, int]] = []
    blocks = []
    for block in page.blocks:
        lines, words = _score_lines(block, calibration, usual, slant)
        if words:
            shares.append((sum(words) / len(words), len(words)))
            block = replace(block, confidence=shares[-1][0])
        blocks.append(_score_cells(replace(block, lines=lines), calibration))
    count = sum(many for _, many in shares)
    mean = sum(share * many for share, many in shares) / count if count else page.confidence
    return replace(page, blocks=tuple(blocks), confidence=mean, calibrated=bool(count) and calibration is not None)


def _score_cells(block: Block, calibration: Calibration | None) -> Block:
    """Return a table with the confidence of its cells: of all the words of their lines together."""
    if block.table is None:
        return block
    cells = []
    for cell in block.table.cells:
        own = [block.lines[k] for k in cell.lines if k < len(block.lines)]
        words = [word.confidence for line in own for word in line.words if word.confidence is not None]
        sure = together(words, calibration)
        cells.append(cell if sure is None else replace(cell, confidence=sure))
    return replace(block, table=replace(block.table, cells=tuple(cells), confidence=block.confidence))


def _score_lines(
    block: Block, calibration: Calibration | None, usual: float, slant: Slant
) -> tuple[tuple[Line, ...], list[float]]:
    """Return a block's lines with confidences, and those of all its words."""
    lines, every = [], []
    for line in block.lines:
        known = line_words(line, calibration, usual, slant)
        every += known
        sure = line.confidence
        if known:
            sure = geometric_mean(line.logprobs) if calibration is None else calibration.together(known)
        words = line.words
        if len(words) == len(known):
            words = tuple(replace(word, confidence=value) for word, value in zip(words, known, strict=True))
        lines.append(replace(line, confidence=sure, words=words, logprobs=()))
    return tuple(lines), every


def line_words(line: Line, calibration: Calibration | None, usual: float, slant: Slant) -> list[float]:
    """Return the confidence of every word of a line; none if its probabilities are not known."""
    if calibration is not None:
        return [calibration.word(features) for features in word_evidence(line, usual, slant)]
    if not line.logprobs or len(line.logprobs) != len(line.text):
        return []
    found, start = [], 0
    for word in line.text.split():
        start = line.text.index(word, start)
        mean = geometric_mean(line.logprobs[start : start + len(word)])
        found.append(1.0 if mean is None else mean)
        start += len(word)
    return found


def together(words: Sequence[float], calibration: Calibration | None = None) -> float | None:
    """Return the confidence of a cell or field that is made of words with these confidences; None for none."""
    if not words:
        return None
    if calibration is not None:
        return calibration.together(words)
    product = 1.0
    for word in words:
        product *= word
    return float(product ** (1 / len(words)))
