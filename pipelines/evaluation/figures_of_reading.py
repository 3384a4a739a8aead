"""Figures of reading: error rates beside Tesseract's, words of receipts and forms, places, invented text, time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dsvl2.pipelines.documents import Box, PageImage, PageResult
from dsvl2.pipelines.evaluation.answers import iou
from dsvl2.pipelines.evaluation.bench import Bench, Row
from dsvl2.pipelines.evaluation.drawn_pages import DrawnPage, prose_page
from dsvl2.pipelines.evaluation.metrics import Summary, compare, plain_word_f1, summarise
from dsvl2.pipelines.evaluation.page_sets import EvalPage, SetOptions, load_set
from dsvl2.pipelines.evaluation.readers import OwnReader, Reader, ReaderUnavailable, TesseractReader
from dsvl2.pipelines.evaluation.wordless_pages import wordless_page
from dsvl2.pipelines.evaluation.wordless_unseen import unseen_page
from dsvl2.pipelines.words import Slant, words_of

if TYPE_CHECKING:
    from PIL.Image import Image

_RUNAWAY = ("truncated", "loop_recovered")


def _readers(bench: Bench) -> list[Reader]:
    readers: list[Reader] = [OwnReader(bench.engine)]
    if bench.tesseract:
        try:
            readers.append(TesseractReader(cache=bench.cache))
        except ReaderUnavailable:
            pass
    return readers


def _summaries(bench: Bench, pages: Iterable[EvalPage]) -> list[Summary]:
    """Our figures, and Tesseract's where it is there."""
    readers = _readers(bench)
    errors = [[compare(p.truth, r.read(p).text, p.other_order) for r in readers] for p in pages]
    return [summarise(list(column)) for column in zip(*errors, strict=True)]


def _percent(summary: Summary) -> str:
    return f"{100 * summary.cer_median:.2f} / {100 * summary.cer_mean:.2f} %"


def _against(bench: Bench, what: str, pages: Iterable[EvalPage]) -> list[Row]:
    """CER, median and mean, to be at or below Tesseract's mean on the same images."""
    own, *other = _summaries(bench, pages)
    met = own.cer_mean <= other[0].cer_mean if other else None
    shown = _percent(other[0]) if other else ""
    return [
        Row(
            f"{what}: CER, median / mean", _percent(own), "mean at or below Tesseract", met, f"{own.pages} pages", shown
        )
    ]


def _contract_pages(bench: Bench, name: str, dpi: int) -> list[EvalPage]:
    pages = bench.sample(1, 2)
    found = load_set(name, SetOptions(bench.eval_dir, bench.cache, dpi=dpi, first_pages=pages))
    return list(islice(found, None if dpi == 150 and name == "contracts" else bench.sample(6)))


def contracts(bench: Bench) -> list[Row]:
    """The first page (--full: two) of each contract at 150 dpi."""
    own, *other = _summaries(bench, _contract_pages(bench, "contracts", 150))
    met = own.cer_median <= 0.001 and own.cer_mean <= 0.004
    shown = _percent(other[0]) if other else ""
    target = "0.1 / 0.4 %"
    return [Row("contracts, 150 dpi: CER, median / mean", _percent(own), target, met, f"{own.pages} pages", shown)]


def contracts_100(bench: Bench) -> list[Row]:
    """The same at 100 dpi."""
    return _against(bench, "contracts, 100 dpi", _contract_pages(bench, "contracts", 100))


def contracts_75(bench: Bench) -> list[Row]:
    """The same at 75 dpi."""
    return _against(bench, "contracts, 75 dpi", _contract_pages(bench, "contracts", 75))


def contracts_scan(bench: Bench) -> list[Row]:
    """The same printed and scanned by simulation."""
    return _against(bench, "contracts, scanned by simulation", _contract_pages(bench, "contracts-scan", 150))


