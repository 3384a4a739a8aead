"""Markdown (CommonMark with pipe tables), optionally with page markers and YAML front matter."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from dsvl2.pipelines.documents import Block, Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, PageStream, RenderOptions
from dsvl2.pipelines.formats.doubt import marked
from dsvl2.pipelines.formats.facts import fingerprint, item_label, page_list
from dsvl2.pipelines.formats.inline_math import with_math
from dsvl2.pipelines.formats.markdown_escape import escape_block, escape_cell, escape_heading


class MarkdownFormat:
    """Markdown that shows the text as it was read: nothing in running text is taken for markup."""

    name = "markdown"
    suffixes = (".md", ".markdown", ".mkd")
    title = "Markdown (CommonMark, pipe tables)"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document as Markdown."""
        stream = _MarkdownStream(options)
        body = "".join(stream.page(page) for page in document.pages)
        if not options.front_matter:
            return body
        return front_matter(document) + ("\n" + body if body else "")

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> PageStream | None:
        """Page by page unless front matter is wanted: it names the failed pages."""
        return None if options.front_matter else _MarkdownStream(options)


class _MarkdownStream:
    def __init__(self, options: RenderOptions) -> None:
        self._options = options
        self._wrote = False

    def page(self, page: PageResult) -> str:
        parts = [f"<!-- page {page.number} -->"] if self._options.page_markers else []
        if page.error is not None:
            parts.append(f"<!-- page {page.number} could not be read: {_comment(page.error.message)} -->")
        body = blocks_markdown(marked(page.blocks, self._options.min_confidence))
        if body:
            parts.append(body)
        if not parts:
            return ""
        gap = "\n" if self._wrote else ""
        self._wrote = True
        return gap + "\n\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class _OpenItem:
    """A list item that later ones may follow or lie in: the column of its text, and the kind of its mark."""

    offset: int
    mark: str


def blocks_markdown(blocks: tuple[Block, ...]) -> str:
    """Return blocks as Markdown without a final newline; items of one list are kept together."""
    out: list[str] = []
    items: tuple[_OpenItem, ...] = ()  # the list items that are open, outermost first
    for block in blocks:
        before = items
        if block.kind == "list_item":
            text, items = _list_item(block, items)
        else:
            text, items = _block(block), ()
        if not text:
            continue
        if out:
            out.append("\n" if _tight(before, items) else "\n\n")
        out.append(text)
    return "".join(out)


def _tight(before: tuple[_OpenItem, ...], items: tuple[_OpenItem, ...]) -> bool:
    """An item may follow without a blank line if it goes on with an open list, or begins one of bullets inside."""
    if not before or not items or items[-1].mark == "":
        return False
    depth = len(items)
    return items[-1].mark == "-" if depth > len(before) else items[-1].mark == before[depth - 1].mark


def _block(block: Block) -> str:
    if block.kind == "heading":
        text = escape_heading(block.text)
        return f"{'#' * min(max(block.level, 1), 6)} {text}" if text else ""
    if block.kind == "table" and block.rows:
        return _table(block.rows)
    if block.kind == "code":
        return _fence(block.text)
    if block.kind == "formula":
        return f"$$\n{block.text.strip()}\n$$" if block.text.strip() else ""
    if block.kind == "figure" and block.image is not None:
        return f"![{escape_heading(block.text) or 'figure'}](<{quote(block.image)}>)"
    return with_math(block.text, escape_block, "${}$".format)


def _list_item(block: Block, items: tuple[_OpenItem, ...]) -> tuple[str, tuple[_OpenItem, ...]]:
    """Render one item under the open ones; return it with those that are open after it.

    Labels that Markdown has no list for, such as (a), make a paragraph of their own: a bullet was never printed.
    """
    depth = min(max(block.level, 0), len(items))
    outer = items[:depth]
    indent = outer[-1].offset if outer else 0
    label, rest = item_label(block.text) or ("-", block.text)
    if label != "-" and not label[0].isdigit():
        text = " " * indent + escape_block(block.text).replace("\n", "\n" + " " * indent)
        return text, (*outer, _OpenItem(indent, "")) if outer else ()
    body = with_math(rest, escape_block, "${}$".format)
    if body.startswith("["):  # [ ] and [x] would be a box to tick
        body = "\\" + body
    offset = indent + len(label) + 1
    text = f"{' ' * indent}{label} " + body.replace("\n", "\n" + " " * offset)
    return text.rstrip(), (*outer, _OpenItem(offset, label[-1]))


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    """Render a pipe table with the first row as its head; short rows are filled up."""
    width = max(len(row) for row in rows)
    if width == 0:
        return ""
    cells = [[escape_cell(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    lines.insert(1, "| " + " | ".join(["---"] * width) + " |")
    return "\n".join(lines)


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text.strip("\n")
    return f"{fence}\n{body}\n{fence}" if body.strip() else ""


def _comment(text: str) -> str:
    return re.sub(r"-(?=-)", "- ", text).replace(">", "").strip("- ")


def front_matter(document: Document) -> str:
    """Return the YAML block: source, model, options and failed pages. Strings are JSON strings, which YAML reads."""
    lines = [
        "---",
        f"source: {_yaml(document.source)}",
        f"sha256: {_yaml(document.sha256)}",
        f"pages: {document.page_count or len(document.pages)}",
        f"pages_read: {_yaml(page_list(page.number for page in document.pages))}",
        f"pages_failed: {json.dumps(list(document.failed))}",
        f"model: {_yaml(document.model.name if document.model else None)}",
        f"fingerprint: {_yaml(fingerprint(document))}",
        "options:" if document.options else "options: {}",
        *(f"  {_key(name)}: {_yaml(value)}" for name, value in document.options),
        "---",
    ]
    return "\n".join(lines) + "\n"


def _yaml(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) else _yaml(name)
