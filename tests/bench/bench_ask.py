"""Ten questions about one page beside one question, side by side in one run, and whether the answers are those of asking
each alone.

Not collected by pytest. Run on an idle machine and say which one it was:

    python tests/bench/bench_ask.py [--model nano] [--repeat 3] [--image FILE]

A turn reads the page image and asks; turns of one and of ten questions alternate, and the median of each counts. The engine
forgets the page before every turn. Random weights never end an answer: with them say --answer-tokens 24. It exits with 1 if
ten questions take more than twice the time of one, or if an answer differs from that of asking alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

QUESTIONS = [
    "what is the cost of the repairs?",
    "who signed the letter?",
    "when was the station inspected?",
    "how much does the larger pump deliver?",
    "where is the list of parts kept?",
    "what has cracked?",
    "when was the pump installed?",
    "what is the date?",
    "which type is the second valve?",
    "how high is the mountain?",
]
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "data" / "scan.png"


def ask(engine: Any, image: Any, questions: list[str]) -> list[Any]:
    """Read the page and ask; returns (answer, confidence) of each question."""
    from dsvl2.pipelines import OcrTask, PageImage
    from dsvl2.pipelines.ask import AskPage, ask_images, ask_text

    bands = engine.info.reading.mode == "bands"
    text = OcrTask().read([PageImage(1, image, 150.0)], engine)[0] if bands else None
    page = AskPage("page", 1, text, lambda: image)
    results = (ask_text if bands else ask_images)([page], questions, engine)
    return [(result.answer, result.confidence) for result in results]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--image", type=Path, default=SAMPLE)
    parser.add_argument("--answer-tokens", type=int, default=None)
    options = parser.parse_args()
    from PIL import Image

    from dsvl2.model import load_engine

    engine = load_engine(options.model)
    if options.answer_tokens is not None:
        from dsvl2.pipelines.ask import images, text

        images.ANSWER_TOKENS = text.ANSWER_TOKENS = options.answer_tokens
    image = Image.open(options.image).convert("RGB")
    alone = [ask(engine, image, [question])[0] for question in QUESTIONS]
    seconds: dict[int, list[float]] = {1: [], 10: []}
    equal = True
    for turn in range(options.repeat):
        for count in (1, 10):
            engine.prefixes.clear()
            started = time.perf_counter()
            answers = ask(engine, image, QUESTIONS[turn % 10 :][:1] if count == 1 else QUESTIONS)
            seconds[count].append(time.perf_counter() - started)
            equal = equal and (count == 1 or answers == alone)
    one, ten = (statistics.median(seconds[count]) for count in (1, 10))
    record = {
        "model": engine.info.name,
        "device": engine.info.device,
        "dtype": engine.info.dtype,
        "answer_tokens": options.answer_tokens,
        "one_s": round(one, 3),
        "ten_s": round(ten, 3),
        "ratio": round(ten / one, 3),
        "target": 2.0,
        "equal_to_asking_alone": equal,
        "answered": sum(answer is not None for answer, _ in alone),
    }
    print(json.dumps(record))
    return 0 if equal and ten <= 2 * one else 1


if __name__ == "__main__":
    sys.exit(main())
