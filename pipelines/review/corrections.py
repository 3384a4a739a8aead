"""A file of corrections: the reading that was reviewed, what a person changed in it, and the document that results."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from dsvl2.pipelines.batch.codec import unpack_notices, unpack_result
from dsvl2.pipelines.documents import Block, Box, Document, Line, ModelStamp
from dsvl2.pipelines.errors import InputError
from dsvl2.pipelines.formats.places import block_id, line_id
from dsvl2.pipelines.layout.assemble import join_lines
from dsvl2.pipelines.review.page import SCHEMA, shown
from dsvl2.pipelines.tables.types import TableResult


class BadCorrections(InputError):
    """A file is no file of corrections, or does not fit the reading that it carries."""

    code = "bad_corrections"
    default_hint = "give the file that 'Save corrections' of the review page wrote"


@dataclass(frozen=True, slots=True)
class Correction:
    """A line (or a block without lines) by its id in the JSON output: as it was read, and as it shall be; empty: gone."""

    id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Addition:
    """Text that had not been read, and its place on the page."""

    page: int
    box: Box
    text: str


@dataclass(frozen=True, slots=True)
class Corrections:
    """A parsed file: the document as it was read, and the changes."""

    document: Document
    changed: tuple[Correction, ...]
    added: tuple[Addition, ...]


def parse_corrections(text: str | bytes) -> Corrections:
    """Read a file of corrections.

    Raises:
        BadCorrections: it is something else or damaged.
    """
    try:
        record = json.loads(text)
        if record["schema"] != SCHEMA:
            raise BadCorrections(f"the file says that it is {str(record['schema'])[:60]!r}, not {SCHEMA!r}")
        changed = tuple(Correction(str(c["id"]), str(c["before"]), str(c["after"])) for c in record["corrections"])
        added = tuple(
            Addition(int(a["page"]), Box(*(float(side) for side in a["box"])), str(a["text"])) for a in record["added"]
        )
        return Corrections(_document(record["document"]), changed, added)
    except BadCorrections:
        raise
    except UnicodeDecodeError as error:  # a scan, say
        raise BadCorrections("this is no file of corrections: it is no text") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, zlib.error) as error:
        raise BadCorrections(f"this is no file of corrections ({type(error).__name__}: {error})") from error


def _document(record: Any) -> Document:
    name = str(record["name"])
    return Document(
        source=name,
        pages=tuple(unpack_result(base64.b64decode(page), name) for page in record["pages"]),
        page_count=int(record["page_count"]),
        sha256=record["sha256"],
        model=None if record["model"] is None else ModelStamp(**record["model"]),
        options=tuple((str(option), value) for option, value in record["options"]),
        notices=unpack_notices(record["notices"]),
    )


def apply_corrections(corrections: Corrections) -> Document:
    """Return the document with all changes made. What a person wrote is certain; blocks left empty are dropped.

    Raises:
        BadCorrections: a change is of a line that the document does not have, or that was read otherwise.
    """
    wanted = {change.id: change for change in corrections.changed}
    pages = []
    for page in corrections.document.pages:
        blocks = [_corrected(block, page.number, number, wanted) for number, block in enumerate(page.blocks, 1)]
        changed = any(new is not old for new, old in zip(blocks, page.blocks, strict=True))
        mine = [addition for addition in corrections.added if addition.page == page.number and addition.text.strip()]
        kept = [block for block in blocks if block.text.strip() or block.kind == "figure"]
        if changed or mine:
            page = replace(page, blocks=tuple(_with_added(kept, mine)), coverage=None)
        pages.append(page)
    if wanted:
        raise BadCorrections(f"the document has no line {next(iter(wanted))!r}")
    return replace(corrections.document, pages=tuple(pages))


def _corrected(block: Block, page: int, number: int, wanted: dict[str, Correction]) -> Block:
    """Return the block with its changes made, taking them out of `wanted`; the same object if there are none."""
    whole = wanted.pop(block_id(page, number), None)
    if whole is not None and not block.lines:
        _check(whole, block.text)
        return replace(block, text=whole.after, confidence=1.0)
    lines = list(block.lines)
    for place, line in enumerate(lines):
        change = wanted.pop(line_id(page, number, place + 1), None)
        if change is not None:
            _check(change, line.text)
            lines[place] = Line(change.after, line.box, 1.0)
    if tuple(lines) == block.lines:
        return block
    return rebuilt(block, lines)


def _check(change: Correction, read: str) -> None:
    if change.before != shown(read):
        raise BadCorrections(f"{change.id} was read as {shown(read)[:60]!r}, not as {change.before[:60]!r}")


def rebuilt(block: Block, lines: list[Line]) -> Block:
    """Return a block whose lines have changed, its text, rows and cells made anew from them."""
    kept = tuple(line for line in lines if line.text.strip())
    if block.table is not None:
        table = _table(block.table, lines)
        rows = table.texts()
        text = "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows)
        return replace(block, text=text, rows=rows, table=table, lines=tuple(lines))
    if block.rows:
        cells = [[cell.strip() for cell in line.text.split("\t")] for line in kept]
        width = max(map(len, cells), default=0)
        rows = tuple(tuple(row + [""] * (width - len(row))) for row in cells)
        return replace(block, text="\n".join("\t".join(row) for row in rows), rows=rows, lines=kept)
    joined = "\n".join(line.text for line in kept) if block.kind == "code" else join_lines([k.text for k in kept])
    return replace(block, text=joined, lines=kept)


def _table(table: TableResult, lines: list[Line]) -> TableResult:
    cells = []
    for cell in table.cells:
        own = [lines[k].text for k in cell.lines if k < len(lines)]
        cells.append(replace(cell, text="\n".join(text for text in own if text.strip())) if own else cell)
    return replace(table, cells=tuple(cells))


def _with_added(blocks: list[Block], added: Iterable[Addition]) -> list[Block]:
    """Return the blocks with new paragraphs before the first block of their column that begins below them."""
    result = list(blocks)
    for addition in sorted(added, key=lambda one: one.box.y0):
        box, text = addition.box, " ".join(addition.text.split())
        new = Block("paragraph", text, box, lines=(Line(text, box, 1.0),), confidence=1.0)
        place = next(
            (k for k, block in enumerate(result) if block.box is not None and _below(block.box, box)), len(result)
        )
        result.insert(place, new)
    return result


def _below(box: Box, other: Box) -> bool:
    overlaps = min(box.x1, other.x1) > max(box.x0, other.x0)
    return overlaps and box.y0 >= (other.y0 + other.y1) / 2
