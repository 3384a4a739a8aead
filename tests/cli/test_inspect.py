"""`dsvl2 inspect`, `models` and `doctor`: facts about documents, models and the machine, without running a model."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., Path]


@pytest.fixture
def bands_model(tmp_path: Path) -> Path:
    """The files of a model that reads bands, with one small tensor for weights."""
    from dsvl2.pipelines.training import nano

    folder = tmp_path / "bands"
    nano.write_files(folder)
    header = json.dumps({"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(24))
    return folder


@pytest.fixture
def page_model(bands_model: Path) -> Path:
    """The same, for a model that reads whole pages."""
    (bands_model / "reading.json").unlink()
    return bands_model


def test_a_page_that_is_cut_into_bands(dsvl2: Any, sample_scan: Path, bands_model: Path) -> None:
    done = dsvl2("inspect", sample_scan, "--model", bands_model, "--json")
    assert done.code == 0
    record = json.loads(done.out)
    assert record["schema"] == "dsvl2/inspect/v1"
    assert (record["kind"], record["page_count"]) == ("pdf", 1)
    (page,) = record["pages"]
    assert (page["width_px"], page["height_px"], page["text_characters"]) == (1654, 2339, 0)
    assert page["images"] == sum(page["grids"].values()) > 1
    assert abs(page["skew"]) == pytest.approx(0.4, abs=0.1)


def test_a_page_that_is_read_whole_is_one_image(dsvl2: Any, sample_scan: Path, page_model: Path) -> None:
    (page,) = json.loads(dsvl2("inspect", sample_scan, "--model", page_model, "--json").out)["pages"]
    assert page["images"] == 1
    assert sum(page["grids"].values()) == 1


def test_the_token_count_is_the_models_own() -> None:
    from dsvl2.model.layout import token_count
    from dsvl2_cli.measuring import image_tokens

    for side in (12, 14):
        for columns, rows in ((1, 1), (3, 1), (1, 3), (2, 4)):
            assert image_tokens(side, columns, rows) == token_count(side, columns, rows)


def test_the_table_has_a_row_a_page(dsvl2: Any, pdf: Make, page_model: Path) -> None:
    done = dsvl2("inspect", pdf(widths=(100, 110, 120)), "--pages", "2-3", "--model", page_model)
    assert done.code == 0
    first, header, *rows = done.out.splitlines()
    assert first.endswith("pdf, 3 pages")
    assert header.split()[0] == "page"
    assert [row.split()[0] for row in rows] == ["2", "3"]


def test_a_text_layer_is_counted(dsvl2: Any, tmp_path: Path, page_model: Path) -> None:
    import pymupdf

    document = pymupdf.open()
    document.new_page(width=200, height=100).insert_text((20, 50), "born digital")
    document.save(tmp_path / "text.pdf")
    (page,) = json.loads(dsvl2("inspect", tmp_path / "text.pdf", "--model", page_model, "--json").out)["pages"]
    assert page["text_characters"] == 11


def test_inspect_does_not_import_torch(sample_scan: Path, bands_model: Path) -> None:
    code = (
        "import sys; from dsvl2_cli.app import run\n"
        f"code = run(['inspect', {str(sample_scan)!r}, '--model', {str(bands_model)!r}])\n"
        "sys.exit(code or ('torch' in sys.modules) * 99)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "exit_code", "code"),
    [
        ("nosuch.pdf", None, 4, "file_missing"),
        ("zero.pdf", b"", 4, "file_empty"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj", 4, "file_unreadable"),
        ("text.pdf", b"Dear Sir", 4, "file_unsupported"),
    ],
)
def test_bad_input(name: str, content: bytes | None, exit_code: int, code: str, dsvl2: Any, page_model: Path) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    done = dsvl2("inspect", name, "--model", page_model)
    assert done.code == exit_code
    assert f"error[{code}]" in done.err
    assert "hint: " in done.err


def test_models_in_a_folder_are_listed(dsvl2: Any, bands_model: Path) -> None:
    done = dsvl2("models", "list", bands_model.parent)
    assert done.code == 0
    assert str(bands_model) in done.out


def test_models_in_the_hugging_face_cache_are_listed_and_found(
    dsvl2: Any, bands_model: Path, empty_home: Path, sample_scan: Path
) -> None:
    snapshot = empty_home / "hub" / "models--deepseek-ai--deepseek-vl2-tiny" / "snapshots" / "abc"
    snapshot.parent.mkdir(parents=True)
    bands_model.rename(snapshot)
    other = empty_home / "hub" / "models--gpt--two" / "snapshots" / "abc"
    other.mkdir(parents=True)
    (other / "config.json").write_text('{"model_type": "gpt2"}')
    names = [model["name"] for model in json.loads(dsvl2("models", "list", "--json").out)["models"]]
    assert "deepseek-ai/deepseek-vl2-tiny" in names
    assert "gpt/two" not in names
    assert dsvl2("inspect", sample_scan, "--model", "deepseek-ai/deepseek-vl2-tiny").code == 0


def test_show_describes_a_model(dsvl2: Any, bands_model: Path) -> None:
    record = json.loads(dsvl2("models", "show", bands_model, "--json").out)
    assert record["attention"] == "multi-head latent"
    assert (record["tensors"], record["weight_bytes"], record["files"]) == (1, 24, "no checksums")


def test_a_model_that_differs_from_its_checksums_ends_with_code_7(dsvl2: Any, bands_model: Path) -> None:
    (bands_model / "SHA256SUMS").write_text(f"{'0' * 64}  config.json\n")
    done = dsvl2("models", "show", bands_model)
    assert done.code == 7
    assert "config.json differs from its checksum" in done.err


def test_weights_that_are_cut_short_are_found_in_the_header(dsvl2: Any, bands_model: Path) -> None:
    weights = bands_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    done = dsvl2("models", "show", bands_model)
    assert done.code == 7
    assert "error[bad_weights]" in done.err


def test_doctor_reports_what_is_here(dsvl2: Any) -> None:
    record = json.loads(dsvl2("doctor", "--json").out)
    assert record["schema"] == "dsvl2/doctor/v1"
    assert record["report"]["decode steps"].split(":")[0] in ("compiled", "absent")
    report = record["report"]
    assert report["library torch"]
    assert report["cores"] >= 1
    assert {"python", "system", "gpu", "model cache", "configuration"} <= set(report)


def test_doctor_says_when_the_embedded_model_is_broken(dsvl2: Any, bands_model: Path, monkeypatch: Any) -> None:
    from dsvl2_cli import packaged

    (bands_model / "SHA256SUMS").write_text(f"{'0' * 64}  model.safetensors\n")
    monkeypatch.setattr(packaged, "embedded_models", lambda: {"nano": bands_model})
    done = dsvl2("doctor")
    assert done.code == 7
    assert "model nano: model.safetensors differs from its checksum" in done.err


def test_the_schema_is_printed_and_holds_for_a_result(dsvl2: Any, scripted: Any, pdf: Make) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(dsvl2("schema", "ocr").out)
    Draft202012Validator.check_schema(schema)
    document = json.loads(dsvl2("ocr", pdf(widths=(100, scripted.BAD_WIDTH)), "--dpi", "72", "-f", "json").out)
    Draft202012Validator(schema).validate(document)


def test_an_unknown_schema_is_a_usage_error(dsvl2: Any) -> None:
    done = dsvl2("schema", "invoice")
    assert done.code == 2
    assert "hint: choose" in done.err and " ocr" in done.err and " extract" in done.err
