"""PDF pages come out as images, and every bad PDF says what is wrong with it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines.documents import PageImage, UnreadablePage
from dsvl2.pipelines.errors import (
    Encrypted,
    PageMissing,
    PageRangeError,
    TooLarge,
    UnreadableFile,
    WrongPassword,
)
from dsvl2.pipelines.sources import Limits, Source, SourceOptions, open_source

MakePdf = Callable[..., bytes]


def pages(source: Source) -> list[PageImage]:
    found = list(source)
    assert all(isinstance(page, PageImage) for page in found), found
    return [page for page in found if isinstance(page, PageImage)]


def scan_pdf(pixels: tuple[int, int], size: tuple[float, float], *, rotate: int = 0, **image: Any) -> bytes:
    """A PDF page that is one picture with a dark top left corner."""
    picture = Image.new("L", pixels, 255)
    picture.paste(0, (0, 0, pixels[0] // 4, pixels[1] // 4))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    document = pymupdf.open()
    page = document.new_page(width=size[0], height=size[1])
    page.insert_image(page.rect, stream=buffer.getvalue(), **image)
    page.set_rotation(rotate)
    data: bytes = document.tobytes()
    return data


def test_pages_are_grey_at_150_dpi_with_size_and_text(make_pdf: MakePdf) -> None:
    with open_source(make_pdf("first", "second")) as source:
        first, second = pages(source)
    assert (first.number, first.image.mode, first.dpi) == (1, "L", 150.0)
    assert first.image.size == (625, 417)
    assert first.size_pt == (300.0, 200.0)
    assert (first.text_layer, second.text_layer) == ("first", "second")
    assert first.image.getextrema()[0] < 100


def test_dpi_and_colour_as_asked(make_pdf: MakePdf) -> None:
    with open_source(make_pdf("x"), SourceOptions(dpi=72, color=True)) as source:
        (page,) = pages(source)
    assert (page.image.mode, page.image.size, page.dpi) == ("RGB", (300, 200), 72)


def test_a_page_without_text_has_no_text_layer(make_pdf: MakePdf) -> None:
    with open_source(make_pdf("")) as source:
        assert pages(source)[0].text_layer is None


def test_only_the_pages_asked_for(make_pdf: MakePdf) -> None:
    with open_source(make_pdf(*"abcde"), SourceOptions(pages="2,z")) as source:
        assert [(page.number, page.text_layer) for page in pages(source)] == [(2, "b"), (5, "e")]
        assert (source.page_count, source.selected) == (5, (2, 5))


def test_page_99_of_3(make_pdf: MakePdf) -> None:
    with pytest.raises(PageMissing, match="page 99 does not exist: the document has 3 pages"):
        open_source(make_pdf(*"abc"), SourceOptions(pages="99"))


def test_a_bad_page_list_names_the_document(make_pdf: MakePdf) -> None:
    with pytest.raises(PageRangeError, match=r"^scan\.pdf: page list 'q'"):
        open_source(make_pdf("a"), SourceOptions(pages="q"), name="scan.pdf")


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (90, (-1, 0)), (180, (-1, -1)), (270, (0, -1))])
def test_rotated_pages_stand_upright(turn: int, corner: tuple[int, int]) -> None:
    with open_source(scan_pdf((400, 600), (200, 300), rotate=turn)) as source:
        (page,) = pages(source)
    assert page.size_pt == ((200, 300) if turn % 180 == 0 else (300, 200))
    dark = np.asarray(page.image) < 128
    assert dark[corner[1], corner[0]]
    assert dark.mean() == pytest.approx(1 / 16, abs=0.01)


@pytest.mark.parametrize(
    ("pixels", "dpi"),
    [((500, 750), 180), ((833, 1250), 300), ((1667, 2500), 300), ((167, 250), 100), ((278, 417), 100)],
)
def test_a_scan_keeps_its_own_resolution_within_bounds(pixels: tuple[int, int], dpi: float) -> None:
    with open_source(scan_pdf(pixels, (200, 300))) as source:
        (page,) = pages(source)
    assert page.dpi == pytest.approx(dpi, rel=0.01)


def test_a_scan_at_its_own_resolution_is_pixel_for_pixel() -> None:
    with open_source(scan_pdf((500, 750), (200, 300))) as source:
        (page,) = pages(source)
    assert page.image.size == (500, 750)
    assert set(np.unique(np.asarray(page.image))) <= {0, 255}


def test_a_small_picture_on_a_page_does_not_set_the_dpi() -> None:
    document = pymupdf.open(stream=scan_pdf((500, 750), (200, 300)), filetype="pdf")
    page = document[0]
    page.set_mediabox(pymupdf.Rect(0, 0, 600, 900))
    with open_source(document.tobytes()) as source:
        assert pages(source)[0].dpi == 150


def test_text_over_a_coarse_picture_is_not_rendered_coarsely() -> None:
    document = pymupdf.open(stream=scan_pdf((200, 300), (200, 300)), filetype="pdf")
    document[0].insert_text((20, 200), "sharp text")
    with open_source(document.tobytes()) as source:
        assert pages(source)[0].dpi == 150


def test_ocr_text_under_a_coarse_scan_does_not_count() -> None:
    document = pymupdf.open(stream=scan_pdf((250, 375), (200, 300)), filetype="pdf")
    document[0].insert_text((20, 200), "hidden", render_mode=3)
    with open_source(document.tobytes()) as source:
        (page,) = pages(source)
    assert page.dpi == 100
    assert page.text_layer == "hidden"


def test_encrypted_without_password(make_pdf: MakePdf) -> None:
    data = make_pdf("secret", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="opensesame", owner_pw="o")
    with pytest.raises(Encrypted, match=r"^scan\.pdf is encrypted$") as caught:
        open_source(data, name="scan.pdf")
    assert "--password-file" in caught.value.hint


def test_wrong_password_is_told_and_not_repeated(make_pdf: MakePdf) -> None:
    data = make_pdf("secret", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="opensesame", owner_pw="o")
    with pytest.raises(WrongPassword) as caught:
        open_source(data, SourceOptions(password="guess"))
    assert "guess" not in str(caught.value) + caught.value.hint + repr(SourceOptions(password="guess"))


def test_the_right_password_opens_it(make_pdf: MakePdf) -> None:
    data = make_pdf("secret", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="opensesame", owner_pw="o")
    with open_source(data, SourceOptions(password="opensesame")) as source:
        assert pages(source)[0].text_layer == "secret"


def test_an_owner_password_alone_does_not_stop_reading(make_pdf: MakePdf) -> None:
    data = make_pdf("open", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o")
    with open_source(data) as source:
        assert pages(source)[0].text_layer == "open"


def test_a_truncated_pdf_is_repaired_with_a_notice(make_pdf: MakePdf, capfd: pytest.CaptureFixture[str]) -> None:
    data = make_pdf("one", "two")
    with open_source(data[: len(data) - 60]) as source:
        assert [page.text_layer for page in pages(source)] == ["one", "two"]
        assert [notice.code for notice in source.notices] == ["pdf_repaired"]
    assert capfd.readouterr() == ("", "")


def test_pages_are_saved_from_a_file_that_lost_its_page_tree() -> None:
    """As in a download that broke off: many programs write the list of pages last."""
    with open_source(pages_first_pdf("one", "two", "three")) as source:
        assert source.notices == []
        assert [page.text_layer for page in pages(source)] == ["one", "two", "three"]
    for cut in (b"/Type/Pages", b"/Type/Catalog"):
        data = pages_first_pdf("one", "two", "three")
        with open_source(data[: data.index(cut)]) as source:
            assert [page.text_layer for page in pages(source)] == ["one", "two", "three"]
            assert [notice.code for notice in source.notices] == ["pdf_repaired"]


@pytest.mark.parametrize("lost", ["page", "content", "picture"])
def test_a_page_of_which_nothing_is_left_is_not_taken_for_blank(make_pdf: MakePdf, lost: str) -> None:
    data = scan_pdf((50, 50), (200, 300)) if lost == "picture" else make_pdf("one")
    document = pymupdf.open(stream=data, filetype="pdf")
    document.new_page(width=300, height=200).insert_text((20, 50), "two")
    gone = {
        "page": document[0].xref,
        "content": document[0].get_contents()[0],
        "picture": (document[0].get_images() or [[0]])[0][0],
    }[lost]
    data = document.tobytes().replace(b"\n%d 0 obj" % gone, b"\n9%d 0 obj" % gone)
    with open_source(data) as source:
        first, second = source
    assert isinstance(first, UnreadablePage)
    assert first.error.code == "file_unreadable"
    assert "page 1 is damaged" in first.error.message
    assert isinstance(second, PageImage)
    assert second.text_layer == "two"


@pytest.mark.parametrize("text_layer", ["auto", "ignore"])
def test_pages_that_a_cut_took_are_errors_and_empty_ones_are_not(text_layer: str) -> None:
    with pymupdf.open() as pdf:
        for number in range(4):
            leaf = pdf.new_page(width=300, height=200)
            if number != 1:
                leaf.insert_text((20, 50), f"page {number} " * 4)
            leaf.draw_line((20, 60), (20 + number, 60))
        pdf.xref_set_key(pdf[1].xref, "Contents", "null")
        data = pdf.tobytes()
        last = data.index(b"%d 0 obj" % pdf[3].get_contents()[0])
    options = SourceOptions(text_layer=text_layer)  # type: ignore[arg-type]
    with open_source(data[: last + 20], options) as source:
        found = list(source)
    errors = [page.error.message for page in found if isinstance(page, UnreadablePage)]
    assert errors == ["page 4 is damaged: what it showed is no longer in the file"]
    assert len(found) == 4


def pages_first_pdf(*texts: str) -> bytes:
    """A PDF written by hand with the list of pages and the catalog at its end."""
    font = "<</Font<</F <</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    tree = 2 * len(texts) + 1
    objects = []
    for number, text in enumerate(texts):
        content = f"BT /F 12 Tf 20 150 Td ({text}) Tj ET"
        page = f"/MediaBox[0 0 300 200]/Resources{font}/Contents {2 * number + 2} 0 R/Parent {tree} 0 R"
        objects += [f"<</Type/Page{page}>>", f"<</Length {len(content)}>>stream\n{content}\nendstream"]
    kids = " ".join(f"{2 * number + 1} 0 R" for number in range(len(texts)))
    objects += [f"<</Type/Pages/Count {len(texts)}/Kids[{kids}]>>", f"<</Type/Catalog/Pages {tree} 0 R>>"]
    data, places = "%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    data += f"trailer\n<</Size {len(objects) + 1}/Root {len(objects)} 0 R>>\n"
    return (data + f"startxref\n{data.index('xref')}\n%%EOF\n").encode()


@pytest.mark.parametrize("size", [9, 60, 100])
def test_a_pdf_cut_beyond_repair(make_pdf: MakePdf, size: int, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnreadableFile, match=r"^cut\.pdf "):
        open_source(make_pdf("one")[:size], name="cut.pdf")
    assert capfd.readouterr() == ("", "")


def test_any_cut_gives_pages_or_a_plain_error(make_pdf: MakePdf) -> None:
    data = make_pdf("one", "two", "three")
    for size in range(1, len(data), 37):
        try:
            with open_source(data[:size] + b"\0" * (size % 5)) as source:
                assert len(list(source)) == source.page_count
        except (UnreadableFile, Encrypted):
            pass
        except Exception as error:
            if getattr(error, "code", None) != "file_unsupported":
                raise


def test_a_broken_page_does_not_stop_the_next(make_pdf: MakePdf) -> None:
    document = pymupdf.open(stream=make_pdf("one", "two", "three"), filetype="pdf")
    document.xref_set_key(document[1].xref, "MediaBox", "[0 0 0 0]")
    document.xref_set_key(document[1].xref, "Contents", "9999 0 R")
    with open_source(document.tobytes(), SourceOptions(limits=Limits(megapixels=0.5))) as source:
        found = list(source)
    assert [page.number for page in found] == [1, 2, 3]
    assert [isinstance(page, PageImage) for page in found] in ([True, False, True], [True, True, True])
    assert isinstance(found[2], PageImage)
    assert found[2].text_layer == "three"


def test_a_huge_page_is_rendered_coarser_with_a_notice(make_pdf: MakePdf) -> None:
    with open_source(make_pdf("x", size=(720, 720)), SourceOptions(limits=Limits(megapixels=1))) as source:
        (page,) = pages(source)
    assert 700_000 < page.image.width * page.image.height <= 1_000_000
    assert [notice.code for notice in page.notices] == ["page_downscaled"]


def test_a_page_bomb_is_an_error_of_that_page(make_pdf: MakePdf) -> None:
    document = pymupdf.open(stream=make_pdf("x"), filetype="pdf")
    document.new_page(width=14400, height=14400)
    document.new_page(width=300, height=200)
    with open_source(document.tobytes(), SourceOptions(limits=Limits(megapixels=10))) as source:
        first, bomb, last = source
    assert isinstance(first, PageImage)
    assert isinstance(last, PageImage)
    assert isinstance(bomb, UnreadablePage)
    assert bomb.error.code == "too_large"
    assert "page 2" in bomb.error.message
    assert "--max-megapixels" in bomb.error.hint


def test_a_dpi_that_was_asked_for_is_not_lowered(make_pdf: MakePdf) -> None:
    options = SourceOptions(dpi=600, limits=Limits(megapixels=1))
    with open_source(make_pdf("x"), options) as source:
        (page,) = source
    assert isinstance(page, UnreadablePage)
    assert page.error.code == "too_large"


def test_a_picture_bomb_inside_a_page_is_not_decoded() -> None:
    data = scan_pdf((3000, 3000), (100, 100))
    with open_source(data, SourceOptions(limits=Limits(megapixels=5))) as source:
        (page,) = source
    assert isinstance(page, UnreadablePage)
    assert "an image inside it has 3000 x 3000 pixels" in page.error.message


def test_too_many_pages(make_pdf: MakePdf) -> None:
    with pytest.raises(TooLarge, match="3 pages to read; the limit is 2") as caught:
        open_source(make_pdf(*"abc"), SourceOptions(limits=Limits(pages=2)))
    assert "--max-pages 3" in caught.value.hint
    with open_source(make_pdf(*"abc"), SourceOptions(pages="2-3", limits=Limits(pages=2))) as source:
        assert source.selected == (2, 3)


def test_a_page_count_that_is_a_lie_is_not_believed(make_pdf: MakePdf) -> None:
    with open_source(make_pdf("x").replace(b"/Count 1", b"/Count 2000000000")) as source:
        assert [page.text_layer for page in pages(source)] == ["x"]
        assert [notice.code for notice in source.notices] == ["pdf_repaired"]


def test_pages_are_described_without_rendering(make_pdf: MakePdf) -> None:
    with open_source(make_pdf("two words", "")) as source:
        infos = list(source.page_infos())
        sizes = [page.image.size for page in pages(source)]
    assert [(info.width_px, info.height_px) for info in infos] == sizes
    assert [(info.number, info.dpi, info.text_characters) for info in infos] == [(1, 150, 8), (2, 150, 0)]


def test_the_digest_is_that_of_the_file(make_pdf: MakePdf, put: Callable[[str, bytes], Path]) -> None:
    import hashlib

    data = make_pdf("x")
    with open_source(put("a.pdf", data)) as from_file, open_source(data) as from_bytes:
        assert from_file.sha256 == from_bytes.sha256 == hashlib.sha256(data).hexdigest()


def test_pages_come_one_at_a_time(make_pdf: MakePdf) -> None:
    """The source holds no page that was handed out."""
    import gc
    import weakref

    with open_source(make_pdf(*"abc")) as source:
        alive = []
        for page in source:
            assert isinstance(page, PageImage)
            gc.collect()
            assert not any(old() is not None for old in alive)
            alive.append(weakref.ref(page.image))
            del page
