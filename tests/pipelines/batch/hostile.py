"""A program that makes some 220 hostile files and a few good ones, and runs one batch over them; see test_hostile.py.

    hostile.py FOLDER

Prints JSON: the state and code of every document, whether the good ones' outputs are right, the children's peak memory.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationResult, ModelInfo, Usage
from dsvl2.pipelines import batch, get_format, read_document

MEMORY = 1_500_000_000


class Instant:
    """Reads every page as its size."""

    info = ModelInfo("scripted", "", 0, 0, "none", "float32", "cpu", 4096, 512, "0" * 64, ReadingProfile())

    def generate(self, requests: Any) -> list[GenerationResult]:
        return [self._answer(*request.messages[0].images[0].size) for request in requests]

    def _answer(self, width: int, height: int) -> GenerationResult:
        text = f"It is {width} by {height} pixels.\n"
        return GenerationResult(text, (1,), (text,), (0.0,), "stop", Usage(9, 5, 1, 1))


def pdf(pages: int, **save: Any) -> bytes:
    import pymupdf

    document = pymupdf.open()
    for number in range(pages):
        page = document.new_page(width=150 + number, height=90)
        page.draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
        page.insert_text((10, 70), f"page {number}", fontsize=9)
    return bytes(document.tobytes(**save))


def picture(kind: str, **save: Any) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("L", (140, 90), 255)
    ImageDraw.Draw(image).rectangle((8, 8, 60, 40), fill=0)
    buffer = io.BytesIO()
    image.save(buffer, kind, **save)
    return buffer.getvalue()


def mixed_tiff() -> bytes:
    from PIL import Image

    first, second = Image.new("1", (100, 50), 1), Image.new("CMYK", (60, 80))
    first.paste(0, (10, 10, 40, 30))
    second.paste((0, 0, 0, 255), (10, 10, 40, 30))
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=[second, Image.new("I;16", (70, 70), 9)])
    return buffer.getvalue()


def png_header(width: int, height: int, rows: int) -> bytes:
    """A 1-bit grey PNG that promises a size and holds so many empty rows, compressed a thousandfold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    body = zlib.compress(b"\0" * ((width + 7) // 8 + 1) * rows, 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pdf_of(objects: list[bytes]) -> bytes:
    """A PDF without a cross-reference table, which readers rebuild."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, data) for number, data in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    pages = [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"] * count
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids), *pages])


def bomb(operators: bytes, size: int) -> bytes:
    """A PDF page whose contents unpack to `size` bytes."""
    once = zlib.compress(operators * (size // len(operators)), 9)
    tree = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>"]
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>"
    return pdf_of([*tree, page, b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(once), once)])


def make_files(folder: Path) -> dict[str, bytes]:
    """Write the files; return the good ones."""
    chance, whole = random.Random(5), pdf(4)
    files: dict[str, bytes] = {}
    for number in range(60):
        files[f"cut/{number}.pdf"] = whole[: 1 + len(whole) * number // 60]
        flipped = bytearray(whole)
        for _ in range(1 + number // 4):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        files[f"flipped/{number}.pdf"] = bytes(flipped)
    for number, kind in enumerate(("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP") * 8):
        data = bytearray(picture(kind))
        if number % 2:
            data = data[: len(data) * (number + 1) // 49]
        else:
            data[chance.randrange(8, len(data))] ^= 255
        files[f"pictures/{number}.{kind.lower()}"] = bytes(data)
    for number in range(6):
        files[f"locked/{number}.pdf"] = pdf(2, encryption=4 + number % 2, user_pw="u", owner_pw="o")
        files[f"empty/{number}.pdf"] = b""
        files[f"text/{number}.pdf"] = b"This is no PDF.\n" * number
        files[f"zip/{number}.png"] = b"PK\x03\x04" + os.urandom(100)
        files[f"noise/{number}.tif"] = os.urandom(2000)
        files[f"head/{number}.pdf"] = b"%PDF-1.7\n" + os.urandom(500)
    files["big/header.png"] = png_header(50_000, 50_000, 1)
    files["big/within-limit.png"] = png_header(12_000, 12_000, 12_000)
    files["big/paint.pdf"] = bomb(b"0 0 9 9 re f ", 20_000_000)
    files["big/push.pdf"] = bomb(b"q ", 200_000_000)
    files["big/pages.pdf"] = many_pages(10_000)
    files["big/paper.pdf"] = pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/MediaBox[0 0 9e9 9e9]>>",
        ]
    )
    good = {
        "good/plain.pdf": whole,
        "good/many.pdf": pdf(30),
        "good/is-a-png.pdf": picture("PNG"),
        "good/is-a-pdf.jpg": pdf(2),
        "good/mixed.tif": mixed_tiff(),
        "good/two\nlines.pdf": pdf(1),
        os.fsdecode(b"good/latin-\xe9\xff.pdf"): pdf(3),
        "good/" + "long" * 60 + ".png": picture("PNG"),
    }
    for name, data in {**files, **good}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "good" / "secret.pdf").write_bytes(whole)
    (folder / "good" / "secret.pdf").chmod(0)
    (folder / "dead.pdf").symlink_to("nowhere.pdf")
    return good


def main() -> None:
    base = Path(sys.argv[1])
    good = make_files(base / "in")
    words = [base / "in", base / "in" / "dead.pdf", base / "in" / "absent.pdf"]
    markdown = get_format("markdown")
    with batch.RunFolder.begin(base / "run") as folder:
        files = batch.plan_files(words, target=lambda path: base / "out" / path.with_name(path.name + ".md"))
        options = batch.BatchOptions(decoders=2, decode_memory=MEMORY, decode_seconds=20)
        output = batch.OutputPlan(markdown, tree=True)
        counts = batch.run_batch(folder, files, output, batch.EngineSpec((Instant,), "instant"), options=options)
        rows = folder.manifest.db.execute("SELECT name, state, code FROM documents").fetchall()
        pages = folder.manifest.db.execute("SELECT DISTINCT code FROM results WHERE code IS NOT NULL").fetchall()
        problems = [notice.message for notice in batch.verify_run(folder.manifest)]
    wrong = []
    for name in good:
        path, out = base / "in" / name, base / "out" / (name + ".md")
        text = markdown.render(read_document(path, Instant()))
        if not out.is_file() or out.read_bytes() != text.encode():
            wrong.append(repr(name))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    below = len(str(base / "in")) + 1
    documents = {name[below:]: [state, code] for name, state, code in rows}
    leftovers = [str(path) for path in (base / "out").rglob("*.part")]
    facts = {"documents": documents, "page_codes": [code for (code,) in pages], "wrong": wrong, "peak": peak}
    print(json.dumps({**facts, "problems": problems, "leftovers": leftovers, "done": counts.documents_done}))


if __name__ == "__main__":
    main()
