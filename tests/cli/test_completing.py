"""What a tab key offers: the words that an option takes, the same ones that the program accepts."""

from __future__ import annotations

import pytest

from dsvl2.model.quantization.schemes import ALIASES
from dsvl2.model.quantization.schemes import SCHEMES as KNOWN_SCHEMES
from dsvl2.pipelines.formats import FORMATS, get_format
from dsvl2.pipelines.tables import TABLE_FORMATS as KNOWN_TABLES
from dsvl2.pipelines.tables import table_format
from dsvl2_cli.app import run
from dsvl2_cli.completing import DOCUMENT_FORMATS, SCHEMES, TABLE_FORMATS, TASKS, words


def offered(line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Ask as bash does with the cursor at the end of the line."""
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    monkeypatch.setenv("_DSVL2_COMPLETE", "complete_bash")
    capfd.readouterr()
    run([])
    return capfd.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dsvl2 ocr -f h", ["html", "hocr"]),
        ("dsvl2 ocr --text-layer ", ["auto", "force", "ignore"]),
        ("dsvl2 ocr --model t", ["tiny"]),
        ("dsvl2 table --spans ", ["blank", "repeat"]),
        ("dsvl2 batch run --task c", ["chart"]),
        ("dsvl2 schema r", ["requests", "run"]),
        ("dsvl2 models pull ", ["tiny", "small", "base"]),
        ("dsvl2 ocr scan", []),
    ],
)
def test_values_are_offered(
    line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert offered(line, monkeypatch, capfd) == expected


def test_what_is_offered_is_what_is_accepted() -> None:
    assert {get_format(name).name for name in DOCUMENT_FORMATS} == {form.name for form in FORMATS}
    assert {table_format(name) for name in TABLE_FORMATS if name not in ("json", "xlsx")} == set(KNOWN_TABLES)
    assert set(SCHEMES) == {*ALIASES, *(name for name, scheme in KNOWN_SCHEMES.items() if scheme.experts)}
    assert words(*TASKS)("") == list(TASKS)
