"""Words with the features of their confidence and whether they were read right: what a calibration is fitted on.

Strips of pages of Debian manuals and papers, other pages than those that readers are scored on and in no training
corpus, printed and scanned by simulation from spotless to barely legible. The choice is seeded.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from rapidfuzz.distance import Levenshtein

from dsvl2.pipelines.confidence.evidence import usual_width, word_evidence
from dsvl2.pipelines.documents import PageImage, PageResult
from dsvl2.pipelines.evaluation import debian
from dsvl2.pipelines.evaluation.debian import FURTHER, MANUALS, PAPERS, PROTOTYPE, DebianPdf
from dsvl2.pipelines.evaluation.metrics import normalise
from dsvl2.pipelines.evaluation.page_sets import EvalPage, pdf_page
from dsvl2.pipelines.evaluation.scan_simulation import ScanProfile, scan
from dsvl2.pipelines.reading import PreparedPage, gather, prepare
from dsvl2.pipelines.words import Slant

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine

HOLD = 1.0 / 3.0  # part of a page's height that a strip shows
MOST_CHARS = 6000
_TRIES = 8  # pages that are drawn for a strip; of some documents half are nearly empty


@dataclass(frozen=True, slots=True)
class ReadWord:
    """One word as read: features, right or wrong, and the line it is of (`strip:document:page:line`)."""

    features: tuple[float, ...]
    right: bool
    line: str
    raw: float


def documents() -> tuple[DebianPdf, ...]:
    """Return the documents that strips are cut from, each once, always in the same order."""
    return tuple({document.name: document for document in (*MANUALS, *PROTOTYPE, *PAPERS, *FURTHER)}.values())


def strip(number: int, seed: int, cache: Path) -> EvalPage | None:
    """Return the strip of a number (from 0), the same whenever it is asked for; documents take turns.

    No page is taken that readers are scored on. None if there is hardly any text on any of the pages that were drawn.
    """
    chosen = documents()
    document = chosen[number % len(chosen)]
    rng = random.Random(f"calibration {seed} {number}")
    scored = {page for other in (*MANUALS, *PROTOTYPE, *PAPERS) if other.name == document.name for page in other.pages}
    with debian.open_pdf(debian.fetch(document, cache / "debian")) as pdf:
        numbers = [n for n in range(1, pdf.page_count + 1) if n not in scored]
        tries = (_strip(pdf[rng.choice(numbers) - 1], document.name, rng) for _ in range(_TRIES))
        return next((found for found in tries if found is not None), None)


def _strip(page: Any, name: str, rng: random.Random) -> EvalPage | None:
    """Cut a strip between two lines; None if there is hardly any text on the page."""
    words = page.get_text("words")
    if not 200 <= sum(len(word[4]) for word in words) <= MOST_CHARS:
        return None
    dpi = rng.choice((90, 100, 110, 120, 150, 150, 150, 150, 200))
    whole = pdf_page(page, set_name="calibration", name=f"{name}:{page.number + 1}", dpi=dpi)
    tall = page.rect.height * HOLD
    top = rng.uniform(0, page.rect.height - tall)
    top, bottom = _between_lines(words, top), _between_lines(words, top + tall)
    inside = [word for word in words if word[1] >= top - 0.5 and word[3] <= bottom + 0.5]
    if sum(len(word[4]) for word in inside) < 80:
        return None
    scale = whole.image.height / page.rect.height
    image = whole.image.crop((0, round(top * scale), whole.image.width, round(bottom * scale)))
    truth, rows = (" ".join(word[4] for word in order) for order in (inside, by_rows(inside)))
    return replace(whole, image=degraded(image, rng), truth=truth, other_order=rows)


def by_rows(words: Sequence[Any]) -> list[Any]:
    """Return the words row by row: files have the page numbers of a contents list in any order."""
    rows: list[list[Any]] = []
    for word in sorted(words, key=lambda word: (word[1] + word[3]) / 2):
        middle = (word[1] + word[3]) / 2
        if not rows or middle > rows[-1][0][3] - 0.3 * (rows[-1][0][3] - rows[-1][0][1]):
            rows.append([])
        rows[-1].append(word)
    return [word for row in rows for word in sorted(row, key=lambda word: float(word[0]))]


def _between_lines(words: Sequence[Any], y: float) -> float:
    """Return the height nearest to `y` (from there upwards) that cuts no word."""
    for _ in range(60):
        cut = [word[1] for word in words if word[1] < y < word[3]]
        if not cut:
            return y
        y = min(cut) - 0.2
    return y


def degraded(image: Image.Image, rng: random.Random) -> Image.Image:
    """Print and scan an image: a third spotless, the rest by a profile drawn from mild to very bad."""
    if rng.random() < 0.3:
        return image
    return scan(image, seed=rng.randrange(1 << 30), profile=drawn_profile(rng))


def drawn_profile(rng: random.Random) -> ScanProfile:
    """Return a scan profile between mild and very bad."""
    bad = rng.random() ** 1.3
    return ScanProfile(
        skew=rng.uniform(0, 1.5),
        ink_spread=rng.uniform(0, 0.3 + 0.7 * bad),
        blur=rng.uniform(0.2, 0.6 + 1.3 * bad),
        ink=rng.uniform(10, 60 + 90 * bad),
        paper=rng.uniform(215, 250),
        shading=rng.uniform(0, 30),
        noise=rng.uniform(2, 8 + 22 * bad),
        speckles=rng.uniform(0, 60 + 1200 * bad),
        jpeg_quality=rng.randint(15, 85),
    )


def read_words(page: EvalPage, engine: Engine) -> list[ReadWord]:
    """Read a page with the model and judge every word."""
    prepared = prepare(PageImage(1, page.image, page.dpi), engine.info.reading)
    assert isinstance(prepared, PreparedPage)
    result = gather(prepared, engine.generate(prepared.requests) if prepared.requests else [])
    return judged(result, page)


def judged(result: PageResult, page: EvalPage) -> list[ReadWord]:
    """Return the words of a gathered result with their features, right or wrong by the page's truth in either order."""
    slant = Slant.of(result)
    usual = usual_width(result.blocks, slant)
    found: list[tuple[str, ReadWord]] = []
    for number, line in enumerate(line for block in result.blocks for line in block.lines):
        words = line.text.split()
        features = word_evidence(line, usual, slant)
        raw = line.confidence or 0.0
        for word, vector in zip(words, features, strict=False):
            found.append((normalise(word), ReadWord(vector, False, f"{page.name}:{number}", raw)))
    kept = [(word, read) for word, read in found if word]
    right = [False] * len(kept)
    for truth in filter(None, (page.truth, page.other_order)):
        own = right_words([word for word, _ in kept], [normalise(word) for word in truth.split()])
        right = [one or other for one, other in zip(right, own, strict=True)]
    return [replace(read, right=ok) for (_, read), ok in zip(kept, right, strict=True)]


