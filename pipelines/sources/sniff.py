"""Tell what a file is from its first bytes. The suffix is only a hint that may be wrong."""

from __future__ import annotations

import re
from pathlib import PurePath

HEAD_BYTES = 2048

SUFFIXES: dict[str, tuple[str, ...]] = {
    "pdf": (".pdf",),
    "png": (".png", ".apng"),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "bmp": (".bmp", ".dib"),
    "gif": (".gif",),
    "heic": (".heic", ".heif", ".hif"),
    "avif": (".avif",),
    "jp2": (".jp2", ".j2k", ".jpf", ".jpx", ".jpc", ".j2c"),
}
"""Kinds of file that are read, and the suffixes they go by."""

READING = "reading"
"""The kind of a JSON file, which may be what was read before; folders are not searched for it."""
READING_SUFFIXES = (".json", ".jsonl", ".ndjson")

_BMP_HEADERS = tuple(bytes([size]) for size in (12, 40, 52, 56, 64, 108, 124))

_AVIF, _HEIF = {b"avif", b"avis"}, {b"heic", b"heix", b"heim", b"heis", b"mif1"}

_BINARY_HINTS = (
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"%!PS", "a PostScript file"),
    (b"AT&TFORM", "a DjVu file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"{\\rtf", "an RTF document"),
    (b"\x97JB2", "a JBIG2 image"),
    (b"8BPS", "a Photoshop file"),
    (b"II*\x00\x10\x00\x00\x00CR", "a camera raw file"),
)


def sniff(head: bytes) -> str | None:
    """Return the kind (a key of SUFFIXES, or READING) of a file that begins with `head`, None if it is none of them."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and head[14:15] in _BMP_HEADERS:
        return "bmp"
    if head.startswith((b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "jp2"
    if head[4:8] == b"ftyp" and (brands := _brands(head)) & (_AVIF | _HEIF):
        return "avif" if brands & _AVIF else "heic"
    if b"%PDF-" in head[:1024] or re.match(rb"\s*\d+ 0 obj\b", head):
        return "pdf"  # the header may follow up to 1024 bytes of rubbish; some writers leave it out
    if re.match(rb'(\xef\xbb\xbf)?\s*\{\s*["}]', head):
        return READING
    return None


def _brands(head: bytes) -> set[bytes]:
    """The brands that the first box of an ISO media file names: its own, and those it is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}


def describe(head: bytes) -> str:
    """Say in words what an unsupported file looks like."""
    for magic, words in _BINARY_HINTS:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a video"
    if re.match(rb"\s*<(!doctype html|html|\?xml|svg)", head, re.IGNORECASE):
        return "an HTML, XML or SVG file"
    try:
        head.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "binary data of an unknown kind"
    return "binary data of an unknown kind" if b"\0" in head else "a plain text file"


def kind_of_suffix(name: str) -> str | None:
    """Return the kind that a file name's suffix promises, None if it promises none."""
    suffix = PurePath(name).suffix.lower()
    return next((kind for kind, suffixes in SUFFIXES.items() if suffix in suffixes), None)
