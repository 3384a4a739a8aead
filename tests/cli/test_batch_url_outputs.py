"""`dsvl2 batch -o URL`: outputs elsewhere, whole or not there; the manifest stays here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch import below, place_of, shelves
from dsvl2.pipelines.errors import OutputUnwritable
from dsvl2_cli.exit_codes import Exit

fsspec = pytest.importorskip("fsspec")
Make = Callable[..., Path]
WHERE = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # before a test leaves the folder
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


@pytest.fixture
def batch(dsvl2: Any, scripted: Any, pdf: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `dsvl2 batch` in an empty folder on three documents; the second word is the output."""
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    for name in ("in/a.pdf", "in/b.pdf", "in/below/c.pdf"):
        pdf(name, widths=(100 + len(name),))
    monkeypatch.chdir(tmp_path)
    return lambda *words: dsvl2("batch", "in", "-o", *words, "--dpi", "72", "--jobs", "1", "--json")


@pytest.fixture
def store() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    for name in system.ls("/", detail=False):
        system.rm(name, recursive=True)


def test_a_tree_goes_to_a_url_and_is_left_alone_when_it_is_there(
    batch: Any, dsvl2: Any, store: Any, tmp_path: Path
) -> None:
    done = batch("memory://shelf/out/")
    assert done.code == Exit.OK, done.err
    assert store.find("/shelf") == ["/shelf/out/a.md", "/shelf/out/b.md", "/shelf/out/below/c.md"]
    assert b"pixels" in store.cat("/shelf/out/a.md")
    assert "memory-shelf-out.dsvl2-run" in done.err and (tmp_path / "memory-shelf-out.dsvl2-run").is_dir()

    again = json.loads(batch("memory://shelf/out/").out)
    assert (again["pages_done"], again["reused"], again["outputs"]) == (0, 3, 0)
    store.rm("/shelf/out/a.md")
    store.pipe("/shelf/out/b.md", b"something else")
    assert dsvl2("batch", "verify", "memory://shelf/out").code == Exit.LOW_CONFIDENCE
    refused = batch("memory://shelf/out/")
    assert (refused.code, json.loads(refused.out)["outputs"]) == (Exit.PARTIAL, 1)
    assert "out/b.md was changed since this run wrote it" in refused.err
    store.rm("/shelf/out/a.md")
    mended = json.loads(batch("memory://shelf/out/", "--force").out)
    assert (mended["pages_done"], mended["outputs"]) == (0, 2)
    assert dsvl2("batch", "verify", "memory://shelf/out").code == Exit.OK
    assert json.loads(dsvl2("batch", "status", "memory://shelf/out", "--json").out)["outputs"] == 3
    assert json.loads(batch("memory://shelf/out/", "-f", "json").out)["pages_done"] == 0
    assert len(store.find("/shelf")) == 6


def test_streams_go_to_urls_as_they_go_to_files(batch: Any, store: Any, tmp_path: Path) -> None:
    assert batch("here.jsonl").code == batch("memory://shelf/all.jsonl").code == Exit.OK
    assert batch("memory://shelf/parts/", "--jsonl", "--part-documents", "2").code == Exit.OK
    here = (tmp_path / "here.jsonl").read_bytes()
    assert store.cat("/shelf/all.jsonl") == here
    assert store.cat("/shelf/parts/part-00000.jsonl") + store.cat("/shelf/parts/part-00001.jsonl") == here


def test_what_is_not_of_the_run_is_not_replaced(batch: Any, store: Any) -> None:
    store.pipe("/shelf/out/a.md", b"mine")
    done = batch("memory://shelf/out/")
    assert (done.code, store.cat("/shelf/out/a.md")) == (Exit.PARTIAL, b"mine")
    assert "memory://shelf/out/a.md exists already" in done.err
    assert batch("memory://shelf/out/", "--force").code == Exit.OK
    assert store.cat("/shelf/out/a.md") != b"mine"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("https://host/out/",), Exit.OUTPUT, "nothing can be written to https://"),
        (("memory://shelf/", "--shared"), Exit.USAGE, "--shard"),
        (("memory://shelf/", "--offline"), Exit.USAGE, "--offline"),
        (("nowhere://me:secret@shelf/",), Exit.OUTPUT, "nowhere://shelf/ cannot be written"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_read(batch: Any, words: Any, code: Exit, told: str) -> None:
    done = batch(*words)
    assert (done.code, told in done.err, "secret" in done.err) == (code, True, False), done.err
    assert not list(Path.cwd().glob("*.dsvl2-run"))


def test_where_things_appear_before_they_are_whole_they_get_their_name_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of this machine stands for sftp and the like."""
    url = f"local://{tmp_path}/out/a.md"
    shelf = shelves.Shelves()
    assert shelf.facts(url) == shelves.ABSENT
    for text in ("first", "second"):
        shelf.write(url, [text])
        assert (tmp_path / "out" / "a.md").read_text() == text
    from fsspec.implementations.local import LocalFileSystem

    def torn(self: Any, here: str, there: str, **_: Any) -> None:
        Path(there).write_text("th")
        raise OSError("the line went dead")

    monkeypatch.setattr(LocalFileSystem, "put_file", torn)
    with pytest.raises(OutputUnwritable, match="the line went dead"):
        shelf.write(url, ["third"])
    assert (tmp_path / "out" / "a.md").read_text() == "second"


def test_names_of_places() -> None:
    assert place_of("out/a") == Path("out/a") and place_of("file:///out/a") == Path("/out/a")
    assert below("s3://b/out/", Path("x/a.md")) == "s3://b/out/x/a.md" == below("s3://b/out", Path("x/a.md"))
    assert below("s3://b", Path("a\udcff.md")) == "s3://b/a\\xff.md"


@pytest.mark.slow
@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="starts a server and many processes: set LONG_TESTS=1")
@pytest.mark.skipif(
    not (find_spec("s3fs") and find_spec("moto")),
    reason="needs pip install s3fs 'moto[s3,server]', which no extra brings",
)
def test_a_bucket_is_a_place_for_inputs_and_outputs(batch: Any, tmp_path: Path) -> None:
    """A server that speaks S3, and processes that know nothing of this one."""
    command = [sys.executable, Path(__file__).with_name("bucket.py"), tmp_path]
    env = {**os.environ, "PYTHONPATH": WHERE}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["first"]["code"] == Exit.OK, found["first"]
    assert (found["first"]["code"], found["first"]["told"]["outputs"]) == (Exit.OK, 3), found
    assert found["tree"] == ["shelf/out/a.md", "shelf/out/b.md", "shelf/out/below/c.md"]
    assert [found["again"]["told"][name] for name in ("pages_done", "reused", "outputs")] == [0, 3, 0]
    assert (found["verify"]["code"], found["stream"]["code"]) == (Exit.OK, Exit.OK), found["stream"]
    assert found["missing"]["code"] == Exit.OUTPUT and "there is no no-such-bucket" in found["missing"]["said"]
    assert found["line"] and found["line"]["source"]["name"] == "s3://shelf/in/a.pdf"
