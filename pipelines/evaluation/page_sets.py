"""The sets that readers are measured on: pages as images, each with its true text.

Nothing here knows a reader. Truth is a PDF's text layer or a set's `gt.jsonl`. The folder of measuring data is given by
the caller and is for measuring only: nothing that trains may read it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image

from dsvl2.pipelines.errors import InputError
from dsvl2.pipelines.evaluation import debian
from dsvl2.pipelines.evaluation.metrics import fold_space
from dsvl2.pipelines.evaluation.scan_simulation import scan

PHOTOTEST_DPI = 200
"""Native resolution of phototest: it says of itself that it is 12 point, and its capitals (Arial) are 24 px high."""


class SetUnavailable(InputError):
    """A set's files are not where they should be."""

    code = "set_unavailable"
    default_hint = "give the folder that holds contracts/, pages/ and lines/ with --eval-dir"


@dataclass(frozen=True, slots=True)
class EvalPage:
    """One page (or one line) to read: a mode "L" image and what is printed on it.

    `other_order` is the same text in a second order that is right as well; the nearer one counts, for every reader.
    """

    set: str
    name: str
    image: Image.Image
    dpi: float
    truth: str
    line: bool = False
    other_order: str | None = None


@dataclass(frozen=True, slots=True)
class SetOptions:
    """Where the data lie and how to rasterise. `first_pages` limits the pages per contract, None = all."""

    eval_dir: Path | None
    cache: Path
    dpi: int = 150
    first_pages: int | None = None


def load_set(name: str, options: SetOptions, *, limit: int | None = None) -> Iterator[EvalPage]:
    """Yield the pages of a set in their fixed order, at most `limit`. Raises SetUnavailable, PackageUnavailable."""
    if name not in SETS:
        raise SetUnavailable(f"no evaluation set is called {name!r}", hint=f"the sets are: {', '.join(SETS)}")
    return islice(SETS[name](options), limit)


def pdf_page(page: Any, *, set_name: str, name: str, dpi: int) -> EvalPage:
    """Rasterise a PDF page in grey; its text layer, in the order of the file, is the truth."""
    pixmap = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
    image = Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)
    return EvalPage(set_name, name, image, float(dpi), page.get_text())


def _contracts(options: SetOptions) -> Iterator[EvalPage]:
    """Every page of every contract that has any text.

    Signature blocks and numbered clauses side by side lie column by column in some files and row by row in others:
    the order by rows (top to bottom, left to right) is admitted beside the file's.
    """
    for path in sorted(_folder(options, "contracts").glob("*.pdf")):
        with debian.open_pdf(path.read_bytes()) as pdf:
            for page in islice(pdf, options.first_pages):
                found = pdf_page(page, set_name="contracts", name=f"{path.stem[:8]}:{page.number + 1}", dpi=options.dpi)
                if fold_space(found.truth):
                    yield replace(found, other_order=page.get_text(sort=True))


def _contracts_scan(options: SetOptions) -> Iterator[EvalPage]:
    for page in _contracts(options):
        scanned = scan(page.image, seed=zlib.crc32(page.name.encode()))
        yield replace(page, set="contracts-scan", image=scanned)


def _debian(name: str, documents: tuple[debian.DebianPdf, ...]) -> Callable[[SetOptions], Iterator[EvalPage]]:
    def pages(options: SetOptions) -> Iterator[EvalPage]:
        for document in documents:
            with debian.open_pdf(debian.fetch(document, options.cache / "debian")) as pdf:
                for number in document.pages:
                    page_name = f"{document.name}:{number}"
                    yield pdf_page(pdf[number - 1], set_name=name, name=page_name, dpi=options.dpi)

    return pages


def _pages(options: SetOptions) -> Iterator[EvalPage]:
    """Eurotext as it is, phototest brought to 100, 150 and 200 dpi; each is its own line of the table."""
    for name, (image, truth) in _ground_truth(_folder(options, "pages")).items():
        if name != "phototest":
            yield EvalPage(name, name, image, 150.0, truth)
            continue
        for dpi in (100, 150, PHOTOTEST_DPI):
            size = (round(image.width * dpi / PHOTOTEST_DPI), round(image.height * dpi / PHOTOTEST_DPI))
            resized = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
            yield EvalPage(f"{name}@{dpi}", name, resized, float(dpi), truth)


def _lines(options: SetOptions) -> Iterator[EvalPage]:
    for name, (image, truth) in _ground_truth(_folder(options, "lines")).items():
        yield EvalPage("lines", name, image, 300.0, truth, line=True)


def _ground_truth(folder: Path) -> dict[str, tuple[Image.Image, str]]:
    """Read `gt.jsonl`. Where a file is named twice the later line describes it: the earlier file was overwritten."""
    truths: dict[str, tuple[str, str]] = {}
    for row in (folder / "gt.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(row)
        truths[item["id"]] = (item["file"], item["text"])
    return {name: (_gray(folder / file), text) for name, (file, text) in sorted(truths.items())}


def _gray(path: Path) -> Image.Image:
    """Open an image as grey on white paper."""
    with Image.open(path) as image:
        if image.mode == "RGBA":
            paper = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(paper, image).convert("L")
        return image.convert("L")


def _folder(options: SetOptions, name: str) -> Path:
    if options.eval_dir is None:
        raise SetUnavailable(f"the set {name} needs a folder of measuring data")
    folder = options.eval_dir / name
    if not folder.is_dir():
        raise SetUnavailable(f"{options.eval_dir} has no folder {name}")
    return folder


SETS: dict[str, Callable[[SetOptions], Iterator[EvalPage]]] = {
    "contracts": _contracts,
    "contracts-scan": _contracts_scan,
    "manuals": _debian("manuals", debian.MANUALS),
    "prototype": _debian("prototype", debian.PROTOTYPE),
    "papers": _debian("papers", debian.PAPERS),
    "pages": _pages,
    "lines": _lines,
}
