"""HTML, hOCR and ALTO of odd documents keep to their specifications; real validators are asked too where they are.

`ALTO_XSD` names the schema file of the Library of Congress (github.com/altoxml/schema, v4/alto-4-4.xsd, its import of
xlink pointing to a local copy); `hocr-check` is of hocr-tools; `VNU_JAR` names the W3C's checker of HTML.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dsvl2.pipelines.documents import Block, BlockKind, Box, Document, Line, PageError, PageResult
from dsvl2.pipelines.formats import RenderOptions, get_format

LETTERS = "abc XYZ 012 <&>\"'{}$%#_~^\\ é ß … – “x” \u2212 ≤ α 漢 \x0b \ufffe 😀 \t"
KINDS: tuple[BlockKind, ...] = ("heading", "paragraph", "list_item", "table", "figure", "code", "formula")
SEEDS = range(40)

# ALTO 4.4: for the elements that are written, what may be in them in this order, and their attributes ("!" required).
TEXT, NUMBER, UNIT = r"[^\x00]*", r"-?\d+(\.\d+)?", r"0(\.\d+)?|1(\.0+)?"
BOX = {"HPOS": NUMBER, "VPOS": NUMBER, "!WIDTH": NUMBER, "!HEIGHT": NUMBER}
ALTO: dict[str, tuple[str, dict[str, str]]] = {
    "alto": ("Description Layout ", {"{http://www.w3.org/2001/XMLSchema-instance}schemaLocation": TEXT}),
    "Description": ("MeasurementUnit sourceImageInformation (Processing )*", {}),
    "MeasurementUnit": ("", {}),
    "sourceImageInformation": ("fileName ", {}),
    "fileName": ("", {}),
    "Processing": ("(processingStepSettings )?(processingSoftware )?", {"!ID": r"[\w.-]+"}),
    "processingStepSettings": ("", {}),
    "processingSoftware": ("(softwareName )?", {}),
    "softwareName": ("", {}),
    "Layout": ("(Page )+", {}),
    "Page": ("(PrintSpace )?", {"!ID": r"[\w.-]+", "!PHYSICAL_IMG_NR": r"\d+", "WIDTH": NUMBER, "HEIGHT": NUMBER, "PC": UNIT}),
    "PrintSpace": ("((TextBlock|Illustration) )*", BOX),
    "Illustration": ("", {"!ID": r"[\w.-]+", **BOX}),
    "TextBlock": ("(TextLine )+", {"!ID": r"[\w.-]+", "ROTATION": NUMBER, **BOX}),
    "TextLine": ("String (SP String )*", {"ID": r"[\w.-]+", **BOX}),
    "String": ("", {"ID": r"[\w.-]+", "!CONTENT": r"[^\x00]+", "WC": UNIT, **BOX}),
    "SP": ("", {"HPOS": NUMBER, "VPOS": NUMBER, "WIDTH": NUMBER}),
}  # fmt: skip


def odd_document(seed: int) -> Document:
    """Blocks of every kind with missing, negative and overlapping boxes, ragged tables and characters of all sorts."""
    draw = random.Random(seed)

    def text(most: int = 30) -> str:
        return "".join(draw.choice(LETTERS) for _ in range(draw.randint(0, most)))

    def box() -> Box | None:
        x, y = draw.uniform(-9, 900), draw.uniform(-9, 900)
        return draw.choice([None, Box(x, y, x + draw.uniform(0, 300), y + draw.uniform(0, 90))])

    def block() -> Block:
        kind = draw.choice(KINDS)
        lines = tuple(Line(text(), box(), draw.choice([None, 0.5, 1.2])) for _ in range(draw.randint(0, 3)))
        rows = [tuple(text(8) for _ in range(draw.randint(0, 4))) for _ in range(draw.randint(0, 4))]
        return Block(kind, text(60), box(), draw.randint(0, 9), lines, rows=tuple(rows) if kind == "table" else ())

    page = PageResult(
        1, tuple(block() for _ in range(draw.randint(0, 9))), 1000, 1000, 150.0,
        rotation=draw.choice([0, 90, 180, 270]), skew=draw.uniform(-3, 3), confidence=draw.choice([None, 0.3, 1.0]),
    )  # fmt: skip
    return Document(text(12), (page, PageResult(2, error=PageError("x", text())), PageResult(3, blank=True)))


def rendered(name: str, seed: int) -> str:
    options = RenderOptions(page_markers=seed % 2 == 0, front_matter=seed % 3 == 0)
    result = get_format(name).render(odd_document(seed), options)
    assert isinstance(result, str)
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_alto_keeps_to_elements_and_attributes_of_version_4(seed: int) -> None:
    space = "{http://www.loc.gov/standards/alto/ns-v4#}"
    tree = ElementTree.fromstring(rendered("alto", seed))
    for element in tree.iter():
        name = element.tag.removeprefix(space)
        children, attributes = ALTO[name]
        assert re.fullmatch(children, "".join(child.tag.removeprefix(space) + " " for child in element)), name
        known = {key.removeprefix("!"): pattern for key, pattern in attributes.items()}
        assert {key[1:] for key in attributes if key.startswith("!")} <= set(element.keys()) <= set(known), name
        assert all(re.fullmatch(known[key], value) for key, value in element.items()), (name, element.attrib)
    ids = Counter(value for element in tree.iter() if (value := element.get("ID")))
    assert set(ids.values()) <= {1}


def test_alto_is_valid_for_the_published_schema(tmp_path: Path) -> None:
    schema = os.environ.get("ALTO_XSD")
    if not schema:
        pytest.skip("ALTO_XSD names no schema")
    etree = pytest.importorskip("lxml.etree")
    valid = etree.XMLSchema(etree.parse(schema))
    for seed in SEEDS:
        valid.assertValid(etree.fromstring(rendered("alto", seed).encode()))


PROPERTY = re.compile(
    r'bbox \d+ \d+ \d+ \d+|image "[^"]*"|ppageno \d+|scan_res \d+ \d+|textangle -?\d+(\.\d+)?|x_wconf (100|\d{1,2})'
)
INSIDE = {
    "ocr_page": (None,), "ocr_carea": ("ocr_page",), "ocr_photo": ("ocr_page",), "ocr_par": ("ocr_carea",),
    "ocr_line": ("ocr_par",), "ocrx_word": ("ocr_line",),
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_hocr_keeps_to_the_rules_of_version_1_2(seed: int) -> None:
    """Sections 3 (properties in `title`), 4 to 6 (elements and where they may be) and 9 (metadata) of the specification."""
    tree = ElementTree.fromstring(rendered("hocr", seed))
    space = "{http://www.w3.org/1999/xhtml}"
    facts = {meta.get("name"): meta.get("content") for meta in tree.iter(space + "meta")}
    assert facts["ocr-system"]
    told = set((facts["ocr-capabilities"] or "").split())
    parents = {child: parent for parent in tree.iter() for child in parent}
    for element in tree.iter():
        kind = element.get("class")
        if kind is None:
            continue
        assert kind in told
        assert parents[element].get("class") in INSIDE[kind]
        title = element.get("title") or ""
        assert all(PROPERTY.fullmatch(part.strip()) for part in re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', title)), title
        x0, y0, x1, y1 = map(int, re.findall(r"bbox (\d+) (\d+) (\d+) (\d+)", title)[0])
        assert x0 <= x1
        assert y0 <= y1
        if "x_wconf" in title:
            assert "ocrp_wconf" in told
    ids = Counter(value for element in tree.iter() if (value := element.get("id")))
    assert set(ids.values()) <= {1}


def test_hocr_check_finds_no_fault(tmp_path: Path) -> None:
    if not shutil.which("hocr-check"):
        pytest.skip("no hocr-check (pip install hocr-tools)")
    path = tmp_path / "a.hocr"
    path.write_text(rendered("hocr", 3), encoding="utf-8")  # boxes overlap: that check is for real pages
    done = subprocess.run(["hocr-check", "--nooverlap", path], check=True, capture_output=True, text=True)
    assert "not ok" not in done.stdout


def test_html_parses_strictly() -> None:
    html5lib = pytest.importorskip("html5lib")
    for seed in SEEDS:
        html5lib.HTMLParser(strict=True).parse(rendered("html", seed))


def test_html_has_a_title_and_no_empty_row() -> None:
    for seed in SEEDS:
        text = rendered("html", seed)
        assert re.search(r"<title>[^<]*\S[^<]*</title>", text)
        assert "<tr></tr>" not in text


def test_headings_of_html_skip_no_level() -> None:
    levels = (2, 4, 4, 6, 3, 1, 6, 2)
    blocks = tuple(Block("heading", f"h {level}", level=level) for level in levels)
    text = get_format("html").render(Document("x", (PageResult(1, blocks[:4]), PageResult(2, blocks[4:]))))
    assert [int(level) for level in re.findall(r"<h(\d) ", text)] == [2, 3, 3, 4, 3, 1, 2, 2]


def test_the_checker_of_the_w3c_finds_no_fault(tmp_path: Path) -> None:
    jar = os.environ.get("VNU_JAR")
    if not jar or not shutil.which("java"):
        pytest.skip("VNU_JAR names no checker, or there is no Java")
    for seed in SEEDS:
        (tmp_path / f"{seed}.html").write_text(rendered("html", seed), encoding="utf-8")
    command = ["java", "-jar", jar, "--errors-only", *sorted(tmp_path.glob("*.html"))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
