"""A task of one's own: keep only the blocks that mention a word. It reads pages as the OCR task does, then filters.

python examples/custom_task.py valve examples/data/scan.pdf
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsvl2.model import load_engine
from dsvl2.pipelines import Engine, OcrTask, PageImage, PageResult, read_document


@dataclass(frozen=True, slots=True)
class FindTask:
    """A `Task`: a name, and `read`, which returns one result per page in the same order."""

    word: str
    name: str = "find"

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageResult]:
        """Read the pages and keep the blocks with the word in them."""
        wanted = self.word.casefold()
        return [
            replace(page, blocks=tuple(block for block in page.blocks if wanted in block.text.casefold()))
            for page in OcrTask().read(pages, engine)
        ]


def main(word: str, path: str, engine: Engine | None = None) -> list[str]:
    """Return every paragraph that mentions the word, with its page."""
    document = read_document(path, engine or load_engine(), task=FindTask(word))
    return [f"page {page.number}: {block.text}" for page in document.pages for block in page.blocks]


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1], sys.argv[2])))
