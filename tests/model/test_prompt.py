"""Conversations as tokens, and tokens as text."""

import json
from pathlib import Path

import pytest
from PIL import Image
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from dsvl2.model.errors import PromptError, TokenizerError
from dsvl2.model.prompt import write
from dsvl2.model.request import Message
from dsvl2.model.tokenizer import Tokenizer

PICTURE = Image.new("L", (4, 4))


class Spelled:
    """An encoder whose ids are code points."""

    bos, eos, image, image_token = -1, -2, -3, "<image>"

    def encode(self, text: str) -> list[int]:
        return [ord(char) for char in text]


def spell(ids: tuple[int, ...]) -> str:
    names = {-1: "[bos]", -2: "[eos]", -3: "#"}
    return "".join(names.get(number) or chr(number) for number in ids)


def test_one_turn() -> None:
    assert spell(write([Message("user", " hi ")], [], Spelled()).ids) == "[bos]<|User|>: hi\n\n<|Assistant|>:"


def test_system_answers_and_images_in_order() -> None:
    written = write(
        [
            Message("system", " Be brief. "),
            Message("user", "a <image> b <image>", (PICTURE, PICTURE)),
            Message("assistant", " yes "),
            Message("user", "<image>\nmore", (PICTURE,)),
        ],
        [3, 2, 1],
        Spelled(),
    )
    assert spell(written.ids) == (
        "[bos]Be brief.<|User|>: a ### b ##\n\n<|Assistant|>:yes[eos]<|User|>: #\nmore\n\n<|Assistant|>:"
    )
    assert [written.ids[start] for start in written.image_starts] == [-3] * 3


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message("system", "x")],
        [Message("assistant", "x")],
        [Message("user", "x"), Message("user", "y")],
        [Message("user", "x"), Message("assistant", "y")],
        [Message("user", "x"), Message("system", "y"), Message("user", "z")],
        [Message("user", "<image>")],
        [Message("user", "no place", (PICTURE,))],
        [Message("user", "x"), Message("assistant", "<image>"), Message("user", "z")],
        [Message("system", "<image>", (PICTURE,)), Message("user", "z")],
    ],
)
def test_a_broken_conversation_is_refused_with_a_remedy(messages: list[Message]) -> None:
    with pytest.raises(PromptError) as caught:
        write(messages, [1] * 9, Spelled())
    assert caught.value.hint and caught.value.code == "bad_prompt"


@pytest.fixture
def bytes_tokenizer() -> Tokenizer:
    """Byte-level tokens without merges: a character may take four."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Backend(models.BPE(vocab={char: number for number, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<image>", "<|ref|>"])
    return Tokenizer(backend, bos=0, eos=1)


def test_pieces_join_to_the_text_and_never_split_a_character(bytes_tokenizer: Tokenizer) -> None:
    text = "naïve <|ref|> 日本 😀!"
    ids = bytes_tokenizer.encode(text)
    pieces = bytes_tokenizer.pieces(ids)
    assert "".join(pieces) == bytes_tokenizer.decode(ids) == text
    assert len(pieces) == len(ids) and "😀" in pieces and "<|ref|>" in pieces


def test_pieces_are_not_those_of_tokens_alone_where_company_changes_them() -> None:
    """A decoder that takes away the space before the first word only."""
    backend = Backend(models.WordLevel({"<image>": 0, "▁a": 1, "▁b": 2}, unk_token="▁a"))
    backend.decoder = decoders.Metaspace()
    words = Tokenizer(backend, bos=0, eos=1)
    assert words.pieces([1, 2, 1]) == ("a", " b", " a")
    assert words.pieces([2]) == ("b",)


def test_pieces_survive_bytes_that_are_no_text(bytes_tokenizer: Tokenizer) -> None:
    ids = [*bytes_tokenizer.encode("😀")[:2], *bytes_tokenizer.encode("a")] * 5 + bytes_tokenizer.encode("é")[:1]
    pieces = bytes_tokenizer.pieces(ids)
    assert len(pieces) == len(ids) and "".join(pieces) == bytes_tokenizer.decode(ids)


def test_a_tokenizer_without_the_image_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        Tokenizer.from_file(tmp_path / "tokenizer.json", bos=0, eos=1)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError, match="cannot be read"):
        Tokenizer.from_file(tmp_path / "tokenizer.json", bos=0, eos=1)
    plain = {"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(plain))
    with pytest.raises(TokenizerError, match="<image>"):
        Tokenizer.from_file(tmp_path / "tokenizer.json", bos=0, eos=1)


def cut_of(content: str, shared: int | None, images: int = 0) -> str:
    """What comes before the division of a single turn."""
    message = Message("user", content, (PICTURE,) * images, shared)
    written = write([message], [2] * images, Spelled())
    return spell(written.ids[: written.cuts[0]]) if written.cuts else ""


def test_a_turn_is_divided_behind_its_shared_characters() -> None:
    assert cut_of("page\nQ: who", 4) == "[bos]<|User|>: page"
    assert cut_of("  page\nQ: who", 6) == "[bos]<|User|>: page"
    assert cut_of("<image>\nwho", 7, images=1) == "[bos]<|User|>: ##"
    assert cut_of("<image>\nwho", 3, images=1) == "[bos]<|User|>: ##"
    assert cut_of("<image>\n<image>\nwho", 15, images=2) == "[bos]<|User|>: ##\n##"
    assert cut_of("a<image>b", 1, images=1) == "[bos]<|User|>: a"


def test_without_a_mark_or_before_the_first_turn_there_is_no_division() -> None:
    assert cut_of("page", None) == "" and cut_of("page", 0) == ""


def test_a_later_turn_can_be_divided_from_what_came_before() -> None:
    turns = [Message("user", "a"), Message("assistant", "b"), Message("user", "c", shared=0)]
    written = write(turns, [], Spelled())
    assert spell(written.ids[: written.cuts[0]]) == "[bos]<|User|>: a\n\n<|Assistant|>:b[eos]"


def test_a_token_that_reaches_over_the_division_belongs_to_what_follows() -> None:
    class Pairs(Spelled):
        def encode(self, text: str) -> list[int]:
            return [hash(text[place : place + 2]) for place in range(0, len(text), 2)]

    written = write([Message("user", "abcd?", shared=1)], [], Pairs())
    whole = write([Message("user", "abcd?")], [], Pairs())
    assert written.ids == whole.ids
    assert written.cuts[0] - 1 == len("<|User|>: a") // 2
