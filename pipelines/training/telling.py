"""A record of a run's log as one line for people; the log itself keeps everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsvl2.pipelines.training.learner import StepResult


def line(record: Mapping[str, Any], budget: float) -> str:
    """`step 350, 283 of 940 s (30 %), 232 ms a step, right: bands 98.1 %, answers 98.0 %`; other records key by key.

    What is right are the tokens of the last batch of a kind, teacher forced.
    """
    if "step" not in record or "s" not in record:
        return ", ".join(f"{key} {value}" for key, value in record.items())
    share = min(1.0, record["s"] / budget) if budget else 1.0
    right = [
        f"{kind} {100 * told['acc']:.1f} %" for kind, told in record.items() if isinstance(told, dict) and "acc" in told
    ]
    parts = [f"step {record['step']}", f"{record['s']:.0f} of {budget:.0f} s ({share:.0%})"]
    parts += [f"{record['ms']} ms a step"] * ("ms" in record) + ["right: " + ", ".join(right)] * bool(right)
    return ", ".join(parts)


def numbers(result: StepResult, *, pictures: bool) -> dict[str, float]:
    """What the log keeps of a step; of pictures of lines also how well places are read."""
    kept = {"loss": result.text, "acc": result.accuracy, "exact": result.exact, "balance": result.balance}
    if pictures:
        kept |= {"loc": result.location_accuracy, "map": result.character_map, "map_acc": result.map_accuracy}
    return {name: round(float(number.detach()), 4) for name, number in kept.items()}
