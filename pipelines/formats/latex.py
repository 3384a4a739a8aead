"""A LaTeX document that compiles: everything escaped, unknown characters named, only sound formulas kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsvl2.pipelines.documents import Block, Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, RenderOptions
from dsvl2.pipelines.formats.facts import item_label
from dsvl2.pipelines.formats.inline_math import math_parts
from dsvl2.pipelines.formats.latex_math import compiles
from dsvl2.pipelines.formats.latex_text import latex_text

_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{amsmath,amssymb}
\usepackage{longtable}
\usepackage{graphicx}
\IfFileExists{multirow.sty}{\usepackage{multirow}}{\newcommand{\multirow}[3]{#3}}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6em}
\setlength{\emergencystretch}{3em}
\begin{document}
"""
_SECTIONS = ("section", "subsection", "subsubsection", "paragraph")
_PLAIN_PATH = re.compile(r"[\w./-]+", re.ASCII)  # TeX takes other characters of a file's name for commands
_DEEPEST_LIST = 3  # LaTeX stops at four levels
_WIDE_TABLE = 70


class LatexFormat:
    """A complete document for pdflatex (also xelatex and lualatex)."""

    name = "latex"
    suffixes = (".tex", ".latex")
    title = "LaTeX document that compiles"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document, preamble included."""
        parts = [part for page in document.pages for part in _page(page, options)]
        return _PREAMBLE + "\n" + "\n\n".join(parts or ["\\mbox{}"]) + "\n\n\\end{document}\n"

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """A document is whole or it does not compile."""
        return


def _page(page: PageResult, options: RenderOptions) -> Iterator[str]:
    if options.page_markers:
        yield f"% page {page.number}"
    if page.error is not None:
        yield f"% page {page.number} could not be read: " + " ".join(page.error.message.split())
    items: list[Block] = []
    for block in page.blocks:
        if block.kind == "list_item":
            items.append(block)
            continue
        if items:
            yield _list(items)
            items = []
        text = _block(block)
        if text:
            yield text
    if items:
        yield _list(items)


def _block(block: Block) -> str:
    if block.kind == "heading":
        text = latex_text(" ".join(block.text.split()))
        return f"\\{_SECTIONS[min(max(block.level, 1), len(_SECTIONS)) - 1]}*{{{text}}}" if text else ""
    if block.kind == "table" and block.rows:
        return _table(block)
    if block.kind == "code":
        return _code(block.text)
    if block.kind == "formula":
        return f"\\[\n{block.text.strip()}\n\\]" if compiles(block.text) else _code(block.text)
    if block.kind == "figure" and block.image is not None and _PLAIN_PATH.fullmatch(block.image):
        place = f"\\includegraphics[width=0.8\\linewidth]{{{block.image}}}"
        return f"\\IfFileExists{{{block.image}}}{{{place}}}{{}}"
    return _lines(block.text)


def _lines(text: str) -> str:
    """Return a paragraph; line breaks inside are kept."""
    lines = (_line(line.strip()) for line in text.split("\n") if line.strip())
    return "\\newline{}\n".join(map(_guarded, lines))


def _line(text: str) -> str:
    return "".join(f"\\({part}\\)" if math else latex_text(part) for part, math in math_parts(text))


def _guarded(text: str) -> str:
    """Keep a leading [ or * from being taken as an argument of the command before it, and leading space in sight."""
    return "{}" + text if text.startswith(("[", "*")) else "\\mbox{}" + text if text.startswith("~") else text


def _list(items: list[Block]) -> str:
    out: list[str] = []
    depth = -1
    for item in items:
        level = min(max(item.level, 0), depth + 1, _DEEPEST_LIST)
        while depth < level:
            depth += 1
            out.append("  " * depth + "\\begin{itemize}")
        while depth > level:
            out.append("  " * depth + "\\end{itemize}")
            depth -= 1
        label, text = item_label(item.text) or ("", item.text)
        out.append("  " * depth + f"\\item{f'[{label}]' if label else '{}'} {_lines(text)}")
    while depth >= 0:
        out.append("  " * depth + "\\end{itemize}")
        depth -= 1
    return "\n".join(out)


def _table(block: Block) -> str:
    """Return a table that may break over pages; wide ones get columns that wrap."""
    rows = block.rows
    width = max(len(row) for row in rows)
    if width == 0:
        return ""
    longest = [max((len(row[column]) for row in rows if column < len(row)), default=0) for column in range(width)]
    if sum(longest) <= _WIDE_TABLE:
        columns = "l" * width
    else:
        shares = [max(length, 4) ** 0.5 for length in longest]
        usable = 0.98 - 0.03 * width if width < 20 else 0.4
        columns = "".join(f"p{{{usable * share / sum(shares):.3f}\\linewidth}}" for share in shares)
    lines = [f"\\begin{{longtable}}{{{columns}}}", "\\hline"]
    if block.table is not None and len(block.table.cells) < len(rows) * width:
        from dsvl2.pipelines.tables.render import latex_rows  # tables build on this package

        return "\n".join([*lines, *latex_rows(block.table), "\\hline", "\\end{longtable}"])
    for place, row in enumerate(rows):
        cells = [_guarded(latex_text(" ".join(cell.split()))) for cell in row] + [""] * (width - len(row))
        lines.append(" & ".join(cells) + " \\\\" + (" \\hline" if place == 0 else ""))
    return "\n".join([*lines, "\\hline", "\\end{longtable}"])


def _code(text: str) -> str:
    """Return text line by line in typewriter type: not `verbatim`, which knows no escapes for rare characters."""
    lines = [latex_text(line.expandtabs(4)).replace(" ", "~") or "~" for line in text.strip("\n").split("\n")]
    if not text.strip():
        return ""
    return "\\begin{flushleft}\\ttfamily\n" + "\\newline{}\n".join(map(_guarded, lines)) + "\n\\end{flushleft}"
