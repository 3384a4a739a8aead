"""Forty PDFs as they come from programs, scanners and bad exports: fonts embedded, pictures of the very pages.

Made without a look at how the decision is taken. Each says what a person would do with its text layer: take it
("used") or read the page again ("read").
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable

import pymupdf
from PIL import Image, ImageFilter

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult, Word
from dsvl2.pipelines.formats import get_format, render_output
from dsvl2.pipelines.sources import open_source

A4 = pymupdf.Rect(0, 0, 595, 842)
INNER = pymupdf.Rect(60, 60, 535, 780)
STORY = (
    "The harbour master keeps a book in which every vessel is entered with her name, her tonnage and the hour at which "
    "she passed the light. On quiet days there are not more than four or five; before the holidays there may be sixty. "
    "He writes with a steel pen, and he does not hurry. When the ink runs out he walks to the chandler, who has sold him "
    "the same black powder since the war, and while he is away his sister counts the boats. Nobody has found a mistake. "
)
LETTER = (
    f"<h2>Harbour book</h2><p>{STORY}</p><p>{STORY}</p><ul><li>three lamps</li><li>one bell</li></ul><p>{STORY}</p>"
)
OTHER = (
    "Minutes of the meeting held at the town hall: apologies were received from two members. The treasurer reported that "
    "the roof fund stands at 14,220 and that the builder asks for a second payment in May. It was agreed to wait. "
) * 6
GERMAN = (
    "Der Hafenmeister führt ein Buch, in das jedes Schiff mit Namen, Größe und Stunde eingetragen wird. Übers Jahr sind es "
    "etwa 2.400, und noch nie hat jemand einen Fehler gefunden; die Änderungen stehen rot am Rand. "
) * 4
POLISH = "Kapitan portu prowadzi księgę, w której zapisuje każdy statek, jego nazwę i godzinę wejścia do portu. " * 7
TURKISH = "Liman başkanı her geminin adını, tonajını ve feneri geçtiği saati yazdığı bir defter tutar. " * 7
RUSSIAN = "Капитан порта ведёт книгу, в которую вписывает каждое судно, его имя и час прихода. " * 7
GREEK = "Ο λιμενάρχης κρατά ένα βιβλίο στο οποίο γράφει κάθε πλοίο, το όνομά του και την ώρα. " * 7
CHINESE = "港务长有一本簿子,每艘船的名字、吨位和经过灯塔的时间都记在上面。" * 8
CODE = (
    "def enter(book, ship):\n    if ship.name in book:\n        raise KeyError(ship.name)\n    book[ship.name] = ship.hour\n\n"
    "for ship in fleet:\n    enter(book, ship)\n    print(f'{ship.name:20} {ship.tons:>8,.1f}')\n"
) * 4


def page(html: str, *, box: pymupdf.Rect = INNER, size: float = 11, rotate: int = 0) -> pymupdf.Document:
    """A new PDF with one page of text in embedded fonts."""
    pdf = pymupdf.open()
    leaf = pdf.new_page(width=A4.width, height=A4.height)
    leaf.insert_htmlbox(box, f'<div style="font-size:{size}px">{html}</div>', rotate=rotate)
    return pdf


def done(pdf: pymupdf.Document) -> bytes:
    pdf.subset_fonts()
    return bytes(pdf.tobytes(garbage=3, deflate=True))


def remapped(html: str, change: Callable[[str], str], *, fonts: slice = slice(None)) -> bytes:
    """A page that looks right and whose fonts say other characters: `change` is done to what their maps say."""
    pdf = page(html)
    maps = [x for x in range(1, pdf.xref_length()) if pdf.xref_get_key(x, "ToUnicode")[0] == "xref"]
    for font in maps[fonts]:
        target = int(pdf.xref_get_key(font, "ToUnicode")[1].split()[0])
        pdf.update_stream(target, _changed(pdf.xref_stream(target).decode("latin-1"), change).encode("latin-1"))
    return done(pdf)


def _changed(cmap: str, change: Callable[[str], str]) -> str:
    def meaning(digits: str) -> str:
        return change(bytes.fromhex(digits).decode("utf-16-be")).encode("utf-16-be").hex().upper()

    entries: list[tuple[int, str]] = []
    for section in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.S):
        entries += [(int(a, 16), meaning(b)) for a, b in re.findall(r"<(\w+)>\s*<(\w+)>", section)]
    for section in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.S):
        for a, b, c in re.findall(r"<(\w+)>\s*<(\w+)>\s*<(\w+)>", section):
            low, high, start = int(a, 16), int(b, 16), int(c, 16)
            entries += [(code, meaning(f"{start + code - low:04X}")) for code in range(low, high + 1)]
        for a, _, many in re.findall(r"<(\w+)>\s*<(\w+)>\s*\[(.*?)\]", section, re.S):
            found = re.findall(r"<(\w+)>", many)
            entries += [(int(a, 16) + place, meaning(digits)) for place, digits in enumerate(found)]
    head, tail = (
        cmap[: cmap.index("endcodespacerange") + 17],
        "\nendcmap CMapName currentdict /CMap defineresource pop end end",
    )
    parts = [entries[k : k + 100] for k in range(0, len(entries), 100)]
    body = "".join(
        f"\n{len(part)} beginbfchar\n" + "\n".join(f"<{a:04X}> <{b}>" for a, b in part) + "\nendbfchar"
        for part in parts
    )
    return head + body + tail


def caesar(by: int) -> Callable[[str], str]:
    return lambda text: "".join(chr(max(ord(c) + by, 1)) if c != " " else c for c in text)


def substituted(text: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    mixed = random.Random(5).sample(letters, 26)
    table = str.maketrans(letters + letters.upper(), "".join(mixed) + "".join(mixed).upper())
    return text.translate(table)


def private(text: str) -> str:
    return "".join(chr(0xF000 + ord(c) % 0x100) if c != " " else c for c in text)


def picture(pdf: pymupdf.Document, dpi: int = 130, *, blur: float = 0.6, grey: bool = True) -> Image.Image:
    pixels = pdf[0].get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
    image = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    image = image.filter(ImageFilter.GaussianBlur(blur))
    return image.point(lambda v: int(v * 0.9 + 12)) if grey else image.point(lambda v: 255 * (v > 140))


def stored(image: Image.Image, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 70} if kind == "JPEG" else {}))
    return buffer.getvalue()


def scan(html: str = LETTER, *, turn: int = 0, kind: str = "JPEG") -> pymupdf.Document:
    """A page that is one picture of a printed page, which lies turned by `turn` degrees on it."""
    image = picture(page(html)).rotate(-turn, expand=True)
    pdf = pymupdf.open()
    leaf = pdf.new_page(width=image.width / 130 * 72, height=image.height / 130 * 72)
    leaf.insert_image(leaf.rect, stream=stored(image, kind))
    return pdf


def ocred(html: str, change: Callable[[list[Word]], list[Word]] = lambda words: words, *, behind: str = "") -> bytes:
    """A scan of one page with invisible text: of the same words in place, or of the page `behind`."""
    zoom = 130 / 72
    source = page(behind or html)
    words = [
        Word(w[4], Box(w[0] * zoom, w[1] * zoom + 4, w[2] * zoom, w[3] * zoom - 4)) for w in source[0].get_text("words")
    ]
    lines = tuple(Line(word.text, word.box, 1.0, (word,)) for word in change(words))
    data = done(scan(html))
    with open_source(data) as opened:
        original = opened.original
    size = (round(A4.width * zoom), round(A4.height * zoom))
    result = PageResult(1, (Block("paragraph", "", lines=lines),), *size, 130.0)
    made = render_output(get_format("pdf"), Document("x", (result,)), original)
    assert isinstance(made, bytes)
    return made


def misread(share: float) -> Callable[[list[Word]], list[Word]]:
    """Words as a bad OCR leaves them: that share of their letters is another or missing."""
    choice = random.Random(9)

    def spoilt(text: str) -> str:
        marks = "1lI|!.,;:~^*0oO({<>\\/_-"
        return "".join(choice.choice(marks) if choice.random() < share else c for c in text)

    return lambda words: [Word(spoilt(word.text), word.box) for word in words]


def onto(pdf: pymupdf.Document, draw: Callable[[pymupdf.Page], object]) -> bytes:
    draw(pdf[0])
    return done(pdf)


def form(value: str) -> bytes:
    pdf = page("<h3>Application for a berth</h3><p>Fill in every line in capital letters and return the form.</p>")
    for row, name in enumerate(("Name of the vessel", "Owner", "Length over all")):
        pdf[0].insert_text((60, 200 + 40 * row), name)
        field = pymupdf.Widget()
        field.field_name, field.field_type, field.field_value = name, pymupdf.PDF_WIDGET_TYPE_TEXT, value
        field.rect = pymupdf.Rect(220, 185 + 40 * row, 500, 207 + 40 * row)
        pdf[0].add_widget(field)
    return done(pdf)


def columns() -> bytes:
    pdf = page(f"<p>{STORY * 2}</p>", box=pymupdf.Rect(50, 60, 285, 780), size=9)
    pdf[0].insert_htmlbox(pymupdf.Rect(310, 60, 545, 780), f'<p style="font-size:9px">{OTHER}</p>')
    return done(pdf)


def ledger(rows: int = 30) -> str:
    digits = random.Random(3)

    def cell() -> str:
        return f"<td>{digits.randint(100, 99999):,}.{digits.randint(0, 99):02}</td>"

    lines = [f"<tr><td>{n}</td>{cell()}{cell()}{cell()}{cell()}</tr>" for n in range(1, rows)]
    return f"<table>{''.join(lines)}</table>"


def contents() -> str:
    return "".join(f"<p>{n}. Chapter on lamps and bells {'. ' * 40} {7 * n}</p>" for n in range(1, 22))


def brochure() -> bytes:
    """Text over a photograph that fills the page."""
    noise = Image.effect_noise((300, 420), 60).filter(ImageFilter.GaussianBlur(8)).convert("RGB")
    tint = Image.blend(noise, Image.new("RGB", noise.size, (60, 110, 160)), 0.6)
    pdf = pymupdf.open()
    leaf = pdf.new_page(width=A4.width, height=A4.height)
    leaf.insert_image(leaf.rect, stream=stored(tint), keep_proportion=False)
    leaf.insert_htmlbox(INNER, f'<div style="color:white">{LETTER}</div>')
    return done(pdf)


def watermark(leaf: pymupdf.Page) -> None:
    leaf.insert_text(
        (120, 600), "DRAFT", fontsize=120, color=(0.8, 0.8, 0.8), morph=(pymupdf.Point(120, 600), pymupdf.Matrix(40))
    )


def stamp(leaf: pymupdf.Page) -> None:
    leaf.insert_text((470, 830), "BATES 0001234", fontsize=8)


def fax_header(leaf: pymupdf.Page) -> None:
    leaf.insert_text((20, 14), "14-MAR-1997 09:41  FROM HARBOUR OFFICE  TO 0171 555 0199  P.02/05", fontsize=8)


def letterhead() -> bytes:
    """Typed by a program at the top, a scan below."""
    pdf = page("<h2>Harbour Office</h2><p>Quay Street 4, telephone 555 0199</p>", box=pymupdf.Rect(60, 30, 535, 130))
    pdf[0].insert_image(pymupdf.Rect(40, 140, 555, 800), stream=stored(picture(page(LETTER))), keep_proportion=False)
    return done(pdf)


def table_as_picture() -> bytes:
    """Two thirds typed, the table of the last third a picture."""
    pdf = page(f"<p>{STORY}</p><p>{STORY}</p>", box=pymupdf.Rect(60, 60, 535, 480))
    image = picture(page(ledger(18), size=13)).crop((90, 90, 900, 620))
    pdf[0].insert_image(pymupdf.Rect(60, 500, 535, 800), stream=stored(image), keep_proportion=False)
    return done(pdf)


def signature() -> bytes:
    """A typed letter with a signature as a picture."""
    pdf = page(LETTER)
    lines = Image.new("L", (300, 90), 255)
    for k in range(12):
        lines.paste(30, (20 + 20 * k, 30 + (k * 37) % 40, 34 + 20 * k, 33 + (k * 37) % 40))
    pdf[0].insert_image(pymupdf.Rect(330, 690, 500, 740), stream=stored(lines, "PNG"))
    return done(pdf)


def curves() -> bytes:
    """Every letter a drawing: what an export without fonts leaves."""
    svg = page(LETTER)[0].get_svg_image(text_as_path=True)
    with pymupdf.open(stream=svg.encode(), filetype="svg") as drawn:
        return bytes(drawn.convert_to_pdf())


def strips() -> bytes:
    """A scan that a fax machine sent in twenty strips."""
    image = picture(page(LETTER), grey=False)
    pdf = pymupdf.open()
    leaf = pdf.new_page(width=A4.width, height=A4.height)
    tall = image.height / 20
    for k in range(20):
        part = image.crop((0, round(k * tall), image.width, round((k + 1) * tall))).convert("1")
        leaf.insert_image(
            pymupdf.Rect(0, 842 / 20 * k, 595, 842 / 20 * (k + 1)), stream=stored(part, "PNG"), keep_proportion=False
        )
    return done(pdf)


def turned(data: bytes, angle: int) -> bytes:
    with pymupdf.open(stream=data) as pdf:
        pdf[0].set_rotation(angle)
        return bytes(pdf.tobytes())


def first_half(words: list[Word]) -> list[Word]:
    return words[: len(words) // 2]


def slides() -> bytes:
    return done(page("<h1>Lamps</h1><ul><li>three in the north</li><li>one at the mole</li></ul>", size=26))


CASES: list[tuple[str, str, Callable[[], bytes]]] = [
    ("letter", "used", lambda: done(page(LETTER))),
    ("two_columns", "used", columns),
    ("german", "used", lambda: done(page(f"<p>{GERMAN}</p>"))),
    ("polish", "used", lambda: done(page(f"<p>{POLISH}</p>"))),
    ("turkish", "used", lambda: done(page(f"<p>{TURKISH}</p>"))),
    ("russian", "used", lambda: done(page(f"<p>{RUSSIAN}</p>"))),
    ("greek", "used", lambda: done(page(f"<p>{GREEK}</p>"))),
    ("chinese", "used", lambda: done(page(f"<p>{CHINESE}</p>"))),
    ("ledger", "used", lambda: done(page(ledger()))),
    ("contents", "used", lambda: done(page(contents(), size=9))),
    ("code", "used", lambda: done(page(f"<pre>{CODE}</pre>"))),
    ("capitals", "used", lambda: done(page(f"<p>{STORY.upper() * 2}</p>"))),
    ("small_print", "used", lambda: done(page(f"<p>{STORY * 6}</p>", size=5))),
    ("slide", "used", slides),
    ("brochure", "used", brochure),
    ("draft", "used", lambda: onto(page(LETTER), watermark)),
    ("signature", "used", signature),
    ("empty_form", "used", lambda: form("")),
    ("landscape", "used", lambda: turned(done(page(LETTER)), 90)),
    ("sideways_text", "used", lambda: done(page(LETTER, rotate=90))),
    ("good_ocr", "used", lambda: ocred(LETTER)),
    ("good_ocr_turned", "used", lambda: turned(ocred(LETTER), 180)),
    ("shifted_by_1", "read", lambda: remapped(LETTER, caesar(1))),
    ("shifted_by_29", "read", lambda: remapped(LETTER, caesar(-29))),
    ("substituted", "read", lambda: remapped(LETTER, substituted)),
    ("private", "read", lambda: remapped(LETTER, private)),
    ("one_of_two_fonts", "read", lambda: remapped(LETTER, caesar(3), fonts=slice(1, 2))),
    ("all_one_letter", "read", lambda: remapped(LETTER, lambda text: "x" if text != " " else text)),
    ("mojibake", "read", lambda: done(page(f"<p>{RUSSIAN.encode().decode('cp1252', 'replace')}</p>"))),
    ("backwards", "read", lambda: done(page(f"<p>{' '.join(word[::-1] for word in STORY.split()) * 2}</p>"))),
    ("letterhead_over_scan", "read", letterhead),
    ("table_as_picture", "read", table_as_picture),
    ("stamped_scan", "read", lambda: onto(scan(), stamp)),
    ("fax_header", "read", lambda: onto(scan(), fax_header)),
    ("draft_over_scan", "read", lambda: onto(scan(), watermark)),
    ("scan", "read", lambda: done(scan())),
    ("scan_sideways", "read", lambda: done(scan(turn=90))),
    ("strips", "read", strips),
    ("curves", "read", curves),
    ("bad_ocr", "read", lambda: ocred(LETTER, misread(0.3))),
    ("poor_ocr", "read", lambda: ocred(LETTER, misread(0.15))),
    ("half_ocred", "read", lambda: ocred(LETTER, first_half)),
    ("text_of_another_page", "read", lambda: ocred(LETTER, behind=f"<p>{OTHER}</p>")),
    ("filled_form", "read", lambda: form("MARGARET ANNE")),
]  # fmt: skip
