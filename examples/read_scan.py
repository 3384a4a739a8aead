"""Read a document from Python and print it as Markdown.

python examples/read_scan.py examples/data/scan.pdf
"""

from __future__ import annotations

import sys

from dsvl2.model import load_engine
from dsvl2.pipelines import Engine, get_format, read_document


def main(path: str, engine: Engine | None = None) -> str:
    """Return the document as Markdown; what could not be read is told on standard error."""
    document = read_document(path, engine or load_engine())
    for page in document.pages:
        if page.error is not None:
            print(f"page {page.number}: {page.error.message}", file=sys.stderr)
    return get_format("markdown").render(document)


if __name__ == "__main__":
    print(main(sys.argv[1]), end="")
