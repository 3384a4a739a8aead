"""Fit the confidence of a model on strips of held-out pages, measure it on other documents, write it beside the weights.

    python -m dsvl2.pipelines.training.calibrate --model nano --minutes 9 --vocabulary DATA/answers.xz

With the vocabulary of `training.answers` the answers of `ask` and the fields of `extract` are calibrated too.
Run it anew whenever the weights change: the file is for the weights that it names. Words are kept in --words FILE, so
that a run that was cut short goes on. Figures go to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from dsvl2.model import Engine, ModelError, load_engine
from dsvl2.pipelines.confidence.calibration import FILE_NAME, Calibration, load_calibration
from dsvl2.pipelines.confidence.scoring import uncalibrated
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.page_sets import SETS, EvalPage, SetOptions, load_set
from dsvl2.pipelines.training.calibration_fit import BINS, figures, fit
from dsvl2.pipelines.training.calibration_pages import ReadWord, read_words, save_words, strips

LEAST_WORDS = 3000
SHARE = 0.62  # of the time goes into fitting, the rest into measuring
ANSWERS_SHARE = 0.45  # of the time goes into answers, if they are asked for


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
    answers_share = 0.0 if options.vocabulary is None else 1.0 if options.only_answers else ANSWERS_SHARE
    seconds = 60 * options.minutes
    path = Path(options.out or engine.info.path) / FILE_NAME
    if options.only_answers:
        found = load_calibration(path.parent, engine.info.fingerprint)
        if found is None:
            _say(f"error: {path} is not for these weights; fit the words first, without --only-answers")
            return 2
    else:
        fitted = _words(engine, options, (1 - answers_share) * seconds)
        if fitted is None:
            return 2
        found = fitted
    if options.vocabulary is not None:
        found = _answers(engine, options, found, answers_share * seconds)
    path.write_text(found.to_json(), encoding="utf-8")
    _say(f"wrote {path}; `make checksums` if it is the embedded model's")
    return 0


def _words(engine: Engine, options: argparse.Namespace, seconds: float) -> Calibration | None:
    """Fit the words' confidence and measure it; None if there are too few."""
    words = collect(engine, strips(options.cache, fitting=True, seed=options.seed), SHARE * seconds, options.words)
    if len(words) < LEAST_WORDS:
        _say(f"error: {len(words)} words are too few to fit on, {LEAST_WORDS} are needed; give more --minutes")
        return None
    found = fit(words, engine.info.fingerprint)
    held_out = collect(engine, strips(options.cache, fitting=False, seed=options.seed), (1 - SHARE) * seconds)
    print(f"{len(words)} words to fit on; expected calibration errors over {BINS} bins")
    measured = report("other documents", held_out, found)
    for name in options.sets:
        pages = load_set(name, SetOptions(options.eval_dir, options.cache), limit=options.limit)
        report(name, collect(engine, pages, math.inf), found)
    facts = {"fitted_words": len(words), "seed": options.seed, **{k: round(v, 4) for k, v in measured.items()}}
    return replace(found, facts=tuple(facts.items()))


def _answers(engine: Engine, options: argparse.Namespace, found: Calibration, seconds: float) -> Calibration:
    """Fit the confidence of answers and fields on held-out pages; each page measures what was fitted to the others."""
    from dsvl2.pipelines.training.calibration_answers import (
        best_limit,
        counted,
        declining,
        fit_answers,
        judged_answers,
        measured_answers,
        out_of_fold,
    )

    plain = replace(found, answers=(), refuse=None)
    with uncalibrated(engine.info, plain):
        judged = judged_answers(engine, options.vocabulary, seed=options.seed, seconds=seconds)
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


def collect(engine: Engine, pages: Iterator[EvalPage], seconds: float, kept: Path | None = None) -> list[ReadWord]:
    """Read strips until the time is over or there are no more; `kept` is a file of words to go on from and add to."""
    from dsvl2.pipelines.training.calibration_pages import load_words

    words = load_words(kept) if kept is not None and kept.exists() else []
    start = time.monotonic()
    for number, page in enumerate(pages):
        if time.monotonic() - start > seconds:
            break
        new = [replace(word, line=f"{len(words)}:{word.line}") for word in read_words(page, engine)]
        words += new
        if kept is not None:
            save_words(kept, new)
        right = sum(word.right for word in new)
        _say(f"{number + 1} {page.name}: {right} of {len(new)} words right, {time.monotonic() - start:.0f} s")
    return words


def report(name: str, words: Sequence[ReadWord], found: Calibration) -> dict[str, float]:
    """Print the figures of one set, calibrated and raw, and return the calibrated ones."""
    if not words:
        return {}
    own = figures(words, lambda word: found.word(word.features), found.together)
    raw = figures(words, raw_confidence, lambda parts: math.prod(parts) ** (1 / max(len(parts), 1)))
    for kind, values in (("calibrated", own), ("raw", raw)):
        print(
            f"{name}, {kind}: {values['words']:.0f} words, {100 * values['accuracy']:.2f} % right; words: equal width "
            f"{values['ece']:.4f}, equal mass {values['ece_equal_mass']:.4f}; lines {values['ece_lines']:.4f}; "
            f"a right word is surer than a wrong one: {100 * values['auc']:.1f} %"
        )
    return own


def raw_confidence(word: ReadWord) -> float:
    """Return the geometric mean of the word's token probabilities."""
    return math.exp(-math.exp(word.features[1]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.calibrate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--model", default="nano", help="model name or folder")
    parser.add_argument("--minutes", type=float, default=9.0, help="time to read in; half of it gives a usable fit")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--words", type=Path, help="keep the judged words here and go on from them")
    parser.add_argument(
        "--vocabulary", type=Path, help="answers.xz of the training data: calibrate answers and fields too"
    )
    parser.add_argument(
        "--only-answers", action="store_true", help="keep the words' part of the file, which must be there"
    )
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "dsvl2-eval", help="kept downloads")
    parser.add_argument("--sets", nargs="*", default=[], choices=tuple(SETS), help="further sets to measure on")
    parser.add_argument("--eval-dir", type=Path, help="folder of the sets")
    parser.add_argument("--limit", type=int, help="only the first N pages of each set")
    parser.add_argument("--out", type=Path, help="folder to write to; default: beside the weights")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
