"""Blocks whose lines have parts far apart: tables, key-value rows, contents with leaders, signatures, letters."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from dsvl2.pipelines.training.glyphs import SizedFont
from dsvl2.pipelines.training.phrases import KEYS, TITLES, address, company, date, number, person, phone, web
from dsvl2.pipelines.training.typeset import GAP, Flow, Part, Word

_APART = 1.7  # least distance between cells, in body sizes: clearly more than a word space

_BOXES = ("☐ Yes ☐ No", "☑ Yes ☐ No", "☐ Ja ☑ Nein", "[ ] Yes [X] No", "[x]", "☑", "☐", "✓", "✗", "( ) M (X) F", "○ ●")


def between_blocks(flow: Flow, pitches: float) -> None:
    """Space before a block: none at the top of a band, and never an unclear one."""
    if flow.canvas.rows and pitches > 0:
        flow.skip(max(pitches, GAP + 0.02) if pitches > GAP / 2 else 0.0)


def table(flow: Flow) -> None:
    """Rows of cells, ruled or not; a cell may run over two lines."""
    rng, style = flow.rng, flow.style
    unit, width = style.body.size, style.right - style.left
    columns = rng.randint(2, max(2, min(7, int(width / (unit * 7)))))
    edges = _edges(rng, columns, style.left, style.right)
    kinds = [rng.choice(("text", "number", "number", "word", "mixed")) for _ in range(columns)]
    kinds[0] = rng.choice(("text", "word", "number"))
    right = [kind == "number" and rng.random() < 0.6 for kind in kinds]
    ruled = rng.random()
    between_blocks(flow, style.paragraph_gap)
    lead = style.pitch * (rng.uniform(1.0, 1.25) if ruled < 0.4 else 1.0)
    top, rows = flow.y - style.pitch * 0.75, 0
    ends: list[float] = []
    header = rng.random() < 0.4
    for index in range(rng.randint(2, 12)):
        head = header and not index
        font = flow.font(rng.choice(style.family.bold)) if head and style.family.bold else None
        cells = [flow.plain(_cell(flow, "head" if head else kind), font) for kind in kinds]
        if not flow.fits():
            break
        for line in _cell_lines(flow, cells, edges, font):
            if flow.fits():
                before = len(flow.canvas.rows)
                flow.place(_cells_at(flow, line, edges, right, font), pitch=lead)
                rows += len(flow.canvas.rows) - before
        ends.append(flow.y - lead + style.body.descent + (lead - style.body.ascent - style.body.descent) / 2)
    if rows:
        _rules(flow, ruled, edges, top, ends)


def _rules(flow: Flow, ruled: float, edges: Sequence[float], top: float, ends: Sequence[float]) -> None:
    canvas, rng = flow.canvas, flow.rng
    last = ends[-1]
    left, right = edges[0] - 4, edges[-1] + 2
    if ruled < 0.2:  # a full grid
        for y in (top, *ends):
            canvas.pen.line((left, y, right, y), fill=canvas.ink, width=1)
        for x in edges:
            canvas.pen.line((x - 4, top, x - 4, last), fill=canvas.ink, width=1)
        canvas.pen.line((right, top, right, last), fill=canvas.ink, width=1)
    elif ruled < 0.45:
        for y in (top, ends[0], last) if ruled < 0.32 else ends:
            canvas.pen.line((left, y, right, y), fill=rng.choice((canvas.ink, 128)), width=rng.randint(1, 2))
    elif ruled < 0.5:
        canvas.invert(left, top, right, ends[0])
    elif ruled < 0.56:
        for y0, y1 in zip(ends[::2], ends[1::2], strict=False):
            canvas.pen.rectangle((left, y0, right, y1), fill=max(200, canvas.paper - 30))


def _edges(rng: Random, columns: int, left: float, right: float) -> list[float]:
    shares = [rng.uniform(0.6, 1.6) for _ in range(columns)]
    total, x = sum(shares), left + 4
    edges = [x]
    for share in shares:
        x += share / total * (right - left - 6)
        edges.append(x)
    return edges


def _cell(flow: Flow, kind: str) -> str:
    rng = flow.rng
    if kind == "number" or (kind == "mixed" and rng.random() < 0.5):
        return number(rng) if rng.random() < 0.93 else rng.choice(("–", "-", "n/a", "—", "✓", "0"))
    if kind == "head":
        return rng.choice(KEYS)
    if rng.random() < 0.12:
        return rng.choice((person(rng), company(rng), date(rng), rng.choice(KEYS)))
    return " ".join(flow.few(1 if kind == "word" else rng.randint(1, 7)))


def _cell_lines(
    flow: Flow, cells: list[list[Word]], edges: Sequence[float], font: SizedFont | None
) -> list[list[list[Word]]]:
    """Wrap cells; one or two visual lines."""
    lines: list[list[list[Word]]] = []
    wrap = flow.rng.random() < 0.15
    rest = cells
    for _ in range(2 if wrap else 1):
        line = [
            flow.fit(words, edges[i + 1] - edges[i] - flow.style.body.size * _APART, font)
            for i, words in enumerate(rest)
        ]
        rest = [words[len(kept) :] for words, kept in zip(rest, line, strict=True)]
        if any(line):
            lines.append(line)
    return lines


def _cells_at(
    flow: Flow, line: list[list[Word]], edges: Sequence[float], right: Sequence[bool], font: SizedFont | None
) -> list[tuple[float, Sequence[Word], float]]:
    groups: list[tuple[float, Sequence[Word], float]] = []
    for index, words in enumerate(line):
        x = edges[index]
        if right[index]:
            x = edges[index + 1] - flow.style.body.size * _APART * 0.8 - flow.measure(words, font)
        groups.append((x, words, flow.gap_width(font)))
    return groups


def key_values(flow: Flow) -> None:
    """Keys with their values: apart (a tab) or side by side (a space)."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, style.paragraph_gap)
    apart = rng.random() < 0.65
    split = style.left + (style.right - style.left) * rng.uniform(0.25, 0.6)
    bold = flow.font(rng.choice(style.family.bold)) if style.family.bold and rng.random() < 0.4 else None
    far = rng.random() < 0.3
    for _ in range(rng.randint(1, 9)):
        key = rng.choice(KEYS) if rng.random() < 0.7 else " ".join(flow.few(rng.randint(1, 3))).rstrip(",.;:")
        value = (
            _BOXES[rng.randrange(len(_BOXES))]
            if rng.random() < 0.06
            else rng.choice((number, date, person, company, phone))(rng)
            if rng.random() < 0.6
            else " ".join(flow.few(rng.randint(1, 6)))
        )
        left = flow.plain(key + (":" if not apart or rng.random() < 0.6 else ""), bold)
        right = flow.plain(value)
        if not left or not right or not flow.fits():
            continue
        if apart:
            left = flow.fit(left, split - style.left - style.body.size * _APART, bold)
            right = flow.fit(right, style.right - split)
            x = style.right - flow.measure(right) if far else split
            flow.place([(style.left, left, flow.gap_width(bold)), (x, right, flow.gap_width())])
        else:
            line = flow.fit([*left, *right], style.right - style.left, bold)
            flow.place([(style.left, line, flow.gap_width())])


