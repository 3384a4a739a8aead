"""What goes into an extraction and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.documents import Box, Notice, PageResult
from dsvl2.pipelines.extract.leaves import Path
from dsvl2.pipelines.spatial import SpatialText

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A page, or a part of one, to extract from: its text as far as it was read, and how to draw it for a model that sees."""

    page: int
    text: SpatialText | None = None
    draw: Callable[[], Image] | None = None


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """Where the value of a field is from. Without a page it stands in no page that was asked."""

    page: int | None = None
    box: Box | None = None
    quote: str | None = field(default=None, metadata={"help": "The page's own words."})
    confidence: float | None = field(default=None, metadata={"help": "0..1, of the value, null's too."})


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
    """The result for one document: `data` is valid for the schema; `fields` has an entry for every leaf of it."""

    source: str
    data: Any = field(metadata={"help": "Valid for the schema that was given."})
    fields: Mapping[str, FieldEvidence] = field(metadata={"help": "By path, such as items[0].amount."})
    rules: tuple[RuleOutcome, ...]
    notices: tuple[Notice, ...]
    pages: tuple[int, ...] = field(metadata={"help": "The pages that were asked."})
    token_limit: int = field(metadata={"help": "Tokens that an answer may have at most."})
    most_tokens: int = field(metadata={"help": "Tokens of the longest answer."})


@dataclass(frozen=True, slots=True)
class Options:
    """How an extraction is done.

    max_tokens  of one answer; None: a quarter of the context, at most 1024
    sure        a field below this confidence gets a second look
    least       a field below this confidence becomes null, where the schema lets it
    tiles       that an image is cut into at most; None: what the checkpoint knows
    """

    max_tokens: int | None = None
    sure: float = 0.6
    least: float = 0.0
    tiles: int | None = None


def pages_of(results: list[PageResult], room: int) -> list[View]:
    """Return the views of pages that were read: one each, more for a page that is longer than `room` tokens."""
    from dsvl2.pipelines.ask.text import parts_of

    return [View(page.number, part) for page in results for part in parts_of(page, room)]
