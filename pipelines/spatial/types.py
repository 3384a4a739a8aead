"""What the spatial text of a page is made of. Boxes are in pixels of the page image, as everywhere in the pipelines."""

from __future__ import annotations

from dataclasses import dataclass

from dsvl2.pipelines.documents import Box


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of words of one line without a wide gap: what a person sees as one label, value or cell."""

    text: str
    box: Box
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SpatialText:
    """A page as text with places: what the model is asked about instead of the image.

    `segments` are those that `text` holds, in its order; `starts[i]` is the offset in `text` of the first character of
    `segments[i].text`. `tokens` counts what the embedded model's tokenizer makes of `text`; `left_out` is the number of
    segments that a token limit cost.
    """

    text: str
    segments: tuple[Segment, ...]
    starts: tuple[int, ...]
    tokens: int = 0
    left_out: int = 0

    def segment_at(self, offset: int) -> int | None:
        """Return the number of the segment that the character of `text` at `offset` belongs to; None between them."""
        from bisect import bisect_right

        number = bisect_right(self.starts, offset) - 1
        if number < 0 or offset >= self.starts[number] + len(self.segments[number].text):
            return None
        return number


@dataclass(frozen=True, slots=True)
class Located:
    """Where on the page an answer was copied from.

    `text` is the page's own text; `segments` are indices into `SpatialText.segments`, in the order of the answer;
    `score` is 1 for a copy to the letter, less for one that differs; `occurrences` counts equally good places.
    """

    text: str
    box: Box
    segments: tuple[int, ...]
    score: float
    occurrences: int = 1
