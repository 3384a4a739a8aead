"""Every program in examples/ runs, and the sample scan is what its script makes."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def load(path: Path) -> Any:
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def engine() -> Any:
    """An engine that reads every page as its size."""
    return load(ROOT / "tests" / "cli" / "scripted_engine.py").ScriptedEngine()


def test_read_scan(engine: Any, sample_scan: Path) -> None:
    assert load(EXAMPLES / "read_scan.py").main(str(sample_scan), engine) == "# A page\n\nIt is 1654 by 2339 pixels.\n"


def test_custom_format(engine: Any, sample_scan: Path) -> None:
    page = load(EXAMPLES / "custom_format.py").main(str(sample_scan), engine)
    assert '<section id="page-1">\n<h1>A page</h1>\n<p>It is 1654 by 2339 pixels.</p>\n</section>' in page


def test_format_plugin(engine: Any, sample_scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tomllib

    from dsvl2.pipelines import format_for_path, read_document

    folder = EXAMPLES / "format_plugin"  # what installing it comes to: its module, and its entry points
    shutil.copy(folder / "dsvl2_index.py", tmp_path)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    (group,) = project["entry-points"].items()
    lines = [f"[{group[0]}]", *(f"{name} = {value}" for name, value in group[1].items())]
    info = tmp_path / "dsvl2_index-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    form = format_for_path("book.index.txt")
    assert form.render(read_document(str(sample_scan), engine)) == "page  1\npixels  1\n"


def test_custom_task(engine: Any, sample_scan: Path) -> None:
    found = load(EXAMPLES / "custom_task.py").main("PIXELS", str(sample_scan), engine)
    assert found == ["page 1: It is 1654 by 2339 pixels."]


def test_every_example_is_listed_and_tested() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    here = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.rglob("*.py"):
        assert f"`{path.relative_to(EXAMPLES).as_posix()}`" in listed
        assert path.name in here


def test_the_commands_for_clusters_have_options_that_exist() -> None:
    import re

    import typer.main

    from dsvl2_cli.commands.batch import app

    run = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    known = {name for parameter in run.params for name in parameter.opts}
    for path in (EXAMPLES / "cluster").iterdir():
        text = path.read_text(encoding="utf-8")
        commands = re.findall(r"dsvl2 batch (?!status)([^`\n]*)", text)
        assert commands, path
        for command in commands:
            used = set(re.findall(r"(?<!\S)--?[a-z-]+", command))
            assert used <= known, (path.name, used - known)


def test_the_slurm_script_parses() -> None:
    import subprocess

    subprocess.run(["bash", "-n", str(EXAMPLES / "cluster" / "slurm.sh")], check=True)


def test_the_sample_scan_is_made_by_make_scan_py(tmp_path: Path, sample_scan: Path) -> None:
    """The same page; its bytes depend on the versions of the libraries that draw it."""
    import numpy as np

    from dsvl2.pipelines import open_source

    script = shutil.copy(EXAMPLES / "data" / "make_scan.py", tmp_path)
    load(Path(script)).main()
    assert (tmp_path / "scan.txt").read_bytes() == sample_scan.with_suffix(".txt").read_bytes()
    pages = []
    for path in (tmp_path / "scan.pdf", sample_scan):
        with open_source(path) as source:
            (page,) = source
            pages.append(np.asarray(page.image, dtype=np.float32))  # type: ignore[union-attr]
    assert pages[0].shape == pages[1].shape
    assert float(np.abs(pages[0] - pages[1]).mean()) < 4


def test_the_sample_scan_is_one_page_without_a_text_layer(sample_scan: Path) -> None:
    from dsvl2.pipelines import open_source

    with open_source(sample_scan) as source:
        (page,) = source.page_infos()
    assert (page.number, page.text_characters, page.error) == (1, 0, None)
    assert sample_scan.stat().st_size < 150_000


def test_what_assistants_and_services_are_given_are_commands_that_exist() -> None:
    readme = load(ROOT / "tests" / "test_readme.py")
    skill = (EXAMPLES / "assistants" / "documents" / "SKILL.md").read_text(encoding="utf-8")
    unit = (EXAMPLES / "service" / "dsvl2-watch.service").read_text(encoding="utf-8")
    server = json.loads((EXAMPLES / "assistants" / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]["dsvl2"]
    lines = [line.split("  #")[0] for line in skill.splitlines() if line.startswith("dsvl2 ")]
    lines += [line.partition("/bin/")[2] for line in unit.splitlines() if line.startswith("ExecStart=")]
    lines.append(" ".join((server["command"], *server["args"])))
    assert len(lines) == 11
    for line in lines:
        readme.test_every_command_and_option_in_the_readme_exists(line)
