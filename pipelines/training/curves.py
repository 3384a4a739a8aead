"""The learning curves of a run as a PNG, from its log: accuracy on the left, loss on the right, a colour for each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN = (1200, 520), 56
COLOURS = {"bands": (31, 119, 180), "formulas": (214, 39, 40), "answers": (44, 160, 44), "loss": (90, 90, 90)}


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of `log.jsonl`; a line that was cut off is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def series(records: list[dict[str, Any]], metric: str) -> dict[str, list[tuple[float, float]]]:
    """(seconds, value) of a metric for each kind; records of a fine-tuning run have one unnamed kind."""
    found: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        for kind, values in record.items():
            if isinstance(values, dict) and metric in values:
                found.setdefault(kind, []).append((record["s"], values[metric]))
        if metric in record:
            found.setdefault(metric, []).append((record["s"], record[metric]))
    return found


def draw(log: Path, out: Path) -> Path:
    """Draw the curves of a log into `out`."""
    records = [record for record in read_log(log) if "step" in record]
    sheet = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(sheet)
    half = SIZE[0] // 2
    _panel(
        pen, (MARGIN, 30, half - 20, SIZE[1] - 40), series(records, "acc"), "accuracy of answered tokens", (0.0, 1.0)
    )
    losses = series(records, "loss")
    top = max((value for points in losses.values() for _, value in points[len(points) // 20 :]), default=1.0)
    _panel(pen, (half + MARGIN, 30, SIZE[0] - 20, SIZE[1] - 40), losses, "loss", (0.0, top))
    sheet.save(out)
    return out


def _panel(
    pen: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    curves: dict[str, list[tuple[float, float]]],
    title: str,
    span: tuple[float, float],
) -> None:
    font = ImageFont.load_default(14)
    x0, y0, x1, y1 = box
    last = max((points[-1][0] for points in curves.values()), default=1.0) or 1.0
    pen.rectangle(box, outline=(120, 120, 120))
    pen.text((x0, y0 - 22), title, fill="black", font=font)
    for part in range(5):
        value, y = span[0] + (span[1] - span[0]) * part / 4, y1 - (y1 - y0) * part / 4
        pen.line((x0, y, x1, y), fill=(225, 225, 225))
        pen.text((x0 - 44, y - 8), f"{value:.2f}", fill="black", font=font)
        pen.text((x0 + (x1 - x0) * part / 4 - 12, y1 + 6), f"{last * part / 4:.0f} s", fill="black", font=font)
    for row, (kind, points) in enumerate(sorted(curves.items())):
        colour = COLOURS.get(kind, (150, 100, 50))
        smooth, path = points[0][1], []
        for seconds, value in points:
            smooth += 0.2 * (value - smooth)  # single batches jump
            share = (min(max(smooth, span[0]), span[1]) - span[0]) / ((span[1] - span[0]) or 1.0)
            path.append((x0 + (x1 - x0) * seconds / last, y1 - (y1 - y0) * share))
        pen.line(path, fill=colour, width=2)
        pen.text((x1 - 90, y0 + 8 + 18 * row), kind, fill=colour, font=font)
