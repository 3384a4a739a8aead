"""Plain semantic HTML: headings, paragraphs, nested lists, tables, code; no styles, no boxes, no scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote

from dsvl2.pipelines.documents import Block, Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, RenderOptions
from dsvl2.pipelines.formats.doubt import marked
from dsvl2.pipelines.formats.facts import fingerprint, item_label, page_list
from dsvl2.pipelines.formats.hocr import escape
from dsvl2.pipelines.formats.inline_math import with_math
from dsvl2.pipelines.formats.places import block_id, clean

_MARKS = ("\ue0f8", "\ue0f9")  # around doubtful words, until the text is escaped


class HtmlFormat:
    """One HTML file; every block has the id that it has in the JSON output."""

    name = "html"
    suffixes = (".html", ".htm")
    title = "HTML (headings, paragraphs, lists, tables)"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document as HTML 5."""
        headings = (" ".join(b.text.split()) for p in document.pages for b in p.blocks if b.kind == "heading")
        title = next(filter(None, map(clean, headings)), "") or clean(document.source).strip() or "document"
        parts = [
            "<!doctype html>",
            '<html lang="">',
            "<head>",
            '<meta charset="utf-8">',
            f"<title>{escape(title)}</title>",
            *(_facts(document) if options.front_matter else ()),
            "</head>",
            "<body>",
        ]
        above: list[tuple[int, int]] = []
        for page in document.pages:
            if options.page_markers:
                parts.append(f"<!-- page {page.number} -->")
            blocks = [_nested(block, above) for block in marked(page.blocks, options.min_confidence, _MARKS)]
            parts += _page(replace(page, blocks=tuple(blocks)))
        return "\n".join([*parts, "</body>", "</html>"]) + "\n"

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """The title is the first heading, wherever it stands."""
        return


def _nested(block: Block, above: list[tuple[int, int]]) -> Block:
    """Return a heading one level below the one that it is under; `above`: levels of those, as read and as written.

    HTML's levels must not skip one (HTML Living Standard, 4.3.11); those of a page say how large letters are.
    """
    if block.kind != "heading":
        return block
    while above and above[-1][0] >= block.level:
        above.pop()
    level = above[-1][1] + 1 if above else block.level
    above.append((block.level, level))
    return replace(block, level=level)


def _facts(document: Document) -> Iterator[str]:
    model = document.model.name if document.model else ""
    pages = page_list(page.number for page in document.pages)
    facts = {"source": document.source, "pages": pages, "model": model, "fingerprint": fingerprint(document)}
    for name, value in facts.items():
        yield f'<meta name="dsvl2:{name}" content="{escape(value)}">'


def _page(page: PageResult) -> Iterator[str]:
    yield f'<section id="page_{page.number}">'
    if page.error is not None:
        yield f"<p><em>page {page.number} could not be read: {escape(page.error.message)}</em></p>"
    items: list[tuple[int, Block]] = []
    for number, block in enumerate(page.blocks, 1):
        if block.kind == "list_item":
            items.append((number, block))
            continue
        yield from _list(page.number, items)
        items = []
        yield from _block(block, f'id="{block_id(page.number, number)}"')
    yield from _list(page.number, items)
    yield "</section>"


def _block(block: Block, name: str) -> Iterator[str]:
    text = _shown(block.text.strip("\n"))
    if block.kind == "heading":
        level = min(max(block.level, 1), 6)
        yield f"<h{level} {name}>{text}</h{level}>"
    elif block.kind == "table" and block.rows:
        yield f"<table {name}>"
        yield from _rows(block)
        yield "</table>"
    elif block.kind in ("code", "table"):
        yield f"<pre {name}>{text}</pre>"
    elif block.kind == "formula":
        yield f'<p {name}><code class="math">{text}</code></p>'
    elif block.kind == "figure":
        picture = f'<img src="{escape(quote(block.image))}" alt="figure">' if block.image is not None else ""
        yield f"<figure {name}>{picture}{f'<figcaption>{text}</figcaption>' if text else ''}</figure>"
    else:
        yield f"<p {name}>{with_math(block.text.strip(chr(10)), _shown, _formula)}</p>"


def _formula(latex: str) -> str:
    return f'<code class="math">{escape(latex)}</code>'


def _shown(text: str) -> str:
    """Return escaped text with doubtful words as `<mark>`."""
    return escape(text).replace(_MARKS[0], "<mark>").replace(_MARKS[1], "</mark>")


def _rows(block: Block) -> Iterator[str]:
    if block.table is not None:
        from dsvl2.pipelines.tables.render import html_rows  # tables build on this package

        yield from html_rows(block.table, _shown)
        return
    for row in block.rows:
        yield "<tr>" + "".join(f"<td>{_shown(cell)}</td>" for cell in row or ("",)) + "</tr>"


def _list(page: int, items: Sequence[tuple[int, Block]], depth: int = 0) -> Iterator[str]:
    """Write items as nested lists. Items that were printed with labels of their own keep them as text."""
    if not items:
        return
    yield '<ul style="list-style: none">' if all(item_label(block.text) for _, block in items) else "<ul>"
    place = 0
    while place < len(items):
        number, block = items[place]
        end = place + 1
        while end < len(items) and items[end][1].level > depth:
            end += 1
        item = f'<li id="{block_id(page, number)}">{_shown(block.text.strip())}'
        inner = list(_list(page, items[place + 1 : end], depth + 1))
        yield from [item, *inner, "</li>"] if inner else [item + "</li>"]
        place = end
    yield "</ul>"
