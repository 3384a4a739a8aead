"""A conversation as tokens, one rule a line (spec.md 7.2). Knows the image only by the number of its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dsvl2.model.errors import PromptError
from dsvl2.model.request import Message

USER, ASSISTANT = "<|User|>", "<|Assistant|>"


class Encoder(Protocol):
    """The part of a tokenizer that prompts need."""

    bos: int
    eos: int
    image: int
    image_token: str

    def encode(self, text: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """ids of the whole prompt; image_starts[k] is where the tokens of image k begin; cuts are where it may be divided."""

    ids: tuple[int, ...]
    image_starts: tuple[int, ...]
    cuts: tuple[int, ...] = ()


def write(messages: Sequence[Message], image_tokens: Sequence[int], encoder: Encoder) -> PromptTokens:
    """Write the conversation up to where the assistant is to speak.

    image_tokens: how many tokens each image of the conversation takes, in order. Raises PromptError when the turns do
    not alternate, or a turn has not one `<image>` for each of its images.
    """
    _check_turns(messages, encoder.image_token)
    ids, starts, sizes, cuts = [encoder.bos], list[int](), iter(image_tokens), list[int]()
    for message in messages:
        content = message.content.strip()
        if message.role == "system":
            ids += encoder.encode(content)
        elif message.role == "assistant":
            ids += [*encoder.encode(content), encoder.eos]
        else:
            place = _place_of(message)
            first, *rest = f"{USER}: {content}\n\n{ASSISTANT}:".split(encoder.image_token)
            for number, piece in enumerate((first, *rest)):  # pieces are tokenised apart: no merge crosses an image
                if number:
                    starts.append(len(ids))
                    ids += [encoder.image] * next(sizes)
                tokens = encoder.encode(piece)
                if place is not None and 0 <= place <= len(piece):
                    cuts.append(len(ids) + _common(encoder.encode(piece[:place]), tokens))
                    place = None
                elif place is not None:
                    place = max(place - len(piece) - len(encoder.image_token), 0)
                ids += tokens
    return PromptTokens(tuple(ids), tuple(starts), tuple(sorted({cut for cut in cuts if 1 < cut < len(ids)})))


def _place_of(message: Message) -> int | None:
    """Where a turn is to be divided, in characters of the turn as written; inside an image's mark means behind it."""
    if message.shared is None:
        return None
    if message.shared <= 0:
        return 0
    stripped = len(message.content) - len(message.content.lstrip())
    return len(f"{USER}: ") + max(message.shared - stripped, 0)


def _common(some: Sequence[int], others: Sequence[int]) -> int:
    """How many ids two lists begin with alike: a token that ends behind the division belongs to what follows."""
    pairs = enumerate(zip(some, others, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(some), len(others)))


def _check_turns(messages: Sequence[Message], image_token: str) -> None:
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    expected = ["user", "assistant"] * len(turns)
    if not turns or turns[-1].role != "user" or any(m.role != role for m, role in zip(turns, expected, strict=False)):
        roles = ", ".join(message.role for message in messages) or "none"
        raise PromptError(
            f"the roles are: {roles}",
            "start with an optional system message, then user and assistant in turn, user last",
        )
    for message in messages:
        places = message.content.count(image_token)
        if message.role != "user" and (places or message.images):
            raise PromptError(f"{image_token} in a message of the {message.role}", "put images into the user's turns")
        if places != len(message.images):
            raise PromptError(
                f"{places} {image_token} in a turn with {len(message.images)} images",
                f"write one {image_token} for each image",
            )
