"""The parts of a batch that need no process: plans, the manifest, the ladder, the codec, durable files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dsvl2.model.request import Usage
from dsvl2.pipelines.batch.codec import pack_result, unpack_result
from dsvl2.pipelines.batch.folder import RunFolder
from dsvl2.pipelines.batch.ladder import Rung, most_losses, next_rung, text_result
from dsvl2.pipelines.batch.manifest import VERSION, Manifest
from dsvl2.pipelines.batch.planner import Shard, plan_files
from dsvl2.pipelines.batch.rows import PlannedFile, StoredResult
from dsvl2.pipelines.documents import Block, Box, Line, Notice, PageError, PageResult, TextLayerUse, Word
from dsvl2.pipelines.errors import OutputExists, RunDamaged, RunUnwritable
from dsvl2.pipelines.output import write_durably


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_folders_files_and_globs_are_planned_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "a/10.pdf", "a/2.pdf", "a/b/1.png", "a/notes.txt", "c/x.tif", "c/d/y.tif")
    words = [tmp_path / "a", tmp_path / "c" / "**" / "*.tif", tmp_path / "nowhere.pdf"]
    files = list(plan_files(words))
    assert [str(file.relative) for file in files] == ["2.pdf", "10.pdf", "b/1.png", "d/y.tif", "x.tif", "nowhere.pdf"]
    assert [file.problem.code for file in files if file.problem] == ["file_missing"]


def test_shards_are_disjoint_complete_and_stable(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.pdf" for number in range(37)))
    parts = [{file.name for file in plan_files([tmp_path], shard=Shard(index, 3))} for index in (1, 2, 3)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 37
    touch(tmp_path, "new.pdf")
    again = {file.name for file in plan_files([tmp_path], shard=Shard(2, 3))}
    assert parts[1] <= again


def test_a_document_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.pdf")
    (tmp_path / "link.pdf").symlink_to("a.pdf")
    manifest = Manifest(tmp_path / "m.sqlite")
    paths = [tmp_path / "a.pdf", tmp_path / "." / "a.pdf", tmp_path / "link.pdf"]
    assert manifest.register(PlannedFile(path, path.name, Path(path.name)) for path in paths) == 1
    manifest.close()


def test_the_first_result_of_a_page_stays(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m.sqlite")
    recipe = manifest.recipe("f", {})
    for payload in (b"first", b"second"):
        manifest.store("s", recipe, StoredResult(1, "ok", None, "normal", 1, 1, 0.1, payload))
    assert manifest.payload("s", 1, recipe) == b"first"
    assert manifest.done_pages("s", recipe) == {1}
    manifest.close()


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m.sqlite")
    manifest.db.execute(f"PRAGMA user_version = {VERSION + 1}")
    manifest.close()
    with pytest.raises(RunDamaged, match=f"version {VERSION + 1}"):
        Manifest(tmp_path / "m.sqlite")


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_bytes(b"hello" * 1000)
    with pytest.raises(RunDamaged, match="no manifest"):
        Manifest(tmp_path / "m.sqlite")


def test_a_full_disk_is_told_as_one_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    result = StoredResult(1, "ok", None, "normal", 1, 1, 0.1, os.urandom(100_000))

    def read_into(pages: int) -> set[int]:
        with RunFolder.begin(tmp_path / "run") as folder:
            folder.manifest.db.execute(f"PRAGMA max_page_count = {pages}")
            recipe = folder.manifest.recipe("f", {})
            folder.manifest.store("s", recipe, result)
            return folder.manifest.done_pages("s", recipe)

    with pytest.raises(RunUnwritable, match="cannot be written: database or disk is full"):
        read_into(pages=20)
    assert read_into(pages=1000) == {1}


@pytest.mark.parametrize(
    ("rung", "code", "drawn", "text", "then"),
    [
        (Rung.NORMAL, "internal", True, True, Rung.FEWER),
        (Rung.FEWER, "internal", True, True, Rung.FINER),
        (Rung.FEWER, "internal", False, True, Rung.TEXT),
        (Rung.FEWER, "out_of_memory", True, True, Rung.ALONE),
        (Rung.ALONE, "out_of_memory", True, True, Rung.TEXT),
        (Rung.FINER, "internal", True, True, Rung.TEXT),
        (Rung.FINER, "internal", True, False, None),
        (Rung.NORMAL, "truncated", True, True, Rung.FINER),
        (Rung.FINER, "truncated", True, True, None),
    ],
)
def test_the_ladder(rung: Rung, code: str, drawn: bool, text: bool, then: Rung | None) -> None:
    assert next_rung(rung, code, drawn=drawn, text=text, company=4) is then


def test_a_page_that_was_alone_is_not_tried_alone_again() -> None:
    assert next_rung(Rung.FEWER, "out_of_memory", drawn=True, text=True, company=1) is Rung.TEXT


def test_a_kill_from_outside_counts_less_than_a_crash() -> None:
    assert most_losses("worker_crashed", -9) > most_losses("worker_crashed", -11)


def test_a_result_goes_through_the_codec_unchanged() -> None:
    line = Line("Grüße \udc80", Box(0.1, 2, 3.3, 1 / 3), 0.123456789, (Word("Grüße", Box(0.1, 2, 3, 4), 0.5),))
    blocks = (
        Block("table", "a\tb", None, 2, (line,), None, (("a", "b"), ())),
        Block("paragraph", "x", Box(1, 2, 3, 4)),
    )
    result = PageResult(3, blocks, 9, 8, 150.5, 90, -0.1, False, (Notice("n", "m"),), None, Usage(1, 2, 3, 4), 0.5)
    result = replace(result, text_layer=TextLayerUse("read", "r", "m"))
    copy = unpack_result(pack_result(result, "a.pdf"), "a.pdf")
    assert copy == result and copy.blocks[0].lines[0].words == line.words


def test_messages_follow_the_document_that_a_result_is_used_for() -> None:
    result = PageResult(1, error=PageError("c", "in/a.pdf is damaged; in/a.pdfx is not", "see in/a.pdf"))
    moved = unpack_result(pack_result(result, "in/a.pdf"), "b.pdf")
    assert moved.error == PageError("c", "b.pdf is damaged; in/a.pdfx is not", "see b.pdf")


def test_the_text_layer_becomes_marked_paragraphs() -> None:
    result = text_result(PageResult(4, width_px=5), "one\ntwo\n\n\n three", PageError("timeout", "too slow"))
    assert [block.text for block in result.blocks] == ["one two", "three"]
    assert [notice.code for notice in result.warnings] == ["text_layer_used"]


def test_a_durable_file_is_whole_or_not_there(tmp_path: Path) -> None:
    def broken() -> object:
        yield "half"
        raise RuntimeError("no more")

    place = tmp_path / "below" / "a.md"
    with pytest.raises(RuntimeError):
        write_durably(place, broken())  # type: ignore[arg-type]
    assert list(place.parent.iterdir()) == []
    write_durably(place, ["whole"])
    with pytest.raises(OutputExists):
        write_durably(place, ["other"])
    assert place.read_text() == "whole"
    assert [path.name for path in place.parent.iterdir()] == ["a.md"]


def test_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "manifest.sqlite")
    pragmas = [manifest.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    manifest.close()
    assert pragmas == ["wal", 2]  # FULL: a commit returns when the log is on the disk
