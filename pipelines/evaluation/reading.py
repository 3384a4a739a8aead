"""Measure readers over whole pages and print the figures side by side.

    python -m dsvl2.pipelines.evaluation.reading contracts manuals --eval-dir DIR --against tesseract --out report.json

Every reader reads a page before the next page is touched, so that times are taken under the same load; all are held
to one normalisation (metrics.NORMALISATION). The table goes to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dsvl2.model import ModelError
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.metrics import (
    NORMALISATION,
    PageErrors,
    Summary,
    compare,
    normalise_pair,
    shared_shingles,
    summarise,
)
from dsvl2.pipelines.evaluation.page_sets import SETS, EvalPage, SetOptions, load_set
from dsvl2.pipelines.evaluation.readers import OwnReader, Reader, Reading, TesseractReader
from dsvl2.pipelines.evaluation.standin import StandInEngine

MAX_SHARED = 0.10
"""A page that shares more than this part of its 8-word shingles with the training corpus is not measured."""

MIN_CHARS = 20
"""Pages with less text than this (a page number, and nothing else) are summed up apart: one character is 100 %."""

AGAINST = "repeatable: tesseract, tesseract:LANGUAGES, or layout (our page cutter with Tesseract as its model)"

COLUMNS = (
    ("set", 18), ("reader", 12), ("pages", 5), ("chars", 7), ("median%", 7), ("mean%", 6), ("95% of mean", 13),
    ("micro%", 6), ("strict% med/mean", 16), ("WER%", 6), ("wordF1", 6), ("long+%", 6), ("long-%", 6),
    ("s/page", 6), ("MB", 5),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One page as one reader read it."""

    set: str
    page: str
    reader: str
    errors: PageErrors
    reading: Reading
    line: bool = False

    @property
    def group(self) -> tuple[str, str]:
        """The line of the table that it belongs to."""
        apart = not self.line and self.errors.chars < MIN_CHARS
        return (f"{self.set} <{MIN_CHARS}" if apart else self.set, self.reader)


def measure(pages: Iterable[EvalPage], readers: Sequence[Reader], *, dump: Path | None = None) -> Iterator[Row]:
    """Let every reader read every page, page by page; yield a row for each. `dump` keeps images and texts."""
    for page in pages:
        for reader in readers:
            reading = reader.read(page)
            if dump is not None:
                _dump(dump, page, reader.name, reading)
            yield Row(
                page.set,
                page.name,
                reader.name,
                compare(page.truth, reading.text, page.other_order),
                reading,
                page.line,
            )


def drop_shared(pages: Iterable[EvalPage], corpus: Path, *, limit: float = MAX_SHARED) -> Iterator[EvalPage]:
    """Leave out the pages whose text the corpus holds, and say so on stderr, before any reader sees them."""
    held = list(pages)
    with corpus.open(encoding="utf-8", errors="replace") as lines:
        shares = shared_shingles(lines, [page.truth for page in held])
    for page, share in zip(held, shares, strict=True):
        if share > 0:
            verdict = "dropped" if share > limit else "kept"
            _say(f"{page.set} {page.name}: {share:.1%} of its 8-word shingles are in the corpus, {verdict}")
        if share <= limit:
            yield page


