"""Put pieces of a chart's text on canvases a band-reading model knows, one a line, and sort its answers back.

Many short labels share a canvas, so that a chart costs a handful of model calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsvl2.model import GenerationRequest, GenerationResult, Message, ReadingProfile, SamplingParams
from dsvl2.pipelines.charts.ground import Ground
from dsvl2.pipelines.charts.pixels import grown
from dsvl2.pipelines.charts.spots import Spot
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import geometric_mean
from dsvl2.pipelines.words import split_by_width

PITCH = 32  # canvas pixels from line to line
MARGIN = 8  # canvas pixels to the left of a line
_CAPITAL = 1.42  # capital height over x-height
_LOCATION = re.compile(r"<\|y_(\d+)\|>")
_SIGN = re.compile(r"^[=\-\u2013\u2014_~\u2022\u25cf\u25a0\u25cb\u2192\u2190\u2194\u00b7*+]+\s+(?=[^\W\d]{2})")
_NUMBER, _STEPS = re.compile(r"[-\u2013\u2212]?\d[\d.,]*%?"), 3  # a label of a scale; so many that ran together
_LEAST_SCALE, _MOST_SCALE = 0.25, 4.0
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A canvas with lines of text; `rows` are canvas heights of the lines' centres, `spots` what stands on each."""

    image: Image.Image
    spots: tuple[int, ...]
    rows: tuple[float, ...]


def pack(ground: Ground, spots: Sequence[Spot], profile: ReadingProfile) -> tuple[Canvas, ...]:
    """Return canvases that hold every spot once, narrow ones together, in order of their width."""
    capital = profile.x_height * _CAPITAL or 17.0
    widest = profile.tile * profile.max_columns - 2 * MARGIN
    pieces = []
    for spot in spots:
        piece = cut(ground, spot, min(_scale(spot, spots, capital), widest / (1.3 * spot.along)))
        pieces.append(piece.crop((0, 0, min(piece.width, widest), min(piece.height, profile.tile))))
    canvases: list[Canvas] = []
    for columns in range(1, profile.max_columns + 1):
        below, limit = (profile.tile * k - 2 * MARGIN for k in (columns - 1, columns))
        members = [k for k, piece in enumerate(pieces) if max(below, 0) < piece.width <= limit]
        canvases += _fill(members, pieces, (profile.tile * columns, profile.tile))
    return tuple(canvases)


def _fill(members: Sequence[int], pieces: Sequence[Image.Image], size: tuple[int, int]) -> Iterator[Canvas]:
    """Yield canvases of one size with the pieces below each other."""
    waiting = list(members)
    while waiting:
        image = Image.new("L", size, 255)
        top = 6
        spots: list[int] = []
        rows: list[float] = []
        while waiting:
            piece = pieces[waiting[0]]
            step = max(PITCH, piece.height + 4)
            if spots and top + step > size[1]:
                break
            place = top + (step - piece.height) // 2
            image.paste(piece, (MARGIN, max(0, min(place, size[1] - piece.height))))
            spots.append(waiting.pop(0))
            rows.append(place + piece.height / 2)
            top += step
        yield Canvas(image, tuple(spots), tuple(rows))


def _scale(spot: Spot, spots: Sequence[Spot], capital: float) -> float:
    """Return canvas pixels per picture pixel: by the spot's own height, or its like's if it is too short to tell."""
    like = [other.across for other in spots if other.angle == spot.angle and other.letters >= 3]
    usual = float(np.median(like)) if like else spot.across
    # A label without tall letters ("euro") is lower than the others of its size, a short one tells nothing.
    height = spot.across if spot.across > 1.2 * usual else max(spot.across, 0.72 * usual)
    if spot.letters < 4 and 0.5 * usual < spot.across < 1.5 * usual:
        height = usual
    return min(max(capital / max(height, 1.0), _LEAST_SCALE), _MOST_SCALE)


def cut(ground: Ground, spot: Spot, scale: float) -> Image.Image:
    """Return the spot as a level strip, dark on white, `scale` strip pixels to a picture pixel."""
    pad = max(1.0, 0.12 * spot.across)
    size = (max(4, round((spot.along + 2 * pad) * scale)), max(4, round((spot.across + 2 * pad) * scale)))
    window, corner = _window(ground, spot)
    turn = np.deg2rad(spot.angle)
    a, b = float(np.cos(turn)) / scale, float(np.sin(turn)) / scale
    # Strip (i, j) -> picture (x, y): along the text is (cos, -sin), across it (sin, cos), y downwards.
    x0 = spot.centre[0] - corner[0] - a * size[0] / 2 - b * size[1] / 2
    y0 = spot.centre[1] - corner[1] + b * size[0] / 2 - a * size[1] / 2
    return window.transform(
        size, Image.Transform.AFFINE, (a, b, x0, -b, a, y0), Image.Resampling.BICUBIC, fillcolor=255
    )


