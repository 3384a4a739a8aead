"""Jobs over several lanes: each is answered once, in any lane alike, and a failure ends them all."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch

from dsvl2.model import GenerationRequest, Message, SamplingParams, load_engine
from dsvl2.model.answers import Answer, Job
from dsvl2.model.lanes import Lanes
from dsvl2.model.request import SamplingParams as Sampling
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.steps import FEWEST


class FakeScheduler:
    """Answers every job with the thread that took it; waits until all lanes have begun."""

    barrier, device = threading.Barrier(3), torch.device("cpu")

    def serve(
        self, pull: Callable[[bool], Job | None], capacity: int, halted: Callable[[], bool], **_: Any
    ) -> Iterator[Answer]:
        self.barrier.wait(timeout=900)
        while (job := pull(True)) is not None and not halted():
            if job.length == 13:
                raise ValueError("unlucky")
            yield Answer(job, None, ids=[threading.get_ident(), capacity], finish="stop")


def jobs(*lengths: int) -> list[Job]:
    return [
        Job(index, length, lambda: torch.zeros(1), Sampling(max_new_tokens=5)) for index, length in enumerate(lengths)
    ]


def lanes(make: Callable[[], Any]) -> Lanes:
    return Lanes(cast(Callable[[], Scheduler], make), count=3, threads=1)


def test_every_job_is_answered_once_and_every_lane_has_room_for_the_longest() -> None:
    answers = lanes(FakeScheduler).run(jobs(3, 40, *range(14, 14 + 2 * FEWEST)))
    assert sorted(answers) == list(range(2 + 2 * FEWEST))
    assert {answer.ids[1] for answer in answers.values()} == {45}


def test_a_failing_lane_ends_the_call_with_its_exception() -> None:
    with pytest.raises(ValueError, match="unlucky"):
        lanes(FakeScheduler).run(jobs(*range(1, 40)))


class OneByOne:
    """Makes the embeddings of one job after the other."""

    device = torch.device("cpu")

    def serve(self, pull: Callable[[bool], Job | None], capacity: int, halted: Any, **_: Any) -> Iterator[Answer]:
        while (job := pull(True)) is not None:
            yield Answer(job, None, ids=[int(job.embed())], finish="stop")


def test_jobs_that_fill_one_lane_have_their_prompts_made_once_by_any_core() -> None:
    made = list[tuple[int, int]]()

    def job(index: int) -> Job:
        def embed() -> torch.Tensor:
            made.append((index, threading.get_ident()))
            time.sleep(0.002)
            return torch.tensor(index)

        return Job(index, 3, embed, Sampling(max_new_tokens=5))

    answers = lanes(OneByOne).run([job(index) for index in range(FEWEST)])
    assert {index: answer.ids for index, answer in answers.items()} == {index: [index] for index in range(FEWEST)}
    assert sorted(index for index, _ in made) == list(range(FEWEST))
    assert len({thread for _, thread in made}) > 1


def test_a_prompt_that_cannot_be_made_is_told_by_its_own_error() -> None:
    def fail() -> torch.Tensor:
        raise ValueError("no such picture")

    good = jobs(1, 2)
    with pytest.raises(ValueError, match="no such picture"):
        lanes(OneByOne).run([*good, Job(2, 3, fail, Sampling(max_new_tokens=5))])


def test_no_jobs_is_no_work() -> None:
    assert lanes(FakeScheduler).run([]) == {}


def test_two_threads_give_the_bits_of_one() -> None:
    before = torch.get_num_threads()
    texts = [
        "Read.",
        "What is the total due on this invoice, in full?",
        "x",
        "12 34 56",
        "Read the second line.",
        *"abcdef",
    ]
    requests = [GenerationRequest((Message("user", text),), SamplingParams(max_new_tokens=9)) for text in texts]
    try:
        one, two = (load_engine("nano", threads=threads).generate(requests) for threads in (1, 2))
    finally:
        torch.set_num_threads(before)
    assert [(r.token_ids, r.logprobs) for r in one] == [(r.token_ids, r.logprobs) for r in two]
