"""`dsvl2 batch` on URLs: listed once, fetched by decoders, noticed when they change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch import plan_files, remote
from dsvl2_cli.exit_codes import Exit

fsspec = pytest.importorskip("fsspec")
Make = Callable[..., Path]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


@pytest.fixture
def store(pdf: Make) -> Iterator[Any]:
    """An archive in memory, which forked decoders see too."""
    system = fsspec.filesystem("memory")
    for name in ("10.pdf", "2.pdf", "below/3.pdf", "notes.txt", ".hidden/4.pdf"):
        system.pipe(f"/archive/{name}", pdf().read_bytes())
    yield system
    system.rm("/archive", recursive=True)


def test_folders_patterns_and_files_are_listed_in_order(store: Any) -> None:
    def found(url: str) -> list[str]:
        return [str(file.relative) for file in plan_files([url])]

    assert found("memory://archive") == ["2.pdf", "10.pdf", "below/3.pdf"]
    assert found("memory://archive/*.pdf") == ["2.pdf", "10.pdf"]
    assert found("memory://archive/**/3.pdf") == ["below/3.pdf"]
    assert found("memory://archive/below/3.pdf") == ["3.pdf"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("memory://archive/absent.pdf", "file_missing"),
        ("memory://archive/*.tif", "no_documents"),
        ("nothing://at/all", "file_missing"),
    ],
)
def test_a_url_that_leads_nowhere_is_a_problem_of_its_own(store: Any, url: str, code: str) -> None:
    (file,) = plan_files([url])
    assert file.problem is not None and file.problem.code == code


def test_passwords_in_urls_are_not_shown() -> None:
    assert remote.shown("ftp://me:secret@host/a.pdf") == "ftp://host/a.pdf"


def test_a_batch_reads_urls_and_goes_on(
    dsvl2: Any, scripted: Any, store: Any, pdf: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    out = tmp_path / "out"
    words = ("batch", "memory://archive", "-o", out, "--dpi", "72", "--jobs", "1", "--json")
    done = dsvl2(*words)
    assert (done.code, json.loads(done.out)["pages_done"]) == (Exit.OK, 3), done.err
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.md")} == {"2.md", "10.md", "below/3.md"}
    assert dsvl2("batch", "verify", out).code == Exit.OK
    store.pipe("/archive/2.pdf", pdf(widths=(101, 102)).read_bytes())
    again = json.loads(dsvl2(*words).out)
    assert (again["pages_done"], again["reused"], again["outputs"]) == (2, 2, 1)
