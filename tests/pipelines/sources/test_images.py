"""Every kind of picture comes out as dark on white in mode L or RGB, the right way up."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsvl2.pipelines.documents import PageImage, UnreadablePage
from dsvl2.pipelines.errors import PageMissing, UnreadableFile
from dsvl2.pipelines.sources import Limits, SourceOptions, open_source

MakeImage = Callable[..., bytes]


def read(data: bytes, **options: Any) -> PageImage:
    with open_source(data, SourceOptions(**options)) as source:
        (page,) = source
    assert isinstance(page, PageImage), page
    return page


def looks_right(image: Image.Image) -> bool:
    """White with a dark rectangle at the top left, as `make_image` draws it."""
    grey = np.asarray(image.convert("L"))
    return bool(grey[8, 15] < 30 and grey[50, 100] > 225 and grey.shape == (80, 120))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "P"),
        ("PNG", "LA"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "I;16"),
        ("JPEG", "L"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("TIFF", "1"),
        ("TIFF", "L"),
        ("TIFF", "CMYK"),
        ("TIFF", "I;16"),
        ("TIFF", "F"),
        ("TIFF", "LAB"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
        ("BMP", "1"),
        ("BMP", "RGB"),
        ("GIF", "P"),
    ],
)
@pytest.mark.parametrize("color", [False, True])
def test_every_kind_of_picture(make_image: MakeImage, kind: str, mode: str, color: bool) -> None:
    if mode in ("I;16", "F", "LAB"):
        base = Image.open(io.BytesIO(make_image("PNG", "L")))
        if mode == "LAB":
            image = Image.merge("LAB", (base, Image.new("L", base.size, 128), Image.new("L", base.size, 128)))
        else:
            pixels = np.asarray(base).astype(np.uint16) * 257
            image = Image.fromarray(pixels if mode == "I;16" else (pixels / 65535).astype(np.float32))
        buffer = io.BytesIO()
        image.save(buffer, kind)
        data = buffer.getvalue()
    else:
        data = make_image(kind, mode)
    page = read(data, color=color)
    assert looks_right(page.image)
    assert page.image.mode == ("RGB" if color and mode not in ("1", "L", "LA", "I;16", "F") else page.image.mode)
    assert page.image.mode in ("L", "RGB")
    if not color:
        assert page.image.mode == "L"


def test_alpha_lies_on_white() -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.putpixel((5, 5), (0, 0, 0, 255))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    page = read(buffer.getvalue())
    assert page.image.getpixel((0, 0)) == 255
    assert page.image.getpixel((5, 5)) == 0


def test_a_transparent_palette_colour_is_white() -> None:
    image = Image.new("P", (10, 10), 0)
    image.putpalette([0, 0, 0, 0, 0, 0])
    image.putpixel((5, 5), 1)
    buffer = io.BytesIO()
    image.save(buffer, "GIF", transparency=0)
    page = read(buffer.getvalue())
    assert page.image.getpixel((0, 0)) == 255
    assert page.image.getpixel((5, 5)) == 0


def test_twelve_bits_in_sixteen_use_the_whole_range() -> None:
    pixels = np.full((10, 10), 4095, np.uint16)
    pixels[:5] = 0
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    assert read(buffer.getvalue()).image.getextrema() == (0, 255)


def test_sixteen_bits_where_zero_is_white() -> None:
    pixels = np.zeros((10, 10), np.uint16)
    pixels[:3] = 65535
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", tiffinfo={262: 0})
    image = read(buffer.getvalue()).image
    assert image.getpixel((0, 0)) == 0
    assert image.getpixel((0, 9)) == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(kind: str, orientation: int) -> None:
    upright = Image.new("L", (96, 64), 255)
    upright.paste(0, (0, 0, 24, 16))
    turned = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for turn in turned[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    stored.convert("RGB").save(buffer, kind, exif=exif)
    page = read(buffer.getvalue())
    assert page.image.size == (96, 64)
    assert page.image.getpixel((8, 8)) < 40
    assert page.image.getpixel((90, 60)) > 215
    with open_source(buffer.getvalue()) as source:
        (info,) = source.page_infos()
    assert (info.width_px, info.height_px) == (96, 64)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_the_resolution_comes_from_the_file(make_image: MakeImage, kind: str) -> None:
    page = read(make_image(kind, dpi=(300, 300)))
    assert page.dpi == pytest.approx(300, abs=0.5)
    assert page.size_pt == pytest.approx((120 / 300 * 72, 80 / 300 * 72), rel=0.01)


@pytest.mark.parametrize("dpi", [None, (1, 1), (0, 0), (100000, 100000)])
def test_a_senseless_resolution_is_not_believed(make_image: MakeImage, dpi: tuple[int, int] | None) -> None:
    page = read(make_image("PNG", **({"dpi": dpi} if dpi else {})))
    assert (page.dpi, page.size_pt) == (150, None)


def test_72_dpi_of_a_large_picture_is_not_believed(make_image: MakeImage) -> None:
    assert read(make_image("PNG", size=(2480, 100), dpi=(72, 72))).dpi == 150
    assert read(make_image("PNG", size=(600, 100), dpi=(72, 72))).dpi == pytest.approx(72, abs=0.1)


def test_the_dpi_option_fills_in_for_a_missing_one(make_image: MakeImage) -> None:
    assert read(make_image("PNG"), dpi=200).dpi == 200
    assert read(make_image("PNG", dpi=(300, 300)), dpi=200).dpi == pytest.approx(300, abs=0.5)


def test_fax_pixels_are_made_square() -> None:
    buffer = io.BytesIO()
    Image.new("1", (204, 98), 1).save(buffer, "TIFF", dpi=(204, 98), compression="group4")
    page = read(buffer.getvalue())
    assert page.image.size == (204, 204)
    assert page.size_pt == pytest.approx((72, 72))
    assert [notice.code for notice in page.notices] == ["pixels_stretched"]


def multipage(count: int = 4, **save: Any) -> bytes:
    images = [Image.new("L", (40 + 10 * place, 30), 255 - place) for place in range(count)]
    buffer = io.BytesIO()
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:], **save)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_every_page_of_a_tiff(compression: str) -> None:
    with open_source(multipage(compression=compression)) as source:
        found = list(source)
        infos = list(source.page_infos())
    assert [page.number for page in found] == [1, 2, 3, 4]
    assert [page.image.size for page in found if isinstance(page, PageImage)] == [(40 + 10 * k, 30) for k in range(4)]
    assert [info.width_px for info in infos] == [40, 50, 60, 70]


def test_some_pages_of_a_tiff() -> None:
    with open_source(multipage(), SourceOptions(pages="r2-z")) as source:
        assert [page.number for page in source] == [3, 4]
    with pytest.raises(PageMissing, match="the document has 4 pages"):
        open_source(multipage(), SourceOptions(pages="5"))


def test_a_damaged_page_of_a_tiff_does_not_stop_the_next(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(multipage(compression="tiff_adobe_deflate"))
    image = Image.open(io.BytesIO(bytes(data)))
    image.seek(1)
    start, size = image.tag_v2[273][0], image.tag_v2[279][0]
    data[start : start + size] = b"\xff" * size
    with open_source(bytes(data)) as source:
        found = list(source)
    assert [isinstance(page, PageImage) for page in found] == [True, False, True, True]
    assert isinstance(found[1], UnreadablePage)
    assert found[1].error.code == "file_unreadable"
    assert "page 2" in found[1].error.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_picture_is_read(kind: str) -> None:
    frames = [Image.new("L", (20, 10), shade) for shade in (255, 0, 128)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    with open_source(buffer.getvalue()) as source:
        (page,) = source
        assert [notice.code for notice in source.notices] == ["first_picture_only"]
    assert isinstance(page, PageImage)
    assert page.image.getpixel((5, 5)) > 250


def photo(kind: str) -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (200, 100), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_a_truncated_picture_is_read_as_far_as_it_goes(kind: str) -> None:
    data = photo(kind)
    page_or_error: object
    with open_source(data) as source:
        whole = np.asarray(next(iter(source)).image)  # type: ignore[union-attr]
    try:
        with open_source(data[: len(data) * 6 // 10]) as source:
            (page_or_error,) = source
    except UnreadableFile:
        assert kind == "TIFF"  # its directory lies at the end
        return
    assert isinstance(page_or_error, PageImage)
    assert [notice.code for notice in page_or_error.notices] == ["image_truncated"]
    pixels = np.asarray(page_or_error.image)
    kept = slice(120, 200) if kind == "BMP" else slice(0, 80)
    assert pixels.shape == whole.shape
    assert (pixels[kept] == whole[kept]).mean() > 0.95
    if kind != "BMP":
        assert (pixels[-20:] == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("size", [20, 30, 45, 70])
def test_nothing_but_a_header_is_unreadable(kind: str, size: int) -> None:
    try:
        with open_source(photo(kind)[:size], name="cut") as source:
            (page,) = source
    except UnreadableFile as error:
        assert str(error).startswith("cut is damaged")
    else:
        assert isinstance(page, UnreadablePage)
        assert page.error.code == "file_unreadable"


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a huge picture in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    with open_source(png_header(60000, 60000), name="bomb.png") as source:
        (page,) = source
    assert isinstance(page, UnreadablePage)
    assert page.error.code == "too_large"
    assert page.error.message == "bomb.png has 60000 x 60000 pixels = 3,600 megapixels; the limit is 150"
    assert page.error.hint == "if you trust the file: --max-megapixels 3700"


def test_the_limit_can_be_lifted_above_pillows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    buffer = io.BytesIO()
    Image.new("L", (100, 100), 255).save(buffer, "PNG")
    assert read(buffer.getvalue(), limits=Limits(megapixels=0)).image.size == (100, 100)
    assert Image.MAX_IMAGE_PIXELS == 1000
