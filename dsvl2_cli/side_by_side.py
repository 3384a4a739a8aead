"""A comparison as text: two columns on a terminal that is wide enough, one line a passage anywhere else."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsvl2_cli.console import plain
from dsvl2_cli.reports import count

if TYPE_CHECKING:
    from dsvl2.pipelines.compare import Comparison, Piece, Reading, Token

NARROWEST = 60  # columns below which two texts beside each other are hard to read
LONG = 60  # words of one difference that are shown; --html and --json have all of them
GONE, NEW, QUIET, RESET = "\033[31m", "\033[32m", "\033[2m", "\033[0m"


@dataclass(frozen=True, slots=True)
class Width:
    """How wide the terminal is, 0 where the result goes elsewhere, and whether it shows colours."""

    columns: int
    colour: bool

    @classmethod
    def of_terminal(cls, is_terminal: bool) -> Width:
        """Look at standard output, at COLUMNS, NO_COLOR, FORCE_COLOR and TERM."""
        forced = bool(os.environ.get("FORCE_COLOR"))
        dumb = os.environ.get("TERM") == "dumb"
        colour = ((is_terminal and not dumb) or forced) and not os.environ.get("NO_COLOR")
        return cls(shutil.get_terminal_size().columns if is_terminal else 0, colour)


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is shown: its text, and whether it is the same on both sides (""), gone ("-") or new ("+")."""

    text: str
    mark: str = ""


def shown(found: Comparison, width: Width, *, context: int, most: int) -> str:
    """Return the passages that differ (at `most` that many; 0: all) and a closing line with the figures."""
    from dsvl2.pipelines.compare import passages

    pieces = [(section.page, group) for section in found.sections for group in passages(section, context)]
    kept = pieces[:most] if most else pieces
    lines: list[str] = []
    page: object = ""
    columns = width.columns >= NARROWEST
    for where, group in kept:
        if columns and where != page:
            lines += _head(found, where, width)
            page = where
        lines += _beside(group, width) if columns else [_in_line(where, group, width)]
    if len(kept) < len(pieces):
        lines.append(f"... and {count(len(pieces) - len(kept), 'more passage')}; --most 0 shows all")
    return "\n".join([*lines, *_closing(found)]) + "\n"


def _closing(found: Comparison) -> list[str]:
    lines = []
    for name, side in (("A", found.a), ("B", found.b)):
        if side.failed:
            pages = ", ".join(map(str, side.failed))
            lines.append(f"page{'s' if len(side.failed) > 1 else ''} {pages} could not be read in {name}: {side.name}")
    names = f"{found.a.name} and {found.b.name}"
    if found.same and (found.a.failed or found.b.failed):
        lines.append(f"{names}: nothing differs in what was read: {count(found.total_words, 'word')}{_alike(found)}")
        return lines
    if found.same:
        lines.append(f"{names} are the same: {count(found.total_words, 'word')}{_alike(found)}")
        return lines
    places = len(found.changes)
    differ = f"{places:,} place{'s differ' if places != 1 else ' differs'}"
    lines.append(
        f"{names}: {differ}; CER {100 * found.cer:.2f} % ({found.characters:,} of {count(found.chars, 'character')}), "
        f"WER {100 * found.wer:.2f} % ({found.words:,} of {count(found.total_words, 'word')}){_alike(found)}"
    )
    return lines


def _alike(found: Comparison) -> str:
    """Say what the readings tell of how they came about, as far as both do."""
    from dsvl2.pipelines.compare import read_alike

    alike = read_alike(found)
    if alike is None:
        return ""
    if alike:
        return "; read with the same model and options"
    names = [side.model or "no model" for side in (found.a, found.b)]
    return f"; read with {' and '.join(names)}" if names[0] != names[1] else "; read with other options"


