"""DoclingDocument JSON, which docling and everything built on docling-core load (docling-core 2, schema 1.3).

Places are in points (pixels where a page's resolution is not known) from the top left. There is no room in it for
confidence, doubts and failed pages: a page that could not be read has a size and no items.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from dsvl2.pipelines.documents import Block, Box, Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, RenderOptions
from dsvl2.pipelines.formats.facts import item_label
from dsvl2.pipelines.tables.types import TableCell, TableResult, table_of_rows

VERSION = "1.3.0"  # the oldest with all that is used here: readers refuse what is newer than they are
MIME = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
}  # docling-core refuses types that Python's own table does not know, and that differs between versions
OTHER_MIME = "application/octet-stream"
Item = dict[str, Any]


class DoclingFormat:
    """One JSON object that `DoclingDocument.load_from_json` of docling-core reads."""

    name = "docling"
    suffixes = (".docling.json",)
    title = "DoclingDocument (JSON of docling-core)"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document as indented JSON."""
        record = _Builder(document).record()
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        return text.encode("utf-8", "replace").decode("utf-8")

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """One object needs the whole document."""
        return


class _Builder:
    """Numbers items by their kind and hangs each below its parent."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._kinds: dict[str, list[Item]] = {kind: [] for kind in ("groups", "texts", "pictures", "tables")}
        self._body = _root("body")
        self._lists: list[tuple[int, Item, Item]] = []  # level, group and last item of the lists that are open
        self._titled = False

    def record(self) -> Item:
        """Return the whole document."""
        for page in self._document.pages:
            for block in page.blocks:
                self._add_block(block, page)
        return {
            "schema_name": "DoclingDocument",
            "version": VERSION,
            "name": PurePath(self._document.source).stem or "document",
            **_origin(self._document),
            "furniture": _root("furniture"),
            "body": self._body,
            **self._kinds,
            "key_value_items": [],
            "form_items": [],
            "pages": {str(page.number): _page(page) for page in self._document.pages},
        }

    def _add_block(self, block: Block, page: PageResult) -> None:
        if block.kind == "list_item":
            self._list_item(block, page)
            return
        self._lists.clear()
        if block.kind == "table":
            self._table(block, page)
        elif block.kind == "figure":
            self._figure(block, page)
        elif block.kind == "heading":
            self._heading(block, page)
        else:
            self._add("texts", self._body, _text(block.kind, block.text, block.box, page))

    def _add(self, kind: str, parent: Item, item: Item) -> Item:
        """Append an item (a group, a text ...) to the document and to its parent's children."""
        known = self._kinds[kind]
        item = {"self_ref": f"#/{kind}/{len(known)}", "parent": {"$ref": parent["self_ref"]}, "children": [], **item}
        parent["children"].append({"$ref": item["self_ref"]})
        known.append(item)
        return item

    def _heading(self, block: Block, page: PageResult) -> None:
        """The first heading of the highest level is the title; docling counts the levels of sections below it."""
        level = max(block.level, 1)
        kind = "section_header" if self._titled or level > 1 else "title"
        self._titled = True
        item = _text(kind, block.text, block.box, page)
        self._add("texts", self._body, item if kind == "title" else {**item, "level": min(max(level - 1, 1), 100)})

    def _list_item(self, block: Block, page: PageResult) -> None:
        """A deeper item begins a list below the item before it."""
        while self._lists and self._lists[-1][0] > block.level:
            self._lists.pop()
        if self._lists and self._lists[-1][0] == block.level:
            group = self._lists.pop()[1]
        else:
            parent = self._lists[-1][2] if self._lists else self._body
            group = self._add("groups", parent, {"content_layer": "body", "name": "list", "label": "list"})
        label, text = item_label(block.text) or ("-", block.text)
        item = _text("list_item", text, block.box, page) | {"orig": block.text}
        made = self._add("texts", group, {**item, "enumerated": label != "-", "marker": label})
        self._lists.append((block.level, group, made))

    def _figure(self, block: Block, page: PageResult) -> None:
        item = self._add("pictures", self._body, _floating("picture", block.box, page) | {"annotations": []})
        if block.image is not None and block.box is not None:
            wide, high = round(block.box.x1 - block.box.x0), round(block.box.y1 - block.box.y0)
            size = {"width": high, "height": wide} if page.rotation in (90, 270) else {"width": wide, "height": high}
            item["image"] = {"mimetype": "image/png", "dpi": round(page.dpi) or 72, "size": size, "uri": block.image}
        if block.text.strip():  # not below the picture: docling's own exports leave out what stands there
            self._add("texts", self._body, _text("text", block.text, block.box, page))

    def _table(self, block: Block, page: PageResult) -> None:
        table = block.table or table_of_rows(block.rows or [[block.text]])
        item = _floating("table", block.box, page)
        self._add("tables", self._body, {**item, "data": _grid(table, page), "annotations": []})


