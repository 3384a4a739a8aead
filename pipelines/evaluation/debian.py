"""Real manuals and papers to measure readers on, out of Debian's documentation packages.

The pages were chosen by `choose_pages`, a seeded rule over text layers and geometry, before any reader saw them;
`DOCUMENTS` is its result, written down so that nobody chooses again. To choose for another document:

    python -m dsvl2.pipelines.evaluation.debian FILE.pdf --count 3 [--columns 2]
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf

from dsvl2.pipelines.errors import InputError

SEED = "dsvl2 evaluation 1"
MIN_CHARS, MAX_CHARS = 1200, 9000
_LEADERS = re.compile(r"(?:\.\s?){5,}")
_MATH_FONT = re.compile(r"(?:CM(?:MI|SY|EX)|MSAM|MSBM|NewTXMI|txsy|txmi|LMMathI|LMMathS)", re.IGNORECASE)


class PackageUnavailable(InputError):
    """A Debian package with evaluation documents cannot be fetched."""

    code = "package_unavailable"
    default_hint = "run on Debian 12 after `apt-get update`, or put the unpacked file into the cache folder"


@dataclass(frozen=True, slots=True)
class DebianPdf:
    """Pages (1-based) of one PDF in a Debian package; `version` is the one that the pages were chosen from."""

    package: str
    version: str
    member: str
    pages: tuple[int, ...]

    @property
    def name(self) -> str:
        """Short name for reports: the file's stem."""
        return Path(self.member).name.split(".pdf")[0]


_DOC = "usr/share/doc"

MANUALS = (
    DebianPdf("octave-doc", "7.3.0-2", f"{_DOC}/octave/octave.pdf", (83, 803, 993)),
    DebianPdf("cvs", "2:1.12.13+real-28+deb12u1", f"{_DOC}/cvs/cvs.pdf", (26, 29, 137)),
    DebianPdf("cvs", "2:1.12.13+real-28+deb12u1", f"{_DOC}/cvs/cvs-paper.pdf", (1, 3, 12)),
    DebianPdf("debmake-doc", "1.17-7", f"{_DOC}/debmake-doc/debmake-doc.en.pdf", (20, 43, 44)),
    DebianPdf("debian-faq", "11.1", f"{_DOC}/debian/FAQ/debian-faq.en.pdf.gz", (23, 48, 70)),
    DebianPdf("developers-reference", "12.18", "usr/share/developers-reference/developers-reference.pdf", (18, 37, 75)),
    DebianPdf("fonts-sil-charis", "6.101-1", f"{_DOC}/fonts-sil-charis/documentation/pdf/history.pdf.gz", (2, 5, 6)),
    DebianPdf("gnuplot-doc", "5.4.4+dfsg1-2", f"{_DOC}/gnuplot/gnuplot.pdf", (33, 159, 231)),
    DebianPdf("graphviz-doc", "2.42.2-7+deb12u1", f"{_DOC}/graphviz/pdf/libguide.pdf.gz", (8, 25, 30)),
    DebianPdf("doxygen-doc", "1.9.4-4", f"{_DOC}/doxygen/doxygen_manual.pdf", (208, 243, 289)),
    DebianPdf("r-doc-pdf", "4.2.2.20221110-2", "usr/share/R/doc/manual/R-intro.pdf", (12, 33, 69)),
)
"""Single-column manuals: three pages each by `choose_pages`.

The Debian policy, the FHS and the Debian reference were on the first list; the training corpus holds a fifth to most of
their 8-word shingles, so they went out before any model was run (`evaluate.drop_shared`).
"""

