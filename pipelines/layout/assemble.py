"""From the bands' texts to the blocks of the page: headings, paragraphs, lists and tables, joined across bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from types import MappingProxyType

from dsvl2.pipelines.documents import Block, BlockKind, Box, Notice
from dsvl2.pipelines.layout.flow import BULLET, HYPHEN, Flow, kind_of
from dsvl2.pipelines.layout.headings import LOWEST, letter_size, level, levels
from dsvl2.pipelines.layout.placing import PlacedLine, check_lines, line_of, place
from dsvl2.pipelines.layout.stutter import without_stutter
from dsvl2.pipelines.layout.types import BandText, PageLayout

NO_TABLES: Mapping[int, Block] = MappingProxyType({})


def assemble(layout: PageLayout, band_texts: Sequence[BandText], *, opening: bool = False) -> tuple[Block, ...]:
    """Return the page's blocks in reading order, figures included; boxes are in pixels of the page image as read.

    `band_texts` holds one text for every band of `layout.bands`, in that order (ValueError otherwise).
    opening: it is the first page of a document; its largest heading is of level 1.
    Everything that was printed appears in some block.
    """
    texts = list(band_texts)
    if len(texts) != len(layout.bands):
        raise ValueError(f"{len(layout.bands)} bands need as many texts, not {len(texts)}")
    lines = without_stutter(place(layout, texts), layout.ink)
    return blocks_of(layout, lines, _tables(layout, texts), opening=opening)


def _tables(layout: PageLayout, texts: Sequence[BandText]) -> dict[int, Block]:
    """Return the blocks of the tables by the numbers of their regions."""
    from dsvl2.pipelines.tables.drawn import table_block  # tables build on this package

    result: dict[int, Block] = {}
    number = 0
    for order, region in enumerate(layout.regions):
        if region.table is not None:
            own = texts[number : number + len(region.bands)]
            result[order] = table_block(region.table, own, layout.worked_to_page)
        number += len(region.bands)
    return result


def blocks_of(
    layout: PageLayout, lines: list[PlacedLine], tables: Mapping[int, Block] = NO_TABLES, *, opening: bool = False
) -> tuple[Block, ...]:
    """Return the blocks of lines that have their places already, in reading order, with the layout's figures.

    `tables` are the blocks of table regions by the regions' numbers; `opening` as in `assemble`.
    """
    style = Flow(lines)
    measured = layout.ink is not None
    body = letter_size(lines, measured=measured)
    blocks: list[Block] = []
    sizes: dict[int, float] = {}  # of headings, by the places of their blocks
    start = 0
    done = -1
    for end in range(1, len(lines) + 1):
        if end < len(lines) and style.continues(lines[start:end], lines[end]):
            continue
        done = _figures(layout, blocks, done, lines[start].region, tables)
        size = letter_size(lines[start:end], measured=measured)
        blocks.append(_block(lines[start:end], layout, style, small=level(size, body) == LOWEST))
        if blocks[-1].kind == "heading":
            sizes[len(blocks) - 1] = size
        start = end
    _figures(layout, blocks, done, len(layout.regions), tables)
    for place_of, own in zip(sizes, levels(list(sizes.values()), body, opening=opening), strict=True):
        blocks[place_of] = replace(blocks[place_of], level=own)
    return tuple(blocks)


def line_notices(layout: PageLayout, band_texts: Sequence[BandText]) -> tuple[Notice, ...]:
    """Return a `line_count_mismatch` notice if ink and reading disagree about the number of lines."""
    return check_lines(layout, list(band_texts))


def _figures(layout: PageLayout, blocks: list[Block], done: int, region: int, tables: Mapping[int, Block]) -> int:
    """Append the figures and tables before a region that are not written yet; return the last region dealt with."""
    for number in range(done + 1, region):
        if number in tables:
            blocks.append(tables[number])
        elif layout.regions[number].kind == "figure":
            blocks.append(Block("figure", "", layout.to_page(layout.regions[number].box)))
    return max(done, region - 1)


def join_lines(texts: Sequence[str]) -> str:
    """Join printed lines to running text: spaces between, hyphens at line ends undone.

    The hyphen stays where the joined word looks like a compound: a capital, a digit or another hyphen beside it.
    """
    result = ""
    for text in (" ".join(t.split("\t")).strip() for t in texts):
        if not result:
            result = text
            continue
        broken = HYPHEN.search(result)
        if not broken or not text:
            result += " " + text
            continue
        word, rest = broken.group(1), text[:1]
        compound = any(c.isdigit() or c.isupper() for c in word[1:] + rest) or not rest.isalpha()
        compound = compound or result[: broken.start()].endswith("-")
        result = (result if compound else result[:-1]) + text
    return result


def _strip(line: PlacedLine, kind: BlockKind) -> str:
    """Return a line's text without its heading or bullet mark."""
    if kind == "heading":
        return line.text.removeprefix("# ")
    if kind == "list_item":
        return BULLET.sub("", line.text)
    return line.text


def _block(part: list[PlacedLine], layout: PageLayout, style: Flow, *, small: bool) -> Block:
    """Make the block of some lines (a lone row with tabs becomes a paragraph); `small`: of letters like the body's.

    Headings get their levels when all are known.
    """
    kind = kind_of(part[0])
    stripped = kind
    if kind == "table" and len(part) < 2:
        kind = stripped = "paragraph"
    if kind == "heading" and small and _stands_right(part, layout):
        kind = "paragraph"
    texts = [_strip(k, stripped) if k is part[0] or stripped == "heading" else k.text for k in part]
    lines = tuple(line_of(k, layout, text) for k, text in zip(part, texts, strict=True))
    boxes = [k.box for k in lines if k.box]
    box = reduce(Box.union, boxes) if boxes else None
    known = [(k.confidence, len(k.text) + 1) for k in part if k.confidence is not None]
    weight = sum(n for _, n in known)
    confidence = sum(c * n for c, n in known) / weight if weight else None
    if kind == "table":
        rows = _rectangular([[cell.strip() for cell in text.split("\t")] for text in texts])
        return Block(kind, "\n".join("\t".join(r) for r in rows), box, 0, lines, confidence, rows)
    depth = _depth(part, style) if kind == "list_item" else 0
    return Block(kind, join_lines(texts), box, depth, lines, confidence)


def _rectangular(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Pad rows to the same number of cells."""
    width = max(len(row) for row in rows)
    return tuple(tuple(row + [""] * (width - len(row))) for row in rows)


def _stands_right(part: list[PlacedLine], layout: PageLayout) -> bool:
    """Whether it is in the right half of a page of one column: of body size it is a date or a place, no heading."""
    ink = part[0].ink
    left = all(k.column_left < layout.size[0] / 3 for k in part)
    return ink is not None and left and ink.x0 > layout.size[0] / 2


def _depth(part: list[PlacedLine], style: Flow) -> int:
    """Return the list depth by the item's indent from its column's left edge."""
    ink = part[0].ink
    if ink is None:
        return 0
    return min(3, max(0, int((ink.x0 - part[0].column_left) / (6.5 * max(style.tall, 1.0)))))
