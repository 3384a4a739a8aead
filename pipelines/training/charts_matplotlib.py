"""Draw made-up charts with matplotlib in many styles (extra `charts`); some styles are kept apart for measuring.

SEEN styles may be looked at while the chart reader is worked on, UNSEEN ones only measured.
"""

from __future__ import annotations

import io
import random
from typing import Any

from PIL import Image

from dsvl2.pipelines.training.charts_specs import ChartSpec, number_text

SEEN = ("default", "ggplot", "seaborn-v0_8-whitegrid", "seaborn-v0_8-muted", "tableau-colorblind10")
UNSEEN = ("fivethirtyeight", "bmh", "seaborn-v0_8-darkgrid", "Solarize_Light2", "dark_background", "seaborn-v0_8-ticks")
_FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")


def draw_with_matplotlib(spec: ChartSpec, style: str) -> Image.Image:
    """Return the chart drawn in a named matplotlib style; sizes, fonts, legends and grids vary with the seed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rng = random.Random(spec.seed * 101 + 3)
    with plt.style.context(style):
        plt.rcParams["font.family"] = rng.choice(_FONTS[:1] * 3 + _FONTS)
        size = rng.choice((9.0, 10.0, 11.0))
        plt.rcParams.update(
            {"font.size": size, "axes.labelsize": size, "xtick.labelsize": size, "ytick.labelsize": size}
        )
        plt.rcParams.update({"legend.fontsize": size, "axes.titlesize": size * rng.choice((1.1, 1.3))})
        figure, axes = plt.subplots(
            figsize=(rng.uniform(6.0, 9.0), rng.uniform(4.0, 5.6)), dpi=rng.choice((90, 100, 120))
        )
        if spec.kind == "pie":
            _pie(axes, spec, rng)
        else:
            _draw(axes, spec, rng)
        axes.set_title(spec.title)
        figure.tight_layout()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        return image.convert("RGB")


def _draw(axes: Any, spec: ChartSpec, rng: random.Random) -> None:
    level = spec.kind == "hbar"
    if spec.kind in ("line", "lines"):
        _curves(axes, spec, rng)
    elif spec.kind == "scatter":
        axes.scatter(spec.x, spec.values[0], s=rng.choice((20, 36, 50)))
        axes.set_xlabel("Distance in km")
    else:
        _bars(axes, spec, rng)
    if spec.kind != "scatter":
        places = range(len(spec.labels))
        if level:
            axes.set_yticks(places, spec.labels)
            axes.invert_yaxis()
            axes.set_ylabel(spec.label_name)
        else:
            crowded = sum(map(len, spec.labels)) > 62
            turn = rng.choice((30, 45, 90)) if crowded else 0
            axes.set_xticks(places, spec.labels, rotation=turn, ha="right" if turn in (30, 45) else "center")
            axes.set_xlabel(spec.label_name)
    (axes.set_xlabel if level else axes.set_ylabel)(spec.value_name)
    if spec.suffix:
        (axes.xaxis if level else axes.yaxis).set_major_formatter("{x:g}%")
    elif rng.random() < 0.5:
        (axes.xaxis if level else axes.yaxis).set_major_formatter("{x:,g}")
    if spec.series[0]:
        axes.legend(loc=rng.choice(("best", "upper right", "upper left")), frameon=rng.random() < 0.6)
    if rng.random() < 0.4:
        axes.grid(axis="x" if level else "y", alpha=0.5)
        axes.set_axisbelow(True)
    if rng.random() < 0.4:
        axes.spines[["top", "right"]].set_visible(False)


def _bars(axes: Any, spec: ChartSpec, rng: random.Random) -> None:
    count = 1 if spec.kind == "stacked" else len(spec.series)
    width = rng.uniform(0.6, 0.85) / count
    edge = rng.choice((None, None, "white", "black"))
    feet = [0.0] * len(spec.labels)
    for s, (name, values) in enumerate(zip(spec.series, spec.values, strict=True)):
        places = [k + (0 if count == 1 else (s - (count - 1) / 2) * width) for k in range(len(values))]
        options: dict[str, Any] = {"label": name or None, "edgecolor": edge}
        if spec.kind == "hbar":
            drawn = axes.barh(places, values, height=width, **options)
        else:
            drawn = axes.bar(places, values, width=width, bottom=feet if spec.kind == "stacked" else None, **options)
        if spec.kind == "stacked":
            feet = [a + b for a, b in zip(feet, values, strict=True)]
        if spec.printed:
            texts = [number_text(value) + spec.suffix for value in values]
            inside = spec.kind == "stacked"
            axes.bar_label(drawn, labels=texts, padding=0 if inside else 3, label_type="center" if inside else "edge")
    if spec.printed and spec.kind != "stacked":
        axes.margins(x=0.12) if spec.kind == "hbar" else axes.margins(y=0.12)


def _curves(axes: Any, spec: ChartSpec, rng: random.Random) -> None:
    marker = rng.choice((None, "o", "o", "s"))
    width = rng.choice((1.5, 2.0, 2.5))
    for name, values in zip(spec.series, spec.values, strict=True):
        places = list(range(len(values)))
        axes.plot(places, values, marker=marker, linewidth=width, label=name or None)
        if spec.printed and len(spec.series) == 1:
            for place, value in zip(places, values, strict=True):
                text = number_text(value) + spec.suffix
                axes.annotate(text, (place, value), textcoords="offset points", xytext=(0, 7), ha="center")
    axes.margins(y=0.15)


def _pie(axes: Any, spec: ChartSpec, rng: random.Random) -> None:
    named = rng.random() < 0.7
    ring = {"width": 0.45} if rng.random() < 0.3 else {}
    wedges, *_ = axes.pie(
        spec.values[0],
        labels=spec.labels if named else None,
        autopct="%.0f%%",
        startangle=rng.choice((0, 90)),
        counterclock=rng.random() < 0.5,
        pctdistance=0.78 if ring else 0.65,
        wedgeprops=ring | {"edgecolor": "white"},
    )
    if not named:
        axes.legend(wedges, spec.labels, loc="center left", bbox_to_anchor=(1.0, 0.5))
