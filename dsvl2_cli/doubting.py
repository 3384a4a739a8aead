"""Say on which pages text may be missing, made up or wrong. Holds counts and a few places, however long the run is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_NAMED = 3
_MAYBE = "(another script, handwriting, a picture, too coarse a scan?)"
_PHRASES = {  # in the order in which they are told; the words are those of dsvl2.pipelines.doubts
    "unread": ("nothing on ", f" could be read with any certainty {_MAYBE}"),
    "words": ("most words on ", f" are likely wrong {_MAYBE}"),
    "passage": ("most words of a passage on ", " are likely wrong (another script?)"),
    "below": ("", " below {least:g} confidence"),
    "missing": ("text may be missing on ", ""),
    "made_up": ("text without ink on ", ""),
}


@dataclass(slots=True)
class Doubts:
    """Pages in doubt by kind: how many, and where the first few are."""

    least: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def add(self, source: str, number: int, kinds: Iterable[str]) -> None:
        """Take down what speaks against a page."""
        for kind in kinds:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            places = self.places.setdefault(kind, [])
            if len(places) < _NAMED:
                places.append((source, number))

    def phrases(self, *, sources: int, pages: int) -> list[str]:
        """Return what is to be told of a run over so many documents and pages in all."""
        told = []
        for kind, (before, after) in _PHRASES.items():
            if number := self.counts.get(kind, 0):
                where = self._where(kind, named=sources > 1) if sources > 1 or pages > 1 else ""
                noun = "page" if number == 1 else "pages"
                told.append(f"{before}{number:,} {noun}{where}{after.format(least=self.least or 0)}")
        return told

    def _where(self, kind: str, *, named: bool) -> str:
        places = [f"{source} page {page}" if named else str(page) for source, page in self.places[kind]]
        more = self.counts[kind] - len(places)
        return f" ({', '.join(places)}{f' and {more} more' if more else ''})"
