"""A few short lines do not say which way up they stand: what reads as nonsense is read the other way up as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2.pipelines import OcrTask
from dsvl2.pipelines.confidence import Calibration
from dsvl2.pipelines.confidence.evidence import FEATURES
from dsvl2.pipelines.confidence.scoring import uncalibrated
from dsvl2.pipelines.documents import Block, Line, PageImage, PageResult, Word
from dsvl2.pipelines.reading import PreparedPage
from dsvl2.pipelines.run import run
from dsvl2.pipelines.tasks.way_up import the_surer, worth_turning

BANDS = ReadingProfile("bands", "<image>\nRead.", 384, 3, line_pitch=29.0, x_height=10.0, location_bins=48)
INFO = ModelInfo("scripted", "/nowhere", 1, 1, "none", "float32", "cpu", 4096, 100, "cd" * 32, BANDS)
SURE, UNSURE = -1e-5, -1.2
CALIBRATION = Calibration(
    INFO.fingerprint,
    0.0,
    tuple(-1.0 if name == "weakest" else 0.0 for name in FEATURES),
    ((-1.0, 0.1), (0.0, 0.3), (4.0, 0.98)),
    0.5,
)


class Scripted:
    """Answers all the requests of a call as surely as the next figure says (the last one from then on)."""

    def __init__(self, *logprobs: float, device: str = "cpu") -> None:
        self.info, self._logprobs = replace(INFO, device=device), list(logprobs)
        self.calls = self.streams = 0
        self.streaming = False

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        assert not self.streaming, "the engine is asked while it streams"
        self.calls += 1
        sure = self._logprobs.pop(0) if len(self._logprobs) > 1 else self._logprobs[0]
        return [self._one(sure) for _ in requests]

    def stream(
        self, requests: Iterable[GenerationRequest], expected: int | None = None
    ) -> Iterator[tuple[int, GenerationResult | Exception]]:
        self.streams += 1
        self.streaming = True
        yield from ((number, self._one(UNSURE)) for number, _ in enumerate(requests))
        self.streaming = False

    def _one(self, sure: float) -> GenerationResult:
        text = "<|y_10|>" + ("words in order" if sure == SURE else "jepjo ui spjom")
        return GenerationResult(
            text, tuple(map(ord, text)), tuple(text), (sure,) * len(text), "stop", Usage(3, 1, 9, 1)
        )


def page(*texts: str, number: int = 1, turned: bool = False) -> PageImage:
    image = Image.new("L", (900, 700), 255)
    for row, text in enumerate(texts):
        ImageDraw.Draw(image).text((80, 80 + 40 * row), text, font=ImageFont.load_default(26), fill=0)
    return PageImage(number, image.rotate(180) if turned else image, 150.0)


SHORT = ("Total due: 318.40", "Date: 12 May 2024")
LONG = ("The hill behind the old dike had held them all", "but little that filled the field had failed then") * 5


def read(image: PageImage, engine: Scripted) -> PageResult:
    with uncalibrated(INFO, CALIBRATION):
        (result,) = OcrTask().read([image], engine)
    return result


def test_a_doubtful_short_page_is_read_both_ways_and_the_surer_reading_kept() -> None:
    engine = Scripted(UNSURE, SURE)
    result = read(page(*SHORT, turned=True), engine)
    assert (result.rotation, result.text, engine.calls) == (180, "words in order", 2)
    assert result.usage == Usage(6, 2, 18, 2)
    assert not result.mostly_doubtful


def test_the_first_reading_stays_where_the_other_is_no_surer() -> None:
    engine = Scripted(UNSURE)
    result = read(page(*SHORT), engine)
    assert (result.rotation, engine.calls) == (0, 2)
    assert result.mostly_doubtful


def test_what_the_first_reading_or_the_lines_are_sure_of_is_read_once() -> None:
    for image, engine in ((page(*SHORT), Scripted(SURE)), (page(*LONG), Scripted(UNSURE))):
        assert read(image, engine).rotation == 0
        assert engine.calls == 1


def test_an_upright_reading_need_only_be_just_surer() -> None:
    prepared = PreparedPage(PageResult(1), (), over=lambda: PreparedPage(PageResult(1), ()))

    def kept(first: int, second: int) -> int:
        readings = [PageResult(1, rotation=way, confidence=0.3, calibrated=True) for way in (first, second)]
        return the_surer(prepared, readings[0], lambda _: replace(readings[1], confidence=0.35)).rotation

    assert (kept(180, 0), kept(0, 180)) == (0, 0)


@pytest.mark.parametrize(("sure", "again"), [(0.4, True), (0.6, True), (0.8, False)])
def test_a_page_that_reads_poorly_is_looked_at_again_only_where_its_ink_left_it_open(sure: float, again: bool) -> None:
    first = PageResult(1, confidence=sure, calibrated=True)
    open_page = PreparedPage(PageResult(1), (), over=lambda: PreparedPage(PageResult(1), ()))
    assert worth_turning(open_page, first) is again
    assert not worth_turning(replace(open_page, over=None), first)


def test_an_error_the_other_way_up_costs_nothing() -> None:
    class Breaks(Scripted):
        def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
            if self.calls:
                raise MemoryError("no room")
            return super().generate(requests)

    assert read(page(*SHORT), Breaks(UNSURE)).text == "jepjo ui spjom"


def test_a_stream_runs_out_before_a_page_is_read_the_other_way_up() -> None:
    engine = Scripted(SURE, device="cuda")
    todo = [page(*(SHORT if number == 3 else LONG), number=number) for number in range(1, 7)]
    with uncalibrated(INFO, CALIBRATION):
        done = list(run(OcrTask(), iter(todo), engine, batch_size=8))
    assert [result.number for result in done] == [1, 2, 3, 4, 5, 6]
    assert [result.rotation for result in done] == [0, 0, 180, 0, 0, 0]
    assert engine.calls == 1
    assert engine.streams > 1


@pytest.mark.parametrize(
    ("sure", "calibrated", "doubtful"),
    [((0.9, 0.9, 0.2), True, False), ((0.45, 0.45, 0.99), True, True), ((0.1, 0.1, 0.6), False, False)],
)
def test_a_page_is_doubtful_where_most_of_its_words_are(
    sure: tuple[float, ...], calibrated: bool, doubtful: bool
) -> None:
    words = tuple(Word("word", None, value) for value in sure)  # type: ignore[arg-type]
    block = Block("paragraph", "word word word", lines=(Line("word word word", None, words=words),))
    mean = sum(sure) / len(sure)
    assert PageResult(1, (block,), confidence=mean, calibrated=calibrated).mostly_doubtful is doubtful
