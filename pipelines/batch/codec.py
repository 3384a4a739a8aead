"""Page results and page images as bytes: for the manifest, and for the pipes between the processes.

Everything is JSON (and raw pixels), never pickle: a process that opens untrusted files must not be able to run code in
another one. A result goes through without loss, so that what is rendered from it later is the same to the byte.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

from dsvl2.pipelines.batch.requests import RequestPage
from dsvl2.pipelines.documents import (
    Block,
    Box,
    Coverage,
    Line,
    Notice,
    PageError,
    PageImage,
    PageResult,
    TextLayerUse,
    Word,
)
from dsvl2.pipelines.tables.types import TableCell, TableResult
from dsvl2.pipelines.tasks.batching import PageReading

_NAME = "\x00name\x00"
Header = dict[str, Any]


def send(pipe: Connection, header: Header, blobs: Sequence[bytes] = ()) -> None:
    """Send a header and blobs over a pipe.

    Raises:
        OSError: the other end is gone.
    """
    pipe.send_bytes(_dumps({**header, "blobs": len(blobs)}))
    for blob in blobs:
        pipe.send_bytes(blob)


def receive(pipe: Connection) -> tuple[Header, list[bytes]]:
    """Receive what `send` sent.

    Raises:
        EOFError, OSError: the other end is gone.
    """
    header: Header = json.loads(pipe.recv_bytes())
    return header, [pipe.recv_bytes() for _ in range(header["blobs"])]


def pack_image(page: PageImage) -> tuple[Header, bytes]:
    """Return a page image as a header and its pixels."""
    header = {
        "number": page.number,
        "mode": page.image.mode,
        "size": page.image.size,
        "dpi": page.dpi,
        "size_pt": page.size_pt,
        "text_layer": page.text_layer,
        "source": page.source,
        "notices": [[notice.code, notice.message] for notice in page.notices],
        "layer_use": _use(page.layer_use),
    }
    return header, page.image.tobytes()


def pack_request(page: RequestPage) -> tuple[Header, bytes]:
    """Return a request as a header and the pixels of its images, one behind the other."""
    sizes = [[image.mode, image.size] for image in page.images]
    header = {"number": page.number, "source": page.source, "dpi": page.dpi, "size": page.image.size, "notices": []}
    return {**header, "body": page.body, "images": sizes}, b"".join(image.tobytes() for image in page.images)


def _unpack_request(header: Header, pixels: bytes) -> RequestPage:
    from PIL import Image

    images, view = [], memoryview(pixels)
    for mode, (width, height) in header["images"]:
        length = width * height * len(Image.new(mode, (0, 0)).getbands())
        images.append(Image.frombytes(mode, (width, height), bytes(view[:length])))
        view = view[length:]
    shown = images[0] if images else Image.new("L", tuple(header["size"]), 255)
    return RequestPage(
        header["number"], shown, header["dpi"], source=header["source"], body=header["body"], images=tuple(images)
    )


def unpack_image(header: Header, pixels: bytes) -> PageImage:
    """Undo `pack_image` or `pack_request`."""
    from PIL import Image

    if "body" in header:
        return _unpack_request(header, pixels)
    size = header["size_pt"]
    return PageImage(
        number=header["number"],
        image=Image.frombytes(header["mode"], tuple(header["size"]), pixels),
        dpi=header["dpi"],
        size_pt=None if size is None else (size[0], size[1]),
        text_layer=header["text_layer"],
        source=header["source"],
        notices=unpack_notices(header["notices"]),
        layer_use=_unuse(header["layer_use"]),
    )


def pack_reading(reading: PageReading, source: str) -> bytes:
    """Return a reading as compressed JSON. The document's name is taken out of it: a copy of the file has another."""
    return pack_result(reading.result, source, _renamed(reading.value, source, _NAME))


def unpack_reading(blob: bytes, source: str) -> PageReading:
    """Undo `pack_reading`, with the name of the document that the reading is now part of; raises as `unpack_result`."""
    record = json.loads(zlib.decompress(blob))
    value = _renamed(record.pop("value", None), _NAME, source)
    return PageReading(_result(record, source), value)


def _renamed(value: Any, old: str, new: str) -> Any:
    """Replace strings that are a document's name."""
    if isinstance(value, str):
        return new if value == old and old else value
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    return [_renamed(item, old, new) for item in value] if isinstance(value, list) else value


