"""One self-contained HTML page of a comparison: the scan with the places that differ, both texts beside it.

No script: a box on the scan is a link to its place in the text and back. Nothing needs the network, and the page's
Content-Security-Policy forbids it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from dsvl2.pipelines.compare.types import Change, Comparison, Piece, Reading, Section, Token, numbered

Scans = Mapping[int, str]


def comparison_page(found: Comparison, scans_a: Scans | None = None, scans_b: Scans | None = None) -> str:
    """Return the page. Scans are data: addresses by page number; pages may be missing from them.

    Where both sides are of one document give its scans as A's only: the places of both are drawn on them.
    """
    assets = files("dsvl2.pipelines.compare") / "assets"
    html = (assets / "compare.html").read_text(encoding="utf-8")
    numbers = {id(change): number for number, _, change in numbered(found.sections)}
    body = "\n".join(
        _section(section, numbers, found, scans_a or {}, scans_b) for section in found.sections if not section.same
    )
    parts = {
        "@TITLE@": escape(f"{found.a.name} - {found.b.name}"),
        "@STYLE@": (assets / "compare.css").read_text(encoding="utf-8").strip(),
        "@A@": _title(found.a),
        "@B@": _title(found.b),
        "@SUM@": escape(_summary(found)),
        "@BODY@": body or "<p class=same>Nothing differs.</p>",
    }
    for mark, part in parts.items():
        before, met, after = html.partition(mark)
        assert met
        html = before + part + after
    return html


def _title(reading: Reading) -> str:
    model = f" <small>read by {escape(reading.model)}</small>" if reading.model else ""
    return f"{escape(reading.name)}{model}"


def _summary(found: Comparison) -> str:
    count = len(found.changes)
    failed = "".join(
        f" Pages {', '.join(map(str, side.failed))} could not be read in {name}."
        for name, side in (("A", found.a), ("B", found.b))
        if side.failed
    )
    return (
        f"{count} {'place differs' if count == 1 else 'places differ'}: {found.characters:,} of {found.chars:,} characters "
        f"(CER {100 * found.cer:.2f} %), {found.words:,} of {found.total_words:,} words (WER {100 * found.wer:.2f} %).{failed}"
    )


def _section(
    section: Section, numbers: Mapping[int, int], found: Comparison, scans_a: Scans, scans_b: Scans | None
) -> str:
    """Return one page: its scan (or each side's own), A's text, B's text."""
    boxes = [
        (numbers[id(change)], token, side)
        for change in section.changes
        for side, tokens in (("a", change.a), ("b", change.b))
        for token in tokens
    ]
    sizes = {"a": dict(found.a.sizes), "b": dict(found.b.sizes)}
    if scans_b is None:
        drawn = [_sheets(boxes, scans_a, sizes, section.page), ""]
    else:
        mine = [[box for box in boxes if box[2] == side] for side in ("a", "b")]
        drawn = [_sheets(mine[0], scans_a, sizes, section.page), _sheets(mine[1], scans_b, sizes, _first_page(section))]
    texts = [_text(section.pieces, numbers, side, len(numbers)) for side in ("a", "b")]
    shown = [column for column in (drawn[0], *texts, drawn[1]) if column]
    head = "The text" if section.page is None else f"Page {section.page}"
    return f'<section class="n{len(shown)}">\n<h2>{head}</h2>\n' + "\n".join(shown) + "\n</section>"


def _first_page(section: Section) -> int | None:
    """Return the page of B on which the first change stands, where its words have no places."""
    return next((token.page for change in section.changes for token in change.b), None)


def _sheets(
    boxes: Sequence[tuple[int, Token, str]],
    scans: Scans,
    sizes: Mapping[str, Mapping[int, tuple[int, int]]],
    otherwise: int | None,
) -> str:
    """Return the scans of all pages on which something differs, with a box for each word that does."""
    placed = [(number, token, side) for number, token, side in boxes if token.box and token.page in sizes[side]]
    pages = sorted({token.page for _, token, _ in placed if token.page is not None})
    if not pages and otherwise is not None:
        pages = [otherwise]
    sheets = []
    for page in pages:
        links, known = [], set()
        for number, token, side in placed:
            if token.page == page and (number, token.box) not in known:
                known.add((number, token.box))
                links.append(_link(number, token, side, sizes[side][page]))
        if page in scans:
            image = f'<img alt="scan of page {page}" src="{escape(scans[page])}">'
            sheets.append(f"<figure>{image}{''.join(links)}</figure>")
    return f'<div class="scans">{"".join(sheets)}</div>' if sheets else ""


def _link(number: int, token: Token, side: str, size: tuple[int, int]) -> str:
    box = token.box
    assert box is not None
    left, top = 100 * box.x0 / size[0], 100 * box.y0 / size[1]
    wide, high = 100 * (box.x1 - box.x0) / size[0], 100 * (box.y1 - box.y0) / size[1]
    place = f"left:{left:.2f}%;top:{top:.2f}%;width:{wide:.2f}%;height:{high:.2f}%"
    return f'<a class="{side}" href="#c{number}" style="{place}" title="difference {number}"></a>'


def _text(pieces: Sequence[Piece], numbers: Mapping[int, int], side: str, count: int) -> str:
    out = []
    for piece in pieces:
        tokens = piece.a if side == "a" else piece.b
        words = _words(tokens)
        if isinstance(piece, Change):
            out.append(_marked(words, numbers[id(piece)], side, count) + ("\n\n" if _ends(tokens) else " "))
        else:
            out.append(words + ("\n\n" if _ends(tokens) else " "))
    label = "A" if side == "a" else "B"
    return f'<div class="text" aria-label="{label}">{"".join(out).rstrip()}</div>'


def _words(tokens: Sequence[Token]) -> str:
    pieces = [escape(token.text) + ("\n\n" if token.ends_block else " ") for token in tokens]
    return "".join(pieces).rstrip()


def _ends(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and tokens[-1].ends_block


def _marked(words: str, number: int, side: str, count: int) -> str:
    """Return a change: A's side is what links lead to and leads on to the next, B's side leads back to it."""
    tag = "del" if side == "a" else "ins"
    mark = f"<{tag}>{words or '&#8203;'}</{tag}>"
    if side == "b":
        return f'<a class="to" href="#c{number}">{mark}</a>'
    following = f' href="#c{number + 1}" title="{number} of {count}; click: the next"' if number < count else ""
    return f'<a class="at" id="c{number}"{following}>{mark}</a>'
