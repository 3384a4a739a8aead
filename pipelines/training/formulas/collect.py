"""Makes the formula file: `python -m dsvl2.pipelines.training.formulas.collect --out DIR [--harvest DIR] [--without gt.jsonl]`,
and with --inline the file of formulas as they stand in lines of text.

Needs TeX (Debian: texlive-latex-recommended, texlive-fonts-recommended, texlive-latex-extra). Invented and harvested formulas are
normalised, made distinct, set by TeX in several fonts, and packed. `--without` names formulas that must not be among them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from dsvl2.pipelines.formulas.normalise import check, compact, normalise
from dsvl2.pipelines.training.charset import covered
from dsvl2.pipelines.training.formulas.families import HELD_OUT_FAMILY, invent
from dsvl2.pipelines.training.formulas.harvest import harvest
from dsvl2.pipelines.training.formulas.inline import FILE, inline
from dsvl2.pipelines.training.formulas.store import Typeset, drawable, save
from dsvl2.pipelines.training.formulas.tex import SETUPS, Setup, outline_of, require_tex, tfm_widths, typeset

SHORTEST, LONGEST = 4, 150  # characters of a label
_PAGES = 1500  # formulas in a TeX document
_INLINE_PAGES = 300  # of short ones: of a few thousand all fonts get some
_FEWEST_PAGES = 100  # that are given up when one of them hangs TeX
_LONGEST_SOURCE = 420
_HELD_OUT_SHARE = 0.012
_HARVESTED_SHARE = 0.42


class Gathering:
    """Distinct formulas by canonical form."""

    def __init__(self, forbidden: set[str], shortest: int = SHORTEST) -> None:
        self.forbidden, self.shortest = forbidden, shortest
        self.refused = 0
        self.seen: set[str] = set()
        self.sources: list[tuple[str, str, str]] = []  # LaTeX, label, split

    def add(self, source: str, family: str | None = None) -> bool:
        """Keep a formula that is new, of a fitting length and writable with the model's characters."""
        if len(source) > _LONGEST_SOURCE or not source.isascii() or not check(source).valid:
            return False
        canonical = normalise(source)
        label = compact(canonical)
        if (
            canonical in self.seen
            or not self.shortest <= len(label) <= LONGEST
            or not covered(label)
            or normalise(label) != canonical
        ):
            return False
        self.seen.add(canonical)
        if canonical in self.forbidden:
            self.refused += 1
            return False
        self.sources.append((source, label, split_of(canonical, family)))
        return True


def split_of(canonical: str, family: str | None = None) -> str:
    """Which split a formula belongs to, by its hash; the held-out family is `unseen`."""
    if family == HELD_OUT_FAMILY:
        return "unseen"
    number = int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:4], "big") / 2**32
    return "held_out" if number < _HELD_OUT_SHARE else "train"


def gather(rng: Random, count: int, unseen: int, folder: Path | None, forbidden: set[str]) -> Gathering:
    """Harvested formulas first, then invented ones until there are `count`, then those of the held-out family."""
    found = Gathering(forbidden)
    if folder is not None:
        for source in harvest(folder):
            found.add(source)
        _say(f"harvested {len(found.sources)} distinct formulas")
        rng.shuffle(found.sources)
        del found.sources[round(count * _HARVESTED_SHARE) :]  # the others have the structures that harvested ones lack
    while len(found.sources) < count:
        found.add(invent(rng))
    for _ in range(20 * unseen):
        if len(found.sources) >= count + unseen:
            break
        found.add(invent(rng, HELD_OUT_FAMILY), HELD_OUT_FAMILY)
    rng.shuffle(found.sources)
    _say(f"gathered {len(found.sources)} distinct formulas; {found.refused} refused because they are measured on")
    return found


def gather_inline(rng: Random, count: int, forbidden: set[str]) -> Gathering:
    """Distinct formulas as they stand between words."""
    found = Gathering(forbidden, shortest=1)
    for _ in range(20 * count):
        if len(found.sources) >= count:
            break
        found.add(inline(rng))
    _say(f"gathered {len(found.sources)} formulas in lines; {found.refused} refused because they are measured on")
    return found


def set_all(
    rng: Random,
    sources: Sequence[tuple[str, str, str]],
    folder: Path,
    style: str = r"\displaystyle",
    pages: int = _PAGES,
) -> Iterator[Typeset]:
    """What TeX made of the sources, in fonts by their share."""
    for start in range(0, len(sources), pages):
        setup = rng.choices(SETUPS, [setup.share for setup in SETUPS])[0]
        yield from _set_part(setup, sources[start : start + pages], folder, style)


def _set_part(setup: Setup, part: Sequence[tuple[str, str, str]], folder: Path, style: str) -> Iterator[Typeset]:
    try:
        pages = list(typeset(setup, [source for source, _, _ in part], folder, style))
    except subprocess.TimeoutExpired:
        if len(part) <= _FEWEST_PAGES:
            _say(f"{len(part)} formulas left out: TeX did not come to an end")
            return
        for start in range(0, len(part), _FEWEST_PAGES):
            yield from _set_part(setup, part[start : start + _FEWEST_PAGES], folder, style)
        return
    for page in pages:
        if drawable(page, outline_of):
            _, label, split = part[page.number]
            yield Typeset(label, split, page)


def forbidden_in(files: Sequence[Path]) -> set[str]:
    """Canonical forms of the formulas in `gt.jsonl` files."""
    lines = (line for file in files for line in file.read_text("utf-8").splitlines() if line.strip())
    return {normalise(json.loads(line)["latex"]) for line in lines} - {""}


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and collect."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.formulas.collect", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write formulas.npz.xz into")
    parser.add_argument(
        "--count", type=int, default=90_000, help="distinct formulas of the training and held-out splits"
    )
    parser.add_argument("--unseen", type=int, default=500, help="formulas of the family kept for testing")
    parser.add_argument(
        "--harvest", type=Path, help="folder of documents, wheels and source archives to take formulas from"
    )
    parser.add_argument(
        "--without", type=Path, action="append", default=[], help="gt.jsonl whose formulas must not be taken"
    )
    parser.add_argument(
        "--inline",
        type=int,
        default=0,
        metavar="COUNT",
        help=f"make {FILE} of so many short ones in text style instead",
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    require_tex()
    rng = Random(options.seed)
    forbidden = forbidden_in(options.without)
    if options.inline:
        gathered, name = gather_inline(rng, options.inline, forbidden), FILE
        style, pages = r"\textstyle", _INLINE_PAGES
    else:
        gathered = gather(rng, options.count, options.unseen, options.harvest, forbidden)
        style, pages, name = r"\displaystyle", _PAGES, "formulas.npz.xz"
    with tempfile.TemporaryDirectory() as folder:
        formulas = list(set_all(rng, gathered.sources, Path(folder), style, pages))
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / name
    save(path, formulas, tfm_widths, outline_of)
    counts = {split: sum(formula.split == split for formula in formulas) for split in ("train", "held_out", "unseen")}
    _say(f"{path}: {path.stat().st_size} bytes, {counts}")


if __name__ == "__main__":
    main()