def _root(name: str) -> Item:
    return {"self_ref": f"#/{name}", "children": [], "content_layer": name, "name": "_root_", "label": "unspecified"}


def _origin(document: Document) -> Item:
    if document.sha256 is None:
        return {}
    path = PurePath(document.source)
    digest = int(document.sha256, 16) & (2**64 - 1)  # as docling makes a number of it
    return {
        "origin": {
            "mimetype": MIME.get(path.suffix.lower(), OTHER_MIME),
            "binary_hash": digest,
            "filename": path.name or "document",
        }
    }


def _page(page: PageResult) -> Item:
    scale = _scale(page)
    size = {"width": round(page.width_px * scale, 2), "height": round(page.height_px * scale, 2)}
    return {"size": size, "page_no": page.number}


def _text(kind: str, text: str, box: Box | None, page: PageResult) -> Item:
    return {
        "content_layer": "body",
        "label": kind,
        "prov": _places(box, page, len(text)),
        "orig": text,
        "text": text,
        **({"captions": [], "references": [], "footnotes": [], "code_language": "unknown"} if kind == "code" else {}),
    }


def _floating(kind: str, box: Box | None, page: PageResult) -> Item:
    lists: Item = {"captions": [], "references": [], "footnotes": []}
    return {"content_layer": "body", "label": kind, "prov": _places(box, page, 0), **lists}


def _grid(table: TableResult, page: PageResult) -> Item:
    cells = [_cell(cell, page) for cell in table.cells]
    grid: list[list[Item]] = [[{}] * table.columns for _ in range(table.rows)]
    for cell, item in zip(table.cells, cells, strict=True):
        for row, column in cell.places:
            grid[row][column] = item
    return {"table_cells": cells, "num_rows": table.rows, "num_cols": table.columns, "grid": grid}


def _cell(cell: TableCell, page: PageResult) -> Item:
    return {
        **({} if cell.box is None else {"bbox": _box(cell.box, page)}),
        "row_span": cell.rowspan,
        "col_span": cell.colspan,
        "start_row_offset_idx": cell.row,
        "end_row_offset_idx": cell.row + cell.rowspan,
        "start_col_offset_idx": cell.column,
        "end_col_offset_idx": cell.column + cell.colspan,
        "text": " ".join(cell.text.split()),
        "column_header": cell.header,
        "row_header": False,
        "row_section": False,
    }


def _places(box: Box | None, page: PageResult, characters: int) -> list[Item]:
    if box is None:
        return []
    return [{"page_no": page.number, "bbox": _box(box, page), "charspan": [0, characters]}]


def _box(box: Box, page: PageResult) -> Item:
    scale = _scale(page)
    sides: Iterable[tuple[str, float]] = zip("ltrb", (box.x0, box.y0, box.x1, box.y1), strict=True)
    return {**{name: round(side * scale, 2) for name, side in sides}, "coord_origin": "TOPLEFT"}


def _scale(page: PageResult) -> float:
    return 72 / page.dpi if page.dpi > 0 else 1.0
