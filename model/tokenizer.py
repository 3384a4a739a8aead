"""Text to ids and back, straight from tokenizer.json: no wrapper class can re-interpret the file (spec.md 7.1)."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer as Backend

from dsvl2.model.errors import TokenizerError

REPLACEMENT = "\ufffd"  # what a decoder writes for bytes that are not (yet) a character
WINDOW = 8  # tokens decoded together when looking for the text of one: more than any character has bytes


class Tokenizer:
    """Encode without adding anything; decode keeping special tokens."""

    def __init__(self, backend: Backend, *, bos: int, eos: int, image_token: str = "<image>") -> None:
        image = backend.token_to_id(image_token)
        if image is None:
            raise TokenizerError(
                f"the tokenizer has no {image_token!r} token", "use the tokenizer.json of this checkpoint"
            )
        self._backend = backend
        self.bos, self.eos, self.image = bos, eos, image
        self.image_token = image_token
        self._texts: dict[int, str] = {}  # of single tokens that were asked for

    @classmethod
    def from_file(cls, path: Path, *, bos: int, eos: int, image_token: str = "<image>") -> "Tokenizer":
        """Load tokenizer.json; raise TokenizerError when it is absent or damaged."""
        if not path.is_file():
            raise TokenizerError(f"no {path.name} in {path.parent}", "copy tokenizer.json from the released checkpoint")
        try:
            backend = Backend.from_file(str(path))
        except Exception as error:  # the Rust side raises bare Exception
            raise TokenizerError(f"{path} cannot be read: {error}", "download the file again") from error
        return cls(backend, bos=bos, eos=eos, image_token=image_token)

    def check_rows(self, rows: int) -> None:
        """Raise TokenizerError when an id may come up that an embedding of so many rows does not have."""
        highest = max(self._backend.get_vocab(with_added_tokens=True).values())
        if highest >= rows:
            raise TokenizerError(
                f"the tokenizer has ids up to {highest:,}, the embedding rows for {rows:,}: up to {rows - 1:,}",
                "use the tokenizer.json of this checkpoint, or the config.json and weights that this tokenizer is of",
            )

    def __len__(self) -> int:
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> list[int]:
        """Ids of the text alone: no bos, no eos."""
        return list(self._backend.encode(text, add_special_tokens=False).ids) if text else []

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids, special tokens included."""
        return str(self._backend.decode(list(ids), skip_special_tokens=False)) if ids else ""

    def _alone(self, number: int) -> str:
        found = self._texts.get(number)
        if found is None:
            found = self._texts[number] = self.decode((number,))
        return found

    def token_of(self, number: int) -> str | None:
        """The token of an id as spelt in the vocabulary, or None."""
        found = self._backend.id_to_token(number)
        return None if found is None else str(found)

    def to_json(self) -> str:
        """The whole of tokenizer.json."""
        return str(self._backend.to_str())

    def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The text each token adds. A token that ends inside a character adds '', the one that completes it adds it whole.

        Joined, the pieces are `decode(ids)`. Where tokens are whole characters and mean the same in any company, the texts
        of single ones are looked up: 0.01 ms for 48 tokens, not 0.17, and at the end of a queue a GPU waits for it.
        """
        alone = tuple(self._alone(number) for number in ids)
        if not any(REPLACEMENT in text for text in alone) and "".join(alone) == self.decode(ids):
            return alone
        out: list[str] = []
        start = done = 0  # tokens from `start` on are decoded together; those before `done` have been given out
        for end in range(1, len(ids) + 1):
            before, now = self.decode(ids[start:done]), self.decode(ids[start:end])
            last = end == len(ids)
            if now.endswith(REPLACEMENT) and not last and end - done < WINDOW:
                out.append("")
                continue
            out.append(now[len(before) :])
            start, done = done, end
        return tuple(out)
