"""Measure how confidences are calibrated on documents that they were not fitted to: several splits, each told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dsvl2.pipelines.confidence.calibration import Calibration
from dsvl2.pipelines.training.calibration_fit import by_line, calibration_error, calibration_error_by_mass, figures, fit
from dsvl2.pipelines.training.calibration_pages import ReadWord


def document_of(word: ReadWord) -> str:
    """Return the name of the document that a word is of."""
    return word.line.split(":")[1]


def parts_of(words: Sequence[ReadWord], folds: int) -> list[list[ReadWord]]:
    """Return the words in that many parts, no document in two, in the order of the documents' names dealt in turn."""
    names = sorted({document_of(word) for word in words})
    place = {name: number % folds for number, name in enumerate(names)}
    parts: list[list[ReadWord]] = [[] for _ in range(folds)]
    for word in words:
        parts[place[document_of(word)]].append(word)
    return [part for part in parts if part]


def measured_splits(words: Sequence[ReadWord], fingerprint: str, folds: int) -> tuple[dict[str, float], list[str]]:
    """Return the figures of all parts together and the worst of any, and a line on each; every part is measured by a fit to
    the others.

    Raises:
        ValueError: fewer than two parts.
    """
    parts = parts_of(words, folds)
    if len(parts) < 2:
        raise ValueError("a split needs two documents")
    lines, sure, right, whole, all_right = [], [], [], [], []
    worst: dict[str, float] = {"ece_worst": 0.0, "ece_lines_worst": 0.0}
    auc = 0.0
    for number, part in enumerate(parts, 1):
        found = fit([word for other in parts if other is not part for word in other], fingerprint)
        own = report(part, found)
        lines.append(in_words(f"split {number}, {len({document_of(word) for word in part})} documents", own))
        worst = {name: max(value, own[name.removesuffix("_worst")]) for name, value in worst.items()}
        auc += own["auc"] * len(part) / len(words)
        sure += [found.word(word.features) for word in part]
        right += [word.right for word in part]
        for line in by_line(part):
            whole.append(found.together([found.word(word.features) for word in line]))
            all_right.append(all(word.right for word in line))
    together = {
        "words": len(words),
        "lines": len(whole),
        "splits": len(parts),
        "accuracy": sum(right) / len(right),
        "ece": calibration_error(sure, right),
        "ece_equal_mass": calibration_error_by_mass(sure, right),
        "ece_lines": calibration_error(whole, all_right),
        "auc": auc,
    }
    return together | worst, [*lines, in_words("all splits", together)]


def report(words: Sequence[ReadWord], found: Calibration) -> dict[str, float]:
    """Return the figures of a calibration on words, and of raw probabilities as `raw` and `raw_lines`."""
    own = figures(words, lambda word: found.word(word.features), found.together)
    raw = figures(words, raw_confidence, lambda parts: math.prod(parts) ** (1 / max(len(parts), 1)))
    return own | {"raw": raw["ece"], "raw_lines": raw["ece_lines"]}


def in_words(name: str, values: Mapping[str, float]) -> str:
    """Return the figures as a line."""
    raw = f" (raw {values['raw']:.4f}, lines {values['raw_lines']:.4f})" if "raw" in values else ""
    return (
        f"{name}: {values['words']:.0f} words, {100 * values['accuracy']:.2f} % right; words: equal width "
        f"{values['ece']:.4f}, equal mass {values['ece_equal_mass']:.4f}; {values['lines']:.0f} lines: "
        f"{values['ece_lines']:.4f}; a right word is surer than a wrong one: {100 * values['auc']:.1f} %{raw}"
    )


def raw_confidence(word: ReadWord) -> float:
    """Return the geometric mean of the word's token probabilities."""
    return math.exp(-math.exp(word.features[1]))
