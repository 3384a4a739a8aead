"""Ask a trained model about virtual pages that it never saw, and about cached readings of receipts, forms and charts.

    python -m dsvl2.pipelines.evaluation.answering --vocabulary answers.xz --model FOLDER --pages 130
    python -m dsvl2.pipelines.evaluation.answering --eval-dir DIR --cache DIR --model FOLDER -o answers.jsonl

Nothing is read from images here: `readings` has done that before. Every answer goes to a file, one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.pipelines.ask.declining import declines, insisted
from dsvl2.pipelines.confidence import refuses_above
from dsvl2.pipelines.evaluation.tally import anls, exact, relaxed, tally
from dsvl2.pipelines.spatial import SpatialText, locate, spatial_page
from dsvl2.pipelines.training.answers.pages import held_out, resources
from dsvl2.pipelines.training.answers.readings import cached_chart, cached_reading

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine

MOST_NEW_TOKENS = 720
RECEIPT_QUESTIONS = {
    "company": "What is the company name?",
    "date": "What is the date?",
    "address": "What is the address?",
    "total": "What is the total amount?",
}
RECEIPT_FIELDS = "company, date, address, total"


@dataclass(frozen=True, slots=True)
class Item:
    """One question about one page: the set and part it belongs to, the prompt after the spatial text, what is right."""

    group: str
    part: str
    name: str
    spatial: str
    prompt: str
    truths: tuple[str, ...]
    on_page: bool | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An item and what the model said."""

    item: Item
    answer: str


def synthetic(vocabulary: Path, count: int, seed: int = 1) -> list[Item]:
    """Questions about held-out virtual pages, by kind of page."""
    pages = held_out(seed, count, resources(vocabulary)[1])
    return [
        Item("synthetic", page.kind, f"{seed}-{number}", page.spatial_text, turn.prompt, (turn.answer,))
        for number, page in enumerate(pages)
        for turn in page.turns
    ]


def records(folder: Path) -> Iterator[dict[str, object]]:
    """The records of a set's gt.jsonl."""
    for line in (folder / "gt.jsonl").read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def receipts(folder: Path, cache: Path) -> list[Item]:
    """Company, date, address and total of receipts, each as a question and all as a field list."""
    items = []
    for record in records(folder):
        spatial, fields = _read(cache, folder, record), record["fields"]
        if spatial is None or not isinstance(fields, dict):
            continue
        name = str(record["id"])
        for key, question in RECEIPT_QUESTIONS.items():
            if fields.get(key):
                items.append(_item("receipts", key, name, spatial, f"Q: {question}", [str(fields[key])]))
        known = {key: str(fields[key]) if fields.get(key) else None for key in RECEIPT_QUESTIONS}
        items.append(Item("receipts", "json", name, spatial.text, f"JSON: {RECEIPT_FIELDS}", (json.dumps(known),)))
    return items


def forms(folder: Path, cache: Path) -> list[Item]:
    """The fields of forms: the key's text is the question, any value that is linked to it is right, or all together."""
    items = []
    for record in records(folder):
        spatial, pairs = _read(cache, folder, record), record["pairs"]
        if spatial is None or not isinstance(pairs, list):
            continue
        values: dict[str, list[str]] = {}
        for key, value in pairs:
            values.setdefault(" ".join(key.split()), []).append(" ".join(value.split()))
        for key, found in values.items():
            truths = [*dict.fromkeys(found), *([" ".join(found)] if len(found) > 1 else [])]
            items.append(_item("forms", "fields", str(record["id"]), spatial, f"Q: {key}", truths))
    return items


def charts(folder: Path, cache: Path) -> list[Item]:
    """Questions about charts, from the words that the chart reader found."""
    items = []
    for record in records(folder):
        spatial = cached_chart(cache, folder / str(record["file"])) or _read(cache, folder, record)
        if spatial is not None:
            truth = str(record["answer"])
            items.append(_item("charts", "questions", str(record["id"]), spatial, f"Q: {record['question']}", [truth]))
    return items


def _read(cache: Path, folder: Path, record: dict[str, object]) -> SpatialText | None:
    page = cached_reading(cache, folder / str(record["file"]))
    return None if page is None else spatial_page(page)


def _item(group: str, part: str, name: str, spatial: SpatialText, prompt: str, truths: Sequence[str]) -> Item:
    """An item that knows whether any right answer stands on the page as it was read."""
    found = any((place := locate(spatial, truth)) is not None and place.score > 0.8 for truth in truths)
    return Item(group, part, name, spatial.text, prompt, tuple(truths), found)