def papers(bench: Bench) -> list[Row]:
    """Two-column papers of documentation packages."""
    options = SetOptions(bench.eval_dir, bench.cache)
    every = list(load_set("papers", options))
    few = bench.sample(6)
    chosen = every if few is None else every[:: max(1, len(every) // few)][:few]
    return _against(bench, "two-column papers", chosen)


def _as_eval(page: DrawnPage) -> EvalPage:
    return EvalPage("drawn", page.name, page.image, page.dpi, page.text)


def drawn_columns(bench: Bench) -> list[Row]:
    """Pages of two columns drawn here."""
    count = bench.sample(4, 12) or 12
    return _against(
        bench, "two columns, drawn, unseen face", [_as_eval(prose_page(k, columns=2)) for k in range(count)]
    )


def _word_rows(bench: Bench, folder: str, target: float) -> list[Row]:
    """Word F1 without case and punctuation, which the truths of these sets do not keep; the strict one beside it."""
    from dsvl2.pipelines.evaluation.engines import pages_of
    from dsvl2.pipelines.evaluation.sets import load_items

    readers = _readers(bench)
    loose: list[list[float]] = []
    strict: list[list[float]] = []
    for item in load_items(bench.eval_dir / folder, task="ocr")[: bench.sample(16)]:
        (page, *_) = pages_of(item)
        given = EvalPage(folder, item.id, page.image.convert("L"), page.dpi, str(item.truth))
        texts = [reader.read(given).text for reader in readers]
        loose.append([plain_word_f1(given.truth, text) for text in texts])
        strict.append([compare(given.truth, text).word_f1 for text in texts])
    means = [statistics.mean(column) for column in zip(*loose, strict=True)]
    exact = [statistics.mean(column) for column in zip(*strict, strict=True)]
    shown = [f"{mean:.3f}" for mean in means[1:]] or [""]
    count = f"{len(loose)} pages"
    strict_shown = [f"{mean:.3f}" for mean in exact[1:]] or [""]
    return [
        Row(f"{folder}: word F1, case and marks aside", f"{means[0]:.3f}", f">= {target}", means[0] >= target, count, shown[0]),
        Row(f"{folder}: word F1, strict", f"{exact[0]:.3f}", "", None, count, strict_shown[0]),
    ]  # fmt: skip


def receipts(bench: Bench) -> list[Row]:
    """Words of receipts."""
    return _word_rows(bench, "receipts", 0.75)


def forms(bench: Bench) -> list[Row]:
    """Words of forms."""
    return _word_rows(bench, "forms", 0.65)


def _read(bench: Bench, page: PageImage) -> PageResult:
    from dsvl2.pipelines.run import run
    from dsvl2.pipelines.tasks import OcrTask

    (result,) = run(OcrTask(), [page], bench.engine)
    return result


def boxes(bench: Bench) -> list[Row]:
    """Median IoU of line and word boxes with those that were drawn; what was not found counts as nothing."""
    count = bench.sample(4, 12) or 12
    line_scores: list[float] = []
    word_scores: list[float] = []
    for number in range(count):
        drawn = prose_page(100 + number, columns=1 + number % 2)
        result = _read(bench, PageImage(1, drawn.image, drawn.dpi, source=drawn.name))
        lines = [line for block in result.blocks for line in block.lines]
        words = [word for line in lines for word in (line.words or words_of(line, Slant.of(result)))]
        line_scores += [_best(box, [line.box for line in lines if line.box]) for _, box in drawn.lines]
        word_scores += [_best(box, [word.box for word in words if word.box]) for _, box in drawn.words]
    rows = []
    for what, scores, target in (("line", line_scores, 0.75), ("word", word_scores, 0.6)):
        median = statistics.median(scores)
        rows.append(
            Row(
                f"{what} boxes: median IoU, drawn pages",
                f"{median:.3f}",
                f">= {target}",
                median >= target,
                f"{len(scores)} boxes",
            )
        )
    return rows


def _best(box: Box, found: Sequence[Box]) -> float:
    one = (box.x0, box.y0, box.x1, box.y1)
    near = [
        other for other in found if other.y0 < box.y1 and other.y1 > box.y0 and other.x0 < box.x1 and other.x1 > box.x0
    ]
    return max((iou(one, (o.x0, o.y0, o.x1, o.y1)) for o in near), default=0.0)


def wordless(bench: Bench) -> list[Row]:
    """Pages without words: how many outputs run away, and on how many something is said that could be a word."""
    return _wordless(bench, wordless_page, "diagrams, halftones, blank, noise")


def wordless_unseen(bench: Bench) -> list[Row]:
    """The same of other numbers and of another hand: what no rule was made on."""
    return _wordless(bench, unseen_page, "held-out numbers and drawings, photographs, forms by another hand")


def _wordless(bench: Bench, make: Callable[[int], tuple[str, Image]], what: str) -> list[Row]:
    count = bench.sample(40, 200) or 200
    runaway = 0
    invented: list[str] = []
    for number in range(count):
        kind, image = make(number)
        result = _read(bench, PageImage(1, image, 110.0, source=f"{kind} {number}"))
        text = " ".join(line.text for block in result.blocks for line in block.lines)
        runaway += any(notice.code in _RUNAWAY for notice in result.warnings)
        if any(sum(map(str.isalnum, word)) >= 3 for word in text.split()):
            invented.append(kind)
    share = len(invented) / count
    kinds = ", ".join(f"{invented.count(kind)} {kind}" for kind in sorted(set(invented)))
    on = f"{count} pages: {what}"
    return [
        Row("runaway outputs", str(runaway), "0", runaway == 0, on),
        Row("pages with invented text", f"{100 * share:.1f} % ({kinds or 'none'})", "<= 1 %", share <= 0.01, on),
    ]


def seconds(bench: Bench) -> list[Row]:
    """Wall and CPU seconds of a page of 3,000 characters, asked anew each time; the median of three, after one to warm up."""
    drawn = prose_page(9, chars=3000)
    page = PageImage(1, drawn.image, drawn.dpi, source="prose")
    fresh = replace(bench, engine=getattr(bench.engine, "engine", bench.engine))
    _read(fresh, page)
    wall, cpu = [], []
    for _ in range(3):
        start = time.perf_counter(), time.process_time()
        _read(fresh, page)
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    got = statistics.median(wall)
    on = f"{len(drawn.text)} characters, {statistics.median(cpu):.1f} s of CPU"
    return [Row("a page of 3,000 characters", f"{got:.1f} s", "<= 6 s on 2 idle cores", got <= 6, on)]
