"""One self-contained HTML page to check a reading by: scan and text side by side, doubts marked, lines editable.

Nothing in it needs the network, and its Content-Security-Policy forbids it. What a person corrects is saved as a file
of corrections (see `dsvl2.pipelines.review.corrections`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from dsvl2.pipelines.batch.codec import pack_result
from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult
from dsvl2.pipelines.formats.places import block_id, line_id

SCHEMA = "dsvl2/corrections/v1"
LEAST = 0.9
"""Words that are less sure than this are marked unless something else is asked for; the page can change it."""


def review_page(document: Document, images: Mapping[int, str], *, min_confidence: float | None = None) -> str:
    """Return the page. `images` holds the scans as data: addresses by page number; pages may be missing from it."""
    assets = files("dsvl2.pipelines.review") / "assets"
    style, script, html = (
        (assets / name).read_text(encoding="utf-8").strip() for name in ("review.css", "review.js", "review.html")
    )
    data = json.dumps(_record(document, images, min_confidence), ensure_ascii=True, separators=(",", ":"))
    parts = {
        "@TITLE@": escape(f"{document.source} - review"),
        "@STYLE@": style,
        "@SCRIPT@": script,
        "@DATA@": data.replace("<", "\\u003c"),
    }
    for mark in ("@TITLE@", "@STYLE@", "@SCRIPT@", "@DATA@"):
        before, found, after = html.partition(mark)
        assert found
        html = before + parts[mark] + after
    return html + "\n"


def _record(document: Document, images: Mapping[int, str], least: float | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "file": f"{PurePath(document.source).stem or 'document'}.corrections.json",
        "least": LEAST if least is None else least,
        "calibrated": any(page.calibrated for page in document.pages),
        "document": _kept(document),
        "pages": [_page(page, images.get(page.number, "")) for page in document.pages],
    }


def _kept(document: Document) -> dict[str, Any]:
    """Return all that `corrections` needs to write the document anew; the pages are packed as in a batch's manifest."""
    return {
        "name": document.source,
        "sha256": document.sha256,
        "page_count": document.page_count,
        "model": None if document.model is None else asdict(document.model),
        "options": [list(option) for option in document.options],
        "notices": [[notice.code, notice.message] for notice in document.notices],
        "pages": [base64.b64encode(pack_result(page, document.source)).decode("ascii") for page in document.pages],
    }


def _page(page: PageResult, image: str) -> dict[str, Any]:
    note = ""
    if page.error is not None:
        note = f"could not be read: {page.error.message}"
    elif page.blank:
        note = "blank"
    elif page.text_layer is not None and page.text_layer.decision == "used":
        note = "text of the PDF, not read from the scan"
    found = page.coverage
    return {
        "number": page.number,
        "width": page.width_px,
        "height": page.height_px,
        "image": image,
        "confidence": None if page.confidence is None else round(page.confidence, 3),
        "note": note,
        "blocks": [
            _block(block, page, number) for number, block in enumerate(page.blocks, 1) if block.kind != "figure"
        ],
        "missed": [_box(box) for box in found.unexplained] if found else [],
    }


def _block(block: Block, page: PageResult, number: int) -> dict[str, Any]:
    bad = page.coverage.unsupported if page.coverage else ()
    if block.lines:
        lines = [
            _line(line, line_id(page.number, number, k), (number, k) in bad) for k, line in enumerate(block.lines, 1)
        ]
    else:
        whole = Line(block.text, block.box, block.confidence)
        lines = [_line(whole, block_id(page.number, number), (number, 1) in bad)]
    return {"kind": block.kind, "level": block.level, "lines": lines}


def _line(line: Line, name: str, bad: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": name,
        "text": shown(line.text),
        "box": _box(line.box),
        "sure": _round(line.confidence),
    }
    if line.words:
        record["words"] = [[word.text, _round(word.confidence)] for word in line.words]
    if bad:
        record["bad"] = True
    return record


def shown(text: str) -> str:
    """Return a line's text as the page shows and compares it: on one line, without blanks at its ends."""
    return " ".join(text.replace("\u00a0", " ").splitlines()).strip()


def _box(box: Box | None) -> list[float] | None:
    return None if box is None else [round(side, 1) for side in (box.x0, box.y0, box.x1, box.y1)]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
