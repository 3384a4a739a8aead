"""Read what the model printed for a band: location tokens, paragraph gaps, and the probability of every character."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsvl2.pipelines.layout.types import BandText

LOCATION = re.compile(r"<\|y_(\d{1,6})\|>")
SPECIAL = re.compile(r"<[|\uff5c][^<>]{1,40}[|\uff5c]>")


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line as printed: text without tokens, its y bin (None: no token), a paragraph gap above.

    `logprobs` holds the log-probability of the token that printed each character of `text`; empty if it is not known.
    """

    text: str
    bin: int | None
    gap: bool
    logprobs: tuple[float, ...] = ()


def parse(band: BandText) -> list[PrintedLine]:
    """Split a band's output into printed lines; text before the first location token is kept as a line without a bin."""
    result: list[PrintedLine] = []
    probability = _per_character(band)
    gap = False
    marks = list(LOCATION.finditer(band.text))
    starts = [(0, 0, None)] + [(m.start(), m.end(), int(m.group(1))) for m in marks]
    for k, (_, begin, number) in enumerate(starts):
        stop = starts[k + 1][0] if k + 1 < len(starts) else len(band.text)
        body = band.text[begin:stop]
        pieces = body.split("\n")
        for i, piece in enumerate(pieces):
            text, kept = _without_tokens(piece)
            if text.strip():
                sure = tuple(probability[begin + k] for k in kept) if probability else ()
                result.append(PrintedLine(text, number if i == 0 else None, gap, sure))
                gap = False
            elif i > 0 or number is None:
                gap = gap or bool(result)
            begin += len(piece) + 1
        # A bare newline before the next token is a paragraph gap; one that only ends the line's text is as well.
        if len(pieces) > 1 and not pieces[-1].strip():
            gap = True
    return result


def _per_character(band: BandText) -> list[float] | None:
    """Return the log-probability of the token that printed each character, None if pieces and text do not match."""
    if not band.logprobs or len(band.pieces) != len(band.logprobs) or "".join(band.pieces) != band.text:
        return None
    return [value for piece, value in zip(band.pieces, band.logprobs, strict=True) for _ in piece]


def _without_tokens(piece: str) -> tuple[str, list[int]]:
    """Return a piece of output without special tokens and outer blanks, and where in `piece` each character stood."""
    hidden = {k for token in SPECIAL.finditer(piece) for k in range(*token.span())}
    kept = [k for k in range(len(piece)) if k not in hidden]
    while kept and piece[kept[-1]] in " \r":
        kept.pop()
    first = next((place for place, k in enumerate(kept) if piece[k] not in " \r"), len(kept))
    return "".join(piece[k] for k in kept[first:]), kept[first:]
