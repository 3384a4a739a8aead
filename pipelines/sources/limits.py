"""Limits that keep a hostile or broken file from taking the machine's memory or a day of its time."""

from __future__ import annotations

from dataclasses import dataclass

from dsvl2.pipelines.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost. 0 switches a limit off.

    megapixels: of one page image, decoded or rendered. 150 is an A4 page at 1200 dpi.
    pages: that are read of one document.
    megabytes: of one file; standard input is held in memory.
    """

    megapixels: float = 150.0
    pages: int = 5000
    megabytes: float = 4000.0

    def check_pixels(self, width: int, height: int, what: str) -> None:
        """Raise TooLarge if an image of `width` x `height` pixels is over the limit; `what` begins the message."""
        size = width * height / 1e6
        if self.megapixels and size > self.megapixels:
            raise TooLarge(
                f"{what} has {width} x {height} pixels = {size:,.0f} megapixels; the limit is {self.megapixels:g}",
                hint=f"if you trust the file: --max-megapixels {_round_up(size)}",
            )

    def check_pages(self, count: int, what: str) -> None:
        """Raise TooLarge if more than the allowed number of pages would be read."""
        if self.pages and count > self.pages:
            raise TooLarge(
                f"{what}: {count} pages to read; the limit is {self.pages}",
                hint=f"read a part with --pages 1-{self.pages}, or all of it with --max-pages {count}",
            )

    def check_bytes(self, size: int, what: str) -> None:
        """Raise TooLarge if a file of `size` bytes is over the limit."""
        if self.megabytes and size > self.megabytes * 1e6:
            raise TooLarge(
                f"{what} has more than {min(size / 1e6, self.megabytes):,.0f} MB, which is the limit",
                hint=f"if you trust the file: --max-megabytes {_round_up(size / 1e6)}",
            )


def _round_up(size: float) -> int:
    """Round up to two leading digits, so that the hint is a number one would type."""
    step = int("1" + "0" * max(0, len(str(int(size))) - 2))
    return (int(size) // step + 1) * step
