"""Forty made PDF pages: is their text layer used exactly where a reader would see the same text?"""

from __future__ import annotations

import io
from collections.abc import Callable

import pymupdf
import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult, ReadPage
from dsvl2.pipelines.formats import get_format, render_output
from dsvl2.pipelines.sources import SourceOptions, open_source
from dsvl2.pipelines.words import Slant, words_of

ENGLISH = (
    "The station was inspected on three days in February, after the frost had left the ground. Both pumps were run for "
    "six hours at full load, and the readings of the old brass gauges were compared with those of a calibrated one. "
    "The larger pump delivered 412 litres per second, which is within two per cent of the figure given in 1931. "
)
TEXTS = {
    "english": ENGLISH,
    "german": "Die Anlage wurde an drei Tagen im Februar geprüft, nachdem der Frost aus dem Boden war. Beide Pumpen liefen "
    "sechs Stunden unter voller Last. Die größere förderte 412 Liter in der Sekunde, was den Angaben entspricht. " * 2,
    "french": "La station a été inspectée pendant trois jours en février, après le dégel. Les deux pompes ont tourné six "
    "heures à pleine charge, et les relevés ont été comparés à ceux d'un instrument étalonné. " * 2,
    "spanish": "La estación fue inspeccionada durante tres días en febrero. Las dos bombas funcionaron seis horas a plena "
    "carga y las lecturas se compararon con las de un instrumento calibrado por el taller. " * 2,
    "italian": "La stazione è stata ispezionata per tre giorni in febbraio, dopo il disgelo. Le due pompe hanno girato per "
    "sei ore a pieno carico e le letture sono state confrontate con quelle di uno strumento. " * 2,
    "dutch": "Het gemaal werd in februari op drie dagen nagekeken, nadat de vorst uit de grond was. Beide pompen draaiden "
    "zes uur op volle kracht, en de metingen zijn met een geijkt instrument vergeleken. " * 2,
    "contract": "1.1 This Agreement (the “Agreement”) is made as of 14 March 2019 by and between ACME Corp., a Delaware "
    "corporation (“Buyer”), and J.P. McDonald LLC (“Seller”); see Sections 2.3(a), 4.1 and Exhibit 10-K. " * 2,
    "invoice": "Invoice no. 2019-0417\nDate 14.03.2019\nPump seal 4 x 12.50 50.00\nBrass gauge 1 x 88.00 88.00\nTotal 138.00",
    "code": "def read(path):\n    with open(path) as file:\n        return [line.strip() for line in file if line]\n" * 3,
    "short": "Chapter 4",
}  # fmt: skip


def shifted(text: str) -> str:
    """The text of a font whose glyph numbers were taken for characters."""
    return "".join(chr(33 + (ord(c) * 7 + 3) % 90) if c.isalpha() else c for c in text)


def scan(mode: str = "L", size: tuple[int, int] = (1240, 1754)) -> bytes:
    image = Image.new("L", size, 250)
    draw = ImageDraw.Draw(image)
    for row in range(60, size[1] - 60, 40):
        draw.line((80, row, size[0] - 80, row), fill=20, width=3)
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def typed(text: str, *, turn: int = 0, font: str = "helv", size: float = 11, rotate: int = 0) -> bytes:
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.insert_textbox(pymupdf.Rect(60, 60, 530, 780), text, fontname=font, fontsize=size, rotate=rotate)
        page.set_rotation(turn)
        return bytes(pdf.tobytes())


def lettered(text: str) -> bytes:
    """A page of visible text in any characters: what a font with such a Unicode map gives."""
    with pymupdf.open() as pdf:
        pdf.new_page()
        blank = pdf.tobytes()
    data = layered(blank, text)
    with pymupdf.open(stream=data) as pdf:
        for xref in pdf[0].get_contents():
            pdf.update_stream(xref, pdf.xref_stream(xref).replace(b"3 Tr", b"0 Tr"))
        return bytes(pdf.tobytes())