def right_words(read: Sequence[str], truth: Sequence[str]) -> list[bool]:
    """Say of each word read whether the truth has it at its place.

    What is left after aligning both is aligned once more: a column that was read before another is not wrong for it.
    There a word counts only beside another one that fits, or single occurrences would be right by chance.
    """
    right = [False] * len(read)
    used = [False] * len(truth)
    _align(list(range(len(read))), [k for k, word in enumerate(truth) if word], read, truth, right, used, least=1)
    for _ in range(3):
        rest = [k for k in range(len(read)) if not right[k]]
        open_ = [k for k, word in enumerate(truth) if word and not used[k]]
        if not _align(rest, open_, read, truth, right, used, least=2):
            break
    return right


def _align(
    rest: list[int],
    open_: list[int],
    read: Sequence[str],
    truth: Sequence[str],
    right: list[bool],
    used: list[bool],
    *,
    least: int,
) -> int:
    """Mark the words of `rest` and `open_` that an alignment matches in runs of at least `least`; count them."""
    count = 0
    for step in Levenshtein.opcodes([read[k] for k in rest], [truth[k] for k in open_]):
        if step.tag == "equal" and step.src_end - step.src_start >= least:
            for i, j in zip(range(step.src_start, step.src_end), range(step.dest_start, step.dest_end), strict=True):
                right[rest[i]] = used[open_[j]] = True
                count += 1
    return count
