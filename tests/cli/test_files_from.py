"""--files-from is the same everywhere that takes several documents, and -o is always --output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.app import app

Make = Callable[..., Path]


@pytest.mark.parametrize(
    "words",
    [("ocr",), ("table",), ("formula",), ("ask", "-Q", "how large?"), ("extract", "-s", "size")],
    ids=lambda w: w[0],
)
def test_every_document_of_a_list_is_read(
    words: tuple[str, ...], dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text(f"{pdf('a.pdf')}\n\n{tmp_path / 'gone.pdf'}\n")
    done = dsvl2(*words, "--files-from", tmp_path / "list.txt", "--dpi", "72")
    assert (done.code, "gone.pdf does not exist" in done.err) in ((3, True), (4, True)), done.err


def test_an_answer_from_one_of_several_documents_says_which(
    dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsvl2_cli import asking

    seen: list[bool] = []
    monkeypatch.setattr(asking, "show", lambda results, now, *, one_source: seen.append(one_source))
    monkeypatch.setattr(asking, "ask_pages", lambda *args, **more: [])
    pdf("in/a.pdf"), pdf("in/b.pdf")
    for place in ("in", "in/a.pdf"):
        assert dsvl2("ask", tmp_path / place, "how large?", "--dpi", "72").code == 0
    assert seen == [False, True]


def test_o_is_output_and_no_flag_has_two_meanings() -> None:
    from typer.main import get_command

    def all_commands(group: Any, name: str = "") -> Any:
        for word, command in group.commands.items():
            yield from (
                all_commands(command, f"{name} {word}")
                if hasattr(command, "commands")
                else [(f"{name} {word}", command)]
            )

    helps: dict[str, dict[str, str]] = {}
    for name, command in all_commands(get_command(app)):
        for parameter in command.params:
            if "-o" in parameter.opts:
                assert "--output" in parameter.opts, name
            for flag in parameter.opts:
                helps.setdefault(flag, {})[name] = str(getattr(parameter, "help", ""))
    for flag in ("--max-pages", "--pages", "--files-from", "--dpi", "--password-file", "--page-timeout"):
        assert len(set(helps[flag].values())) == 1, (flag, helps[flag])
