"""Photographs of telephones and archives: HEIC, AVIF and JPEG 2000, and what is said where they cannot be decoded."""

from __future__ import annotations

import base64
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import features

from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.errors import DocumentError, FileMissing, UnreadableFile, UnsupportedFile
from dsvl2.pipelines.sources import find_documents, open_source
from dsvl2.pipelines.sources.decoders import _heif_registered
from dsvl2.pipelines.sources.sniff import kind_of_suffix, sniff

MakeImage = Callable[..., bytes]
Put = Callable[[str, bytes], Path]

# The picture of `make_image`, lying on its side as a telephone stores it: both the container and EXIF say how to turn it.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAaFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAA"
    "AERAAAIAAQAAAAABxQABAAAAAAAAAJQAAgAAAAACWQABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZl"
    "AgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA4GlwcnAAAADAaXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH/"
    "/wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCiB5ZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNj"
    "b2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABQAAAAeAAAABBwaXhpAAAAAAMICAgAAAAJaXJvdAMAAAAYaXBtYQAAAAAAAAABAAEFgQIDBIUA"
    "AAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAMBtZGF0AAAAkCgBrwngIYU0pd4/xLzyzroWxGAhksZDGezBbmvmAAAmjf/VILDEwSRpB5iT7+sr"
    "rMF1qYPfj77aM47koz4l6V61lhFgEMHJMZJdl3eb6jjXf7ugZ7QswQEihzO4CFjx8PsT/vCuQ/z2C0Jp/5ei79BQ+Ec3kR2lAkuwBqq6xYbHa3sL"
    "WOtH+4AHBEAUQAAIuAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)


@pytest.fixture(autouse=True)
def forget_what_was_registered() -> Iterator[None]:
    _heif_registered.cache_clear()
    yield
    _heif_registered.cache_clear()


def page_of(data: bytes | Path) -> PageImage:
    with open_source(data) as source:
        (page,) = source
    assert isinstance(page, PageImage), page
    return page


def test_a_photo_of_a_telephone_is_read_and_turned_once() -> None:
    pytest.importorskip("pi_heif")
    image = np.asarray(page_of(HEIC).image)
    assert image.shape == (80, 120)
    assert image[8, 15] < 40 and image[50, 100] > 220


def test_without_its_library_the_message_says_what_to_install(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(UnsupportedFile, match=r"IMG_1\.HEIC is an HEIC photo") as caught:
        open_source(put("IMG_1.HEIC", HEIC))
    assert "dsvl2[heic]" in caught.value.hint


@pytest.mark.parametrize(("kind", "part"), [("AVIF", "avif"), ("JPEG2000", "jpg_2000")])
def test_a_pillow_without_the_decoder_is_named(
    kind: str, part: str, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_image(kind)
    monkeypatch.setattr(features, "check", lambda name: name != part)
    with pytest.raises(UnsupportedFile, match="this build of Pillow cannot decode") as caught:
        open_source(data)
    assert "pillow" in caught.value.hint


@pytest.mark.parametrize(("kind", "mode"), [("AVIF", "RGB"), ("AVIF", "RGBA"), ("JPEG2000", "L"), ("JPEG2000", "RGBA")])
def test_pictures_of_archives_and_of_the_web(kind: str, mode: str, make_image: MakeImage) -> None:
    image = np.asarray(page_of(make_image(kind, mode)).image.convert("L"))
    assert image.shape == (80, 120)
    assert image[8, 15] < 40 and image[50, 100] > 220


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "HEIC"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_damaged_ones_end_in_an_error_of_ours(kind: str, share: float, make_image: MakeImage) -> None:
    data = HEIC if kind == "HEIC" else make_image(kind)
    if kind == "HEIC":
        pytest.importorskip("pi_heif")
    try:
        with open_source(data[: int(len(data) * share)]) as source:
            pages = list(source)
    except DocumentError as error:
        assert isinstance(error, (UnreadableFile, UnsupportedFile)), error
    else:
        assert len(pages) == 1


def test_they_are_told_by_content_and_by_suffix(make_image: MakeImage) -> None:
    assert [sniff(make_image("AVIF")), sniff(make_image("JPEG2000")), sniff(HEIC)] == ["avif", "jp2", "heic"]
    assert [kind_of_suffix(name) for name in ("a.HEIC", "a.hif", "a.avif", "a.jp2")] == ["heic", "heic", "avif", "jp2"]
    assert sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + bytes(9)) == "avif"


def test_what_a_folder_holds_beside_documents_is_counted(make_image: MakeImage, put: Put, tmp_path: Path) -> None:
    put("a.png", make_image())
    for name in ("b.docx", "sub/c.DOCX", "README", ".hidden.txt"):
        put(name, b"x")
    others: Counter[str] = Counter()
    assert len(find_documents([tmp_path], others)) == 1
    assert others == {".docx": 2, "": 1}


def test_a_document_goes_by_its_own_name_not_by_that_of_a_link(make_image: MakeImage, put: Put, tmp_path: Path) -> None:
    put("z.png", make_image())
    (tmp_path / "a.png").symlink_to("z.png")
    (found,) = find_documents([tmp_path])
    assert found.path == tmp_path / "z.png"


def test_a_link_to_nowhere_says_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").symlink_to("gone.pdf")
    with pytest.raises(FileMissing, match=r"a\.pdf is a link to gone\.pdf, which is not there"):
        find_documents([tmp_path / "a.pdf"])


def test_a_url_is_told_from_a_missing_file() -> None:
    with pytest.raises(FileMissing, match=r"^https://example\.org/a\.pdf is a URL") as caught:
        find_documents(["https://example.org/a.pdf"])
    assert "curl -L https://example.org/a.pdf | dsvl2 ocr -" in caught.value.hint
