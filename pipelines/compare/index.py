"""The page that leads to the comparisons of many documents, those that differ most first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from urllib.parse import quote

from dsvl2.pipelines.compare.types import Comparison


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of an index: its comparison (None: only one side has it, as `missing` says) and the file with its page."""

    name: str
    found: Comparison | None
    page: str | None = None
    missing: str = ""


def comparison_index(listed: Sequence[Listed], title: str) -> str:
    """Return a self-contained page with a row for each document and links to the pages of those that differ."""
    assets = files("dsvl2.pipelines.compare") / "assets"
    style = (assets / "compare.css").read_text(encoding="utf-8").strip()
    differ = sum(one.found is None or not one.found.same for one in listed)
    noun = "document" if len(listed) == 1 else "documents"
    rows = "\n".join(map(_row, sorted(listed, key=_worst)))
    return f"""<!doctype html>
<html lang="">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{style}
</style>
</head>
<body>
<header><p>{escape(title)}</p><p>{len(listed)} {noun}, {differ} differ.</p></header>
<main>
<table class="index">
<tr><th>document<th>places<th>CER<th>WER</tr>
{rows}
</table>
</main>
</body>
</html>
"""


def _worst(one: Listed) -> tuple[float, str]:
    return (-2.0 if one.found is None else -one.found.cer, one.name)


def _row(one: Listed) -> str:
    name = escape(one.name)
    shown = f'<a href="{quote(one.page)}">{name}</a>' if one.page else name
    if one.found is None:
        return f'<tr><td>{shown}<td colspan="3">missing in {escape(one.missing)}</tr>'
    if one.found.same:
        return f'<tr><td>{shown}<td colspan="3">the same</tr>'
    rates = f"<td>{100 * one.found.cer:.2f} %<td>{100 * one.found.wer:.2f} %"
    return f"<tr><td>{shown}<td>{len(one.found.changes)}{rates}</tr>"