def contents(flow: Flow) -> None:
    """Entries of a table of contents with dot leaders, or with the page number far away."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, style.paragraph_gap)
    leader = rng.choice((".", ".", ". ", ". ", "", "·", "_"))
    page = rng.randint(1, 60)
    dot = flow.word(leader.strip(), spacing=0.0)
    room = (dot.width if dot else 0.0) + style.body.advance(" ") * leader.endswith(" ")
    for index in range(rng.randint(2, 12)):
        page += rng.randint(0, 9)
        title = rng.choice(TITLES) if rng.random() < 0.5 else " ".join(flow.few(rng.randint(1, 7))).rstrip(".,;:")
        lead = rng.choice(
            (
                f"{index + 1}.",
                f"{index + 1}",
                f"{rng.randint(1, 9)}.{index + 1}",
                "",
                f"Section {rng.randint(1, 9)}.{index + 1}",
            )
        )
        x = style.left + rng.choice((0.0, 0.0, 1.5)) * style.body.size
        number_words = flow.plain(str(page) if rng.random() < 0.93 else rng.choice(("iv", "xi", "A-1", "F-12")))
        words = flow.fit(flow.plain(f"{lead} {title}"), (style.right - x) * 0.72)
        if not words or not number_words or not flow.fits():
            continue
        end = style.right - flow.measure(number_words)
        start = x + flow.measure(words)
        if dot is None:
            if end - start > style.body.size * _APART:
                flow.place([(x, words, flow.gap_width()), (end, number_words, flow.gap_width())])
            continue
        count = int((end - start - 2 * flow.gap_width()) / room)
        if count < 3 or count > flow.budget:
            continue
        _leader_row(flow, x, words, number_words, ([dot] * count if leader.endswith(" ") else _joined(dot, count)), end)


def _joined(dot: Word, count: int) -> list[Word]:
    part = dot.parts[0]
    return [Word(dot.label * count, (Part(part.text * count, part.font),), dot.width * count)]


def _leader_row(flow: Flow, x: float, words: list[Word], page: list[Word], dots: list[Word], end: float) -> None:
    """Title, dots and page number as one line joined by spaces; the dots may stand apart from the title."""
    gap, tight = flow.gap_width(), flow.style.body.advance(" ")
    mark = len(flow.canvas.chars)
    start = flow.draw(words, x, gap) + gap
    width = sum(dot.width for dot in dots) + tight * (len(dots) - 1)
    spare = max(0.0, end - gap - start - width)
    flow.draw(dots, start + spare * flow.rng.choice((0.0, 1.0)), tight)
    flow.draw(page, end, gap)
    flow.record(" ".join(word.label for word in (*words, *dots, *page)), mark)


def signature(flow: Flow) -> None:
    """Lines to be signed, with blanks made of underscores."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, rng.uniform(0.4, 1.2))
    two = style.right - style.left > style.body.size * 30 and rng.random() < 0.4
    for text in ([company(rng).upper()] if rng.random() < 0.6 else []) + [
        "By:",
        "Name:",
        "Title:",
        "Date:",
        "Signature",
    ][: rng.randint(1, 5)]:
        halves = []
        for half in range(2 if two else 1):
            x = style.left + half * (style.right - style.left) * 0.52
            limit = (style.right - style.left) * (0.44 if two else 1.0)
            filled = (
                rng.choice((person(rng), date(rng), " ".join(flow.few(2))))
                if rng.random() < 0.35
                else "_" * rng.randint(5, 32)
            )
            words = flow.fit(flow.plain(text if text.isupper() else f"{text} {filled}"), limit)
            halves.append((x, words, flow.gap_width()))
        if flow.fits() and any(words for _, words, _ in halves):
            flow.place(halves, pitch=style.pitch * rng.choice((1.0, 1.0, 1.2)))


