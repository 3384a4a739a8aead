"""What goes into an extraction and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.documents import Box, Notice, PageResult
from dsvl2.pipelines.extract.leaves import Path
from dsvl2.pipelines.spatial import SpatialText
from dsvl2.pipelines.tables.tokens import TokenLine, token_lines

if TYPE_CHECKING:
    from PIL.Image import Image


HALF = 0.5
"""A value that is less sure is likelier wrong than right."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A page, or a part of one, to extract from: its text as far as it was read, and how to draw it for a model that sees.

    `lines` are its words with their places, by text lines; none where they are not known.
    """

    page: int
    text: SpatialText | None = None
    draw: Callable[[], Image] | None = None
    lines: tuple[TokenLine, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """Where the value of a field is from. Without a page it stands in no page that was asked.

    A field that is null may have a candidate: the likeliest value, which was less sure than asked for.
    """

    page: int | None = None
    box: Box | None = None
    quote: str | None = field(default=None, metadata={"help": "The page's own words."})
    confidence: float | None = field(default=None, metadata={"help": "0..1, of the value, null's too."})
    candidate: Any = field(
        default=None,
        metadata={"help": "Less sure than asked for, so not in the data; all else here is of it. Null: none."},
    )
    reading: float | None = field(
        default=None, metadata={"help": "How surely its letters were read, part of the confidence. Null: not known."}
    )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item of a list of whose values none is as sure as was asked for: it is not in the data."""

    items: str = field(metadata={"help": "Path of the list."})
    place: int = field(metadata={"help": "How many items of the list in the data stand before it."})
    fields: Mapping[str, FieldEvidence] = field(metadata={"help": "By path in the item; $ where it is one value."})


@dataclass(frozen=True, slots=True)
class Reading:
    """What was extracted from one view: valid data, and for each of its leaves where it stands.

    `closed` says that the answer was brought to an end at its limit of tokens.
    """

    page: int
    data: Any
    evidence: Mapping[Path, FieldEvidence]
    notices: tuple[Notice, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """Whether a rule holds; None where it cannot be told because a value is missing."""

    rule: str
    holds: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """The result for one document: `data` is valid for the schema; `fields` has an entry for every leaf of it.

    A value less sure than asked for is null there, or left out where its property may be, and the `candidate` of its field.
    """

    source: str
    data: Any = field(metadata={"help": "Valid for the schema that was given."})
    fields: Mapping[str, FieldEvidence] = field(metadata={"help": "By path, such as items[0].amount."})
    rules: tuple[RuleOutcome, ...]
    notices: tuple[Notice, ...]
    pages: tuple[int, ...] = field(metadata={"help": "The pages that were asked."})
    token_limit: int = field(metadata={"help": "Tokens that an answer may have at most."})
    most_tokens: int = field(metadata={"help": "Tokens of the longest answer."})
    left_out: tuple[LeftOut, ...] = field(
        default=(),
        metadata={"help": "Items of lists that are not in the data, as none of their values is sure enough."},
    )
    demanded: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Values in the data by path that no page has, or none surely, as the schema forbids null."},
    )


@dataclass(frozen=True, slots=True)
class Options:
    """How an extraction is done.

    max_tokens  of one answer; None: a quarter of the context, at most 1024
    sure        a field below this confidence gets a second look
    least       a field below this confidence becomes null, where the schema lets it; 0 keeps every value
    tiles       that an image is cut into at most; None: what the checkpoint knows
    """

    max_tokens: int | None = None
    sure: float = 0.6
    least: float = HALF
    tiles: int | None = None


def pages_of(results: list[PageResult], room: int) -> list[View]:
    """Return the views of pages that were read: one each, more for a page that is longer than `room` tokens."""
    from dsvl2.pipelines.ask.text import parts_of

    return [View(page.number, part, lines=_lines_in(page, part)) for page in results for part in parts_of(page, room)]


def _lines_in(page: PageResult, part: SpatialText) -> tuple[TokenLine, ...]:
    """The lines of words of a part of a page."""
    lines = token_lines(page)
    if not part.segments:
        return ()
    top, bottom = (min(s.box.y0 for s in part.segments), max(s.box.y1 for s in part.segments))
    return tuple(line for line in lines if top <= (line[0].box.y0 + line[0].box.y1) / 2 <= bottom)
