"""Virtual pages: a kind of document, laid out, spoilt as scans are, with questions and field lists and their answers.

    train, held = resources(Path("answers.xz"))
    page = make_page(random.Random(1), train)       # page.spatial_text, page.turns
    unseen = held_out(seed=1, count=200, vocabulary=held)

A turn's prompt follows the spatial text after a newline; an empty answer means "not in the document".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from zlib import crc32

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.spatial import Segment, SpatialText, printable, spatial_text
from dsvl2.pipelines.training.answers import fieldlists, questions
from dsvl2.pipelines.training.answers.draw import Draw, Vocabulary, resources, shuffled
from dsvl2.pipelines.training.answers.kinds import KINDS, MEASURED, UNSEEN
from dsvl2.pipelines.training.answers.noise import Damage, spoil
from dsvl2.pipelines.training.answers.sheet import Fact, Sheet

__all__ = ["Turn", "VirtualPage", "held_out", "make_page", "resources"]

MOST_TOKENS, FEWEST_TOKENS = 2600, 60
_NUMBER = re.compile(r"[-−–]?\d[\d ,]*(?:\.\d+)?(?<=\d)")
_MOST_ANSWER = 700  # characters
_MISSING_SHARE = 0.13  # of the questions; empty fields and lost values come on top


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked after the spatial text (`Q: ...` or `JSON: ...`), and the answer to the letter."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class VirtualPage:
    """A page that nobody has drawn. `tokens` counts those of the spatial text; `places` is it with its boxes, if kept."""

    kind: str
    spatial_text: str
    turns: tuple[Turn, ...]
    tokens: int
    places: SpatialText | None = field(default=None, compare=False, repr=False)


def make_page(
    rng: Random,
    vocabulary: Vocabulary,
    *,
    kind: str | None = None,
    questions_wanted: int = 4,
    most_tokens: int = MOST_TOKENS,
    keep_places: bool = False,
) -> VirtualPage:
    """Return a page of a random kind, by the mix of `kinds.KINDS`, with about so many turns (at least one).

    `most_tokens` limits the spatial text: short pages first make an easy beginning. Below about 300 few kinds are left.
    """
    while True:
        name = kind or rng.choices(list(KINDS), [share for _, share in KINDS.values()])[0]
        maker = KINDS[name][0] if name in KINDS else UNSEEN[name]
        page = _page(Draw(rng, vocabulary), name, maker, questions_wanted)
        if page is not None and page.tokens <= most_tokens:
            return page if keep_places else replace(page, places=None)


def held_out(seed: int, count: int, vocabulary: Vocabulary, *, keep_places: bool = False) -> list[VirtualPage]:
    """Return pages made from held-out words and wordings, kinds in turn, also those that training never sees.

    `vocabulary` is the second that `resources` returns; the same seed gives the same pages.
    """
    names = [*MEASURED, *UNSEEN]
    return [
        make_page(
            Random(crc32(f"{seed} {number}".encode())),
            vocabulary,
            kind=names[number % len(names)],
            keep_places=keep_places,
        )
        for number in range(count)
    ]


def _page(draw: Draw, kind: str, maker: Callable[[Draw], Sheet], wanted: int) -> VirtualPage | None:
    sheet = maker(draw)
    spoil(draw.rng, sheet, Damage.draw(draw.rng, harder=not draw.held))
    segments = [
        Segment(item.text, Box(item.x0, item.y - item.height / 2, item.x1, item.y + item.height / 2))
        for item in sheet.items
    ]
    spatial = spatial_text(segments, sheet.width, sheet.height)
    if not FEWEST_TOKENS <= spatial.tokens <= MOST_TOKENS:
        return None
    answers = _answers(sheet)
    turns = _turns(draw, sheet, answers, wanted)
    return VirtualPage(kind, spatial.text, turns, spatial.tokens, spatial) if turns else None


def _answers(sheet: Sheet) -> dict[int, str]:
    """Return what stands on the page for every tag, pieces joined by a blank."""
    parts: dict[int, list[str]] = {}
    for item in sheet.items:
        for text, tag in item.pieces:
            if tag and text.strip():
                parts.setdefault(tag, []).append(text)
    joined = {tag: printable(" ".join(texts)) for tag, texts in parts.items()}
    return joined | {tag: _bare(joined[tag]) for tag in sheet.bare if tag in joined}


def _bare(text: str) -> str:
    """A number without its unit and thousands separators; 1 234.5% becomes 1234.5."""
    match = _NUMBER.search(text)
    return match[0].replace(" ", "").replace(",", "") if match else text


def _turns(draw: Draw, sheet: Sheet, answers: dict[int, str], wanted: int) -> tuple[Turn, ...]:
    """Questions and field lists, no prompt twice and no fact twice: it could be copied from the answer before."""
    found: dict[str, str] = {}
    told: set[int] = set()
    questions.drop_shared_names(sheet)
    twice = questions.ambiguous_labels(sheet)
    facts = [f for f in sheet.facts if questions.bare_label(f.label) not in twice or f.names or f.asks]
    facts = shuffled(draw.rng, [f for f in facts if f.label or f.names or f.asks])
    natural = shuffled(draw.rng, sheet.natural)
    share = max(len(natural) / max(1, len(natural) + len(facts)), 0.35)
    missing = _MISSING_SHARE if draw.held else _MISSING_SHARE + 0.03  # near misses often cannot be made
    for _ in range(wanted):
        kind = draw.rng.random()
        if kind < missing:
            text = questions.missing_question(draw, sheet)
            if text:
                found.setdefault(f"Q: {printable(text)}", "")
        elif kind < missing + 0.2:
            filled = fieldlists.turn(draw, sheet, answers, told)
            if filled and len(filled[1]) <= _MOST_ANSWER:
                found.setdefault(f"JSON: {printable(filled[0])}", filled[1])
                told |= filled[2]
        else:
            asked = _question(draw, natural if natural and draw.chance(share) else [], facts, told, twice)
            if asked:
                found.setdefault(f"Q: {printable(asked[0])}", answers.get(asked[1], ""))
                told.add(asked[1])
    return tuple(Turn(prompt, answer) for prompt, answer in found.items() if len(answer) <= _MOST_ANSWER)


def _question(
    draw: Draw, natural: list[tuple[str, int]], facts: list[Fact], told: set[int], twice: set[str]
) -> tuple[str, int] | None:
    """Take a question off either list whose answer has not been told; return it with its tag."""
    while natural:
        text, tag = natural.pop()
        if not tag or tag not in told:
            return questions.spoken(draw, text), tag
    while facts:
        fact = facts.pop()
        if questions.bare_label(fact.label) in twice:
            fact.label = ""
        if fact.tag not in told and (fact.label or fact.names or fact.asks):
            return questions.question(draw, fact), fact.tag
    return None


def show(page: VirtualPage) -> str:
    """A page for people: short location marks, then the turns."""
    text = page.spatial_text.replace("<|y_", "<").replace("|>", ">")
    turns = "\n".join(f"   {turn.prompt}  =>  {json.dumps(turn.answer, ensure_ascii=False)}" for turn in page.turns)
    return f"=== {page.kind}, {page.tokens} tokens\n{text}\n{turns}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print random pages."""
    import argparse
    import time

    parser = argparse.ArgumentParser(description="print virtual pages")
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--kind", choices=[*KINDS, *UNSEEN])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--time", action="store_true", help="make pages and print only how fast")
    chosen = parser.parse_args(arguments)
    vocabulary = resources(chosen.vocabulary)[chosen.held_out]
    rng = Random(chosen.seed)
    start = time.perf_counter()
    pages = [make_page(rng, vocabulary, kind=chosen.kind) for _ in range(chosen.count)]
    seconds = time.perf_counter() - start
    if not chosen.time:
        print("\n".join(show(page) for page in pages))
    turns = [turn for page in pages for turn in page.turns]
    print(
        f"{len(pages)} pages in {seconds:.2f} s, {sum(p.tokens for p in pages) / len(pages):.0f} tokens a page, "
        f"{len(turns) / len(pages):.1f} turns, {sum(not t.answer for t in turns) / len(turns):.1%} without an answer, "
        f"{sum(len(t.answer) for t in turns) / len(turns):.0f} characters an answer"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
