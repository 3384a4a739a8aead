"""Every figure that the embedded model is held to, beside its target, in one table.

    python -m dsvl2.pipelines.evaluation.targets --eval-dir DIR --out figures/
    python -m dsvl2.pipelines.evaluation.targets --eval-dir DIR --out figures/ --only contracts receipts-total

What the model answered is kept in the cache and not asked again for the same weights, pages and cut, so a run that broke
off goes on where it was; the JSON and the table are written anew after every figure. Samples are small by default
(--full: everything); each line says how many pages or questions it stands on.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dsvl2.model import ModelError
from dsvl2.pipelines.evaluation.bench import Bench, NotMeasured, Row
from dsvl2.pipelines.evaluation.kept import KeptEngine

Measure = Callable[[Bench], list[Row]]


def figures() -> dict[str, Measure]:
    """Return all figures by name, in the order of the table."""
    from dsvl2.pipelines.evaluation import figures_of_answers as answers
    from dsvl2.pipelines.evaluation import figures_of_reading as reading

    return {
        "contracts": reading.contracts, "contracts-100": reading.contracts_100, "contracts-75": reading.contracts_75,
        "contracts-scan": reading.contracts_scan, "papers": reading.papers, "columns": reading.drawn_columns,
        "receipts": reading.receipts, "receipts-total": answers.receipts_total,
        "forms": reading.forms, "forms-fields": answers.forms_fields,
        "charts": answers.charts, "charts-unseen": answers.charts_unseen,
        "tables": answers.tables, "tables-unseen": answers.tables_unseen,
        "formulas": answers.formulas, "formulas-unseen": answers.formulas_unseen,
        "boxes": reading.boxes, "refusals": answers.refusals, "wordless": reading.wordless,
        "wordless-unseen": reading.wordless_unseen, "time": reading.seconds,
    }  # fmt: skip


@dataclass(slots=True)
class Report:
    """What was measured so far, by figure."""

    model: str
    full: bool
    rows: dict[str, list[Row]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def table(self) -> str:
        """The figures as a Markdown table."""
        lines = ["| figure | got | target | | Tesseract | on |", "| --- | --- | --- | --- | --- | --- |"]
        for rows in self.rows.values():
            for row in rows:
                met = {True: "met", False: "missed", None: ""}[row.met]
                lines.append(f"| {row.what} | {row.got} | {row.target} | {met} | {row.beside} | {row.count} |")
        lines += [f"| {name} | not measured: {why} | | | | |" for name, why in self.absent.items()]
        machine = f"{platform.machine()} {platform.system()}, Python {platform.python_version()}"
        size = "all of every set" if self.full else "small samples"
        return "\n".join(
            [*lines, "", f"{self.model}; {size}; {machine}; {time.strftime('%Y-%m-%d', time.gmtime())}", ""]
        )

    def write(self, folder: Path) -> None:
        """Write figures.json and figures.md."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {"schema": "dsvl2/figures/v1", **asdict(self)}
        (folder / "figures.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        (folder / "figures.md").write_text(self.table(), encoding="utf-8")


def measure(bench: Bench, names: Sequence[str], report: Report, out: Path) -> Report:
    """Measure the named figures one after the other; the report is written after each."""
    known = figures()
    for number, name in enumerate(names, 1):
        start = time.perf_counter()
        try:
            report.rows[name] = known[name](bench)
            report.absent.pop(name, None)
        except NotMeasured as why:
            report.absent[name] = str(why)
        except Exception as error:  # one figure must not take the others with it; the run ends with 3
            report.absent[name] = f"{type(error).__name__}: {error}"
        report.seconds[name] = round(time.perf_counter() - start, 1)
        report.write(out)
        told = "; ".join(f"{row.what}: {row.got}" for row in report.rows.get(name, ())) or report.absent[name]
        _say(f"{number} of {len(names)}, {name} ({report.seconds[name]:.0f} s): {told}")
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when every figure was measured, 3 when some were not, 2 for mistakes, 130 when stopped."""
    options = _parser().parse_args(argv)
    unknown = [name for name in options.only or () if name not in figures()]
    if unknown:
        _say(f"error: there is no figure called {unknown[0]!r}; the figures are {', '.join(figures())}")
        return 2
    if not options.eval_dir.is_dir():
        _say(f"error: {options.eval_dir} is no folder; it must hold contracts/, receipts/, forms/, ...")
        return 2
    from dsvl2.model import load_engine

    try:
        engine = load_engine(options.model, threads=options.threads)
    except ModelError as error:
        _say(f"error: {error}; {error.hint}")
        return 2
    kept = KeptEngine(engine, options.cache / "answers.sqlite")
    bench = Bench(
        kept,
        options.eval_dir,
        options.cache,
        options.full,
        not options.no_tesseract,
        options.vocabulary,
        options.formulas,
    )
    info = engine.info
    report = Report(f"{info.name} {info.scheme} {info.dtype} {info.device} {info.fingerprint[:12]}", options.full)
    try:
        measure(bench, options.only or list(figures()), report, options.out)
    except KeyboardInterrupt:
        _say(f"stopped; {options.out / 'figures.json'} has what was measured")
        return 130
    print(report.table())
    _say(f"{kept.asked} requests answered, {kept.kept} from the cache; {options.out / 'figures.json'}")
    return 3 if report.absent else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dsvl2.pipelines.evaluation.targets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--eval-dir", type=Path, required=True, help="folder with contracts/, receipts/, forms/, ...")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder for figures.json and figures.md")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(figures()))
    parser.add_argument("--full", action="store_true", help="everything instead of small samples")
    parser.add_argument("--model", default="nano", help="model name or folder")
    parser.add_argument("--threads", type=int, help="CPU threads of the model; default: all cores")
    parser.add_argument("--no-tesseract", action="store_true", help="leave Tesseract's figures out")
    parser.add_argument("--vocabulary", type=Path, help="answers.xz of `training.answers.collect`: for refusals")
    parser.add_argument("--formulas", type=Path, help="formulas.npz.xz of `training.formulas.collect`: unseen formulas")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "dsvl2-eval", help="answers, downloads")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
