"""Loops end: what counts as one, what real pages repeat, how an answer goes on, and what is said of one that does not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.loops import BANNED_FOR, MAX_RECOVERIES, Loop, LoopGuard, find_loop, is_spared
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams


def test_loops_are_found_whole_and_short_repeats_left_alone() -> None:
    start = list(range(100, 140))
    loop = find_loop(start + [1, 2, 3, 4] * 20)
    assert loop is not None and (loop.span, loop.run) == (4, 80)
    assert find_loop(start + [7] * 30) is None and find_loop(start + [1, 2] * 20) is None
    line = list(range(80))
    assert find_loop(line * 4) is None
    found = find_loop(line * 5 + line[:10])
    assert found is not None and (found.span, found.run) == (80, 410)
    paragraph = list(range(250))
    assert find_loop(paragraph * 5) == Loop(250, 1250)


@pytest.mark.parametrize("text", [". ", "...", "_", "—", "·"])
def test_leaders_and_rules_are_spared_up_to_a_limit(text: str) -> None:
    assert is_spared(text, Loop(2, 150)) and not is_spared(text, Loop(2, 500))


EMPTY = (
    "<td></td>", "td></td><", "</td><td> ", "<tr><td></td>\n</tr>", "|  ", "| --- ", " & ", "<td>-</td>",
    '<td colspan="2"></td>',
)  # fmt: skip


@pytest.mark.parametrize("text", EMPTY)
def test_empty_cells_are_spared_up_to_a_limit(text: str) -> None:
    assert is_spared(text, Loop(4, 800)) and not is_spared(text, Loop(4, 1200))


def test_rows_alike_are_spared_until_they_are_too_many() -> None:
    assert is_spared("| 8:00 | 17:00 |\n", Loop(10, 110)) and not is_spared("| 8:00 | 17:00 |\n", Loop(10, 120))
    assert not is_spared("so it went on ", Loop(10, 60)) and not is_spared("a < b ", Loop(10, 60))


def test_a_cut_keeps_the_first_copy_and_bans_going_round_again_for_a_while() -> None:
    guard, ids = LoopGuard(), [9, 8, *[1, 2, 3] * 30]
    keep = guard.cut(ids, lambda some: "abc")
    assert keep == 5
    ids = ids[:keep]
    assert guard.banned(ids) == (1,) and guard.banned([*ids, 7]) == ()
    assert guard.banned([*ids, 7, 1, 2]) == () and guard.banned([*ids, 7, 1, 2, 3]) == (1,)
    assert guard.banned([*ids, 7, 2, 3, 1]) == (2,)  # wherever the loop is entered
    later = [*ids, *range(50, 50 + BANNED_FOR), 1, 2, 3]
    assert guard.banned(later) == () and not guard.active(later)


def test_a_long_loop_is_left_after_a_few_tokens_of_it() -> None:
    guard, line = LoopGuard(), list(range(100, 180))
    assert guard.cut(line * 6, lambda some: "words") == 80
    assert guard.banned([*line, 5, *line[30:45]]) == () and guard.banned([*line, 5, *line[30:46]]) == (line[46],)


# A network whose answer is given: `wish` says which token it wants after those it has said, however it came to say them.


class Wished:
    """An engine of random weights whose logits are replaced, a row of the batch at a time, by what `wish` wants."""

    def __init__(
        self, engine: Engine, wish: Callable[[Sequence[int]], Sequence[int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.engine, self._wish, self.said = engine, wish, list[int]()
        monkeypatch.setattr(engine.network.language, "logits", self._logits)

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(*hidden.shape[:-1], self.engine.info.vocab_size)
        for rank, token in enumerate(self._wish(self.said)):
            out[..., token] = 10.0 - rank
        return out

    def answer(self, limit: int, **sampling: Any) -> GenerationResult:
        self.said = []
        request = GenerationRequest((Message("user", "x"),), SamplingParams(max_new_tokens=limit, **sampling))
        vocabulary = self.engine.tokenizer

        def watch(_: int, text: str) -> None:
            self.said = vocabulary.encode(text)

        return self.engine.generate([request], watch)[0]


@pytest.fixture(scope="module")
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]) -> Engine:
    return load_engine(checkpoint(small_shape), device="cpu", dtype="float32")


def scripted(engine: Engine, text: str, loop: str, after: str) -> Callable[[Sequence[int]], Sequence[int]]:
    """Say `text`, then `loop` over and over; pushed out of it, say `after` and end."""
    encode, eos = engine.tokenizer.encode, engine.tokenizer.eos
    start, around, rest = encode(text), encode(loop), encode(after)

    def wish(said: Sequence[int]) -> Sequence[int]:
        at = len(said)
        if at < len(start):
            return [start[at]]
        tail = list(said[len(start) :])
        looping = next((n for n in range(len(tail) + 1) if n == len(tail) or tail[n] != around[n % len(around)]), 0)
        if looping == len(tail):  # still in the loop: go on with it, or with the rest when that is banned
            return [around[at % len(around) - len(start) % len(around)], rest[0]]
        done = len(tail) - looping
        return [rest[done] if done < len(rest) else eos]

    return wish


def test_an_answer_gets_out_of_a_loop_and_ends_by_itself(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    wished = Wished(engine, scripted(engine, "The sum is ", "of it ", "42."), monkeypatch)
    result = wished.answer(400)
    assert result.text == "The sum is of it42."  # the space before it is part of the first copy
    assert (result.loops_recovered, result.finish_reason, result.truncated) == (1, "stop", False)
    assert len(result.logprobs) == len(result.token_ids) == len(result.pieces)
    free = wished.answer(400, guard_loops=False)
    assert free.text.endswith("of it of it") and (free.loops_recovered, free.finish_reason) == (0, "length")
    assert free.truncated


@pytest.mark.parametrize("cells", ["<td></td>", "| ", "."])
def test_an_empty_table_or_a_leader_is_read_to_its_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, cells: str
) -> None:
    eos = engine.tokenizer.eos
    script = [*engine.tokenizer.encode("Name " + cells * (180 // len(cells)) + " end"), eos]
    result = Wished(engine, lambda said: [script[len(said)]], monkeypatch).answer(400)
    assert result.loops_recovered == 0 and result.finish_reason == "stop" and result.text.endswith(" end")


def test_an_answer_that_only_ever_loops_is_stopped_and_says_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    favourites = engine.tokenizer.encode("ox")
    result = Wished(engine, lambda said: favourites, monkeypatch).answer(900)
    assert result.finish_reason == "loop" and result.truncated and result.ending == "kept repeating itself"
    assert result.loops_recovered == MAX_RECOVERIES + 1 and len(result.token_ids) < 500
