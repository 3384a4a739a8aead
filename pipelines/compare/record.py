"""A comparison as plain data (schema `dsvl2/compare/v1`), and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dsvl2.pipelines.compare.types import Change, Comparison, Piece, Reading, Same, Section, Token, numbered

SCHEMA = "dsvl2/compare/v1"


def comparison_record(found: Comparison) -> dict[str, Any]:
    """Return what was found. Rates are fractions; boxes are in pixels of the page's image."""
    return {
        "a": _side(found.a),
        "b": _side(found.b),
        "same": found.same,
        "read_alike": read_alike(found),
        "characters": found.chars,
        "words": found.total_words,
        "character_errors": found.characters,
        "word_errors": found.words,
        "cer": round(found.cer, 6),
        "wer": round(found.wer, 6),
        "changes": [
            {
                "number": number,
                "page": section.page,
                "kind": change.kind,
                "characters": change.characters,
                "a": _passage(change.a),
                "b": _passage(change.b),
            }
            for number, section, change in numbered(found.sections)
        ],
    }


def read_alike(found: Comparison) -> bool | None:
    """Say whether both were read by the same model with the same options; None where a side does not tell."""
    if found.a.fingerprint is None or found.b.fingerprint is None:
        return None
    return found.a.fingerprint == found.b.fingerprint


def _side(reading: Reading) -> dict[str, Any]:
    return {
        "name": reading.name,
        "source": reading.source,
        "sha256": reading.sha256,
        "model": reading.model,
        "fingerprint": reading.fingerprint,
        "pages": list(reading.pages),
        "failed_pages": list(reading.failed),
    }


def _passage(tokens: Sequence[Token]) -> dict[str, Any]:
    boxes = [
        {"page": token.page, "box": [token.box.x0, token.box.y0, token.box.x1, token.box.y1]}
        for token in tokens
        if token.box is not None
    ]
    return {"text": " ".join(token.text for token in tokens), "boxes": boxes}


def passages(section: Section, context: int) -> Iterator[tuple[Piece, ...]]:
    """Yield the changes of a page with at most `context` words around them; those that stand closer come together."""
    group: list[Piece] = []
    for piece in section.pieces:
        if isinstance(piece, Change):
            group.append(piece)
            continue
        if not group or not any(isinstance(one, Change) for one in group):
            group = [_end(piece, context)]
        elif len(piece.a) <= 2 * context:
            group.append(piece)
        else:
            yield (*group, Same(piece.a[:context], piece.b[:context]))
            group = [_end(piece, context)]
    if any(isinstance(one, Change) for one in group):
        last = group[-1]
        yield (*group[:-1], Same(last.a[:context], last.b[:context])) if isinstance(last, Same) else tuple(group)


def _end(piece: Same, context: int) -> Same:
    return (
        Same(piece.a[len(piece.a) - context :], piece.b[len(piece.b) - context :]) if len(piece.a) > context else piece
    )