def pack_result(result: PageResult, source: str, value: Any = None) -> bytes:
    """Return a result, and what a task found beside it, as compressed JSON."""
    record = {
        "number": result.number,
        "blocks": [_block(block) for block in result.blocks],
        "width_px": result.width_px,
        "height_px": result.height_px,
        "dpi": result.dpi,
        "rotation": result.rotation,
        "skew": result.skew,
        "blank": result.blank,
        "warnings": [[notice.code, _unnamed(notice.message, source)] for notice in result.warnings],
        "error": result.error
        and [result.error.code, _unnamed(result.error.message, source), _unnamed(result.error.hint, source)],
        "usage": None if result.usage is None else asdict(result.usage),
        "confidence": result.confidence,
        "calibrated": result.calibrated,
        "text_layer": _use(result.text_layer),
        "coverage": _pack_coverage(result.coverage),
    }
    if value is not None:
        record["value"] = value
    return zlib.compress(_dumps(record), 1)


def unpack_result(blob: bytes, source: str) -> PageResult:
    """Undo `pack_result`, with the name of the document that the page is now part of.

    Raises:
        ValueError, KeyError, TypeError, zlib.error: this is no packed result.
    """
    return unpack_reading(blob, source).result


def _result(record: dict[str, Any], source: str) -> PageResult:
    from dsvl2.model import Usage

    record["blocks"] = tuple(_unblock(block) for block in record["blocks"])
    record["warnings"] = tuple(Notice(code, text.replace(_NAME, source)) for code, text in record["warnings"])
    if record["error"] is not None:
        code, message, hint = record["error"]
        record["error"] = PageError(code, message.replace(_NAME, source), hint.replace(_NAME, source))
    if record["usage"] is not None:
        record["usage"] = Usage(**record["usage"])
    record["text_layer"] = _unuse(record["text_layer"])
    record["coverage"] = _unpack_coverage(record.get("coverage"))
    return PageResult(**record)


def unpack_notices(pairs: Sequence[Sequence[str]]) -> tuple[Notice, ...]:
    """Return notices from [code, message] pairs."""
    return tuple(Notice(code, message) for code, message in pairs)


def _unnamed(message: str, source: str) -> str:
    return re.sub(rf"(?<!\S){re.escape(source)}(?!\w)", _NAME, message) if source else message


def _block(block: Block) -> list[Any]:
    lines = [
        [line.text, _sides(line.box), line.confidence, [[w.text, _sides(w.box), w.confidence] for w in line.words]]
        for line in block.lines
    ]
    return [block.kind, block.text, _sides(block.box), block.level, lines, block.confidence, block.rows, _table(block)]


def _unblock(record: Sequence[Any]) -> Block:
    kind, text, box, level, lines, confidence, rows, *table = record
    read = tuple(
        Line(line, _box(sides), sure, tuple(Word(word, Box(*place), certain) for word, place, certain in words))
        for line, sides, sure, words in lines
    )
    return Block(kind, text, _box(box), level, read, confidence, tuple(tuple(row) for row in rows), _untable(table))


def _table(block: Block) -> list[Any] | None:
    table = block.table
    if table is None:
        return None
    cells = [
        [c.row, c.column, c.text, c.rowspan, c.colspan, _sides(c.box), c.confidence, c.header, c.page, c.lines]
        for c in table.cells
    ]
    notices = [[notice.code, notice.message] for notice in table.notices]
    return [table.rows, table.columns, cells, _sides(table.box), table.pages, table.edges, table.confidence, notices]


def _untable(record: Sequence[Any]) -> TableResult | None:
    """Return the table; manifests from before there were tables have none."""
    if not record or record[0] is None:
        return None
    rows, columns, cells, box, pages, edges, confidence, notices = record[0]
    made = tuple(
        TableCell(row, column, text, tall, wide, _box(place), sure, header, page, tuple(lines))
        for row, column, text, tall, wide, place, sure, header, page, lines in cells
    )
    told = tuple(Notice(*notice) for notice in notices)
    return TableResult(rows, columns, made, _box(box), tuple(pages), tuple(edges), confidence, told)


def _pack_coverage(found: Coverage | None) -> list[Any] | None:
    if found is None:
        return None
    return [found.explained, [_sides(box) for box in found.unexplained], found.unsupported]


def _unpack_coverage(record: Sequence[Any] | None) -> Coverage | None:
    if record is None:
        return None
    explained, places, lines = record
    return Coverage(explained, tuple(Box(*sides) for sides in places), tuple((block, line) for block, line in lines))


def _use(use: TextLayerUse | None) -> list[str] | None:
    return None if use is None else [use.decision, use.reason, use.message]


def _unuse(record: Sequence[Any] | None) -> TextLayerUse | None:
    return None if record is None else TextLayerUse(*record)


def _sides(box: Box | None) -> list[float] | None:
    return None if box is None else [box.x0, box.y0, box.x1, box.y1]


def _box(sides: Sequence[float] | None) -> Box | None:
    return None if sides is None else Box(*sides)


def _dumps(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":"), default=lambda value: value.item()).encode("ascii")
