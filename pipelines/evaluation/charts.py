"""Measure the chart reader: `python -m dsvl2.pipelines.evaluation.charts questions|data|synthetic`.

questions   a folder with gt.jsonl (file, question, answer): relaxed accuracy of ChartQA (numbers within 5 %, strings
            equal but for case)
data        a folder with gt.jsonl of Vega-Lite charts (file, mark, encoding, data): how much of the data comes back, as
            F1 of the relative mapping similarity (see chart_data.py)
synthetic   made-up charts of a family of styles: both figures
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from dsvl2.pipelines.charts import answer_chart, read_chart
from dsvl2.pipelines.charts.numbers import parse_number
from dsvl2.pipelines.evaluation.chart_data import Datum, data_of, data_of_vega, mapping_f1
from dsvl2.pipelines.training.charts_matplotlib import SEEN, UNSEEN, draw_with_matplotlib
from dsvl2.pipelines.training.charts_pillow import draw_chart
from dsvl2.pipelines.training.charts_specs import KINDS, ChartSpec, make_spec, questions_of

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine


def relaxed(answer: str | None, truth: str) -> bool:
    """Whether an answer counts: numbers within 5 % (of a true zero: equal), strings equal but for case and outer space."""
    if answer is None:
        return False
    got, want = parse_number(answer), parse_number(truth)
    if got is not None and want is not None:
        return abs(got.value - want.value) <= 0.05 * abs(want.value)
    return answer.strip().casefold() == truth.strip().casefold()


def data_of_spec(spec: ChartSpec) -> list[Datum]:
    """Return a made-up chart's data."""
    labels = [f"{x:g}" for x in spec.x] if spec.kind == "scatter" else list(spec.labels)
    rows = zip(spec.series, spec.values, strict=True)
    return [Datum(name, label, value) for name, values in rows for label, value in zip(labels, values, strict=True)]


def synthetic(engine: Engine, family: str, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Read made-up charts of a family (pillow, seen, unseen) and return a record for each."""
    styles = {"seen": SEEN, "unseen": UNSEEN}.get(family, ())
    records = []
    for seed in seeds:
        spec = make_spec(seed, KINDS[seed % len(KINDS)])
        image = (
            draw_with_matplotlib(spec, styles[seed // len(KINDS) % len(styles)]) if styles else draw_chart(spec).image
        )
        chart = read_chart(image, engine)
        asked = [(q, answer_chart(chart, q.text)) for q in questions_of(spec)]
        records.append(
            {
                "seed": seed,
                "kind": spec.kind,
                "style": styles[seed // len(KINDS) % len(styles)] if styles else "pillow",
                "printed": spec.printed,
                "f1": mapping_f1(data_of(chart), data_of_spec(spec)),
                "read_as": chart.kind,
                "questions": [
                    {
                        "text": q.text,
                        "kind": q.kind,
                        "want": q.answer,
                        "got": a.text if a else None,
                        "right": relaxed(a.text if a else None, q.answer),
                    }
                    for q, a in asked
                ],
            }
        )
    return records


def on_folder(engine: Engine, folder: Path, what: str) -> list[dict[str, Any]]:
    """Measure the charts of a folder with gt.jsonl."""
    records = []
    for line in (folder / "gt.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        with Image.open(folder / truth["file"]) as image:
            chart = read_chart(image.convert("RGB"), engine)
        record: dict[str, Any] = {"file": truth["file"], "read_as": chart.kind}
        if what == "questions":
            answer = answer_chart(chart, truth["question"])
            record |= {"want": truth["answer"], "got": answer.text if answer else None}
            record["right"] = relaxed(answer.text if answer else None, truth["answer"])
        else:
            want = data_of_vega(truth)
            record |= {"f1": mapping_f1(data_of(chart), want), "want": len(want), "got": len(data_of(chart))}
        records.append(record)
    return records


def main() -> None:
    """Measure and print one JSON line a chart, then the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("questions", "data", "synthetic"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--family", choices=("pillow", "seen", "unseen"), default="unseen")
    parser.add_argument("--seeds", type=int, nargs=2, default=(10_000, 10_048), metavar=("FIRST", "LAST"))
    chosen = parser.parse_args()
    from dsvl2.model import load_engine

    engine = load_engine()
    if chosen.what == "synthetic":
        records = synthetic(engine, chosen.family, range(*chosen.seeds))
    else:
        records = on_folder(engine, chosen.folder, chosen.what)
    for record in records:
        print(json.dumps(record, ensure_ascii=False))
    print(json.dumps(means(records)))


def means(records: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the shares of right answers and the mean F1, with the numbers they stand on."""
    answers = [q["right"] for record in records for q in record.get("questions", [record] if "right" in record else [])]
    scores = [record["f1"] for record in records if "f1" in record]
    result: dict[str, float] = {"charts": len(records)}
    if answers:
        result |= {"questions": len(answers), "relaxed_accuracy": sum(answers) / len(answers)}
    if scores:
        result["f1"] = sum(scores) / len(scores)
    return result


if __name__ == "__main__":
    main()