def rows_of(text: str) -> tuple[Line, ...]:
    words = text.split()
    rows = [" ".join(words[k : k + 12]) for k in range(0, len(words), 12)]
    return tuple(Line(row, Box(80, 60 + 40 * k, 1160, 85 + 40 * k)) for k, row in enumerate(rows))


def printed(text: str) -> bytes:
    """A scan with ink where `layered` puts the words."""
    image = Image.new("L", (1240, 1754), 250)
    draw = ImageDraw.Draw(image)
    for line in rows_of(text):
        for word in words_of(line, Slant(0, 0.0)):
            for x in range(round(word.box.x0), round(word.box.x1), 6):
                draw.line((x, word.box.y0 + 5, x, word.box.y1 - 5), fill=20, width=2)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.insert_image(page.rect, stream=buffer.getvalue(), keep_proportion=False)
        return bytes(pdf.tobytes())


def layered(data: bytes, text: str) -> bytes:
    """Put invisible text over a page, as OCR programs do."""
    page = PageResult(1, (Block("paragraph", text, lines=rows_of(text)),), 1240, 1754, 150.0)
    with open_source(data) as source:
        result = render_output(get_format("pdf"), Document("x", (page,)), source.original)
    assert isinstance(result, bytes)
    return result


def scanned(text: str = "", *, mode: str = "L", place: tuple[float, ...] = (0, 0, 595, 842)) -> bytes:
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.insert_image(pymupdf.Rect(*place), stream=scan(mode), keep_proportion=False)
        if text:
            page.insert_textbox(pymupdf.Rect(60, 20, 540, 400), text)
        return bytes(pdf.tobytes())


def outlines() -> bytes:
    with pymupdf.open() as pdf:
        pdf.new_page().draw_circle((200, 200), 50)
        return bytes(pdf.tobytes())


def form() -> bytes:
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.insert_text((60, 60), "Name of the applicant and date of birth")
        field = pymupdf.Widget()
        field.field_name, field.field_type, field.field_value = "name", pymupdf.PDF_WIDGET_TYPE_TEXT, "Smith"
        field.rect = pymupdf.Rect(60, 80, 300, 100)
        page.add_widget(field)
        return bytes(pdf.tobytes())


def empty() -> bytes:
    with pymupdf.open() as pdf:
        pdf.new_page()
        return bytes(pdf.tobytes())


