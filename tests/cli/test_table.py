"""`dsvl2 table`: where tables go, in which format, and what is said when there are none or too many."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationRequest, GenerationResult, ModelInfo, Usage
from dsvl2_cli import engines

TABLE = "<table><tr><th>Part</th><th colspan=2>Sizes</th></tr><tr><td>Bolt</td><td>4</td><td>5,5</td></tr></table>"
INFO = ModelInfo("page", "", 0, 0, "none", "float32", "cpu", 4096, 512, "0" * 64, ReadingProfile())


class Answering:
    """A whole-page model that answers by the image's width."""

    info = INFO

    def __init__(self, answers: dict[int, str]) -> None:
        self.answers = answers

    def generate(self, requests: list[GenerationRequest]) -> list[GenerationResult]:
        texts = [self.answers[request.messages[0].images[0].size[0]] for request in requests]
        return [GenerationResult(t, (1,) * len(t), tuple(t), (0.0,) * len(t), "stop", Usage(9, 5, 1, 1)) for t in texts]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(answers: dict[int, str]) -> None:
        monkeypatch.setattr(engines, "make_engine", lambda settings: Answering(answers))
        monkeypatch.setattr(engines, "check_model", lambda name: None)

    return put


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    def make(width: int, name: str = "scan.png") -> Path:
        image = Image.new("L", (width, 200), 255)
        image.paste(0, (20, 20, 60, 60))
        image.save(tmp_path / name)
        return tmp_path / name

    return make


def test_csv_on_standard_output(dsvl2: Any, model: Any, picture: Any) -> None:
    model({300: TABLE})
    done = dsvl2("table", picture(300))
    assert (done.code, done.out) == (0, 'Part,Sizes,\nBolt,4,"5,5"\n')


def test_spans_can_be_repeated(dsvl2: Any, model: Any, picture: Any) -> None:
    model({300: TABLE})
    done = dsvl2("table", picture(300), "--spans", "repeat", "-f", "md")
    assert done.out.splitlines()[0] == "| Part | Sizes | Sizes |"


@pytest.mark.parametrize(
    ("name", "part"), [("html", '<th colspan="2">Sizes</th>'), ("tex", "\\multicolumn{2}{c}{Sizes}")]
)
def test_spans_are_kept_where_the_format_has_them(dsvl2: Any, model: Any, picture: Any, name: str, part: str) -> None:
    model({300: TABLE})
    assert part in dsvl2("table", picture(300), "-f", name).out


def test_json_is_a_format_like_the_others(dsvl2: Any, model: Any, picture: Any, tmp_path: Path) -> None:
    model({300: TABLE})
    page = picture(300)
    record = json.loads(dsvl2("table", page, "--json").out)
    assert json.loads(dsvl2("table", page, "-f", "json").out) == record
    assert dsvl2("table", page, "-o", tmp_path / "t.json").code == 0
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8")) == record


def test_a_folder_takes_one_file_per_table(dsvl2: Any, model: Any, picture: Any, tmp_path: Path) -> None:
    model({300: TABLE + TABLE, 310: TABLE})
    done = dsvl2("table", picture(300), picture(310, "other.png"), "-o", f"{tmp_path}/out/", "-f", "html")
    assert done.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["other-1.html", "scan-1.html", "scan-2.html"]


def test_two_documents_of_one_name_do_not_meet(dsvl2: Any, model: Any, picture: Any, tmp_path: Path) -> None:
    model({300: TABLE})
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        picture(300, f"{folder}/scan.png")
    done = dsvl2("table", tmp_path / "a", tmp_path / "b", "-o", f"{tmp_path}/out/")
    assert done.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scan-1.csv", "scan~2-1.csv"]