PROTOTYPE = (
    DebianPdf("octave-doc", "7.3.0-2", f"{_DOC}/octave/octave.pdf", (41, 154, 313, 501)),
    DebianPdf("cvs", "2:1.12.13+real-28+deb12u1", f"{_DOC}/cvs/cvs-paper.pdf", (2, 5)),
    DebianPdf("cvs", "2:1.12.13+real-28+deb12u1", f"{_DOC}/cvs/cvs.pdf", (21, 78)),
    DebianPdf("debmake-doc", "1.17-7", f"{_DOC}/debmake-doc/debmake-doc.en.pdf", (13, 31, 56)),
    DebianPdf("debian-faq", "11.1", f"{_DOC}/debian/FAQ/debian-faq.en.pdf.gz", (15,)),
    DebianPdf("developers-reference", "12.18", "usr/share/developers-reference/developers-reference.pdf", (41,)),
)
"""The single-column pages that the project's first prototype was measured on, figures and all; for comparison."""

_TEX = f"{_DOC}/texlive-doc/latex"
_TEX_VERSION = "2022.20230122-4"

PAPERS = (
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/revtex/auguide/auguide4-2.pdf", (5, 12)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/mnras/mnras_guide.pdf", (2, 4)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_DOC}/texlive-doc/plain/tugboat-plain/tubguide.pdf", (2, 6)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/asmejour/asmejour-template.pdf", (1, 5)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/nrc/userguide.pdf", (3, 9)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/jacow/JACoW_LaTeX_A4.pdf", (4, 8)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/aguplus/aguplus.pdf", (4, 6)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/quantumarticle/quantum-template.pdf", (1, 4)),
    DebianPdf("texlive-publishers-doc", _TEX_VERSION, f"{_TEX}/ieeepes/ieeepes_doc.pdf", (3, 5)),
)
"""Two-column articles on how to write articles: two pages each by `choose_pages`. The package is 213 MB."""

FURTHER = (
    DebianPdf("gri-pdf-doc", "2.12.27-1.1", f"{_DOC}/gri/gri.pdf.gz", ()),
    DebianPdf("expeyes-doc-en", "4.3-3", "usr/share/expeyes/doc/en-eyes.pdf", ()),
    DebianPdf("fasta3-doc", "36.3.8i.14-Nov-2020-1", f"{_DOC}/fasta3/fasta_guide.pdf", ()),
    DebianPdf("zsh-doc", "5.9-4", f"{_DOC}/zsh-common/zsh.pdf", ()),
    DebianPdf("ne-doc", "3.3.2-1", f"{_DOC}/ne/ne.pdf.gz", ()),
)
"""Manuals that no reader is scored on, for confidences: the training corpus holds less than a hundredth of the 8-word
shingles of any (of one more, freefem-doc, a fifth: left out)."""


def fetch(document: DebianPdf, cache: Path) -> bytes:
    """Return the PDF's bytes, downloading and unpacking its package into `cache` on first use.

    Raises PackageUnavailable if apt cannot deliver the package or it does not hold the file.
    """
    kept = cache / document.package / Path(document.member).name
    if not kept.exists():
        _unpack(document, kept.parent)
    data = kept.read_bytes()
    return gzip.decompress(data) if kept.suffix == ".gz" else data


