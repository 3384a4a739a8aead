"""Mistakes that a person makes at the terminal, and what the program says to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Path]


def test_ground_with_the_phrase_first_says_the_command_that_was_meant(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("ground", "total due", pdf("a.pdf"))
    assert done.code == 2
    assert "the document comes first" in done.err and "a.pdf 'total due'" in done.err
    assert dsvl2("ground", "gone.pdf", "total due").code == 4


@pytest.mark.parametrize("name", ["data.xyz", "data.html"])
def test_a_chart_is_not_written_as_csv_under_another_suffix(dsvl2: Any, pdf: Make, name: str) -> None:
    done = dsvl2("chart", pdf(), "-o", name)
    assert done.code == 2 and "csv, long, json, md" in done.err
    assert not Path(name).exists()


def test_a_plot_is_not_written_under_another_suffix(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("chart", pdf(), "--plot", "plot.txt")
    assert done.code == 2 and ".png" in done.err and not Path("plot.txt").exists()


def test_chart_does_not_drop_a_format_beside_json(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("chart", pdf(), "--json", "-f", "csv")
    assert done.code == 2 and "exclude each other" in done.err


def test_page2code_names_the_command_that_writes_other_formats(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("page2code", pdf("a.pdf"), "-o", "a.md")
    assert done.code == 2 and "dsvl2 ocr" in done.err and not Path("a.md").exists()


def test_review_of_a_file_says_how_a_page_to_check_is_made(dsvl2: Any, pdf: Make) -> None:
    done = dsvl2("review", pdf("a.pdf"))
    assert done.code == 2 and "--review check.html" in done.err and "review apply" in done.err
    assert "--review check.html" in dsvl2("review", "--help").out
    done = dsvl2("review", "apply", pdf("a.pdf"), "-o", "a.md")
    assert done.code == 4 and "no file of corrections" in done.err and "Unicode" not in done.err
