"""Measure the chart reader: `python -m dsvl2.pipelines.evaluation.charts questions|data|synthetic`.

questions   a folder with gt.jsonl (file, question, answer): relaxed accuracy of ChartQA (numbers within 5 %, strings
            equal but for case)
data        a folder with gt.jsonl of Vega-Lite charts (file, mark, encoding, data): how much of the data comes back, as
            F1 of the relative mapping similarity of DePlot (Liu et al. 2023, section 4.2). A datum is a key (series and
            label) and a value; the similarity of two is (1 - NL(keys)) (1 - min(1, |p - t| / |t|)), NL the normalised
            edit distance (number
            labels are equal within 2 %), zeroed above 0.5, relative errors above 0.5 counted as 1; data are matched one to one,
            best pairs first; precision and recall divide the sum by the number of data predicted and true.
synthetic   made-up charts of a family of styles: both figures
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from dsvl2.pipelines.charts import ChartData, answer_chart, read_chart
from dsvl2.pipelines.charts.numbers import parse_number
from dsvl2.pipelines.training.charts_matplotlib import SEEN, UNSEEN, draw_with_matplotlib
from dsvl2.pipelines.training.charts_pillow import draw_chart
from dsvl2.pipelines.training.charts_specs import KINDS, ChartSpec, make_spec, questions_of

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine

_FAR = 0.5


@dataclass(frozen=True, slots=True)
class Datum:
    """A value and what it is of."""

    series: str
    label: str
    value: float


def relaxed(answer: str | None, truth: str) -> bool:
    """Whether an answer counts: numbers within 5 % (of a true zero: equal), strings equal but for case and outer space."""
    if answer is None:
        return False
    got, want = parse_number(answer), parse_number(truth)
    if got is not None and want is not None:
        return abs(got.value - want.value) <= 0.05 * abs(want.value)
    return answer.strip().casefold() == truth.strip().casefold()


def mapping_f1(got: Sequence[Datum], want: Sequence[Datum]) -> float:
    """Return the F1 of the relative mapping similarity."""
    if not got or not want:
        return 0.0
    pairs = sorted(((_similar(g, w), i, j) for i, g in enumerate(got) for j, w in enumerate(want)), reverse=True)
    used_got: set[int] = set()
    used_want: set[int] = set()
    total = 0.0
    for similarity, i, j in pairs:
        if i not in used_got and j not in used_want:
            used_got.add(i)
            used_want.add(j)
            total += similarity
    precision, recall = total / len(got), total / len(want)
    return 2 * precision * recall / (precision + recall) if total else 0.0


def _similar(got: Datum, want: Datum) -> float:
    label = _same_number(got.label, want.label)
    if label is None:
        key = 1.0 - _distance(f"{got.series} {got.label}".strip(), f"{want.series} {want.label}".strip())
    else:
        key = label * (1.0 - _distance(got.series, want.series))
    off = abs(got.value - want.value) / abs(want.value) if want.value else float(abs(got.value) > 1e-3)
    return key * (1.0 - (1.0 if off > _FAR else off))


def _same_number(got: str, want: str) -> float | None:
    """Return 1 for number labels within 2 % (or 0.05) of each other, 0 for others; None if one is no number."""
    a, b = parse_number(got), parse_number(want)
    if a is None or b is None:
        return None
    return float(
        abs(a.value - b.value) <= max(0.02 * abs(b.value), 0.05) and (abs(b.value) < 1000 or a.value == b.value)
    )


def _distance(first: str, second: str) -> float:
    """Return the edit distance over the longer length, 1 above the limit."""
    if first == second:
        return 0.0
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    share = row[-1] / max(len(first), len(second), 1)
    return share if share <= _FAR else 1.0


def data_of(chart: ChartData) -> list[Datum]:
    """Return a chart's data."""
    return [Datum(series.name, point.label, point.value) for series, point in chart.points()]


def data_of_spec(spec: ChartSpec) -> list[Datum]:
    """Return a made-up chart's data."""
    labels = [f"{x:g}" for x in spec.x] if spec.kind == "scatter" else list(spec.labels)
    rows = zip(spec.series, spec.values, strict=True)
    return [Datum(name, label, value) for name, values in rows for label, value in zip(labels, values, strict=True)]


def data_of_vega(record: dict[str, Any]) -> list[Datum]:
    """Return the data of a Vega-Lite chart: the number channel's values by the other channel's, averaged if it says so."""
    encoding = record["encoding"]
    up, across = encoding.get("y", {}), encoding.get("x", {})
    value, label = (up, across) if up.get("type") == "quantitative" or "x" not in encoding else (across, up)
    colour: dict[str, Any] = next((encoding[key] for key in ("color", "fill") if "field" in encoding.get(key, {})), {})
    groups: dict[tuple[str, str], list[float]] = {}
    for row in record["data"]:
        number = row.get(_field(value))
        if isinstance(number, (int, float)):
            key = (_text(row.get(_field(colour), "")), _text(row.get(_field(label), "")))
            groups.setdefault(key, []).append(float(number))
    mean = value.get("aggregate") in ("average", "mean")
    return [Datum(*key, v) for key, found in groups.items() for v in ([sum(found) / len(found)] if mean else found)]


def _field(channel: dict[str, Any]) -> str:
    return str(channel.get("field", "")).replace("\\.", ".")


def _text(value: Any) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


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
