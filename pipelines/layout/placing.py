"""Put printed lines back on the page: y bin to page row, page row to the ink line it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from dsvl2.pipelines.documents import Box, Line, Notice, geometric_mean
from dsvl2.pipelines.layout.tokens import PrintedLine, parse
from dsvl2.pipelines.layout.types import Band, BandText, InkLine, PageLayout


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A printed line with the ink line it was matched to (None: no match) and where it stands in the page's order."""

    text: str
    gap: bool
    confidence: float | None
    ink: InkLine | None
    region: int
    column: int
    column_left: float
    column_right: float
    logprobs: tuple[float, ...] = ()


def place_band(band: Band, printed: list[PrintedLine], bins: int) -> list[InkLine | None]:
    """Match a band's printed lines (top down) to its ink lines: each ink line once, order kept, nearest row first."""
    lines = band.lines
    count, many = len(printed), len(lines)
    bin_height = band.image.height / max(1, bins)
    rows = [None if p.bin is None else band.row((p.bin + 0.5) * bin_height) for p in printed]
    tall = sum(k.base - k.top for k in lines) / max(1, many)
    # Edit-distance alignment: skipping a line on either side costs as much as a miss of one and a half x-heights.
    skip = 1.5 * max(tall, 1.0)
    cost = [[0.0] * (many + 1) for _ in range(count + 1)]
    step = [[0] * (many + 1) for _ in range(count + 1)]
    for i in range(count + 1):
        for j in range(many + 1):
            if not i and not j:
                continue
            options = []
            if i and j:
                row = rows[i - 1]
                away = 0.7 * skip if row is None else abs(row - lines[j - 1].middle)
                options.append((cost[i - 1][j - 1] + away, 0))
            if i:
                options.append((cost[i - 1][j] + skip, 1))
            if j:
                options.append((cost[i][j - 1] + skip, 2))
            cost[i][j], step[i][j] = min(options)
    result: list[InkLine | None] = [None] * count
    i, j = count, many
    while i or j:
        move = step[i][j]
        if move == 0:
            result[i - 1] = lines[j - 1]
        i, j = i - (move != 2), j - (move != 1)
    return result


def place(layout: PageLayout, texts: list[BandText]) -> list[PlacedLine]:
    """Return all printed lines of the page in reading order, each with its ink line where one was found."""
    placed: list[PlacedLine] = []
    number = 0
    for order, region in enumerate(layout.regions):
        if region.table is not None:
            number += len(region.bands)
            continue
        inks = [ink for band in region.bands for ink in band.lines]
        own: list[PlacedLine] = []
        edges = dict(zip(inks, _right_edges(inks), strict=True))
        for band in region.bands:
            printed = parse(texts[number])
            number += 1
            for line, ink in zip(printed, place_band(band, printed, layout.location_bins), strict=True):
                right = edges[ink] if ink else region.box.x1
                at = (order, region.column, region.box.x0, right)
                own.append(PlacedLine(line.text, line.gap, geometric_mean(line.logprobs), ink, *at, line.logprobs))
        placed += _by_rows(own) if len({ink.base for ink in inks}) < len(inks) else own
    return placed


def _by_rows(lines: list[PlacedLine]) -> list[PlacedLine]:
    """Put the pieces of rows, read column by column, in order; a line without a place stays behind the one before it."""
    keyed = []
    last = (0.0, 0.0)
    for line in lines:
        last = (line.ink.base, line.ink.x0) if line.ink else last
        keyed.append((last, line))
    return [line for _, line in sorted(keyed, key=lambda pair: pair[0])]


def _right_edges(lines: list[InkLine]) -> list[float]:
    """Return for each line of a region where text around it ends: the widest of its close neighbours, five each way."""
    edges = []
    for k, line in enumerate(lines):
        right = line.x1
        for way in (-1, 1):
            last = line
            for j in range(k + way, k + 6 * way, way):
                if not 0 <= j < len(lines):
                    break
                other = lines[j]
                tall = max(last.base - last.top, other.base - other.top)
                if abs(other.base - last.base) > 5 * tall or not 0.7 < (other.base - other.top) / tall <= 1.0:
                    break
                right, last = max(right, other.x1), other
        edges.append(right)
    return edges


def line_of(placed: PlacedLine, layout: PageLayout, text: str | None = None) -> Line:
    """Return the public line: its text as printed (`text`: the end of it), its box on the page as read, its confidence."""
    box: Box | None = layout.to_page(placed.ink.box) if placed.ink else None
    shown = placed.text if text is None else text
    return Line(shown, box, placed.confidence, logprobs=placed.logprobs[max(0, len(placed.logprobs) - len(shown)) :])


def check_lines(layout: PageLayout, texts: list[BandText]) -> tuple[Notice, ...]:
    """Compare the lines the ink shows with the lines that were read; a notice names the bands that disagree."""
    seen = read = 0
    wrong = []
    for number, (band, text) in enumerate(zip(layout.bands, texts, strict=True), 1):
        lines = len(parse(text))
        seen, read = seen + len(band.lines), read + lines
        if lines != len(band.lines):
            wrong.append(f"band {number}: {lines} of {len(band.lines)}")
    if not wrong:
        return ()
    return (Notice("line_count_mismatch", f"the page shows {seen} lines, {read} were read ({', '.join(wrong)})"),)
