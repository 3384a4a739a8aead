"""Compare two readings word by word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from dsvl2.pipelines.compare.align import Run, align
from dsvl2.pipelines.compare.types import Comparison, Piece, Reading, Same, Section, Token, change_between

IGNORABLE = ("case", "punctuation", "typography")
"""What can be left out of account: capitals; all that is no letter or digit; how quotes, dashes, ligatures, bullets,
leaders and hyphens at line ends are written."""


def compare_readings(a: Reading, b: Reading, *, ignore: Iterable[str] = ()) -> Comparison:
    """Hold B against A. White space never counts; words that are nothing but what is ignored do not count either.

    Characters are counted in the places that differ, one blank between words: never less than the distance of the whole
    texts, and the same wherever the places are apart.

    Raises:
        ValueError: something to ignore that is not in IGNORABLE.
    """
    wanted = frozenset(ignore)
    if wanted - set(IGNORABLE):
        raise ValueError(f"{sorted(wanted - set(IGNORABLE))[0]!r} is none of {', '.join(IGNORABLE)}")
    tokens_a, keys_a = _counted(a.tokens, wanted)
    tokens_b, keys_b = _counted(b.tokens, wanted)
    by_a = any(token.page is not None for token in tokens_a)
    pieces: list[tuple[int | None, Piece]] = []
    for run in align(keys_a, keys_b):
        for part in _cut(run, tokens_a if by_a else tokens_b, by_a):
            one, two = tokens_a[part.a0 : part.a1], tokens_b[part.b0 : part.b1]
            keys = (keys_a[part.a0 : part.a1], keys_b[part.b0 : part.b1])
            piece = Same(tuple(one), tuple(two)) if part.same else change_between(one, two, keys)
            pieces.append(
                (_page_at(tokens_a, part.a0, part.a1) if by_a else _page_at(tokens_b, part.b0, part.b1), piece)
            )
    chars = sum(map(len, keys_a)) + max(0, len(keys_a) - 1)
    return Comparison(a, b, _sections(pieces), chars, len(keys_a))


def _counted(tokens: Sequence[Token], ignore: frozenset[str]) -> tuple[list[Token], list[str]]:
    """Return the words that count, and how they are compared."""
    if "typography" in ignore:
        tokens = _unbroken(tokens)
    pairs = [(token, key) for token in tokens if (key := _key(token.text, ignore))]
    return [token for token, _ in pairs], [key for _, key in pairs]


def _key(text: str, ignore: frozenset[str]) -> str:
    if "typography" in ignore:
        from dsvl2.pipelines.evaluation.metrics import normalise

        text = normalise(text)
    if "punctuation" in ignore:
        text = "".join(c for c in text if c.isalnum())
    text = text.casefold() if "case" in ignore else text
    return unicodedata.normalize("NFC", text)


def _unbroken(tokens: Sequence[Token]) -> list[Token]:
    """Join words that are broken by a hyphen at a line's end."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if last is not None and last.ends_line and last.text[-1:] in "-\u2010\u00ad" and token.text[:1].islower():
            joined[-1] = replace(
                last, text=last.text[:-1] + token.text, ends_line=token.ends_line, ends_block=token.ends_block
            )
        else:
            joined.append(token)
    return joined


def _cut(run: Run, tokens: Sequence[Token], by_a: bool) -> list[Run]:
    """Cut a run of equal words where the page of one side changes; a change is never cut."""
    if not run.same:
        return [run]
    begin, end = (run.a0, run.a1) if by_a else (run.b0, run.b1)
    turns = [k for k in range(begin + 1, end) if tokens[k].page != tokens[k - 1].page]
    places = [(i - begin, j - begin) for i, j in pairwise([begin, *turns, end])]
    return [Run(True, run.a0 + i, run.a0 + j, run.b0 + i, run.b0 + j) for i, j in places]


def _page_at(tokens: Sequence[Token], begin: int, end: int) -> int | None:
    """Return the page of the first of these words; of none that of the word before them, or else after."""
    place = begin if begin < end else max(0, begin - 1)
    return tokens[place].page if place < len(tokens) else None


def _sections(pieces: Sequence[tuple[int | None, Piece]]) -> tuple[Section, ...]:
    sections: list[tuple[int | None, list[Piece]]] = []
    for page, piece in pieces:
        if not sections or sections[-1][0] != page:
            sections.append((page, []))
        sections[-1][1].append(piece)
    return tuple(Section(page, tuple(mine)) for page, mine in sections)
