"""What `make demo` promises: the embedded model reads the sample scan, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.app import run
from dsvl2_cli.catalog import verify
from dsvl2_cli.packaged import embedded_models as embedded_folders

MOST_BYTES = 24_000_000


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, sample_scan: Path) -> Any:
    """Read the sample scan and return the text that was written."""
    folder = tmp_path_factory.mktemp("demo")

    def call(*arguments: str) -> str:
        target = folder / "out.md"
        assert run(["ocr", str(sample_scan), "-o", str(target), "--force", *arguments]) == 0
        return target.read_text(encoding="utf-8")

    return call


@pytest.fixture(scope="module")
def text(read: Any) -> str:
    """What the plain command writes."""
    return str(read())


def folded(text: str) -> str:
    """White space and Markdown's marks apart."""
    return " ".join(text.replace("#", " ").replace("- ", " ").replace("\\", "").split())


def test_the_sample_scan_is_read(text: str, sample_scan: Path) -> None:
    from rapidfuzz.distance import Levenshtein

    truth = folded(sample_scan.with_suffix(".txt").read_text(encoding="utf-8"))
    errors = Levenshtein.distance(truth, folded(text))
    assert errors <= 0.01 * len(truth), f"{errors} of {len(truth)} characters differ"


def test_the_readme_shows_what_is_printed(text: str) -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    shown = readme.split("<!-- sample-output -->\n```markdown\n")[1].split("```")[0]
    assert shown == text


def test_heading_and_list_are_markdown(text: str) -> None:
    lines = text.splitlines()
    assert "# Report on the Hillside Pumping Station" in lines
    assert sum(line.startswith("- ") for line in lines) == 4


def test_the_same_bytes_at_any_batch_size_and_twice(read: Any, text: str) -> None:
    assert read("--batch-size", "4") == text


def test_the_files_are_whole_and_small() -> None:
    folder = embedded_folders()["nano"]
    assert verify(folder) == "ok"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= MOST_BYTES
