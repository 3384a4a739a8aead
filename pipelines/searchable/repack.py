"""A PDF file written anew in fewer bytes: the same objects, in object streams, and the same pixels, packed harder."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from dsvl2.pipelines.searchable.images import MOST_JPEG, MOST_PIXELS
from dsvl2.pipelines.searchable.jbig2 import jbig2
from dsvl2.pipelines.searchable.jpeg_codes import fitted_codes
from dsvl2.pipelines.searchable.jpeg_notes import without_notes
from dsvl2.pipelines.searchable.objects import NewPdf, deflated, deflated_twice
from dsvl2.pipelines.searchable.syntax import entries_of, joined

_MOST_DEFLATE = 4_000_000  # bytes of a stream, unpacked, up to which it is packed again
_FLATE = "[/FlateDecode]"
_ID = re.compile(r"/ID\s*\[\s*<([0-9A-Fa-f]+)>\s*<[0-9A-Fa-f]+>\s*\]")
_HOW = ("Filter", "DecodeParms")
_PNG_KINDS = {1: "L", 3: "RGB"}

Packed = dict[bytes, tuple[bytes, str] | None]
"""What was found before, by what it was made of."""


def collected(data: bytes) -> bytes:
    """Return the file without what nothing points to, its objects in object streams; as PyMuPDF writes it."""
    pymupdf: Any = importlib.import_module("pymupdf")
    with pymupdf.open(stream=data, filetype="pdf") as pdf:
        return bytes(pdf.tobytes(garbage=3, deflate=True, use_objstms=1))


def repacked(data: bytes, known: Packed | None = None) -> bytes:
    """Return the file with every stream as small as this program can make it; `collected` where that is smaller.

    known: takes what was packed, for the same file with other text.
    """
    pymupdf: Any = importlib.import_module("pymupdf")
    with pymupdf.open(stream=data, filetype="pdf") as pdf:
        plain = bytes(pdf.tobytes(garbage=3, no_new_id=True))
    with pymupdf.open(stream=plain, filetype="pdf") as pdf:
        anew, pages = _written(pdf, {} if known is None else known), pdf.page_count
    with pymupdf.open(stream=anew, filetype="pdf") as pdf:
        whole = pdf.page_count == pages and not pdf.is_repaired
    other = collected(data)
    return anew if whole and len(anew) < len(other) else other


def _written(pdf: Any, known: Packed) -> bytes:
    objects = NewPdf()
    for number in range(1, pdf.xref_length()):
        if pdf.xref_is_stream(number):
            _copy_stream(pdf, number, objects, known)
        elif (text := pdf.xref_object(number, compressed=True, ascii=True)) != "null":
            objects.put(objects.reserve(), text)
        else:
            objects.reserve()
    trailer = entries_of(pdf.pdf_trailer(compressed=True, ascii=True))
    more = joined({key: trailer[key] for key in ("Info", "ID") if key in trailer})
    if again := _ID.search(more):  # the second name is this version's: as long as the first is enough
        name = hashlib.sha256(repr(sorted(known)).encode() + again[0].encode()).hexdigest()
        more = more[: again.start()] + f"/ID[<{again[1]}><{name[: max(len(again[1]), 8)]}>]" + more[again.end() :]
    version = re.match(r"PDF (\d\.\d)", pdf.metadata["format"])
    return objects.to_bytes(
        int(trailer["Root"].split()[0]), more, version=max(version[1] if version else "", "1.5"), mark=False
    )


def _copy_stream(pdf: Any, number: int, objects: NewPdf, known: Packed) -> None:
    entries = entries_of(pdf.xref_object(number, compressed=True, ascii=True))
    raw = bytes(pdf.xref_stream_raw(number))
    key = hashlib.sha256(raw + repr(sorted(entries.items())).encode()).digest()
    filters = entries.get("Filter", "").strip("[] ")
    if key not in known:
        known[key] = _harder(pdf, number, entries, raw)
    found = known[key]
    gone = {"Length"}
    if found is not None and len(found[0]) + len(found[1]) < len(raw) + len(filters):
        gone.update(_HOW)
    else:
        found = (raw, "")
    kept = joined({key: value for key, value in entries.items() if key not in gone})
    objects.put_stream(found[0], kept + found[1], pack=False)


def _harder(pdf: Any, number: int, entries: Mapping[str, str], raw: bytes) -> tuple[bytes, str] | None:
    """Return a stream's data packed harder, with the entries that say how; None where nothing is known to do it."""
    filters = entries.get("Filter", "").strip("[] ")
    if filters == "/DCTDecode":
        return _jpeg(raw, entries.get("DecodeParms", "").strip("[] "))
    if (
        "F" in entries or entries.get("Type") == "/Metadata"
    ):  # in another file; to be found by programs that know no PDF
        return None
    if "/JBIG2Globals" in entries.get("DecodeParms", ""):  # has what it shares with other pictures
        return None
    if filters not in ("", "/FlateDecode", "/CCITTFaxDecode", "/LZWDecode", "/RunLengthDecode", "/JBIG2Decode"):
        return None
    data = bytes(pdf.xref_stream(number))
    if len(data) > _MOST_DEFLATE:
        return None
    tries = [(deflated(data), "/Filter/FlateDecode")]
    keys = ("Subtype", "Width", "Height", "BitsPerComponent", "ImageMask")
    kind, width, height, depth, mask = (pdf.xref_get_key(number, key)[1] for key in keys)
    if kind == "/Image" and width.isdigit() and height.isdigit():
        tries += _picture(data, int(width), int(height), "1" if mask == "true" else depth)
        tries += [deflated_twice(*one) for one in tries if one[1].startswith("/Filter/FlateDecode")]
    return min(tries, key=lambda one: len(one[0]) + len(one[1]))


def _jpeg(raw: bytes, parameters: str) -> tuple[bytes, str]:
    data = without_notes(raw)
    data = fitted_codes(data) or data if len(data) <= MOST_JPEG else data
    packed = deflated(data)
    if len(packed) + len(_FLATE) < len(data):
        return packed, "/Filter[/FlateDecode/DCTDecode]" + (f"/DecodeParms[null {parameters}]" if parameters else "")
    return data, "/Filter/DCTDecode" + (f"/DecodeParms {parameters}" if parameters else "")


def _picture(data: bytes, width: int, height: int, depth: str) -> list[tuple[bytes, str]]:
    """Return packings of the samples of a picture (PDF 32000-1, 8.9.5.2)."""
    row = -(-width // 8)
    if depth == "1" and len(data) == row * height and width * height <= MOST_PIXELS:
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(height, row), axis=1)[:, :width]
        return [(jbig2(bits == 0), "/Filter/JBIG2Decode")]
    colours, rest = divmod(len(data), max(width * height, 1))
    if depth != "8" or rest or colours not in _PNG_KINDS:
        return []
    buffer = BytesIO()
    Image.frombytes(_PNG_KINDS[colours], (width, height), data).save(buffer, "PNG", optimize=True)
    png, parts, place = buffer.getvalue(), b"", 8
    while place + 8 <= len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        parts += png[place + 8 : place + 8 + length] if png[place + 4 : place + 8] == b"IDAT" else b""
        place += 12 + length
    return [(parts, f"/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors {colours}/Columns {width}>>")]
