"""What each token of a model writes, in bytes, and how to write a text with them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from dsvl2.model.errors import ConstraintError
from dsvl2.model.tokenizer import Tokenizer


class Vocabulary:
    """The tokens as bytes; special ones, and those made to look like it, write nothing and are never allowed.

    Raises:
        ConstraintError: a tokenizer whose decoder does more than put its tokens one behind the other.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.eos = tokenizer.eos
        self.bytes = _token_bytes(tokenizer)
        self._ids = {data: number for number, data in reversed(list(enumerate(self.bytes))) if data}
        self._longest = max((len(data) for data in self._ids), default=1)

    def __len__(self) -> int:
        return len(self.bytes)

    @cached_property
    def alphabet(self) -> frozenset[str] | None:
        """The characters it can write; None for all of them."""
        if all(bytes([value]) in self._ids for value in range(256) if value not in _NEVER_IN_UTF8):
            return None
        characters = set[str]()
        for data in self._ids:
            try:
                characters.update(data.decode("utf-8"))
            except UnicodeDecodeError:
                continue
        return frozenset(char for char in characters if char.encode() in self._ids)

    def spell(self, data: bytes) -> list[int] | None:
        """Tokens that write these bytes, the longest first at each place; None if there are none."""
        ids: list[int] = []
        start = 0
        while start < len(data):
            for length in range(min(self._longest, len(data) - start), 0, -1):
                found = self._ids.get(data[start : start + length])
                if found is not None:
                    ids.append(found)
                    start += length
                    break
            else:
                return None
        return ids

    @cached_property
    def matcher_tokenizer(self) -> Any:
        """The vocabulary as llguidance wants it."""
        from llguidance import LLTokenizer, TokenizerWrapper

        return LLTokenizer(TokenizerWrapper(_Spelling(self)), n_vocab=len(self), eos_token=self.eos)


class _Spelling:
    """What `TokenizerWrapper` asks of a tokenizer."""

    special_token_ids: tuple[int, ...] = ()
    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.eos_token_id, self.tokens = vocabulary.eos, vocabulary.bytes
        self._spell = vocabulary.spell

    def __call__(self, data: bytes) -> list[int]:
        return self._spell(data) or []


_NEVER_IN_UTF8 = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})


def _token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    layout = json.loads(tokenizer.to_json())
    decoder = (layout.get("decoder") or {}).get("type")
    if decoder not in (None, "Fuse", "ByteLevel") or not isinstance(layout["model"].get("vocab"), dict):
        raise ConstraintError(
            f"answers of a given form are not supported with a {layout['model'].get('type')} tokenizer ({decoder})",
            "use the tokenizer.json of a DeepSeek-VL2 checkpoint",
        )
    special = {entry["id"] for entry in layout.get("added_tokens", ())}
    table = _byte_of_character() if decoder == "ByteLevel" else None
    known: dict[str, int] = layout["model"]["vocab"]
    found = [b""] * len(tokenizer)
    for token, number in known.items():
        if number in special or number >= len(found) or _looks_special(token):
            continue
        if table is None:
            found[number] = token.encode()
        elif all(char in table for char in token):
            found[number] = bytes(map(table.__getitem__, token))
    return found


def _looks_special(token: str) -> bool:
    """Reserved places of a vocabulary: `<|reserved_7|>` is no added token and means no such text either."""
    return len(token) > 4 and token[:2] in ("<|", "<\uff5c") and token[-2:] in ("|>", "\uff5c>")


def _byte_of_character() -> dict[str, int]:
    """Byte-level BPE shows a byte as a character: itself if it can be seen, else one from 256 on (GPT-2's table)."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(value): value for value in seen}
    for shift, value in enumerate(value for value in range(256) if value not in seen):
        table[chr(256 + shift)] = value
    return table
