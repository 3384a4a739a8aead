"""Answers of a given form: always valid, never over their limit, whatever the weights, the limit and the neighbours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Backend

from dsvl2.model.constraints import (
    EVERY,
    Bounds,
    Chars,
    Language,
    Name,
    Number,
    Token,
    either,
    repeat,
    settle,
    text,
    then,
    without,
)
from dsvl2.model.constraints.begun import NotEmpty
from dsvl2.model.constraints.decoding import Alphabet, GrammarConstraint
from dsvl2.model.constraints.vocabulary import Vocabulary
from dsvl2.model.engine import Engine
from dsvl2.model.errors import ConstraintError
from dsvl2.model.loading import load_engine
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.tokenizer import Tokenizer

CONTENT = Chars(without(EVERY, ((0, 31), (34, 34), (92, 92), (127, 127))))
STRING = Token(then(text('"'), repeat(CONTENT, 0, 400), text('"')))


def items(_: Alphabet = None) -> Language:
    """`{"name":STRING,"items":[{"n":NUMBER or null}, ...]}`, the items nested as deep as one likes."""
    item = Name("item")
    number = either(text("null"), Token(Number(Bounds())), prefer=True)
    more = then(repeat(then(text(","), item)), text("]"))
    item.body = then(
        text('{"n":'), number, text(',"sub":['), either(text("]"), then(item, more), prefer=True), text("}")
    )
    start = Name("start")
    start.body = then(text('{"name":'), STRING, text(',"items":['), item, more, text("}"))
    settle([item, start])
    return start


@pytest.fixture(scope="module")
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]) -> Engine:
    return load_engine(checkpoint(small_shape), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def form() -> GrammarConstraint:
    return GrammarConstraint(items)


def ask(words: str, form: GrammarConstraint, limit: int, **sampling: Any) -> GenerationRequest:
    params = SamplingParams(max_new_tokens=limit, constraint=form, **sampling)
    return GenerationRequest((Message("user", words),), params)


def check(result: GenerationResult, limit: int) -> None:
    assert set(json.loads(result.text)) == {"name", "items"}
    assert len(result.token_ids) == result.usage.completion_tokens <= limit
    assert "".join(result.pieces) == result.text and len(result.logprobs) == len(result.pieces)


def test_the_answer_is_complete_at_every_limit(engine: Engine, form: GrammarConstraint) -> None:
    shortest = len('{"name":"","items":[{"n":null,"sub":[]}]}')
    limits = [*range(shortest, shortest + 30), 90, 200]
    requests = [ask(f"q{limit}", form, limit) for limit in limits]
    for limit, result in zip(limits, engine.generate(requests), strict=True):
        check(result, limit)
    assert result.finish_reason == "length"  # a random network does not come to an end by itself


def test_a_limit_below_the_shortest_answer_is_told_before_any_work(
    engine: Engine, form: GrammarConstraint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_embed", lambda *_: pytest.fail("work was done"))
    with pytest.raises(ConstraintError, match="takes 41 tokens, the limit is 40") as caught:
        engine.generate([ask("fine", form, 100), ask("too short", form, 40)])
    assert "at least 41" in caught.value.hint


def test_neighbours_and_chance_change_nothing(engine: Engine, form: GrammarConstraint) -> None:
    requests = [ask("ab" * n, form, 45 + n, temperature=n % 3 / 2, seed=n) for n in range(9)]
    together = engine.generate(requests)
    for number, request in enumerate(requests):
        (alone,) = engine.generate([request])
        assert alone.token_ids == together[number].token_ids
        check(alone, 45 + number)


@pytest.mark.parametrize("guard", [True, False])
def test_a_loop_is_cut_and_the_answer_still_ends_well(engine: Engine, guard: bool) -> None:
    loops = GrammarConstraint(lambda _: then(text("["), Token(repeat(text("ab"), 40, 50)), text("]")))
    (result,) = engine.generate([ask("x", loops, 110, guard_loops=guard)])
    assert result.text.startswith("[" + "ab" * 40) and result.text.endswith("ab]") and len(result.token_ids) <= 110
    assert (result.loops_recovered > 0) is guard
    assert (result.finish_reason == "length") is guard


def test_an_answer_that_is_complete_takes_no_end_token(engine: Engine) -> None:
    (result,) = engine.generate([ask("x", GrammarConstraint(lambda _: text("yes")), 5)])
    assert (result.text, result.finish_reason) == ("yes", "stop")


def test_an_answer_that_could_go_on_ends_at_its_limit(engine: Engine) -> None:
    whole = GrammarConstraint(lambda _: Token(Number(Bounds(integer=True))))
    for limit in (1, 2, 3, 20):
        (result,) = engine.generate([ask("x", whole, limit)])
        assert int(result.text) is not None and len(result.text) <= limit


def test_what_the_model_thought_of_a_token_is_reported_not_how_little_choice_it_had(engine: Engine) -> None:
    (result,) = engine.generate([ask("x", GrammarConstraint(lambda _: text("zqzq")), 5)])
    assert all(logprob < -0.01 for logprob in result.logprobs)


def test_a_form_with_characters_the_model_lacks_is_an_error(engine: Engine) -> None:
    with pytest.raises(ConstraintError, match="cannot write"):
        engine.generate([ask("x", GrammarConstraint(lambda _: text('"明"')), 50)])


def test_a_form_that_no_text_has_is_an_error(engine: Engine) -> None:
    empty = GrammarConstraint(lambda _: Token(Number(Bounds(low=Bounds().low or 5, high=4))))  # type: ignore[arg-type]
    with pytest.raises(ConstraintError, match="no text fits"):
        engine.generate([ask("x", empty, 50)])


def test_special_tokens_write_nothing() -> None:
    path = Path(__file__).parents[2] / "model" / "embedded" / "nano" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(path, bos=0, eos=1)
    vocabulary = Vocabulary(tokenizer)
    for number, data in enumerate(vocabulary.bytes):
        token = tokenizer.token_of(number) or ""
        assert data == (token.encode() if len(token) == 1 else b"")
    assert vocabulary.alphabet is not None and "é" in vocabulary.alphabet and "明" not in vocabulary.alphabet
    assert vocabulary.spell("x明".encode()) is None


@pytest.fixture(scope="module")
def byte_vocabulary() -> Vocabulary:
    """A byte-level BPE vocabulary: every byte, and a few merges that cut characters in two."""
    table = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shown = {value: chr(value) for value in table}
    shown |= {value: chr(256 + n) for n, value in enumerate(value for value in range(256) if value not in table)}
    pieces = [bytes([value]) for value in range(256)]
    merges = [(b"\xe6\x98"[:1], b"\x98"), (b'"', b":"), (b"{", b'"'), (b"\xc3", b"\xa9"), (b'{"', b"n")]
    pieces += [one + other for one, other in merges]
    vocab = {"<bos>": 0, "<eos>": 1, "<image>": 2}
    for piece in pieces:
        vocab["".join(shown[value] for value in piece)] = len(vocab)
    layout = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [
            {"id": n, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True} for name, n in list(vocab.items())[:3]
        ],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": vocab, "merges": [
            ["".join(shown[v] for v in one), "".join(shown[v] for v in other)] for one, other in merges
        ]},
    }  # fmt: skip
    return Vocabulary(Tokenizer(Backend.from_str(json.dumps(layout)), bos=0, eos=1))


def test_a_character_that_is_cut_by_the_limit_is_completed(byte_vocabulary: Vocabulary) -> None:
    assert byte_vocabulary.alphabet is None
    form = GrammarConstraint(lambda _: then(text('{"name":'), STRING, text("}")))
    spelt = byte_vocabulary.spell('{"name":"明é😀'.encode())
    assert spelt is not None
    for limit in range(12, 22):
        state = form.start(byte_vocabulary, limit)
        waiting, taken = [*spelt, *(byte_vocabulary.spell("é明".encode() * 20) or ())], list[int]()
        while not state.finished:
            token = int(state.allowed().nonzero()[0]) if state.closing else waiting.pop(0)
            if state.accept(token):
                taken.append(token)
        name = json.loads(b"".join(byte_vocabulary.bytes[token] for token in taken))["name"]
        assert state.closing and len(taken) <= limit
        assert "明é😀".startswith(name[:2]) or limit < 16


def test_broken_utf8_is_never_taken(byte_vocabulary: Vocabulary) -> None:
    state = GrammarConstraint(lambda _: STRING).start(byte_vocabulary, 50)
    for value in b'"\xe6':
        assert state.accept((byte_vocabulary.spell(bytes([value])) or [0])[0])
    for value in b'"a\xc3\xe6':
        token = (byte_vocabulary.spell(bytes([value])) or [0])[0]
        assert not state.allowed()[token]
        assert not state.accept(token)
    state.rewind(1)
    assert state.accept((byte_vocabulary.spell(b"a") or [0])[0])


def test_an_answer_that_must_not_be_empty_is_free_otherwise(byte_vocabulary: Vocabulary) -> None:
    state = NotEmpty().start(byte_vocabulary, 5)
    first = state.allowed()
    assert not first[byte_vocabulary.eos] and int((~first).sum()) == 1
    assert state.accept(7) and not state.finished and state.allowed().all()
    state.rewind(1)
    assert not state.allowed()[byte_vocabulary.eos]
    assert state.accept(7) and state.accept(byte_vocabulary.eos) and state.finished


def test_a_model_that_would_end_at_once_says_something_when_pressed() -> None:
    engine = load_engine(threads=1)
    message = Message("user", "Nothing here.\\nQ: What is the passport number?")
    free, pressed = engine.generate(
        [
            GenerationRequest((message,), SamplingParams(max_new_tokens=6)),
            GenerationRequest((message,), SamplingParams(max_new_tokens=6, constraint=NotEmpty())),
        ]
    )
    assert pressed.text and pressed.finish_reason in ("stop", "length")
    assert free.text in ("", pressed.text)