def ask(engine: Engine, items: Sequence[Item], *, told: TextIO | None = None) -> list[Answered]:
    """Ask everything, all questions about a page in one call; declined as `dsvl2 ask` declines."""
    answered: list[Answered] = []
    refuse = refuses_above(engine.info)
    start = 0
    while start < len(items):
        stop = start
        while stop < len(items) and items[stop].spatial == items[start].spatial:
            stop += 1
        part = items[start:stop]
        sampling = SamplingParams(max_new_tokens=MOST_NEW_TOKENS)
        requests = [GenerationRequest((_message(item),), sampling) for item in part]
        results = insisted(engine, requests, engine.generate(requests), refuse)
        answered += [
            Answered(item, _believed(item, result, refuse)) for item, result in zip(part, results, strict=True)
        ]
        if told is not None:
            told.write(f"\r{stop} of {len(items)} ")
            told.flush()
        start = stop
    return answered


def _believed(item: Item, result: GenerationResult, refuse: float | None) -> str:
    """What is told of an answer; field lists are not declined as a whole."""
    return "" if item.prompt.startswith("Q:") and declines(result, refuse) else result.text.strip()


def _message(item: Item) -> Message:
    """The user's turn; the page before the question is the same for all questions about it and is run once."""
    page = f"{item.spatial}\n"
    return Message(role="user", content=page + item.prompt, shared=len(page))


def report(answered: Sequence[Answered]) -> list[str]:
    """One line for every set and part."""
    lines = []
    groups = sorted({(a.item.group, a.item.part) for a in answered})
    for group in dict.fromkeys(name for name, _ in groups):
        parts = [part for name, part in groups if name == group]
        for part in [*parts, *(["all"] if len(parts) > 1 else [])]:
            chosen = [a for a in answered if a.item.group == group and part in ("all", a.item.part)]
            lines.append(f"{group:10} {part:16} {_figures(group, chosen)}")
    return lines


def _figures(group: str, chosen: Sequence[Answered]) -> str:
    found = tally([a.item.prompt for a in chosen], [a.item.truths for a in chosen], [a.answer for a in chosen])
    pieces = []
    if found.asked:
        pieces.append(f"{found.asked} asked: exact {found.exact:.1%}, ANLS {found.anls:.3f}, refused {found.lost:.1%}")
    if found.missing:
        pieces.append(f"{found.missing} without answer: refused {found.refused:.1%}")
    if found.lists:
        pieces.append(f"{found.lists} lists: JSON {found.json:.1%}, fields {found.fields:.1%}")
    if group == "charts":
        right = sum(relaxed(a.answer, a.item.truths[0]) for a in chosen)
        pieces.append(f"relaxed {right / len(chosen):.1%}")
    readable = [a for a in chosen if a.item.on_page]
    if readable:
        right = sum(exact(a.answer, a.item.truths) for a in readable)
        near = sum(anls(a.answer, a.item.truths) for a in readable)
        pieces.append(f"readable {len(readable)}: exact {right / len(readable):.1%}, ANLS {near / len(readable):.3f}")
    return "; ".join(pieces)


def write(path: Path, answered: Iterable[Answered]) -> None:
    """Write every answer with its question and what is right."""
    with path.open("w", encoding="utf-8") as file:
        for each in answered:
            record = {key: value for key, value in asdict(each.item).items() if key != "spatial"}
            file.write(json.dumps({**record, "answer": each.answer}, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask and print figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder of a checkpoint; the embedded model by default")
    parser.add_argument("--vocabulary", type=Path, help="answers.xz: ask about held-out virtual pages")
    parser.add_argument("--pages", type=int, default=130, help="how many of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--eval-dir", type=Path, help="folder with receipts/, forms/, charts/")
    parser.add_argument("--cache", type=Path, help="their readings, made by `readings`")
    parser.add_argument(
        "--sets", nargs="+", default=["receipts", "forms", "charts"], choices=["receipts", "forms", "charts"]
    )
    parser.add_argument("-o", "--out", type=Path, help="all answers, as JSON lines")
    chosen = parser.parse_args(arguments)
    if chosen.eval_dir and not chosen.cache:
        parser.error("--eval-dir needs --cache")
    absent = [name for name in chosen.sets if chosen.eval_dir and not (chosen.eval_dir / name / "gt.jsonl").is_file()]
    if absent:
        parser.error(f"{chosen.eval_dir} has no {absent[0]}/gt.jsonl; name the sets it has with --sets")
    items = synthetic(chosen.vocabulary, chosen.pages, chosen.seed) if chosen.vocabulary else []
    for name in chosen.sets if chosen.eval_dir else []:
        items += {"receipts": receipts, "forms": forms, "charts": charts}[name](chosen.eval_dir / name, chosen.cache)
    if not items:
        parser.error("nothing to ask: give --vocabulary, or --eval-dir with a cache that holds readings")
    from dsvl2.model import load_engine

    engine = load_engine(chosen.model) if chosen.model else load_engine()
    start = time.perf_counter()
    answered = ask(engine, items, told=sys.stderr if sys.stderr.isatty() else None)
    seconds = time.perf_counter() - start
    if chosen.out:
        write(chosen.out, answered)
    print("\n".join(report(answered)))
    print(f"{len(items)} questions in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
