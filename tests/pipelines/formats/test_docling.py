"""DoclingDocument: its tree hangs together, places are in points, and docling-core loads it where it is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.documents import Block, Box, Document, PageError, PageResult
from dsvl2.pipelines.formats import format_for_path, get_format
from dsvl2.pipelines.tables.types import TableCell, table_of


def written() -> Document:
    """Something of everything: what the tests of JSON write."""
    spec = spec_from_file_location("json_test", Path(__file__).with_name("test_json.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    document: Document = module.document()
    return document


def structured() -> Document:
    box = Box(100, 200, 300, 400)
    table = table_of(
        [TableCell(0, 0, "head", colspan=2, header=True, box=box), TableCell(1, 0, "a\nb"), TableCell(1, 1, "c")]
    )
    blocks = (
        Block("heading", "Title", box, 1),
        Block("heading", "Part", box, 1),
        Block("heading", "Section", box, 3),
        Block("list_item", "one", box),
        Block("list_item", "a) deeper", box, 1),
        Block("list_item", "b) deeper too", box, 1),
        Block("list_item", "two", box),
        Block("paragraph", "between", box),
        Block("list_item", "(3) third", box),
        Block("table", "", box, rows=table.texts(), table=table),
        Block("figure", "chart words", box, image="pics/a-1-1.png"),
    )
    pages = (
        PageResult(1, blocks, 1000, 2000, 144.0, rotation=90),
        PageResult(2, error=PageError("file_unreadable", "it is damaged")),
    )
    return Document("in/scan.heic", pages, 2, "f" * 64)


def exported(document: Document) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(get_format("docling").render(document))
    return record


def items(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("groups", "texts", "pictures", "tables"):
        yield from record[kind]


@pytest.mark.parametrize(
    "document", [written(), structured(), Document("", ())], ids=["everything", "structured", "empty"]
)
def test_every_item_hangs_on_its_parent_once(document: Document) -> None:
    record = exported(document)
    known = {item["self_ref"]: item for item in items(record)} | {"#/body": record["body"]}
    hung = [child["$ref"] for item in known.values() for child in item["children"]]
    assert sorted(hung) == sorted(set(known) - {"#/body"})
    for item in items(record):
        assert {"$ref": item["self_ref"]} in known[item["parent"]["$ref"]]["children"]


def test_places_are_in_points() -> None:
    record = exported(structured())
    assert record["pages"]["1"]["size"] == {"width": 500.0, "height": 1000.0}
    (place,) = record["texts"][0]["prov"]
    box = {"l": 50.0, "t": 100.0, "r": 150.0, "b": 200.0, "coord_origin": "TOPLEFT"}
    assert place == {"page_no": 1, "bbox": box, "charspan": [0, 5]}


def test_headings_lists_tables_and_figures_are_what_docling_calls_them() -> None:
    record = exported(structured())
    heads = [(text["label"], text.get("level"), text["text"]) for text in record["texts"][:3]]
    assert heads == [("title", None, "Title"), ("section_header", 1, "Part"), ("section_header", 2, "Section")]
    listed = [text for text in record["texts"] if text["label"] == "list_item"]
    assert [(t["marker"], t["enumerated"], t["text"], t["parent"]["$ref"]) for t in listed] == [
        ("-", False, "one", "#/groups/0"),
        ("a)", True, "deeper", "#/groups/1"),
        ("b)", True, "deeper too", "#/groups/1"),
        ("-", False, "two", "#/groups/0"),
        ("(3)", True, "third", "#/groups/2"),
    ]
    assert record["groups"][1]["parent"]["$ref"] == listed[0]["self_ref"]
    data = record["tables"][0]["data"]
    assert [[cell["text"] for cell in row] for row in data["grid"]] == [["head", "head"], ["a b", "c"]]
    assert data["table_cells"][0]["column_header"]
    (picture,) = record["pictures"]
    assert picture["image"] == {
        "mimetype": "image/png", "dpi": 144, "size": {"width": 200, "height": 200}, "uri": "pics/a-1-1.png",
    }  # fmt: skip
    assert record["origin"]["mimetype"] == "application/octet-stream"


def test_it_goes_by_name_and_by_its_own_suffix() -> None:
    assert format_for_path("out/scan.docling.json").name == get_format("DOCLING").name == "docling"
    assert format_for_path("scan.json").name == "json"


@pytest.mark.parametrize(
    "document", [written(), structured(), Document("", ())], ids=["everything", "structured", "empty"]
)
def test_docling_loads_it(document: Document, tmp_path: Path) -> None:
    core = pytest.importorskip("docling_core.types.doc", reason="no docling-core (pip install docling-core)")
    path = tmp_path / "a.docling.json"
    path.write_text(get_format("docling").render(document))
    loaded = core.DoclingDocument.load_from_json(path)
    text = loaded.export_to_markdown()
    for page in document.pages:
        for block in page.blocks:
            assert " ".join(block.text.split())[:5] in text or block.kind in ("list_item", "table", "formula")
    assert loaded.export_to_html()


def test_docling_writes_the_structure_back(tmp_path: Path) -> None:
    core = pytest.importorskip("docling_core.types.doc", reason="no docling-core (pip install docling-core)")
    path = tmp_path / "a.docling.json"
    path.write_text(get_format("docling").render(replace(structured(), pages=structured().pages[:1])))
    text = core.DoclingDocument.load_from_json(path).export_to_markdown()
    assert text.startswith("# Title\n\n## Part\n\n### Section\n\n- one\n")
    assert "| head" in text