Make = Callable[[], bytes]
CASES: list[tuple[str, str, Make]] = [
    *((name, "used", lambda text=text: typed(text)) for name, text in TEXTS.items()),  # type: ignore[misc]
    *((f"font_{name}", "used", lambda name=name: typed(ENGLISH, font=name)) for name in ("tiro", "cour", "hebo")),  # type: ignore[misc]
    *((f"page_turned_{turn}", "used", lambda turn=turn: typed(ENGLISH, turn=turn)) for turn in (90, 180, 270)),  # type: ignore[misc]
    *((f"text_turned_{turn}", "used", lambda turn=turn: typed(ENGLISH, rotate=turn)) for turn in (90, 180, 270)),  # type: ignore[misc]
    ("greek", "used", lambda: lettered("Η μεγάλη αντλία έδωσε 412 λίτρα το δευτερόλεπτο " * 6)),
    ("accents", "used", lambda: lettered("Zażółć gęślą jaźń, příliš žluťoučký kůň úpěl ďábelské ódy " * 6)),
    ("word_bullets", "used", lambda: lettered("\uf0b7 " + ENGLISH)),
    ("photo", "used", lambda: scanned(ENGLISH, mode="RGB", place=(60, 500, 300, 800))),
    ("slide", "used", lambda: scanned(ENGLISH * 2, mode="RGB")),
    ("blank", "used", empty),
    ("ocr_good", "used", lambda: layered(printed(ENGLISH * 3), ENGLISH * 3)),
    ("ocr_poor", "read", lambda: layered(scanned(), "Tlie st4tion vvas i~nsp3cted oii thr.ee d@ys iNfEb rwy ;;l xq7z " * 9)),
    ("ocr_little", "read", lambda: layered(scanned(), "Page 3")),
    ("hidden_alone", "read", lambda: layered(outlines(), ENGLISH)),
    ("cid", "read", lambda: typed("(cid:12)(cid:48)(cid:7) the (cid:55) of (cid:9)(cid:101) " * 9)),
    ("glyph", "read", lambda: typed("GLYPH<c=3,font=/ABCDEF+Arial> GLYPH<24> a " * 9)),
    ("shifted", "read", lambda: typed(shifted(ENGLISH))),
    ("replaced", "read", lambda: lettered("\ufffd\ufffd\ufffd the \ufffd\ufffd of " * 20)),
    ("private", "read", lambda: lettered("".join(chr(0xE000 + ord(c)) if c != " " else c for c in ENGLISH))),
    ("consonants", "read", lambda: typed("".join(c for c in ENGLISH if c not in "aeiouy"))),
    ("symbols", "read", lambda: typed("#$ %& *+ =~ ^| <> {} [] @! " * 12)),
    ("no_text", "read", scanned),
    ("outlines", "read", outlines),
    ("scan_with_header", "read", lambda: scanned("Confidential - Exhibit 4")),
    ("half_scan", "read", lambda: scanned(ENGLISH, mode="1", place=(40, 420, 555, 800))),
    ("half_scan_grey", "read", lambda: scanned(ENGLISH, mode="L", place=(40, 420, 555, 800))),
    ("form", "read", form),
]  # fmt: skip


def decision(data: bytes) -> tuple[str, str]:
    with open_source(data, SourceOptions(text_layer="auto")) as source:
        (page,) = source
        use = page.result.text_layer if isinstance(page, ReadPage) else getattr(page, "layer_use", None)
    assert use is not None
    return use.decision, use.reason


def test_there_are_forty() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize(("name", "wanted", "make"), CASES, ids=[case[0] for case in CASES])
def test_the_decision(name: str, wanted: str, make: Make) -> None:
    found, reason = decision(make())
    assert found == wanted, reason


def test_the_user_decides_otherwise() -> None:
    garbled = typed("(cid:12)(cid:48) " * 9)
    with open_source(garbled, SourceOptions(text_layer="force")) as source:
        (page,) = source
        assert isinstance(page, ReadPage)
        assert "(cid:12)" in page.result.text
    for options in (SourceOptions(text_layer="ignore"), SourceOptions()):
        with open_source(typed(ENGLISH), options) as source:
            (page,) = source
            assert not isinstance(page, ReadPage)


def test_a_document_needs_the_model_if_one_page_does() -> None:
    options = SourceOptions(text_layer="auto")
    with pymupdf.open(stream=typed(ENGLISH)) as pdf, pymupdf.open(stream=scanned()) as more:
        pdf.insert_pdf(more)
        both = pdf.tobytes()
    with open_source(both, options) as source:
        assert source.needs_model()
        assert [isinstance(page, ReadPage) for page in source] == [True, False]
    with open_source(typed(ENGLISH), options) as source:
        assert not source.needs_model()


@pytest.mark.parametrize(("strips", "wanted"), [(12, ("read", "scan")), (4, ("used", "good"))])
def test_a_scan_in_strips_is_a_scan_though_no_strip_is_large(strips: int, wanted: tuple[str, str]) -> None:
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        for strip in range(strips):
            page.insert_image(pymupdf.Rect(0, 60 * strip, 595, 60 * strip + 60), stream=scan("RGB", (1240, 126)))
        page.insert_text((60, 820), "Scanned in the archive of the town, box 14, sheet 3")
        assert decision(pdf.tobytes()) == wanted
