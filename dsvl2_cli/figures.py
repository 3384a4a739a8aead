"""`--figures`: the figures of pages as files of their own, and the links to them in the text."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines import PageResult, Source

_ODD = re.compile(r"[^\w.-]+", re.ASCII)


class FigureFiles:
    """Cuts the figures out of a document's pages, drawn in colour, into `folder` / NAME-PAGE-NUMBER.png.

    `again` opens the document for drawing, once and only if there is a figure; links in the text are relative to
    `beside`, the folder of the text, or to the working folder without one. Use it in `with`.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        beside: Path | None,
        *,
        again: Callable[[], Source],
        write: Callable[[Path, bytes], None],
    ) -> None:
        self._folder, self._beside = folder, beside
        self._stem = _ODD.sub("_", Path(name).stem).strip("_") or "page"
        self._again, self._write = again, write
        self._stack = ExitStack()
        self._source: Source | None = None
        self.written = 0

    def __enter__(self) -> FigureFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def with_links(self, page: PageResult) -> PageResult:
        """Write the figures of a page; return it with their places."""
        from dsvl2.pipelines.figures import cut_figures

        if not any(block.kind == "figure" for block in page.blocks):
            return page
        image = self._draw(page.number)
        blocks = list(page.blocks)
        for place, (number, picture) in enumerate(cut_figures(image, page).items() if image else (), 1):
            path = self._folder / f"{self._stem}-{page.number}-{place}.png"
            buffer = io.BytesIO()
            picture.save(buffer, "PNG")
            self._write(path, buffer.getvalue())
            self.written += 1
            link = Path(os.path.relpath(path, self._beside or Path.cwd())).as_posix()
            blocks[number - 1] = replace(blocks[number - 1], image=link)
        return replace(page, blocks=tuple(blocks))

    def _draw(self, number: int) -> Image | None:
        from dsvl2.pipelines.documents import PageImage

        if self._source is None:
            self._source = self._stack.enter_context(self._again())
        page = self._source.page(number)
        return page.image if isinstance(page, PageImage) else None
