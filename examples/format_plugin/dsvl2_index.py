"""An output format in a package of its own: the index at the end of a book, each word with its pages.

    pip install examples/format_plugin
    dsvl2 ocr book.pdf -o book.index.txt        # or -f index

dsvl2 finds it by the entry point in `pyproject.toml`; nothing in dsvl2 names it.
"""

from __future__ import annotations

import re

from dsvl2.pipelines import Document, RenderOptions

_WORD = re.compile(r"[^\W\d_]{4,}")


class IndexFormat:
    """A `Format`: a name, suffixes, a title, and two ways to render."""

    name = "index"
    suffixes = (".index.txt",)
    title = "Words with the pages they stand on"

    def render(self, document: Document, options: RenderOptions | None = None) -> str:
        """Return a line for each word of four letters or more, in order."""
        pages: dict[str, list[int]] = {}
        for page in document.pages:
            for word in sorted(set(_WORD.findall(page.text.casefold()))):
                pages.setdefault(word, []).append(page.number)
        return "".join(f"{word}  {', '.join(map(str, pages[word]))}\n" for word in sorted(pages))

    def stream(self, head: Document, options: RenderOptions | None = None) -> None:
        """An index wants the whole document first."""
        return