def test_several_tables_for_one_csv_get_numbers(dsvl2: Any, model: Any, picture: Any, tmp_path: Path) -> None:
    model({300: TABLE + TABLE})
    done = dsvl2("table", picture(300), "-o", tmp_path / "t.csv")
    assert done.code == 0
    assert {path.name for path in tmp_path.glob("*.csv")} == {"t-1.csv", "t-2.csv"}
    assert "t-1.csv" in done.err


def test_nothing_is_replaced_without_force(dsvl2: Any, model: Any, picture: Any, tmp_path: Path) -> None:
    model({300: TABLE})
    (tmp_path / "t.html").write_text("mine")
    done = dsvl2("table", picture(300), "-o", tmp_path / "t.html")
    assert done.code == 5
    assert (tmp_path / "t.html").read_text() == "mine"
    assert dsvl2("table", picture(300), "-o", tmp_path / "t.html", "--force").code == 0


def test_json_fits_the_schema(dsvl2: Any, model: Any, picture: Any) -> None:
    model({300: TABLE})
    record = json.loads(dsvl2("table", picture(300), "--json").out)
    Draft202012Validator(json.loads(dsvl2("schema", "table").out)).validate(record)
    assert [cell["colspan"] for cell in record["tables"][0]["cells"]] == [1, 2, 1, 1, 1]


def test_a_page_without_tables_is_an_honest_empty_result(dsvl2: Any, model: Any, picture: Any) -> None:
    model({300: "Only a letter."})
    done = dsvl2("table", picture(300))
    assert (done.code, done.out) == (0, "")
    assert "no table found on 1 page" in done.err
    assert json.loads(dsvl2("table", picture(300), "--json").out)["tables"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", "docx"), "choose csv, html, markdown, latex, xlsx"),
        (("-o", "out.docx"), "stands for no table format"),
        (("--spans", "twice"), "choose blank or repeat"),
        (("-f", "csv", "--json"), "exclude each other"),
        (("-f", "json", "-o", "out/"), "name one: -o tables.json"),
    ],
)
def test_mistakes_are_explained_before_anything_is_read(dsvl2: Any, picture: Any, arguments: Any, said: str) -> None:
    done = dsvl2("table", picture(300), *arguments)
    assert done.code == 2
    assert said in done.err + done.out


def sheets(path: Path) -> dict[str, list[str]]:
    """The sheets of a workbook with the texts of their cells."""
    with zipfile.ZipFile(path) as file:
        names = re.findall(r'<sheet name="([^"]*)"', file.read("xl/workbook.xml").decode())
        bodies = [file.read(f"xl/worksheets/sheet{n}.xml").decode() for n in range(1, len(names) + 1)]
    return {name: re.findall(r"<(?:v|t [^>]*)>([^<]*)</", body) for name, body in zip(names, bodies, strict=True)}


def test_a_workbook_holds_a_sheet_for_each_table(dsvl2: Any, model: Any, picture: Any, tmp_path: Path) -> None:
    model({300: TABLE + "\n\n" + TABLE, 310: TABLE})
    done = dsvl2("table", picture(300), picture(310, "other.png"), "-o", "all.xlsx")
    assert done.code == 0, done.err
    cells = ["Part", "Sizes", "Bolt", "4", "5.5"]
    assert sheets(Path("all.xlsx")) == {"scan 1": cells, "scan 2": cells, "other 1": cells}
    assert dsvl2("table", picture(300), picture(310, "other.png"), "-o", "out/", "-f", "xlsx").code == 0
    assert {path.name: list(sheets(path)) for path in Path("out").iterdir()} == {
        "scan.xlsx": ["Table 1", "Table 2"],
        "other.xlsx": ["Table 1"],
    }


def test_csv_quotes_what_it_must(dsvl2: Any, model: Any, picture: Any) -> None:
    model({300: '<table><tr><td>a "b"<br>c</td><td>1;2</td></tr></table>'})
    done = dsvl2("table", picture(300))
    assert list(csv.reader(io.StringIO(done.out))) == [['a "b"\nc', "1;2"]]
