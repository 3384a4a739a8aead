"""Requests that are made while others are answered: the same answers, errors in their place, nothing made too early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dsvl2.model.engine import Engine
from dsvl2.model.errors import ContextOverflow
from dsvl2.model.loading import load_engine
from dsvl2.model.pictures import Ahead, Pictures, Wanted
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.streaming import AHEAD


@pytest.fixture(scope="module")
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]) -> Engine:
    return load_engine(checkpoint(small_shape), device="cpu", dtype="float32")


def ask(number: int, new: int = 5) -> GenerationRequest:
    """A request of its own kind: with an image of one tile or three, or with none."""
    images = () if number % 3 == 2 else (Image.new("L", (48 + 48 * (number % 3), 48), 40 * number % 255),)
    text = "<image>" * len(images) + "abc"[number % 3] * (number % 7)
    sampling = SamplingParams(max_new_tokens=new + number % 4, guard_loops=False)
    return GenerationRequest((Message("user", text, images),), sampling)


def test_a_stream_gives_the_answers_of_a_call(engine: Engine) -> None:
    requests = [ask(number) for number in range(30)]
    found = dict(engine.stream(iter(requests)))
    assert list(engine.stream(())) == []
    for number, want in enumerate(engine.generate(requests)):
        got = found[number]
        assert isinstance(got, GenerationResult)
        assert (got.token_ids, got.finish_reason, got.usage) == (want.token_ids, want.finish_reason, want.usage)


def test_a_request_that_cannot_be_answered_is_told_and_the_others_go_on(engine: Engine) -> None:
    requests = [ask(0), ask(1, new=5000), ask(2), ask(4, new=5000)]
    found = dict(engine.stream(requests))
    assert [type(found[number]) for number in range(4)] == [
        GenerationResult, ContextOverflow, GenerationResult, ContextOverflow,
    ]  # fmt: skip


def test_what_drawing_raises_comes_behind_the_answers_before_it(engine: Engine) -> None:
    def drawn() -> Iterator[GenerationRequest]:
        yield from (ask(number) for number in range(3))
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(engine.stream(drawn()))
    assert sorted(number for number, _ in found) == [0, 1, 2]


def test_a_failing_step_ends_the_stream(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.network.language, "logits", lambda hidden: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(engine.stream(ask(number) for number in range(100)))


def test_requests_are_made_shortly_before_their_turn_and_no_more_when_nobody_listens(engine: Engine) -> None:
    made = 0

    def drawn() -> Iterator[GenerationRequest]:
        nonlocal made
        for number in range(1000):
            made += 1
            yield ask(number)

    answers = engine.stream(drawn())
    for taken in range(1, 4):
        next(answers)
        assert made <= taken + AHEAD + 40  # those that wait, and those in work or answered already
    answers.close()  # type: ignore[attr-defined]
    seen = made
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dsvl2")]
    assert made == seen < 400


def test_tiles_of_several_requests_go_through_the_tower_together(engine: Engine) -> None:
    pictures = Pictures(engine.network, engine.processor, fixed=True)
    pictures.at_once = 4
    known = engine.network.config.candidate_resolutions
    images = [Image.linear_gradient("L").resize((48 * (1 + number % 2), 48)).rotate(90 * number) for number in range(7)]
    upcoming = [(10 * n, Wanted((image,), known, 1 if n % 2 == 0 else 3)) for n, image in enumerate(images)]
    batches: list[int] = []
    tiles = engine.network.tiles
    alone = [pictures.encode([pictures.cut(image, known)])[0] for image in images]
    engine.network.tiles = lambda pixels: batches.append(len(pixels)) or tiles(pixels)  # type: ignore[func-returns-value]
    try:
        ahead = Ahead(pictures)
        for number, wanted in upcoming:
            ahead.add(number, wanted)
        wait([one for _, group in ahead._cutting.values() for one in group])
        for number, rows in enumerate(alone):
            if number != 4:  # nobody asked: let go
                assert ahead.rows(10 * number)[0].equal(rows)
        ahead.close()
    finally:
        del engine.network.tiles
    assert batches == [4] * 3 and not ahead._ready and not ahead._cutting


def test_a_page_does_not_wait_until_those_behind_it_are_cut(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, known = Pictures(engine.network, engine.processor), engine.network.config.candidate_resolutions
    pictures.at_once = 4
    images = [Image.linear_gradient("L").resize((48, 48)).rotate(90 * number) for number in range(3)]
    plain, free = pictures.cut, threading.Event()

    def slow(image: Image.Image, canvases: Any) -> Any:
        assert image is not images[1] or free.wait(timeout=900)
        return plain(image, canvases)

    alone = [pictures.encode([plain(image, known)])[0] for image in images]
    monkeypatch.setattr(pictures, "cut", slow)
    ahead = Ahead(pictures)
    for number, image in enumerate(images):
        ahead.add(number, Wanted((image,), known, 1))
    with closing(ahead):
        try:
            assert ahead.rows(0)[0].equal(alone[0]) and not ahead._ready
        finally:
            free.set()
        wait([one for _, group in ahead._cutting.values() for one in group])
        assert torch.allclose(ahead.rows(1)[0], alone[1]) and list(ahead._ready) == [2]
        assert torch.allclose(ahead.rows(2)[0], alone[2])
