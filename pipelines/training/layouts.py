"""What documents consist of, as functions that set one block each into a flow: running text in all its shapes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from dsvl2.pipelines.training.charset import INDEX
from dsvl2.pipelines.training.contracts import legal
from dsvl2.pipelines.training.dress import dress, raised
from dsvl2.pipelines.training.glyphs import SizedFont
from dsvl2.pipelines.training.phrases import TITLES, code_line, date, number, reference
from dsvl2.pipelines.training.tables import (
    between_blocks,
    contents,
    key_values,
    letter_head,
    running_head,
    signature,
    table,
)
from dsvl2.pipelines.training.typeset import Flow, Word

Block = Callable[[Flow], None]
_BULLETS = "•••••–-*·●○■▶→✓✗☐☑—★"
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")


def paragraph(flow: Flow) -> None:
    """Running text."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, style.paragraph_gap)
    words = dress(flow, flow.words(rng.randint(6, 70 + 40 * flow.canvas.width // 384)))
    first = style.indent if rng.random() < 0.9 else 0.0
    kind = rng.random()
    left, right = style.left, style.right
    if kind < 0.05:  # a quotation
        left, right = left + style.body.size * rng.uniform(1, 3), right - style.body.size * rng.uniform(0, 3)
    elif kind < 0.09:  # hanging indent
        left, first = left + style.body.size * 2, -style.body.size * 2
    elif kind < 0.12 and right - left > 500:
        right = left + (right - left) * rng.uniform(0.35, 0.8)
    flow.paragraph(words, left=left, right=right, first=first, align="centre" if kind > 0.97 else None)


def clauses(flow: Flow) -> None:
    """Numbered clauses, nested."""
    rng, style = flow.rng, flow.style
    unit = style.body.size
    number_at = rng.randint(1, 15)
    sub = rng.randint(1, 9)
    hanging = rng.random() < 0.6
    for step in range(rng.randint(1, 6)):
        level = rng.choice((0, 0, 1, 1, 2))
        label = rng.choice((f"{number_at}.{sub + step}", f"{number_at}.{sub + step}.", f"{sub + step}.",
            f"{number_at}.{sub}.{step + 1}")) if level == 0 \
            else f"({chr(97 + (sub + step) % 26)})" if level == 1 else rng.choice((f"({_ROMAN[step % 12]})",
                f"{step + 1})", f"({step + 1})"))  # fmt: skip
        source = legal(rng, flow.few).split() if rng.random() < 0.5 else flow.words(rng.randint(4, 45))
        words = dress(flow, source)
        head = flow.plain(label)
        if not head or not words:
            continue
        if level == 0 and rng.random() < 0.3:
            words = flow.plain(rng.choice(TITLES) + ".", _bold(flow)) + words
        between_blocks(flow, style.paragraph_gap if rng.random() < 0.8 else 0.0)
        left = style.left + level * unit * rng.choice((1.2, 1.8, 2.4))
        width = max(flow.measure(head) + flow.gap_width() * rng.uniform(1, 2), unit * rng.uniform(1.3, 2.6))
        if left + width > style.right - unit * 6:
            return
        if hanging:
            flow.paragraph(words, left=left + width, head=(left, head))
        else:
            flow.paragraph(
                words, left=style.left + level * unit, first=left + width - style.left - level * unit, head=(left, head)
            )


def bullets(flow: Flow) -> None:
    """A list with bullets or numbers."""
    rng, style = flow.rng, flow.style
    unit = style.body.size
    glyph = rng.choice([c for c in _BULLETS if c in style.body.cover])
    numbered = rng.random() < 0.3
    left = style.left + unit * rng.uniform(0, 2)
    hang = unit * rng.uniform(0.9, 1.8)
    form = rng.choice(("{}.", "{})", "({})", "{}"))
    start = rng.randint(1, 12)
    loose = style.paragraph_gap if rng.random() < 0.3 else 0.0
    between_blocks(flow, style.paragraph_gap)
    for step in range(rng.randint(1, 8)):
        words = dress(flow, flow.words(rng.choice((rng.randint(1, 5), rng.randint(2, 30)))))
        head = flow.plain(form.format(start + step) if numbered else glyph)
        if not words or not head or not flow.fits() or left + unit * 8 > style.right:
            return
        if step:
            between_blocks(flow, loose)
        width = max(hang, flow.measure(head) + flow.gap_width())
        flow.paragraph(words, left=left + width, head=(left, head), prefix="" if numbered else "- ")


def heading(flow: Flow) -> None:
    """A heading: larger, or bold and alone."""
    rng, style = flow.rng, flow.style
    scale = rng.choice((1.0, 1.0, 1.15, 1.25, 1.35, 1.5, 1.8, 2.2))
    family = style.family if rng.random() < 0.7 else flow.resources.family(rng)
    bold = bool(family.bold) and (scale < 1.25 or rng.random() < 0.7)
    if scale < 1.25 and not bold:
        return
    faces = family.bold if bold else family.plain
    if not bold and family.small_caps and rng.random() < 0.3:
        faces = family.small_caps
    font = flow.font(rng.choice(faces), scale)
    if font.size > 62 or font.x_height > 30:
        return
    words = flow.plain(_title(flow), font)
    words = flow.fit(words, style.right - style.left, font)
    extra = (font.ascent - style.body.ascent) / style.pitch
    if not words:
        return
    if flow.canvas.rows:
        flow.skip(extra + rng.uniform(0.4, 1.1))
        flow.gap = True
    else:
        flow.y += max(0.0, font.ascent - style.body.ascent)
    if not flow.fits(font):
        return
    width = flow.measure(words, font)
    x = style.left + (rng.choice((0.5, 0.5, 1.0)) * (style.right - style.left - width) if rng.random() < 0.3 else 0.0)
    if rng.random() < 0.06:
        flow.canvas.bar(style.left, style.right, flow.y + font.descent + 2, rng.randint(1, 2))
    flow.place(
        [(x, words, flow.gap_width(font))],
        prefix="# ",
        pitch=style.pitch * rng.uniform(1.0, 1.25) + font.descent - style.body.descent,
    )
    flow.skip(rng.uniform(0.35, 0.8))


def _title(flow: Flow) -> str:
    rng = flow.rng
    text = rng.choice(TITLES) if rng.random() < 0.4 else " ".join(flow.few(rng.randint(1, 9))).rstrip(".,;:")
    upper = text.upper()
    kind = rng.random()
    if kind < 0.3 and all(c in INDEX for c in upper):
        text = upper
    elif kind < 0.7:
        text = " ".join(word[:1].upper() + word[1:] for word in text.split())
    if rng.random() < 0.45:
        a, b = rng.randint(1, 14), rng.randint(1, 12)
        lead = rng.choice((f"{a}", f"{a}.", f"{a}.{b}", f"{a}.{b}.", f"{a}.{b}.{rng.randint(1, 9)}", f"ARTICLE {a}",
            f"Chapter {a}:", f"Section {a}.",
                           f"{_ROMAN[a % 12].upper()}.", f"({chr(96 + b)})", f"§ {a}",
                           f"Appendix {chr(64 + b)}"))  # fmt: skip
        text = f"{lead} {text}"
    return text


def centred(flow: Flow) -> None:
    """Lines set in the middle: titles of plain weight, names, dates, page numbers, letter-spaced capitals."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, rng.choice((0.0, 0.5, 1.0)))
    for _ in range(rng.randint(1, 4)):
        text = rng.choice((" ".join(flow.few(rng.randint(1, 8))), " ".join(flow.few(rng.randint(1, 5))).upper(),
            date(rng), str(rng.randint(1, 400)),
                           f"Page {rng.randint(1, 40)} of {rng.randint(40, 99)}", f"– {rng.randint(1, 300)} –",
                           f"[{reference(rng)}]", "* * *"))  # fmt: skip
        spacing = style.body.size * rng.uniform(0.06, 0.22) if rng.random() < 0.25 else style.spacing
        words = [word for piece in text.split() if (word := flow.word(piece, spacing=spacing))]
        gap = flow.gap_width() + spacing * 2.5
        while words and sum(w.width for w in words) + gap * (len(words) - 1) > style.right - style.left:
            words.pop()
        if words and flow.fits():
            width = sum(w.width for w in words) + gap * (len(words) - 1)
            flow.place(
                [(style.left + (style.right - style.left - width) * rng.choice((0.5, 0.5, 0.5, 1.0)), words, gap)]
            )


def short_lines(flow: Flow) -> None:
    """Lines of uneven length that do not wrap: verse, lists of names, strings and numbers, repeated lines."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, style.paragraph_gap)
    known: list[str] = []
    kind = rng.random()
    for _ in range(rng.randint(2, 14)):
        if known and rng.random() < 0.2:
            text = rng.choice(known)
        elif kind < 0.3:
            text = " ".join(number(rng) for _ in range(rng.randint(1, 5)))
        else:
            text = " ".join(flow.words(rng.randint(1, 9)))
        if rng.random() < 0.03:
            text = rng.choice("-=*_.~#") * rng.randint(3, 60)
        known.append(text)
        x = style.left + rng.choice((0, 0, 0, 1.5)) * style.body.size
        words = flow.fit(flow.plain(text), style.right - x)
        if words and flow.fits():
            flow.place([(x, words, flow.gap_width())])


def code_block(flow: Flow) -> None:
    """Lines of a program, indented; indentation is not part of the output."""
    rng, style = flow.rng, flow.style
    between_blocks(flow, style.paragraph_gap)
    font = flow.font(rng.choice(rng.choice(flow.resources.mono).plain)) if rng.random() < 0.8 else style.body
    top, rows = flow.y - font.ascent - 3, len(flow.canvas.rows)
    known: list[str] = []
    depth = 0
    for _ in range(rng.randint(2, 14)):
        text = rng.choice(known) if known and rng.random() < 0.25 else code_line(rng, flow.few)
        known.append(text)
        depth = max(0, min(4, depth + rng.choice((-1, 0, 0, 1))))
        x = style.left + 4 + depth * font.advance(" ") * rng.choice((2, 4))
        words = flow.fit(flow.plain(text, font), style.right - x, font)
        if words and flow.fits(font):
            flow.place([(x, words, font.advance(" "))])
    if rng.random() < 0.3 and len(flow.canvas.rows) > rows:
        box = (style.left - 3, top, style.right, flow.y - style.pitch + font.descent + 3)
        flow.canvas.pen.rectangle(box, fill=rng.choice((None, rng.randint(215, 250))), outline=rng.choice((None, 120)))


def footnotes(flow: Flow) -> None:
    """Small notes below a short rule."""
    rng, style = flow.rng, flow.style
    body, pitch = style.body, style.pitch
    between_blocks(flow, rng.uniform(0.4, 1.0))
    if rng.random() < 0.7:
        flow.canvas.bar(
            style.left, style.left + min(style.right - style.left, rng.uniform(80, 400)), flow.y - body.ascent - 3, 1
        )
    scale = rng.uniform(0.7, 0.9)
    small = flow.resources.sized(style.face, max(body.size * scale, 5.5 / style.face.outline.x_height))
    style.body, style.pitch = small, max(pitch * scale, (small.ascent + small.descent) * 1.02)
    start = rng.randint(1, 60)
    for step in range(rng.randint(1, 4)):
        words = dress(flow, flow.words(rng.randint(3, 35)))
        if words:
            marked = _lead_mark(flow, str(start + step))
            flow.paragraph(marked + words if marked else words)
    style.body, style.pitch = body, pitch


def _lead_mark(flow: Flow, text: str) -> list[Word]:
    word = flow.word("x")
    lifted = raised(flow, word, text) if word else None
    if lifted is None:
        return []
    part = lifted.parts[-1]
    return [Word(text, (part,), part.font.width(text))]


def _bold(flow: Flow) -> SizedFont | None:
    bold = flow.style.family.bold
    return flow.font(flow.rng.choice(bold)) if bold else None


#: Blocks and how often each comes.
BLOCKS: tuple[tuple[Block, float], ...] = (
    (paragraph, 38), (clauses, 11), (bullets, 8), (heading, 9), (key_values, 5), (table, 8), (contents, 3.5),
    (code_block, 4), (short_lines, 5), (centred, 3.5), (signature, 2.5), (letter_head, 2.5), (footnotes, 2.5),
    (running_head, 2.0),
)  # fmt: skip
#: Pages of running text, as most wide columns are.
DENSE_BLOCKS: tuple[tuple[Block, float], ...] = (
    (paragraph, 70),
    (clauses, 16),
    (bullets, 6),
    (heading, 5),
    (footnotes, 2),
)
SIMPLE_BLOCKS: tuple[tuple[Block, float], ...] = ((paragraph, 60), (short_lines, 25), (bullets, 8), (key_values, 7))


def choose_block(rng: Random, blocks: tuple[tuple[Block, float], ...]) -> Block:
    """One block by weight."""
    return rng.choices([block for block, _ in blocks], [weight for _, weight in blocks])[0]
