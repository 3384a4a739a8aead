"""Multiple choice as MMBench and MMMU are handed out: pictures inside the tables, as base64 (TSV) or bytes (Parquet)."""

from __future__ import annotations

import ast
import base64
import binascii
import csv
import hashlib
import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dsvl2.pipelines.evaluation.items import Item

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}


def read_mmbench(source: Path) -> Iterator[Item]:
    """A TSV of MMBench: index, question, hint, A, B, C, D, answer, and `image` (base64, or the index of another row's).

    Where there is an `image_path` instead, or neither, the picture lies beside the table: that name, or INDEX.jpg. A row
    without an answer, as in the test split, is left out.
    """
    csv.field_size_limit(1 << 28)
    embedded: dict[str, Path] = {}
    with source.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            letters = [letter for letter in "ABCDEFGH" if row.get(letter)]
            picture = _tsv_picture(row, source.parent, embedded)
            if not row.get("answer"):
                continue
            question = "\n".join(filter(None, (row.get("hint"), row["question"])))
            options = tuple(row[letter] for letter in letters)
            yield Item(row["index"], picture, "choice", question, letters.index(row["answer"]), options)


def _tsv_picture(row: Mapping[str, str], folder: Path, embedded: dict[str, Path]) -> Path:
    told = row.get("image") or ""
    if len(told) > 32:  # shorter ones are the index of another row
        embedded[row["index"]] = kept_picture(base64.b64decode(told))
    elif told in embedded:
        return embedded[told]
    if row["index"] in embedded:
        return embedded[row["index"]]
    name = row.get("image_path") or f"{row['index']}.jpg"
    return next((path for path in (folder / name, folder / "images" / name) if path.is_file()), folder / name)


def read_mmmu(rows: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Item]:
    """Rows of MMMU: id, question with `<image 1>`, options (a list, or its text), answer, image_1 to image_7.

    Several pictures become the pages of one document. Open questions have no options; their answer may be a list.
    """
    for number, row in enumerate(rows, 1):
        options = _listed(row["options"])
        answer = row["answer"]
        if answer in (None, "", "?"):
            continue
        name = str(row.get("id", number))
        found = [row.get(f"image_{place}") for place in range(1, 8)] + [row.get("image")]
        file = _one_file([_picture(picture, folder) for picture in found if picture])
        question = re.sub(r"\s*<image \d>\s*", " ", row["question"]).strip()
        if options:
            yield Item(name, file, "choice", question, LETTERS.index(str(answer)), tuple(map(str, options)))
        else:
            yield Item(name, file, "ask", question, tuple(map(str, _listed(answer) or [answer])))


def parquet_rows(source: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file. Raises ImportError without pyarrow."""
    from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]

    rows: list[dict[str, Any]] = parquet.read_table(source).to_pylist()
    return rows


def _listed(value: Any) -> list[Any]:
    """A list, or one that was written as its Python text; anything else is none."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return []
    return list(value) if isinstance(value, (list, tuple)) else []


def _picture(told: Any, folder: Path) -> Path:
    """A picture as bytes, base64, or a name beside the rows."""
    if isinstance(told, Mapping):
        told = told.get("bytes") or told["path"]
    if isinstance(told, bytes):
        return kept_picture(told)
    if len(told) > 400:
        try:
            return kept_picture(base64.b64decode(told, validate=True))
        except binascii.Error:
            pass
    return folder / str(told)


def _one_file(pictures: Sequence[Path]) -> Path:
    if len(pictures) < 2 or not all(path.is_file() for path in pictures):
        return pictures[0]
    from PIL import Image

    pages = [Image.open(path).convert("RGB") for path in pictures]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_deflate")
    return kept_picture(stream.getvalue(), ".tif")


def kept_picture(data: bytes, suffix: str = "") -> Path:
    """Write a picture into a folder that goes away with the program; the same bytes are the same file."""
    suffix = suffix or next((end for start, end in SUFFIXES.items() if data.startswith(start)), ".jpg")
    path = Path(_folder().name) / f"{hashlib.sha256(data).hexdigest()[:24]}{suffix}"
    if not path.exists():
        path.write_bytes(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dsvl2-eval-")