def _window(ground: Ground, spot: Spot) -> tuple[Image.Image, tuple[int, int]]:
    """Return the spot's surroundings as dark letters on white, and the picture place of its upper left corner."""
    height, width = ground.strokes.shape
    margin = 6
    x0, y0 = max(0, int(spot.box.x0) - margin), max(0, int(spot.box.y0) - margin)
    x1, y1 = min(width, int(spot.box.x1) + margin), min(height, int(spot.box.y1) + margin)
    part: NDArray[np.float32] = ground.rgb[y0:y1, x0:x1].astype(np.float32) @ _LUMA
    paper: NDArray[np.float32] = ground.palette.colours[ground.under[y0:y1, x0:x1]].astype(np.float32) @ _LUMA
    strokes = ground.strokes[y0:y1, x0:x1]
    off = np.where(grown(strokes, 1), paper - part, 0)  # pale grid lines and the grain of the paper are left out
    if strokes.any() and float(off[strokes].mean()) < 0:
        off = -off  # light letters on a dark fill
    most = float(np.percentile(off[strokes], 90)) if strokes.any() else 255.0
    off = off.clip(0, 255) * min(3.0, 215.0 / max(most, 30.0))
    return Image.fromarray((255 - off).clip(0, 255).astype(np.uint8)), (x0, y0)


def requests(canvases: Sequence[Canvas], profile: ReadingProfile) -> list[GenerationRequest]:
    """Return one request a canvas; the length limit is what a canvas of that size can hold."""
    result = []
    for canvas in canvases:
        message = Message(role="user", content=profile.prompt, images=(canvas.image,))
        room = len(canvas.spots) * (4 + canvas.image.width // 6)
        limit = min(profile.max_new_tokens, max(48, room))
        result.append(GenerationRequest((message,), SamplingParams(max_new_tokens=limit)))
    return result


def collect(
    ground: Ground,
    spots: Sequence[Spot],
    canvases: Sequence[Canvas],
    answers: Sequence[GenerationResult],
    profile: ReadingProfile,
) -> tuple[TextItem, ...]:
    """Return the spots with what was read on them, in the spots' order; unread ones have empty text, scales are parted.

    Lines are matched to spots by their location tokens, and by order where a checkpoint writes none.
    """
    texts = [""] * len(spots)
    sure = [0.0] * len(spots)
    for canvas, answer in zip(canvases, answers, strict=True):
        for row, text, confidence in _lines(answer, canvas, profile):
            nearest = int(np.argmin([abs(row - other) for other in canvas.rows]))
            if abs(row - canvas.rows[nearest]) > 0.8 * PITCH:
                continue
            number = canvas.spots[nearest]
            texts[number] = f"{texts[number]} {text}".strip()
            sure[number] = confidence
    items = [TextItem(texts[k], spot.box, spot.angle, sure[k]) for k, spot in enumerate(spots)]
    return tuple(part for item in items for part in _steps(_without_swatch(ground, item)))


def _steps(item: TextItem) -> list[TextItem]:
    """Part the numbers of a level scale that stand so close that they were taken for one text."""
    words = item.text.split()
    count = next((k for k, word in enumerate(words) if not _NUMBER.fullmatch(word)), len(words))
    if item.angle or count < _STEPS or count < len(words) - 1:  # a word of the line below may have come along
        return [item]
    wide = item.box.x1 - item.box.x0
    return [
        replace(item, text=word, box=replace(item.box, x0=item.box.x0 + start * wide, x1=item.box.x0 + stop * wide))
        for word, start, stop in split_by_width(" ".join(words[:count]))
    ]


def _without_swatch(ground: Ground, item: TextItem) -> TextItem:
    """Take a legend's dash or dot, read as a sign before the words, off a text and its box."""
    match = _SIGN.match(item.text)
    if match is None or item.angle != 0:
        return item
    box = item.box
    inked = ground.strokes[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].any(axis=0)
    filled = np.flatnonzero(inked)
    steps = np.diff(filled)
    early = steps[: max(1, int(0.5 * steps.size))]
    if not early.size or int(early.max()) < 3:
        return replace(item, text=item.text[match.end() :])
    begin = int(filled[int(early.argmax()) + 1])
    return replace(item, text=item.text[match.end() :], box=replace(box, x0=float(int(box.x0) + begin)))


def _lines(answer: GenerationResult, canvas: Canvas, profile: ReadingProfile) -> Iterator[tuple[float, str, float]]:
    """Yield (canvas height, text, confidence) of the lines of an answer."""
    places = list(_LOCATION.finditer(answer.text))
    if not places:
        lines = [line for line in answer.text.splitlines() if line.strip()]
        confidence = geometric_mean(answer.logprobs) or 0.0
        for row, line in zip(canvas.rows, lines, strict=False):
            yield row, tidy(line), confidence
        return
    ends = np.cumsum([len(piece) for piece in answer.pieces])
    for number, match in enumerate(places):
        stop = places[number + 1].start() if number + 1 < len(places) else len(answer.text)
        first, last = np.searchsorted(ends, [match.end(), max(match.end(), stop - 1)], side="right")
        confidence = geometric_mean(answer.logprobs[int(first) : int(last) + 1]) or 0.0
        yield (int(match[1]) + 0.5) * profile.bin_height, tidy(answer.text[match.end() : stop]), confidence


def tidy(text: str) -> str:
    """Return a line without heading and bullet marks, with single spaces."""
    text = re.sub(r"<\|[^|<>]{0,30}\|>", " ", text)
    return " ".join(re.sub(r"^\s*#{1,6}\s+", "", text).split())