def _head(found: Comparison, page: int | None, width: Width) -> list[str]:
    half = _half(width)

    def title(name: str, side: Reading) -> str:
        text = f"{name} {side.name}"
        return text if _wide(text) <= half else f"{name} …{text[len(text) - half + 3 :]}"

    rule = (f"page {page} " if page is not None else "").ljust(width.columns - 1, "─")
    heads = _fill(title("A", found.a), half) + " │ " + title("B", found.b)
    return [_paint(rule, QUIET, width), heads.rstrip(), ""]


def _half(width: Width) -> int:
    return (width.columns - 4) // 2


def _words(tokens: Sequence[Token], mark: str = "") -> list[Word]:
    """Return words as they are shown, of a long passage its ends."""
    words = [Word(plain(token.text), mark) for token in tokens]
    if not mark or len(words) <= LONG:
        return words
    ends = LONG // 3
    return [*words[:ends], Word(f"... {len(words) - 2 * ends:,} words ...", mark), *words[-ends:]]


def _beside(group: Sequence[Piece], width: Width) -> list[str]:
    from dsvl2.pipelines.compare import Change

    left: list[Word] = []
    right: list[Word] = []
    for piece in group:
        changed = isinstance(piece, Change)
        left += _words(piece.a, "-" if changed else "")
        right += _words(piece.b, "+" if changed else "")
    half = _half(width)
    one, other = _wrapped(left, half, width), _wrapped(right, half, width)
    rows = max(len(one), len(other))
    one += [("", 0)] * (rows - len(one))
    other += [("", 0)] * (rows - len(other))
    bar = _paint("│", QUIET, width)
    return [f"{a}{' ' * (half - size)} {bar} {b}".rstrip() for (a, size), (b, _) in zip(one, other, strict=True)] + [""]


def _wrapped(words: Sequence[Word], most: int, width: Width) -> list[tuple[str, int]]:
    """Return lines of at most `most` columns as (text with marks or colours, its width on the screen)."""
    lines: list[tuple[str, int]] = []
    text, size = "", 0
    for place, word in enumerate(words):
        opens, closes = _ends(words, place, width)
        room = most - len(opens[1]) - len(closes[1])
        for piece in (
            [word.text[k : k + room // 2] for k in range(0, len(word.text), room // 2)]
            if _wide(word.text) > room
            else [word.text]
        ):
            wide = _wide(piece) + len(opens[1]) + len(closes[1])
            if size and size + 1 + wide > most:
                lines.append((text, size))
                text, size = "", 0
            text += (" " if size else "") + opens[0] + piece + closes[0]
            size += wide + (1 if size else 0)
    if size:
        lines.append((text, size))
    return lines


def _ends(words: Sequence[Word], place: int, width: Width) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return what stands before and after a word, each as (what is written, what of it is seen)."""
    mark = words[place].mark
    if not mark:
        return ("", ""), ("", "")
    if width.colour:
        return (GONE if mark == "-" else NEW, ""), (RESET, "")
    first = place == 0 or words[place - 1].mark != mark
    last = place + 1 == len(words) or words[place + 1].mark != mark
    opens = ("[-" if mark == "-" else "{+") if first else ""
    closes = ("-]" if mark == "-" else "+}") if last else ""
    return (opens, opens), (closes, closes)


def _in_line(page: int | None, group: Sequence[Piece], width: Width) -> str:
    """Return a passage on one line, for logs, grep and narrow terminals."""
    from dsvl2.pipelines.compare import Change

    words: list[Word] = []
    for piece in group:
        words += _words(piece.a, "-") + _words(piece.b, "+") if isinstance(piece, Change) else _words(piece.a)
    text = " ".join(
        opens[0] + word.text + closes[0]
        for place, word in enumerate(words)
        for opens, closes in [_ends(words, place, width)]
    )
    return f"page {page}: {text}" if page is not None else text


def _fill(text: str, size: int) -> str:
    return text + " " * (size - _wide(text))


def _wide(text: str) -> int:
    """Columns that a text takes on a terminal."""
    wide = 0
    for c in text:
        wide += 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return wide


def _paint(text: str, colour: str, width: Width) -> str:
    return f"{colour}{text}{RESET}" if width.colour else text
