"""Figures as a small table for people, and as one object for programs."""

from __future__ import annotations

from typing import Any

from dsvl2.pipelines.benchmark.measuring import Decoding, Figures, Spread

SCHEMA = "dsvl2/bench/v1"


def record(figures: Figures) -> dict[str, Any]:
    """Everything, in plain types; sizes in bytes, times in seconds unless a name says otherwise."""
    machine, model, reading = figures.machine, figures.model, figures.reading
    return {
        "schema": SCHEMA,
        "machine": {
            "processor": machine.processor, "cores": machine.cores, "load": machine.load, "busy": machine.busy,
            "device": machine.device,
        },
        "model": {
            "name": model.name, "scheme": model.scheme, "dtype": model.dtype, "parameters": model.parameters,
            "weight_bytes": model.weight_bytes, "fingerprint": model.fingerprint,
        },
        "load_s": figures.load_seconds,
        "pages": reading.pages,
        "characters": reading.characters,
        "tokens": reading.tokens,
        "page_s": _spread(reading.seconds, reading.pages),
        "pages_per_s": reading.pages / reading.seconds.median,
        "tokens_per_s": reading.tokens / reading.seconds.median,
        "decoding": [
            {
                "sequences": one.sequences, "context": one.context, "step_ms": one.step_ms,
                "tokens_per_s": one.tokens_per_second, "bytes_per_step": one.bytes, "floor_ms": one.floor_ms,
                "share_of_floor": one.share,
            }
            for one in figures.decoding
        ],
        "bandwidth_bytes_per_s": figures.bandwidth,
        "peak_memory_bytes": figures.peak_memory,
        "peak_device_bytes": figures.peak_device,
        "cold_start_s": None if figures.cold_start is None else _spread(figures.cold_start, 1),
        "against": [
            {
                "name": name, "about": about, "page_s": _spread(spread, reading.pages),
                "ratio": reading.seconds.median / spread.median,
            }
            for name, about, spread in figures.others
        ],
    }  # fmt: skip


def _spread(spread: Spread, pages: int) -> dict[str, Any]:
    return {"median": spread.median / pages, "runs": [value / pages for value in spread.values]}


def table(figures: Figures) -> str:
    """Lines of a name and a figure, the machine and its load first."""
    machine, model, reading = figures.machine, figures.model, figures.reading
    load = "load unknown" if machine.load is None else f"load {machine.load:.1f} before"
    pages = "page" if reading.pages == 1 else "pages"
    seconds = reading.seconds
    rows = [
        ("machine", f"{machine.processor}, {machine.cores} cores, {load}{' (BUSY)' if machine.busy else ''}"),
        (
            "model",
            f"{model.name}, {_millions(model.parameters)}, {_held(model.scheme, model.dtype)}, on {machine.device}",
        ),
        (
            "seconds a page",
            f"{_each(seconds, reading.pages)}; {reading.pages} {pages}, {reading.characters:,} characters",
        ),
        ("pages a second", f"{reading.pages / seconds.median:.3g}"),
        ("tokens a second", f"{reading.tokens / seconds.median:,.0f} over the whole page ({reading.tokens:,} tokens)"),
        *(_decoding(one) for one in figures.decoding),
        ("memory speed", f"{figures.bandwidth / 1e9:,.1f} GB/s, measured at the size of a step"),
        ("memory", _memory(figures)),
        ("loading", f"{figures.load_seconds:.2f} s"),
    ]
    if figures.cold_start is not None:
        rows.append(("cold start", f"{_each(figures.cold_start, 1)}; one line of text in a new process"))
    for name, about, spread in figures.others:
        rows.append((name, f"{_each(spread, reading.pages)} a page; {about}"))
        rows.append((f"ours / {name}", f"{seconds.median / spread.median:.2f}"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows) + "\n"


def _decoding(one: Decoding) -> tuple[str, str]:
    what = "decoding" if one.sequences == 1 else f"decoding {one.sequences} together"
    text = f"{one.tokens_per_second:,.0f} tokens/s"
    if one.floor_ms is not None and one.share is not None:
        text += (
            f", {one.step_ms:.3g} ms a step; floor {one.floor_ms:.3g} ms ({one.bytes / 1e6:,.1f} MB read), "
            f"{one.share:.0%} of it"
        )
    return what, text


def _each(spread: Spread, pages: int) -> str:
    low, high = min(spread.values) / pages, max(spread.values) / pages
    runs = len(spread.values)
    return f"{spread.median / pages:.2f} s" + (
        f" (median of {runs}, {low:.2f}-{high:.2f})" if runs > 1 else " (one run)"
    )


def _memory(figures: Figures) -> str:
    host = f"{figures.peak_memory / 1e6:,.0f} MB at most"
    return host if figures.peak_device is None else f"{host}, {figures.peak_device / 1e9:,.2f} GB on the device"


def _millions(count: int) -> str:
    return f"{count / 1e9:.2f} B parameters" if count >= 1e9 else f"{count / 1e6:.1f} M parameters"


def _held(scheme: str, dtype: str) -> str:
    return dtype if scheme == "none" else f"{scheme} ({dtype})"
