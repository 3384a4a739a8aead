"""--page-timeout in every command that reads pages: the page fails, its exit code is that of time, nothing misleads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Path]
LIMIT = ("--dpi", "72", "--page-timeout", "0.3")


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("table", ()),
        ("formula", ()),
        ("ask", ("how large?",)),
        ("ground", ("pixels",)),
        ("page2code", ()),
    ],
)
def test_a_page_that_takes_too_long_ends_a_command_with_12(
    dsvl2: Any, pdf: Make, scripted: Any, command: str, more: tuple[str, ...]
) -> None:
    alone = pdf("alone.pdf", (scripted.SLOW_WIDTH,))
    done = dsvl2(command, alone, *more, *LIMIT)
    assert done.code == 12, done.err
    assert "error[timeout]" in done.err and "within 0.3 s" in done.err


def test_a_timeout_is_told_under_json_where_nothing_else_was(dsvl2: Any, pdf: Make, scripted: Any) -> None:
    done = dsvl2("ask", pdf("alone.pdf", (scripted.SLOW_WIDTH,)), "how large?", "--json", *LIMIT)
    record = json.loads(done.out)
    assert (done.code, record["exit_code"], record["error"]["code"]) == (12, 12, "timeout")
    assert "--page-timeout" in record["error"]["hint"]


def test_extract_says_out_of_time_and_not_to_copy_the_file_again(dsvl2: Any, pdf: Make, scripted: Any) -> None:
    done = dsvl2("extract", pdf("alone.pdf", (scripted.SLOW_WIDTH,)), "-s", "date: date", *LIMIT)
    assert done.code == 12
    assert "copy or download" not in done.err and "--page-timeout" in done.err


def test_two_documents_that_could_not_be_read_are_not_called_the_same(dsvl2: Any, pdf: Make, scripted: Any) -> None:
    slow = scripted.SLOW_WIDTH
    done = dsvl2("compare", pdf("a.pdf", (slow,)), pdf("b.pdf", (slow,)), *LIMIT)
    assert done.code == 12
    assert "could not be read" in done.out and "are the same" not in done.out


def test_a_chart_that_takes_too_long_fails_alone(dsvl2: Any, pdf: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from dsvl2.pipelines import charts

    monkeypatch.setattr(charts, "read_page", lambda image, engine: time.sleep(20))
    done = dsvl2("chart", pdf(), *LIMIT)
    assert done.code == 12 and "within 0.3 s" in done.err


def test_no_limit_is_no_limit_in_batch_too() -> None:
    from dsvl2_cli.batches import make_job
    from dsvl2_cli.settings import Settings

    plain = {"shard": None, "engine": "local", "address": None, "shared": False, "jsonl": False, "lexicons": ()}

    def kept(setting: float | None, asked: float | None) -> float:
        rest = {**plain, "task": "ocr", "options": {}, "page_timeout": asked}
        return make_job(Settings(page_timeout=setting), "out/", None, rest, to_json=False).page_timeout

    assert kept(None, None) == 600.0
    assert min(kept(None, 0.0), kept(0.0, None), kept(9.0, 0.0)) > 1e8
    assert (kept(9.0, None), kept(9.0, 7.0), kept(0.0, 7.0)) == (9.0, 7.0, 7.0)
