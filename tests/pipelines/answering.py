"""An engine that answers questions from a list, as far as the page it is asked about holds the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from dsvl2.model.errors import ContextOverflow
from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import GenerationRequest, GenerationResult, ModelInfo, RequestSize, Usage

BANDS = ReadingProfile("bands", "<image>\nRead.", 384, 4, line_pitch=32.0, x_height=12.0, location_bins=48)


def model_info(mode: str = "bands", context: int = 4096) -> ModelInfo:
    return ModelInfo(
        name="scripted",
        path="",
        parameters=0,
        weight_bytes=0,
        scheme="none",
        dtype="float32",
        device="cpu",
        context_length=context,
        vocab_size=512,
        fingerprint="0" * 64,
        reading=ReadingProfile() if mode == "page" else BANDS,
    )


class Answering:
    """`answers` maps questions to what is said, if the prompt holds it or shows an image; `sure` is every token's probability.

    An answer may also be made by a function of the request. `requests` keeps what was asked.
    """

    def __init__(
        self,
        answers: Mapping[str, str] | Callable[[GenerationRequest], str],
        *,
        mode: str = "bands",
        context: int = 4096,
        sure: float = 0.9,
        tile_tokens: int = 0,
    ) -> None:
        self.info = model_info(mode, context)
        self.answers, self.sure, self.tile_tokens = answers, sure, tile_tokens
        self.requests: list[GenerationRequest] = []

    def generate(
        self, requests: Sequence[GenerationRequest], watch: Callable[[int, str], None] | None = None
    ) -> list[GenerationResult]:
        results = []
        for number, request in enumerate(requests):
            self.requests.append(request)
            text = self._answer(request)
            for end in range(1, len(text) + 1) if watch else ():
                watch(number, text[:end])  # type: ignore[misc]
            logprobs = (math.log(self.sure),) * len(text)
            empty = math.log(0.01 if text else 0.8)
            usage = Usage(9, 0, len(text), 0)
            results.append(
                GenerationResult(text, (5,) * len(text), tuple(text), logprobs, "stop", usage, empty_logprob=empty)
            )
        return results

    def count(self, request: GenerationRequest) -> RequestSize:
        """An image costs a tile budget's worth of tokens, up to nine tiles."""
        images = sum(len(message.images) for message in request.messages)
        tiles = min(request.tiles or (9 if images <= 2 else 1), 9)
        size = RequestSize(
            20 + images * tiles * self.tile_tokens, images * tiles * self.tile_tokens, images * (tiles + 1)
        )
        if size.prompt_tokens + request.sampling.max_new_tokens > self.info.context_length:
            raise ContextOverflow("too long", "less")
        return size

    def _answer(self, request: GenerationRequest) -> str:
        if callable(self.answers):
            return self.answers(request)
        content = request.messages[-1].content
        shown = any(message.images for message in request.messages)
        for question, answer in self.answers.items():
            asked = content.partition("\nQ: ")[2] == question if "\nQ: " in content else question in content
            if asked and (shown or answer in content.partition("\nQ: ")[0]):
                return answer
        return ""
