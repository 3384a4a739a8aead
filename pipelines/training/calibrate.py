"""Fit the confidence of a model on strips of held-out pages, measure it on other documents, write it beside the weights.

    python -m dsvl2.pipelines.training.calibrate --vocabulary DATA/answers.xz --jobs 2

One command for everything: words, lines and cells from strips, and with the vocabulary of `training.answers` the answers
of `ask` and the fields of `extract`. Run it anew whenever the weights change: the file is for the weights that it names.
What the model said is kept in the cache, by weights: a refit for the same ones asks it nothing, and a run that was cut
short goes on. A strip takes 1.6 s of a core, of which .3 are the cut; 100 strips give a usable fit. What is written is
fitted to all documents; every figure is of documents that its fit did not see, in as many splits as --folds, each of
which is told. Figures go to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from dsvl2.model import Engine, ModelError, load_engine
from dsvl2.pipelines.confidence.calibration import FILE_NAME, Calibration, load_calibration
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.page_sets import SETS, SetOptions, load_set
from dsvl2.pipelines.training.calibration_fit import BINS, fit
from dsvl2.pipelines.training.calibration_pages import read_words
from dsvl2.pipelines.training.calibration_splits import in_words, measured_splits, report
from dsvl2.pipelines.training.calibration_work import Plan, answers_of_pages, words_of_strips

LEAST_WORDS = 3000
T = TypeVar("T")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 2 with one line on stderr if something is missing."""
    options = _parser().parse_args(argv)
    try:
        return _run(options)
    except (DocumentError, ModelError) as error:
        _say(f"error: {error}; {error.hint}")
        return 2


def _run(options: argparse.Namespace) -> int:
    engine = load_engine(options.model, threads=options.threads)
    path = Path(options.out or engine.info.path) / FILE_NAME
    plan = Plan(options.model, options.threads, options.cache, options.seed, options.vocabulary)
    if options.only_answers:
        weights, reading = engine.info.fingerprint, engine.info.reading_fingerprint  # which no adapter for text changes
        found = load_calibration(path.parent, weights) or load_calibration(path.parent, reading)
        if found is None:
            _say(f"error: {path} is not for these weights; fit the words first, without --only-answers")
            return 2
        found = replace(found, fingerprint=weights)
    else:
        fitted = _words(engine, options, plan)
        if fitted is None:
            return 2
        found = fitted
    if options.vocabulary is not None:
        found = _answers(plan, options, found)
    path.write_text(found.to_json(), encoding="utf-8")
    _say(f"wrote {path}; `make checksums` if it is the embedded model's")
    return 0


def _words(engine: Engine, options: argparse.Namespace, plan: Plan) -> Calibration | None:
    """Fit the words' confidence to all documents and measure fits to some of them on the others; None if there is too little."""
    words = _together("strip", words_of_strips(plan, options.strips, options.jobs), options.strips)
    if len(words) < LEAST_WORDS:
        _say(f"error: {len(words)} words are too few to fit on, {LEAST_WORDS} are needed; give more --strips")
        return None
    print(f"{len(words)} words; expected calibration errors over {BINS} bins")
    facts, lines = measured_splits(words, engine.info.fingerprint, options.folds)
    print("\n".join(lines))
    found = fit(words, engine.info.fingerprint)
    for name in options.sets:
        pages = load_set(name, SetOptions(options.eval_dir, options.cache), limit=options.limit)
        read = [word for page in pages for word in read_words(page, engine)]
        if read:
            print(in_words(f"{name}, by the fit to all", report(read, found)))
    facts = {"fitted_words": len(words), "seed": options.seed} | {k: round(v, 4) for k, v in facts.items()}
    return replace(found, facts=tuple(facts.items()))


def _answers(plan: Plan, options: argparse.Namespace, found: Calibration) -> Calibration:
    """Fit the confidence of answers and fields on held-out pages; each page measures what was fitted to the others."""
    from dsvl2.pipelines.training.calibration_answers import (
        best_limit,
        counted,
        declining,
        fit_answers,
        measured_answers,
        out_of_fold,
    )

    plain = replace(found, answers=(), refuse=None)
    pages = answers_of_pages(replace(plan, words=plain), options.pages, options.jobs)
    judged = _together("page", pages, options.pages)
    curve = declining(judged)
    for one in curve:
        print(
            f"declining above {one.limit or 'the likeliest'}: {100 * one.refused:.1f} % rightly, {100 * one.lost:.1f} % wrongly"
        )
    limit = best_limit(curve)
    judged = [one.declined_above(limit) for one in judged]
    print(f"{counted(judged)} to fit on; declined above {limit or 'the likeliest'}")
    measured, lines = measured_answers(judged, out_of_fold(judged))
    print("\n".join(lines))
    found = replace(plain, answers=fit_answers(judged), refuse=limit)
    facts = dict(found.facts) | {"fitted_answers": len(judged), **{k: round(v, 4) for k, v in measured.items()}}
    return replace(found, facts=tuple(facts.items()))


def _together(what: str, parts: Iterator[list[T]], count: int) -> list[T]:
    """Return everything, saying now and then how far it is."""
    start = said = time.monotonic()
    found: list[T] = []
    for number, part in enumerate(parts, 1):
        found += part
        if time.monotonic() - said > 10 or number == count:
            said = time.monotonic()
            _say(f"{what} {number} of {count}: {len(found)} judged, {said - start:.0f} s")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.calibrate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--model", default="nano", help="model name or folder")
    parser.add_argument("--strips", type=int, default=260, help="strips of pages to read, 26 documents in turn")
    parser.add_argument("--pages", type=int, default=240, help="virtual pages to ask about, with --vocabulary")
    parser.add_argument(
        "--folds", type=int, default=4, help="parts of the documents, each measured by a fit without it"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes that read")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the model in each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--vocabulary", type=Path, help="answers.xz of the training data: calibrate answers and fields too"
    )
    parser.add_argument(
        "--only-answers", action="store_true", help="keep the words' part of the file, which must be there"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "dsvl2-eval", help="kept downloads, answers"
    )
    parser.add_argument("--sets", nargs="*", default=[], choices=tuple(SETS), help="further sets to measure on")
    parser.add_argument("--eval-dir", type=Path, help="folder of the sets")
    parser.add_argument("--limit", type=int, help="only the first N pages of each set")
    parser.add_argument("--out", type=Path, help="folder to write to; default: beside the weights")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