def _unpack(document: DebianPdf, folder: Path) -> None:
    """Download the package and keep all of its files that any set names: one of them is 213 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        try:
            subprocess.run(["apt-get", "download", document.package], cwd=scratch, check=True, capture_output=True)
            package = next(Path(scratch).glob("*.deb"))
            subprocess.run(["dpkg", "-x", str(package), f"{scratch}/tree"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError, StopIteration) as error:
            raise PackageUnavailable(f"cannot fetch the Debian package {document.package}: {error}") from error
        for other in {document, *MANUALS, *PROTOTYPE, *PAPERS, *FURTHER}:
            source = Path(scratch) / "tree" / other.member
            if other.package == document.package and source.exists():
                shutil.copyfile(source, folder / source.name)
    if not (folder / Path(document.member).name).exists():
        raise PackageUnavailable(f"the Debian package {document.package} holds no {document.member}")


def open_pdf(data: bytes) -> Any:
    """Open a PDF held in memory."""
    return pymupdf.open(stream=data, filetype="pdf")  # type: ignore[no-untyped-call]


def choose_pages(pdf: Any, name: str, *, count: int, columns: int = 1) -> tuple[int, ...]:
    """Draw `count` page numbers (1-based, rising) from those that `is_text_page` admits; the draw is seeded by name."""
    able = [page.number + 1 for page in pdf if is_text_page(page, columns=columns)]
    return tuple(sorted(random.Random(f"{SEED} {name}").sample(able, min(count, len(able)))))


def is_text_page(page: Any, *, columns: int) -> bool:
    """Say whether a page has a text layer that can serve as truth: plain running text in one or two columns.

    1200 to 9000 characters; at least 97 % of them printable Latin-1 or common punctuation, none broken; less than 2 %
    set in mathematics fonts; no table of contents or index (three dot leaders); pictures and drawings on less than
    10 % of the page; and the columns asked for, by the lines' places.
    """
    text = page.get_text()
    plain = "".join(text.split())
    if not MIN_CHARS <= len(plain) <= MAX_CHARS or len(_LEADERS.findall(text)) >= 3:
        return False
    odd = sum(1 for c in plain if not ("!" <= c <= "~" or "\u00a1" <= c <= "ÿ" or c in "‘’“”„–—•…ﬀﬁﬂﬃﬄ‐−"))
    if odd > 0.03 * len(plain) or re.search(r"[\x00-\x08\x0e-\x1f\ufffd]", text):
        return False
    return _math_share(page) < 0.02 and _picture_share(page) < 0.10 and _columns(page) == columns


def _math_share(page: Any) -> float:
    spans = [s for b in page.get_text("dict")["blocks"] for line in b.get("lines", ()) for s in line["spans"]]
    total = sum(len(span["text"]) for span in spans)
    return sum(len(span["text"]) for span in spans if _MATH_FONT.search(span["font"])) / max(1, total)


def _picture_share(page: Any) -> float:
    """Part of the page under pictures and stroked drawings; rules and thin table lines do not count."""
    boxes = [page.rect & image["bbox"] for image in page.get_image_info()]
    drawn = [drawing["rect"] for drawing in page.get_drawings() if "s" in drawing["type"]]
    boxes += [page.rect & rect for rect in drawn if min(rect.width, rect.height) > 12]
    return float(sum(abs(box) for box in boxes) / abs(page.rect))


def _columns(page: Any) -> int:
    """1 if most text lies in lines across the middle and nearly none begins right of it, 2 if both halves are full."""
    spans = [
        (line["bbox"][0], line["bbox"][2], sum(len(s["text"]) for s in line["spans"]))
        for block in page.get_text("dict")["blocks"]
        for line in block.get("lines", ())
        if abs(line["dir"][0] - 1) < 1e-3
    ]
    if not spans:
        return 0
    left, right = min(s[0] for s in spans), max(s[1] for s in spans)
    middle, slack = (left + right) / 2, 0.02 * (right - left)
    total = sum(s[2] for s in spans)
    on_left = sum(n for x0, x1, n in spans if x1 <= middle + slack) / total
    on_right = sum(n for x0, x1, n in spans if x0 >= middle - slack) / total
    across = 1 - on_left - on_right
    if across >= 0.6 and on_right <= 0.05:
        return 1
    return 2 if on_left >= 0.3 and on_right >= 0.3 and across <= 0.25 else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the pages that the rule draws from a PDF."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pdf", type=Path)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--columns", type=int, default=1, choices=(1, 2))
    options = parser.parse_args(argv)
    data = options.pdf.read_bytes()
    pdf = open_pdf(gzip.decompress(data) if options.pdf.suffix == ".gz" else data)
    name = options.pdf.name.split(".pdf")[0]
    print(name, choose_pages(pdf, name, count=options.count, columns=options.columns))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