def table(rows: Sequence[Row]) -> str:
    """Lay the figures of all sets and readers out as text, in the order in which they first appear."""
    widest = max((len(row.reader) for row in rows), default=0)
    columns = [(name, max(width, widest) if name == "reader" else width) for name, width in COLUMNS]
    lines = ["  ".join(f"{name:>{width}}" for name, width in columns)]
    for set_name, reader in sorted_groups(rows):
        chosen = [row for row in rows if row.group == (set_name, reader)]
        cells = _cells(set_name, reader, summarise([row.errors for row in chosen]), chosen)
        lines.append("  ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, columns, strict=True)))
    return "\n".join(lines)


def sorted_groups(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The groups in the order in which they first appear, those of nearly empty pages last."""
    return sorted(dict.fromkeys(row.group for row in rows), key=lambda group: "<" in group[0])


def report(rows: Sequence[Row], readers: Sequence[Reader], arguments: Mapping[str, object]) -> dict[str, object]:
    """Put everything that was measured into one JSON-able dict: machine, readers, summaries, rows."""
    return {
        "machine": f"{platform.machine()} {platform.system()}, Python {platform.python_version()}",
        "arguments": arguments,
        "normalisation": NORMALISATION,
        "readers": {reader.name: reader.about for reader in readers},
        "summaries": [
            {
                "set": set_name,
                "reader": reader,
                **asdict(summarise([row.errors for row in rows if row.group == (set_name, reader)])),
            }
            for set_name, reader in sorted_groups(rows)
        ],
        "rows": [
            {**asdict(row), "cer": row.errors.cer, "cer_strict": row.errors.cer_strict, "wer": row.errors.wer}
            for row in rows
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 if everything was measured, 2 with one line on stderr if a set or reader is missing."""
    options = _parser().parse_args(argv)
    try:
        return _run(options)
    except (DocumentError, ModelError) as error:
        _say(f"error: {error}; {error.hint}")
        return 2


def _run(options: argparse.Namespace) -> int:
    set_options = SetOptions(options.eval_dir, options.cache, dpi=options.dpi, first_pages=options.pages)
    readers = _readers(options)
    rows: list[Row] = []
    for name in options.sets:
        pages: Iterable[EvalPage] = load_set(name, set_options, limit=options.limit)
        if options.corpus is not None:
            pages = drop_shared(pages, options.corpus)
        for row in measure(pages, readers, dump=options.dump):
            rows.append(row)
            _say(f"{row.set} {row.page} {row.reader}: CER {row.errors.cer:.2%}, {row.reading.seconds:.1f} s")
    if not rows:
        _say("error: no page to measure; check --eval-dir, --limit and --corpus")
        return 2
    print("\n".join(f"{reader.name}: {reader.about}" for reader in readers))
    print(f"normalisation: {NORMALISATION}\n")
    print(table(rows))
    if options.worst:
        print("\n" + _worst(rows, options.worst))
    if options.out is not None:
        arguments = {key: str(value) for key, value in vars(options).items()}
        options.out.write_text(json.dumps(report(rows, readers, arguments), indent=1), encoding="utf-8")
    return 0


def _readers(options: argparse.Namespace) -> list[Reader]:
    readers: list[Reader] = []
    if options.model != "none":
        from dsvl2.model import load_engine

        engine = load_engine(options.model, threads=options.model_threads)
        readers.append(OwnReader(engine, form=options.format))
    for name in options.against:
        program, _, languages = name.partition(":")
        if program == "layout":
            readers.append(OwnReader(StandInEngine(languages or "eng"), form=options.format))
            continue
        if program != "tesseract":
            raise DocumentError(f"no reader is called {program!r}", hint="give tesseract, tesseract:eng+deu or layout")
        cache = None if options.fresh else options.cache
        readers.append(TesseractReader(languages or "eng", threads=options.threads, cache=cache))
    if not readers:
        raise DocumentError("nothing to measure: no model and nothing to compare with", hint="add --against tesseract")
    return readers


def _cells(set_name: str, reader: str, figures: Summary, rows: Sequence[Row]) -> tuple[str, ...]:
    memory = [row.reading.peak_mb for row in rows if row.reading.peak_mb is not None]
    seconds = statistics.median(row.reading.seconds for row in rows)
    kept = "*" if any(row.reading.cached for row in rows) else ""
    low, high = figures.interval
    return (
        set_name,
        reader,
        str(figures.pages),
        str(figures.chars),
        f"{100 * figures.cer_median:.2f}",
        f"{100 * figures.cer_mean:.2f}",
        f"{100 * low:.2f}..{100 * high:.2f}",
        f"{100 * figures.cer_micro:.2f}",
        f"{100 * figures.cer_strict_median:.2f}/{100 * figures.cer_strict_mean:.2f}",
        f"{100 * figures.wer_micro:.2f}",
        f"{figures.word_f1:.3f}",
        f"{100 * figures.long_inserted:.2f}",
        f"{100 * figures.long_deleted:.2f}",
        f"{seconds:.1f}{kept}",
        f"{max(memory):.0f}" if memory else "",
    )


def _worst(rows: Sequence[Row], count: int) -> str:
    """The pages with the highest error rates, for looking at."""
    ranked = sorted(rows, key=lambda row: -row.errors.cer)[:count]
    return "\n".join(
        f"{row.errors.cer:8.2%} (strict {row.errors.cer_strict:.2%}, F1 {row.errors.word_f1:.3f}, long "
        f"+{row.errors.long_inserted} -{row.errors.long_deleted} of {row.errors.chars})  "
        f"{row.set} {row.page} {row.reader} {row.reading.note}"
        for row in ranked
    )


def _dump(folder: Path, page: EvalPage, reader: str, reading: Reading) -> None:
    """Write the image, and truth and output before and after normalisation."""
    stem = f"{page.set}_{page.name}".replace(":", "-").replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    page.image.save(folder / f"{stem}.png")
    truth, output = normalise_pair(page.truth, reading.text)
    texts = {"truth": page.truth, reader: reading.text, f"{reader}.truth.norm": truth, f"{reader}.norm": output}
    for kind, text in texts.items():
        (folder / f"{stem}.{kind.replace(':', '-').replace('/', '-')}.txt").write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.evaluation.reading", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("sets", nargs="+", metavar="SET", choices=tuple(SETS), help=", ".join(SETS))
    parser.add_argument("--eval-dir", type=Path, help="folder with contracts/, pages/ and lines/")
    parser.add_argument("--model", default="nano", help="model name or folder; none = only what --against names")
    parser.add_argument("--model-threads", type=int, help="CPU threads of the model; default: all cores")
    parser.add_argument("--format", default="markdown", choices=("markdown", "text"), help="output that is measured")
    parser.add_argument("--against", action="append", default=[], help=AGAINST)
    parser.add_argument("--threads", type=int, default=1, help="OMP_THREAD_LIMIT for Tesseract")
    parser.add_argument("--fresh", action="store_true", help="do not use kept Tesseract outputs: for timing")
    parser.add_argument("--dpi", type=int, default=150, help="resolution of PDF pages")
    parser.add_argument("--pages", type=int, help="only the first N pages of each contract")
    parser.add_argument("--limit", type=int, help="only the first N pages of each set")
    parser.add_argument("--corpus", type=Path, help="training text: pages that it holds are left out")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "dsvl2-eval", help="kept downloads")
    parser.add_argument("--out", type=Path, help="report with every page as JSON")
    parser.add_argument("--dump", type=Path, help="folder for images and texts")
    parser.add_argument("--worst", type=int, default=0, help="list the N worst pages")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
