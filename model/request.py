"""What goes into the engine and what comes out: plain frozen data, no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from PIL import Image

from dsvl2.model.reading import ReadingProfile

if TYPE_CHECKING:
    from dsvl2.model.constraints.decoding import Constraint


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One turn. `<image>` in a user's content marks where each of `images` goes, in order.

    `shared` is how many characters of the content (a user's) other requests are likely to begin with as well, 0: all turns
    before this one. The prompt is divided there, and what comes before is encoded and run once for all of them, in this
    call and in later ones. None: nothing is kept.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[Image.Image, ...] = ()
    shared: int | None = None


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are chosen. Temperature 0 is greedy; the penalty counts generated tokens only.

    guard_loops cuts degenerate repetition back to one copy and goes on another way: no part of it may follow itself for a
    while. constraint is the form the answer
    must have: it then always has it, within max_new_tokens, and finish_reason "length" says that the end was forced.
    """

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0
    stop_token_ids: tuple[int, ...] = ()
    guard_loops: bool = True
    constraint: Constraint | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}, must be at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.repetition_penalty <= 0:
            raise ValueError("temperature must be >= 0, top_p in (0, 1], repetition_penalty > 0")


@dataclass(frozen=True, slots=True, eq=False)
class GenerationRequest:
    """A conversation that ends with the user's turn.

    `tiles` is how many tiles an image may be cut into at most, whatever the number of images. None is the release's rule:
    all that the checkpoint knows for one or two images in a conversation, one for each of three or more.
    `draft` is a text that the answer may resemble, such as the page's text layer: its tokens are verified several at a time.
    The answer is the same without it, only later; a draft helps greedy answers without a penalty or a constraint.
    """

    messages: tuple[Message, ...]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    tiles: int | None = None
    draft: str | None = None

    def __post_init__(self) -> None:
        if self.tiles is not None and self.tiles < 1:
            raise ValueError(f"tiles is {self.tiles}, must be at least 1")

    @property
    def text_only(self) -> bool:
        """Whether no turn has an image: a checkpoint may bring an adapter for such requests (see `branches`)."""
        return not any(message.images for message in self.messages)


@dataclass(frozen=True, slots=True)
class RequestSize:
    """What a request costs before it runs: tokens of the prompt, those that are image tokens, tiles for the tower."""

    prompt_tokens: int
    image_tokens: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request did cost."""

    prompt_tokens: int
    image_tokens: int
    completion_tokens: int
    tiles: int


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The answer. `text` keeps special tokens and drops the end token; pieces, logprobs and token_ids run in parallel.

    finish_reason "stop": the model ended; "length": the limit was reached; "loop": the model repeated itself again and again.
    loops_recovered counts the repetitions cut.
    empty_logprob is the log-probability that the model gave to ending at once, without an answer; None if unknown.
    steps are the decode steps behind the prompt; drafted counts tokens of the draft that were verified, accepted those that
    the answer has.
    """

    text: str
    token_ids: tuple[int, ...]
    pieces: tuple[str, ...]
    logprobs: tuple[float, ...]
    finish_reason: Literal["stop", "length", "loop"]
    usage: Usage
    loops_recovered: int = 0
    empty_logprob: float | None = None
    steps: int = 0
    drafted: int = 0
    accepted: int = 0

    @property
    def truncated(self) -> bool:
        """Whether the model was stopped before it ended."""
        return self.finish_reason != "stop"

    @property
    def ending(self) -> str:
        """What a message says of an answer that was stopped: the model ... ."""
        return "kept repeating itself" if self.finish_reason == "loop" else "hit its length limit"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What runs. `fingerprint` is the sha256 over configuration, tokenizer, weights and adapters.

    adapter: the folder of the adapter that was asked for, "" for none. reading_fingerprint: the same without the adapter that
    the checkpoint brings for requests without an image; "" where there is none to leave out.
    """

    name: str
    path: str
    parameters: int
    weight_bytes: int
    scheme: str
    dtype: str
    device: str
    context_length: int
    vocab_size: int
    fingerprint: str
    reading: ReadingProfile
    adapter: str = ""
    reading_fingerprint: str = ""

    @property
    def text_adapter(self) -> bool:
        """Whether requests without an image go to a language part of their own."""
        return self.reading_fingerprint not in ("", self.fingerprint)

    def fingerprint_for(self, request: GenerationRequest) -> str:
        """The sha256 over all that decides the answer to a request."""
        return self.fingerprint if request.text_only else self.reading_fingerprint or self.fingerprint
