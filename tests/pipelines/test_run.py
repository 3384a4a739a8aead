"""Pages stream in order; one bad page never stops the others; grouping changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import (
    ContextOverflow,
    GenerationRequest,
    GenerationResult,
    ModelInfo,
    ReadingProfile,
    Usage,
)
from dsvl2.pipelines import OcrTask, read_document
from dsvl2.pipelines.documents import (
    Block,
    Document,
    Notice,
    PageError,
    PageImage,
    PageResult,
    UnreadablePage,
    geometric_mean,
)
from dsvl2.pipelines.errors import UnreadableFile
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.reading import is_blank
from dsvl2.pipelines.run import document_head, run
from dsvl2.pipelines.sources import SourceOptions, open_source
from dsvl2.pipelines.tasks import TASKS, Engine

WHOLE = ReadingProfile(prompt="<image>\nRead.", max_new_tokens=99)
BANDS = ReadingProfile(
    mode="bands",
    prompt="<image>\nRead.",
    tile=384,
    max_columns=3,
    line_pitch=29.0,
    x_height=10.0,
    location_bins=48,
    max_new_tokens=512,
)


class ScriptedEngine:
    """Answers each request by what is on its image alone, and remembers what it was asked."""

    def __init__(self, profile: ReadingProfile = WHOLE, answer: Callable[[Image.Image], str] | None = None) -> None:
        self.info = ModelInfo("scripted", "/nowhere", 1, 1, "none", "float32", "cpu", 4096, 100, "ab" * 32, profile)
        self.answer = answer or shade_of
        self.calls: list[list[GenerationRequest]] = []
        self.finish: str = "stop"

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        self.calls.append(list(requests))
        return [self._one(request) for request in requests]

    def _one(self, request: GenerationRequest) -> GenerationResult:
        text = self.answer(request.messages[0].images[0])
        logprobs = tuple(-0.1 * (1 + place % 3) for place in range(len(text)))
        usage = Usage(prompt_tokens=3, image_tokens=144, completion_tokens=len(text), tiles=1)
        reason = self.finish
        return GenerationResult(text, tuple(range(len(text))), tuple(text), logprobs, reason, usage)  # type: ignore[arg-type]


def shade_of(image: Image.Image) -> str:
    """Tell pages of `page_image` apart; the page "boom" cannot be read."""
    shade = image.getpixel((0, 0))
    if shade == 13:
        raise ContextOverflow("the request is too long")
    return f"# Page {shade}\n\nText of {shade}."


def page_image(number: int, shade: int = 200) -> PageImage:
    """A page that is not blank, with `shade` in its corner."""
    image = Image.new("L", (64, 64), shade)
    ImageDraw.Draw(image).rectangle((10, 10, 50, 30), fill=0 if shade > 100 else 255)
    return PageImage(number, image, 150.0, source="test")


def blank(number: int) -> PageImage:
    return PageImage(number, Image.new("L", (64, 64), 255), 150.0)


def test_a_whole_page_is_asked_for_as_the_profile_says() -> None:
    engine = ScriptedEngine()
    (result,) = run(OcrTask(), [page_image(1)], engine)
    ((request,),) = engine.calls
    assert request.messages[0].role == "user"
    assert request.messages[0].content == "<image>\nRead."
    assert request.messages[0].images[0].size == (64, 64)
    assert request.sampling.max_new_tokens == 99
    assert [(block.kind, block.text) for block in result.blocks] == [
        ("heading", "Page 200"),
        ("paragraph", "Text of 200."),
    ]
    assert (result.width_px, result.height_px, result.dpi) == (64, 64, 150.0)
    assert result.usage == Usage(prompt_tokens=3, image_tokens=144, completion_tokens=24, tiles=1)
    assert result.text == "Page 200\n\nText of 200."


def test_confidence_comes_from_the_tokens_of_each_block() -> None:
    engine = ScriptedEngine(answer=lambda _: "ab\n\ncd")
    (result,) = run(OcrTask(), [page_image(1)], engine)
    rates = [-0.1, -0.2, -0.3, -0.1, -0.2, -0.3]
    assert result.confidence == pytest.approx(geometric_mean(rates))
    assert result.blocks[0].confidence == pytest.approx(geometric_mean(rates[:3]))
    assert result.blocks[1].confidence == pytest.approx(geometric_mean(rates[4:]))


def test_blank_pages_never_reach_the_model() -> None:
    engine = ScriptedEngine()
    results = list(run(OcrTask(), [blank(1), page_image(2), blank(3)], engine, batch_size=3))
    assert [result.blank for result in results] == [True, False, True]
    assert [len(call) for call in engine.calls] == [1]
    assert next(run(OcrTask(), [blank(1)], ScriptedEngine(BANDS))).blank


def test_a_page_dark_all_over_is_told() -> None:
    dark = replace(blank(1), image=Image.new("L", (100, 100), 12))
    for profile in (WHOLE, BANDS):
        page = next(run(OcrTask(), [dark], ScriptedEngine(profile)))
        assert page.blank
        assert [notice.code for notice in page.warnings] == ["dark_page"]


def test_a_cut_answer_is_told() -> None:
    engine = ScriptedEngine()
    engine.finish = "length"
    (result,) = run(OcrTask(), [page_image(1)], engine)
    assert [notice.code for notice in result.warnings] == ["truncated"]
    assert result.blocks


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_one_bad_page_does_not_stop_the_others(batch_size: int) -> None:
    broken = UnreadablePage(2, PageError("file_unreadable", "page 2 is damaged", "save it anew"))
    source = [page_image(1, 201), broken, page_image(3, 13), page_image(4, 204), blank(5), page_image(6, 206)]
    results = list(run(OcrTask(), source, ScriptedEngine(), batch_size=batch_size))
    assert [result.number for result in results] == [1, 2, 3, 4, 5, 6]
    codes = [result.error.code if result.error else None for result in results]
    assert codes == [None, "file_unreadable", "context_overflow", None, None, None]
    assert [result.text for result in results if result.error] == ["", ""]
    assert results[3].text == "Page 204\n\nText of 204."


def test_grouping_changes_no_byte() -> None:
    def render(batch_size: int) -> str:
        source = [page_image(k, 150 + k) if k % 4 else blank(k) for k in range(1, 12)] + [page_image(12, 13)]
        engine = ScriptedEngine()
        pages = tuple(run(OcrTask(), source, engine, batch_size=batch_size))
        return get_format("json").render(Document("s", pages))

    assert render(1) == render(2) == render(5) == render(50)


def test_any_exception_of_a_task_is_the_pages_error() -> None:
    class Broken:
        name = "broken"

        def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageResult]:
            if any(page.number == 2 for page in pages):
                raise ZeroDivisionError("oops")
            return [PageResult(page.number) for page in pages]

    results = list(run(Broken(), [page_image(k) for k in (1, 2, 3)], ScriptedEngine(), batch_size=3))
    assert [result.error.code if result.error else None for result in results] == [None, "internal", None]
    assert results[1].error is not None
    assert "ZeroDivisionError: oops" in results[1].error.message


def test_results_come_out_as_soon_as_they_are_ready() -> None:
    asked = []

    def source() -> Iterator[PageImage]:
        for number in (1, 2, 3, 4):
            asked.append(number)
            yield page_image(number)

    results = run(OcrTask(), source(), ScriptedEngine(), batch_size=2)
    assert asked == []
    assert next(results).number == 1
    assert asked == [1, 2]
    assert next(results).number == 2
    assert asked == [1, 2]


def read_until_it_breaks(results: Iterator[PageResult]) -> tuple[list[int], BaseException | None]:
    """Return the numbers of the pages that came, and what ended it."""
    done: list[int] = []
    try:
        for result in results:
            done.append(result.number)
    except BaseException as error:
        return done, error
    return done, None


def test_an_interrupt_passes_after_what_is_finished() -> None:
    def answer(image: Image.Image) -> str:
        if image.getpixel((0, 0)) == 203:
            raise KeyboardInterrupt
        return "text"

    broken = UnreadablePage(2, PageError("x", "y"))
    source = [page_image(1, 201), broken, page_image(3, 203), page_image(4, 204)]
    done, error = read_until_it_breaks(run(OcrTask(), source, ScriptedEngine(answer=answer), batch_size=1))
    assert (done, type(error)) == ([1, 2], KeyboardInterrupt)
    done, error = read_until_it_breaks(run(OcrTask(), source[1:], ScriptedEngine(answer=answer), batch_size=3))
    assert (done, type(error)) == ([2], KeyboardInterrupt)


def test_a_source_that_breaks_off_gives_the_pages_before() -> None:
    def source() -> Iterator[PageImage]:
        yield page_image(1)
        yield page_image(2)
        yield page_image(3)
        raise UnreadableFile("gone")

    done, error = read_until_it_breaks(run(OcrTask(), source(), ScriptedEngine(), batch_size=2))
    assert (done, type(error)) == ([1, 2, 3], UnreadableFile)


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        list(run(OcrTask(), [], ScriptedEngine(), batch_size=0))


def printed(number: int) -> PageImage:
    """A page of real letters, for the cutter."""
    image = Image.new("L", (1240, 700), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    for line in range(12):
        draw.text(
            (120, 90 + 34 * line), f"Line {line} of page {number} has enough words on it to fill the width", font=font
        )
    return PageImage(number, image.point(lambda value: value), 150.0, notices=(Notice("pdf_warning", "x"),))


def band_answer(image: Image.Image) -> str:
    """One line of text per band, which says what the band weighs."""
    return f"<|y_10|>Band of {sum(image.resize((8, 4)).tobytes())} greys"


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_bands_are_asked_for_together_and_joined(batch_size: int) -> None:
    engine = ScriptedEngine(BANDS, band_answer)
    alone = ScriptedEngine(BANDS, band_answer)
    results = list(run(OcrTask(), [printed(1), printed(2), blank(3)], engine, batch_size=batch_size))
    assert [result.error for result in results] == [None, None, None]
    assert sum(len(call) for call in engine.calls) >= 2
    assert len(engine.calls) == (2 if batch_size == 1 else 1)
    for request in engine.calls[0]:
        band = request.messages[0].images[0]
        assert band.mode == "L"
        assert (band.height, band.width % 384) == (384, 0)
    assert results[0].text.startswith("Band of")
    assert results[0].warnings[0].code == "pdf_warning"
    assert results[0].usage is not None
    assert results[0].confidence is not None
    assert results[:2] == list(run(OcrTask(), [printed(1), printed(2)], alone, batch_size=1))


def test_specks_are_blank_and_a_page_number_is_not() -> None:
    page = Image.new("L", (850, 1100), 250)
    for place in ((10, 10), (400, 600), (800, 1000)):
        page.putpixel(place, 0)
    assert is_blank(page)
    ImageDraw.Draw(page).text((420, 1050), "7", fill=0, font=ImageFont.load_default(14))
    assert not is_blank(page)
    assert is_blank(Image.new("RGB", (3, 2), "white"))


def test_a_document_is_read_in_one_call(make_pdf: Callable[..., bytes]) -> None:
    document = read_document(make_pdf("one", "", "three"), ScriptedEngine(), options=SourceOptions(pages="1-2"))
    assert [(page.number, page.blank) for page in document.pages] == [(1, False), (2, True)]
    assert document.page_count == 3
    assert document.model is not None
    assert document.model.name == "scripted"
    assert ("pages", "1-2") in document.options
    assert document.sha256 is not None
    assert document.usage == document.pages[0].usage


def test_the_head_records_every_option_that_can_change_the_text(make_pdf: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(make_pdf("x"))
    with open_source(path, SourceOptions(password="secret")) as source:
        head = document_head(source, ScriptedEngine(), quality="high")
    assert [name for name, _ in head.options] == [
        "task",
        "pages",
        "dpi",
        "color",
        "max_megapixels",
        "text_layer",
        "quality",
    ]
    assert "secret" not in repr(head)
    assert [notice.code for notice in head.notices] == ["suffix_mismatch"]


def test_every_task_has_its_name() -> None:
    assert all(make().name == name for name, make in TASKS.items())


def test_failed_pages_are_listed() -> None:
    failed = PageResult(3, error=PageError("x", "y"))
    document = Document("s", (PageResult(1), failed))
    assert document.failed == (3,)
    assert document.usage is None
    assert replace(document, pages=()).failed == ()


@pytest.mark.parametrize("profile", [WHOLE, BANDS], ids=["whole", "bands"])
def test_the_text_of_the_file_is_a_draft_for_the_model(profile: ReadingProfile) -> None:
    engine = ScriptedEngine(profile, lambda image: "words")
    picture = Image.new("L", (200, 64), 255)
    ImageDraw.Draw(picture).text((12, 20), "Text of 200.", fill=0, font=ImageFont.load_default(24))
    first, second = (replace(page_image(number), image=picture) for number in (1, 2))
    list(run(OcrTask(), [replace(first, text_layer="Text of 200."), second], engine))
    drafts = [{request.draft for request in call} for call in engine.calls]
    assert drafts == [{"Text of 200."}, {None}]


def test_a_page_that_only_repeats_itself_is_told_as_truncated() -> None:
    engine = ScriptedEngine()
    engine.finish = "loop"
    (page,) = run(OcrTask(), [page_image(1)], engine)
    (notice,) = page.warnings
    assert notice.code == "truncated" and "kept repeating itself" in notice.message


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "CMYK", "I;16", "HSV", "LAB"])
def test_a_picture_that_is_open_in_pillow_is_read_as_its_file_would_be(mode: str) -> None:
    image = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(image).rectangle((20, 20, 90, 60), fill=0)
    shown = Image.new("I;16", image.size, 65535) if mode == "I;16" else None
    if shown is not None:
        shown.paste(0, (20, 20, 90, 60))
    elif mode == "LAB":
        shown = Image.merge("LAB", (image, Image.new("L", image.size, 128), Image.new("L", image.size, 128)))
    seen: list[tuple[int, int]] = []

    def answer(page: Image.Image) -> str:
        seen.append((page.getpixel((50, 40)), page.getpixel((200, 80))))  # type: ignore[arg-type]
        return "a word"

    read = read_document(shown or image.convert("RGB").convert(mode), ScriptedEngine(answer=answer))
    assert read.text == "a word" and read.source == "<image>"
    assert [(dark < 40, light > 215) for dark, light in seen] == [(True, True)]


def test_a_picture_is_turned_as_its_exif_data_say() -> None:
    image = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(image).rectangle((20, 20, 90, 60), fill=0)
    image.getexif()[274] = 6
    page = read_document(image, ScriptedEngine()).pages[0]
    assert (page.width_px, page.height_px) == (100, 300)


def test_what_is_no_document_at_all() -> None:
    with pytest.raises(TypeError, match="a path, bytes or a PIL image, not int"):
        read_document(5, ScriptedEngine())  # type: ignore[arg-type]


def test_a_document_shows_itself_in_a_line_and_in_a_notebook_as_markdown() -> None:
    pages = (
        PageResult(1, (Block("heading", "Title", level=1),)),
        PageResult(2),
        PageResult(3, (Block("paragraph", "b"),)),
    )
    document = Document("a.pdf", pages, page_count=9)
    assert repr(document) == "<Document 'a.pdf': 3 of 9 pages, 0 failed>"
    assert document.text == "Title\n\nb"
    assert document._repr_markdown_().startswith("# Title\n")
