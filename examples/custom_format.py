"""An output format of one's own: HTML whose elements say where on the page they came from.

    python examples/custom_format.py examples/data/scan.pdf > scan.html

To have it under `-f boxed-html`, put it into a package that declares it: see `format_plugin/`.
"""

from __future__ import annotations

import sys
from html import escape

from dsvl2.model import load_engine
from dsvl2.pipelines import Block, Document, Engine, PageResult, RenderOptions, read_document


class HtmlFormat:
    """A `Format`: a name, suffixes, a title, and two ways to render."""

    name = "boxed-html"
    suffixes = (".boxed.html",)
    title = "HTML with boxes as attributes"

    def render(self, document: Document, options: RenderOptions | None = None) -> str:
        """Return the whole document, one <section> a page."""
        body = "\n".join(self._page(page) for page in document.pages)
        return f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(document.source)}</title>\n{body}\n'

    def stream(self, head: Document, options: RenderOptions | None = None) -> None:
        """This format wants the whole document first."""
        return

    def _page(self, page: PageResult) -> str:
        blocks = "\n".join(self._block(block) for block in page.blocks)
        return f'<section id="page-{page.number}">\n{blocks}\n</section>'

    def _block(self, block: Block) -> str:
        tag = {"heading": f"h{block.level or 1}", "list_item": "li"}.get(block.kind, "p")
        box = block.box
        place = f' data-box="{box.x0:.0f} {box.y0:.0f} {box.x1:.0f} {box.y1:.0f}"' if box else ""
        return f"<{tag}{place}>{escape(block.text)}</{tag}>"


def main(path: str, engine: Engine | None = None) -> str:
    """Return the document as HTML."""
    return HtmlFormat().render(read_document(path, engine or load_engine()))


if __name__ == "__main__":
    print(main(sys.argv[1]), end="")
