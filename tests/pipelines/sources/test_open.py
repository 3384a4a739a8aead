"""Inputs are told by their content; folders are searched; every bad input has its own error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsvl2.pipelines.errors import EmptyFile, FileMissing, NoDocuments, TooLarge, UnsupportedFile
from dsvl2.pipelines.sources import Limits, SourceOptions, find_documents, open_source
from dsvl2.pipelines.sources.open import natural_key

MakePdf = Callable[..., bytes]
MakeImage = Callable[..., bytes]
Put = Callable[[str, bytes], Path]


def test_a_wrong_suffix_is_only_a_notice(make_pdf: MakePdf, make_image: MakeImage, put: Put) -> None:
    with open_source(put("a.png", make_pdf("x"))) as source:
        assert source.kind == "pdf"
        assert [notice.code for notice in source.notices] == ["suffix_mismatch"]
        assert "is a PDF file" in source.notices[0].message
    with open_source(put("b.pdf", make_image("JPEG"))) as source:
        assert source.kind == "jpeg"
        assert len(list(source)) == 1


def test_a_right_suffix_is_no_notice(make_image: MakeImage, put: Put) -> None:
    with open_source(put("a.JPG", make_image("JPEG"))) as source:
        assert source.notices == []


def test_rubbish_before_the_pdf_header_is_tolerated(make_pdf: MakePdf) -> None:
    with open_source(b"\r\n rubbish\n" * 20 + make_pdf("x")) as source:
        assert source.page_count == 1


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"nothing\.pdf does not exist$"):
        open_source(tmp_path / "nothing.pdf")


def test_zero_bytes(put: Put) -> None:
    with pytest.raises(EmptyFile, match=r"a\.pdf is empty \(0 bytes\)$"):
        open_source(put("a.pdf", b""))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04" + bytes(40), "a ZIP archive or an office document"),
        (b"<!DOCTYPE html><p>hello", "an HTML, XML or SVG file"),
        ("plain text, löng enough".encode(), "a plain text file"),
        (bytes(range(256)) * 2, "binary data of an unknown kind"),
        (b"%!PS-Adobe-3.0", "a PostScript file"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42" + bytes(9), "a video"),
    ],
)
def test_other_kinds_are_named(put: Put, data: bytes, words: str) -> None:
    with pytest.raises(UnsupportedFile) as caught:
        open_source(put("a.pdf", data))
    assert str(caught.value).endswith(f"it looks like {words}")


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="is a folder"):
        open_source(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(put: Put) -> None:
    path = put("a.pdf", b"%PDF-1.4")
    path.chmod(0)
    with pytest.raises(FileMissing, match="cannot be read: Permission denied"):
        open_source(path)


def test_standard_input(make_pdf: MakePdf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(make_pdf("hello"))))
    with open_source("-") as source:
        assert (source.name, source.page_count, source.notices) == ("<stdin>", 1, [])


def test_standard_input_that_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(EmptyFile, match=r"^<stdin> is empty") as caught:
        open_source("-")
    assert "the program before the pipe" in caught.value.hint


def test_a_file_over_the_byte_limit(make_pdf: MakePdf, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    options = SourceOptions(limits=Limits(megabytes=0.0001))
    with pytest.raises(TooLarge) as caught:
        open_source(put("a.pdf", make_pdf("x")), options)
    assert "--max-megabytes" in caught.value.hint
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(make_pdf("x"))))
    with pytest.raises(TooLarge):
        open_source("-", options)


def test_a_named_pipe_is_read_once(make_pdf: MakePdf, tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(make_pdf("x"),))
    writer.start()
    with open_source(pipe) as source:
        assert source.page_count == 1
    writer.join()


def test_folders_are_searched_in_natural_order(make_image: MakeImage, put: Put, tmp_path: Path) -> None:
    data = make_image()
    for name in ("page10.png", "page2.png", "Page1.tif", "sub/b.pdf", "sub/deep/a.JPEG", "z.gif"):
        put(name, data)
    for skipped in (".hidden.png", ".git/a.png", "notes.txt", "noext", "a.png.bak"):
        put(skipped, data)
    found = find_documents([tmp_path])
    names = ["Page1.tif", "page2.png", "page10.png", "sub/b.pdf", "sub/deep/a.JPEG", "z.gif"]
    assert [str(file.relative) for file in found] == names
    assert all(file.root == tmp_path for file in found)


def test_a_folder_without_documents(tmp_path: Path, put: Put) -> None:
    put("notes.txt", b"x")
    with pytest.raises(NoDocuments, match="has no documents in it"):
        find_documents([tmp_path])
    with pytest.raises(NoDocuments):
        find_documents([])


def test_a_named_file_is_taken_whatever_its_suffix(put: Put, tmp_path: Path) -> None:
    path = put("scan.dat", b"x")
    (found,) = find_documents([path])
    assert (found.path, found.root, str(found.relative)) == (path, None, "scan.dat")
    with pytest.raises(FileMissing, match="does not exist"):
        find_documents([path, tmp_path / "no.pdf"])


def test_a_document_named_twice_is_listed_once(put: Put, tmp_path: Path) -> None:
    path = put("a.png", b"x")
    assert len(find_documents([path, tmp_path, path])) == 1


def test_links_to_folders_are_not_followed(put: Put, tmp_path: Path) -> None:
    put("a/x.png", b"x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(find_documents([tmp_path])) == 1


def test_standard_input_among_files(put: Put) -> None:
    first, second = find_documents(["-", put("a.png", b"x")])
    assert (first.path, first.name) == (None, "<stdin>")
    assert second.path is not None


def test_a_name_that_is_no_unicode_can_be_shown(tmp_path: Path, make_image: MakeImage) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.png"
    try:
        with open(raw, "wb") as file:
            file.write(make_image())
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    (found,) = find_documents([tmp_path])
    assert found.name.endswith("caf\ufffd.png")
    with open_source(found) as source:
        source.name.encode("utf-8")


def test_natural_order_keeps_numbers_together() -> None:
    names = ["a10", "a9", "a", "a010", "b1", "A2", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "A2", "a9", "a010", "a10", "b1"]
