"""The rows of all peers as tables: a method a line, a size a column, the floor and each method's share of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
TITLES = {
    "layer": "MoE layer, routed and shared experts",
    "decode": "latent attention, one token",
    "head": "output matrix",
}
FORMS = ("bf16", "int8", "int4", "nf4")


def floor(row: Row, limits: dict[str, float]) -> float:
    """Microseconds that moving the bytes or doing the operations takes at least, at what this card was seen to do."""
    return 1e6 * max(row["bytes"] / limits["bytes_per_s"], row["operations"] / limits["operations_per_s"])


def tables(rows: Sequence[Row], limits: dict[str, float]) -> str:
    """All tables, in Markdown."""
    timed = [row for row in rows if "us" in row]
    parts = [
        _table(f"{title}, {form}" + (", experts by a Zipf law" if skew else ""), chosen, limits)
        for what, title in TITLES.items()
        for form in FORMS
        for skew in (0.0, 1.0)
        if (chosen := [row for row in timed if (row["what"], row["form"], row["skew"]) == (what, form, skew)])
    ]
    whole = [row for row in rows if row.get("what") == "whole" and "token_ms" in row]
    if whole:
        lines = [f"| {row['method']} | {row['prompt_ms']:.1f} | {row['token_ms']:.2f} |" for row in whole]
        head = f"whole network, bf16, one sequence: ms of a prompt of {whole[0]['prompt']} tokens and of each token after it"
        parts.append("\n".join((f"**{head}**", "", "| | prompt | token |", "| --- | --- | --- |", *lines)))
    return "\n\n".join(parts) + "\n"


def _table(title: str, rows: Sequence[Row], limits: dict[str, float]) -> str:
    sizes = sorted({row["size"] for row in rows})
    methods = sorted({row["method"] for row in rows}, key=lambda name: (name != "ours", name))
    lines = [f"**{title}**, microseconds (share of the floor)", "", "| | " + " | ".join(map(str, sizes)) + " |"]
    lines.append("| --- |" + " --- |" * len(sizes))
    for method in methods:
        cells = []
        for size in sizes:
            row = next((r for r in rows if (r["method"], r["size"]) == (method, size)), None)
            cells.append("-" if row is None else f"{row['us']:,.1f} ({floor(row, limits) / row['us']:.0%})")
        eager = any(row["eager"] for row in rows if row["method"] == method)
        lines.append(f"| {method}{' (eager)' if eager and 'eager' not in method else ''} | " + " | ".join(cells) + " |")
    lowest = [min(floor(row, limits) for row in rows if row["size"] == size) for size in sizes]
    lines.append("| floor | " + " | ".join(f"{value:,.1f}" for value in lowest) + " |")
    return "\n".join(lines)


def red(rows: Sequence[Row]) -> list[str]:
    """What was refused or failed, a line each."""
    return [
        " ".join(str(row[key]) for key in ("peer", "group", "what", "method", "form", "size") if key in row)
        + f": {row.get('refused', row.get('failed'))}"
        for row in rows
        if "refused" in row or "failed" in row
    ]
