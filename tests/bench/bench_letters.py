"""Ask a model about 22 letters written by hand in six languages, with none of the wordings that training draws.

    python tests/bench/bench_letters.py [--model nano] [--misses]

Each letter is drawn at 150 dpi in one of three faces and read as `ask` reads it; letters.json holds texts, questions and
answers. Prints the mean similarity (ANLS) and how many answers are right to the letter, case aside.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from itertools import groupby
from pathlib import Path

import pymupdf

from dsvl2.model import load_engine
from dsvl2.pipelines.evaluation.answers import anls
from dsvl2.pipelines.evaluation.items import Item
from dsvl2.pipelines.evaluation.own import OwnEngine

LETTERS = Path(__file__).with_name("letters.json")
FACES = (("helv", 11.0), ("tiro", 12.0), ("cour", 10.5))


def draw(number: int, lines: list[str], folder: Path) -> Path:
    """A page with these lines."""
    document = pymupdf.open()
    page = document.new_page(width=595, height=842)
    face, size = FACES[number % 3]
    for row, line in enumerate(lines):
        if line:
            place = (60 + 8 * (number % 3), 80 + 10 * (number % 4) + row * size * 1.45)
            page.insert_text(place, line, fontname=face, fontsize=size)
    path = folder / f"{number}.png"
    page.get_pixmap(dpi=150).save(path)
    return path


def main() -> None:
    """Ask everything, print what was missed and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--misses", action="store_true", help="print every answer that is not right to the letter")
    options = parser.parse_args()
    engine = OwnEngine(load_engine(options.model, threads=options.threads))
    scores: list[tuple[float, bool]] = []
    with tempfile.TemporaryDirectory() as folder:
        items = [
            Item(f"{number}-{place}", path, "ask", question, [answer])
            for number, letter in enumerate(json.loads(LETTERS.read_text(encoding="utf-8")))
            for path in [draw(number, letter["text"], Path(folder))]
            for place, (question, answer) in enumerate(letter["questions"])
        ]
        for _, group in groupby(items, key=lambda item: item.file):
            asked = list(group)
            for item, told in zip(asked, engine.predict(asked), strict=True):
                value = str(told.value or "")
                right = value.strip().lower() == item.truth[0].lower()
                scores.append((anls(value, item.truth), right))
                if options.misses and not right:
                    print(f"{scores[-1][0]:.2f} {item.prompt} | {item.truth[0]} | {value}")
    mean = statistics.mean(score for score, _ in scores)
    print(f"{len(scores)} questions: ANLS {mean:.3f}, {sum(right for _, right in scores)} right to the letter")


if __name__ == "__main__":
    main()