def running_head(flow: Flow) -> None:
    """One line with parts at the left, in the middle and at the right, as pages have at their top and bottom."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, rng.choice((0.5, 1.0)))
    page = rng.randint(1, 400)
    parts = []
    for _ in range(rng.randint(2, 3)):
        text = rng.choice((str(page), f"Page {page}", date(rng), " ".join(flow.few(rng.randint(1, 4))),
            rng.choice(TITLES).upper(), company(rng),
                           f"{page} / {page + 30}", "DRAFT", "CONFIDENTIAL",
                           f"Form {rng.randint(8, 99)}-K"))  # fmt: skip
        parts.append(flow.fit(flow.plain(text), (style.right - style.left) / 3.4 - style.body.size * _APART))
    widths = [flow.measure(part) for part in parts]
    places = [style.left, style.right - widths[-1]]
    if len(parts) == 3:
        places.insert(1, (style.left + style.right - widths[1]) / 2)
    if flow.fits() and all(parts):
        if rng.random() < 0.3:
            flow.canvas.bar(style.left, style.right, flow.y + style.body.descent + 1, 1)
        flow.place([(x, part, flow.gap_width()) for x, part in zip(places, parts, strict=True)])


def letter_head(flow: Flow) -> None:
    """Names, addresses, telephone, e-mail, date and salutation of a letter or an invoice."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, style.paragraph_gap)
    lines = [rng.choice((person, company))(rng), *address(rng)]
    lines += [
        rng.choice((f"Tel: {phone(rng)}", web(rng, flow.few), f"E-mail: {web(rng, flow.few)}", phone(rng)))
        for _ in range(rng.randint(0, 2))
    ]
    right = rng.random() < 0.25
    for text in lines:
        words = flow.fit(flow.plain(text), style.right - style.left)
        if words and flow.fits():
            flow.place([(style.right - flow.measure(words) if right else style.left, words, flow.gap_width())])
    for text in (
        date(rng),
        f"Re: {' '.join(flow.few(rng.randint(2, 8)))}",
        rng.choice((f"Dear {person(rng)},", "Dear Sir or Madam:", "To whom it may concern:")),
    ):
        words = flow.fit(flow.plain(text), style.right - style.left)
        if words and rng.random() < 0.6:
            between_blocks(flow, rng.uniform(0.4, 1.0))
            if flow.fits():
                flow.place([(style.left, words, flow.gap_width())])
