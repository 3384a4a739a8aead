"""Pages that may hold no print: a look at the beginnings first, and on only where they can be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2.pipelines.confidence import Calibration
from dsvl2.pipelines.confidence.evidence import FEATURES
from dsvl2.pipelines.confidence.scoring import uncalibrated
from dsvl2.pipelines.documents import PageImage, PageResult
from dsvl2.pipelines.layout import analyse
from dsvl2.pipelines.run import run
from dsvl2.pipelines.tasks import OcrTask, wary
from dsvl2.pipelines.tasks.wary import FIRST_TOKENS

BANDS = ReadingProfile("bands", "<image>\nRead.", 384, 3, 29.0, 10.0, location_bins=48, max_new_tokens=400)
INFO = ModelInfo("scripted", "/nowhere", 1, 1, "none", "float32", "cpu", 4096, 100, "ef" * 32, BANDS)
SURE, UNSURE = -1e-5, -1.2
CALIBRATION = Calibration(
    INFO.fingerprint,
    0.0,
    tuple(-1.0 if name == "weakest" else 0.0 for name in FEATURES),
    ((-1.0, 0.1), (0.0, 0.12), (4.0, 0.98)),
    0.5,
)


class Scripted:
    """Says the same of every part, cut at the limit of the request; keeps the limits that it was given."""

    def __init__(self, words: str, sure: float) -> None:
        self.info, self._words, self._sure = INFO, words, sure
        self.asked: list[int] = []
        self.streaming = False

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        assert not self.streaming, "the engine is asked while it streams"
        return [self._one(request) for request in requests]

    def stream(
        self, requests: Iterable[GenerationRequest], expected: int | None = None
    ) -> Iterator[tuple[int, GenerationResult | Exception]]:
        self.streaming = True
        yield from ((number, self._one(request)) for number, request in enumerate(requests))
        self.streaming = False

    def _one(self, request: GenerationRequest) -> GenerationResult:
        most = request.sampling.max_new_tokens
        self.asked.append(most)
        every = ["<|y_10|>", *(f"{word} " for word in self._words.split())] if self._words else []
        said, ending = every[:most], "length" if len(every) > most else "stop"
        letters = [letter for piece in said for letter in ([piece] if piece.startswith("<") else piece)]
        usage = Usage(3, 1, len(said), 1)
        logs = (self._sure,) * len(letters)
        return GenerationResult("".join(said), tuple(range(len(letters))), tuple(letters), logs, ending, usage)


def shapes(count: int, number: int = 1, jump: int = 0) -> PageImage:
    """A page of so many barred circles, none near another: no letters, no rows."""
    image = Image.new("L", (1000, 1400), 255)
    pen = ImageDraw.Draw(image)
    for k in range(count):
        x, y = 60 + 230 * (k % 4) + 17 * (k // 4 % 3) + jump * (k * 37 % 91), 60 + 95 * (k // 4) + jump * (k * 53 % 67)
        pen.ellipse((x, y, x + 24, y + 26), outline=0, width=4)
        pen.line((x + 12, y, x + 12, y + 26), fill=0, width=4)
    return PageImage(number, image, 110.0)


def text(number: int = 1) -> PageImage:
    image = Image.new("L", (1000, 700), 255)
    for row in range(12):
        line = "The hill behind the old dike had held them all"
        ImageDraw.Draw(image).text((80, 80 + 40 * row), line, font=ImageFont.load_default(26), fill=0)
    return PageImage(number, image, 150.0)


def read(image: PageImage, engine: Scripted) -> PageResult:
    with uncalibrated(INFO, CALIBRATION):
        (result,) = OcrTask().read([image], engine)
    return result


def test_nonsense_about_a_drawing_is_cut_short_and_told() -> None:
    engine = Scripted("amount emption " * 40, UNSURE)
    found = read(shapes(12), engine)
    assert set(engine.asked) == {FIRST_TOKENS}
    assert found.let_go and found.text == "" and found.error is None
    assert [notice.code for notice in found.warnings] == ["unreadable"]
    assert found.usage is not None and found.usage.completion_tokens == FIRST_TOKENS * len(engine.asked)


def test_what_can_be_believed_is_read_to_its_end() -> None:
    engine = Scripted("words in order " * 30, SURE)
    found = read(shapes(12), engine)
    parts = len(engine.asked) // 2
    assert engine.asked == [FIRST_TOKENS] * parts + [400] * parts
    assert found.text.count("order") == 30 * parts
    assert found.usage is not None and found.usage.completion_tokens == (FIRST_TOKENS + 91) * parts


def test_parts_that_end_within_their_beginning_are_asked_once() -> None:
    engine = Scripted("Total due", SURE)
    found = read(shapes(12), engine)
    assert set(engine.asked) == {FIRST_TOKENS} and "Total due" in found.text


def test_print_is_read_at_once() -> None:
    engine = Scripted("words in order " * 30, SURE)
    assert not read(text(), engine).let_go
    assert set(engine.asked) == {400}


def test_a_page_of_many_parts_of_which_nothing_is_said_is_not_asked_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wary, "MOST_PARTS", 2)
    engine = Scripted("", SURE)
    drawing = shapes(56, jump=1)
    assert len(analyse(np.asarray(drawing.image), BANDS).bands) > 2
    assert read(drawing, engine).text.strip() == ""
    assert len(engine.asked) == 2


@pytest.mark.parametrize("order", ["dtd", "ddt", "ttd"])
def test_a_stream_keeps_its_order_and_runs_out_before_a_drawing_is_read(order: str) -> None:
    engine = Scripted("words in order", SURE)
    engine.info = replace(INFO, device="cuda")  # that of a stream
    pages = [shapes(12, k) if kind == "d" else text(k) for k, kind in enumerate(order, 1)]
    with uncalibrated(INFO, CALIBRATION):
        found = list(run(OcrTask(), iter(pages), engine))
    alone = [read(page, Scripted("words in order", SURE)) for page in pages]
    assert [page.number for page in found] == [1, 2, 3]
    assert [page.text for page in found] == [page.text for page in alone]


def test_an_error_of_the_engine_is_the_pages_own() -> None:
    class Breaks(Scripted):
        def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
            raise RuntimeError("out of memory")

    assert read(shapes(12), Breaks("", SURE)).error is not None
    assert replace(read(shapes(12), Breaks("", SURE)), error=None).blocks == ()


def test_ink_of_which_no_line_is_cut_is_not_called_blank() -> None:
    """Noise, and letters of three pixels: no line is cut from either."""
    rng = np.random.default_rng(2)
    noise = Image.fromarray(rng.integers(0, 256, (180, 130), dtype=np.uint8)).resize(
        (900, 1270), Image.Resampling.BICUBIC
    )
    found = read(PageImage(1, noise, 110.0), Scripted("nothing", SURE))
    assert found.let_go and not found.blank and found.text == ""
    tiny = text().image.resize((200, 140), Image.Resampling.BOX)
    found = read(PageImage(1, tiny, 30.0), Scripted("nothing", SURE))
    assert found.let_go and "too small to be read" in found.warnings[0].message
    assert read(PageImage(1, Image.new("L", (900, 1270), 250), 110.0), Scripted("", SURE)).blank
