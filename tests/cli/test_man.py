"""`dsvl2 man`: a page for every command, with every option, which man can show."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.manual import _find, names_of_pages, page

PAGES = names_of_pages()


@pytest.mark.parametrize("names", PAGES, ids=lambda names: " ".join(names) or "dsvl2")
def test_a_page_names_every_option_argument_and_command(names: tuple[str, ...]) -> None:
    text = page(*names).replace("\\-", "-")
    command = _find(names)
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden:
            assert all(flag in text for flag in (*parameter.opts, *parameter.secondary_opts)), parameter.name
    for inner in getattr(command, "commands", ()):
        assert f"\\fB{' '.join((*names, inner))}\\fR" in text
    assert "[cyan]" not in text
    assert "\b" not in text


def test_the_program_page_has_exit_codes_settings_and_files() -> None:
    text = page().replace("\\-", "-")
    assert ".TP\n141\nthe reader of standard output went away" in text
    assert "\\fBDSVL2_TEXT_LAYER\\fR" in text
    assert "config.toml" in text
    assert ".BR dsvl2-ocr (1)" in text


def test_nothing_in_a_text_is_taken_for_a_request() -> None:
    for names in PAGES:
        for line in page(*names).splitlines():
            assert not line.startswith("'")
            if line.startswith("."):
                assert re.match(r"\.(TH|SH|SS|PP|TP|nf|fi|RS 4|RE|nh|ad l|BR)\b", line), line


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff on this machine")
@pytest.mark.parametrize("names", [(), ("ocr",), ("batch",)], ids=["dsvl2", "ocr", "batch"])
def test_groff_sets_a_page_without_a_warning(names: tuple[str, ...]) -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-P-cbou"]
    done = subprocess.run(command, input=page(*names), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "EXIT STATUS" in done.stdout
    assert ("dsvl2 " + " ".join(names)).strip() in done.stdout


def test_all_pages_are_written_and_none_replaced_unasked(dsvl2: Any, tmp_path: Path) -> None:
    done = dsvl2("man", "-o", tmp_path / "man1")
    assert (done.code, done.err) == (0, f"dsvl2: wrote {len(PAGES)} pages into {tmp_path / 'man1'}\n")
    assert (tmp_path / "man1" / "dsvl2-batch-status.1").read_text().startswith('.TH "DSVL2\\-BATCH\\-STATUS" 1')
    assert dsvl2("man", "-o", tmp_path / "man1").code == 5
    assert dsvl2("man", "-o", tmp_path / "man1", "--force").code == 0


def test_mistakes_get_an_answer(dsvl2: Any, tmp_path: Path) -> None:
    done = dsvl2("man", "batsh")
    assert (done.code, "choose ocr," in done.err) == (2, True)
    assert dsvl2("man", "ocr", "-o", tmp_path).code == 2
    assert dsvl2("man", "ocr").out == page("ocr")
