"""Formats of other packages: found by their entry points, imported only when asked for, never in the place of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dsvl2.pipelines.documents import Document
from dsvl2.pipelines.errors import UnknownFormat
from dsvl2.pipelines.formats import format_for_path, get_format

CODE = """
class Good:
    name, suffixes, title = "shout", (".shout", ".loud.txt"), "all in capitals"
    def render(self, document, options=None):
        return document.text.upper()
    def stream(self, head, options=None):
        return None

good = Good()

class Own(Good):
    suffixes = (".md",)

class NoSuffix:
    def render(self, document, options=None): ...
    def stream(self, head, options=None): ...

"""
POINTS = {
    "shout": "dsvl2_shouting:Good",
    "made": "dsvl2_shouting:good",
    "markdown": "dsvl2_shouting:Own",
    "bare": "dsvl2_shouting:NoSuffix",
    "gone": "dsvl2_nowhere:Format",
    "lost": "dsvl2_shouting:lost",
}


def install(folder: Path, *names: str) -> None:
    """Do what installing a package comes to."""
    (folder / "dsvl2_shouting.py").write_text(CODE)
    info = folder / "dsvl2_shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dsvl2-shouting\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {POINTS[name]}" for name in names)
    (info / "entry_points.txt").write_text(f"[dsvl2.formats]\n{lines}\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "dsvl2_shouting", raising=False)
    return tmp_path


def test_by_name_and_by_suffix(folder: Path) -> None:
    install(folder, "shout")
    assert get_format("SHOUT").render(Document("a", ())) == ""
    assert [format_for_path(name).name for name in ("a.shout", "a.b.loud.txt", "a.loud.md")] == [
        "shout",
        "shout",
        "markdown",
    ]


def test_an_object_is_as_good_as_a_class(folder: Path) -> None:
    install(folder, "made")
    assert get_format("made").title == "all in capitals"


def test_ours_stay_ours_and_load_nobody_elses_code(folder: Path) -> None:
    install(folder, "markdown", "gone")
    assert type(get_format("markdown")).__name__ == type(get_format("md")).__name__ == "MarkdownFormat"
    assert type(format_for_path("a.md")).__name__ == "MarkdownFormat"
    assert "dsvl2_shouting" not in sys.modules


def test_an_unknown_name_lists_them_too(folder: Path) -> None:
    install(folder, "shout", "gone")
    with pytest.raises(UnknownFormat) as caught:
        get_format("whisper")
    assert caught.value.hint.endswith("pdf, gone, shout")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bare", "'bare' of dsvl2-shouting (dsvl2_shouting:NoSuffix) is no format"),
        ("gone", "the format 'gone' of dsvl2-shouting (dsvl2_nowhere:Format) cannot be loaded: No module named"),
        ("lost", "cannot be loaded: module 'dsvl2_shouting' has no attribute 'lost'"),
    ],
)
def test_what_is_no_format_is_an_error_with_its_package(name: str, message: str, folder: Path) -> None:
    install(folder, name)
    with pytest.raises(UnknownFormat) as caught:
        get_format(name)
    assert message in str(caught.value)


def test_a_broken_one_does_not_stand_in_the_way_of_a_suffix(folder: Path) -> None:
    install(folder, "gone", "shout")
    assert format_for_path("a.shout").name == "shout"
