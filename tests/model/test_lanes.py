"""Jobs over several lanes: each is answered once, in any lane alike, and a failure ends them all."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch

from dsvl2.model import GenerationRequest, Message, SamplingParams, load_engine
from dsvl2.model.answers import Answer, Job
from dsvl2.model.lanes import Lanes
from dsvl2.model.request import SamplingParams as Sampling
from dsvl2.model.scheduler import Scheduler


class FakeScheduler:
    """Answers every job with the thread that took it; waits until all lanes have begun."""

    barrier, device = threading.Barrier(3), torch.device("cpu")

    def serve(
        self, pull: Callable[[bool], Job | None], capacity: int, halted: Callable[[], bool], **_: Any
    ) -> Iterator[Answer]:
        self.barrier.wait(timeout=20)
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
    answers = lanes(FakeScheduler).run(jobs(3, 40, 7, 7, 2, 9, 11))
    assert sorted(answers) == list(range(7))
    assert {answer.ids[1] for answer in answers.values()} == {45}


def test_a_failing_lane_ends_the_call_with_its_exception() -> None:
    with pytest.raises(ValueError, match="unlucky"):
        lanes(FakeScheduler).run(jobs(*range(1, 40)))


def test_no_jobs_is_no_work() -> None:
    assert lanes(FakeScheduler).run([]) == {}


def test_two_threads_give_the_bits_of_one() -> None:
    before = torch.get_num_threads()
    texts = ["Read.", "What is the total due on this invoice, in full?", "x", "12 34 56", "Read the second line."]
    requests = [GenerationRequest((Message("user", text),), SamplingParams(max_new_tokens=9)) for text in texts]
    try:
        one, two = (load_engine("nano", threads=threads).generate(requests) for threads in (1, 2))
    finally:
        torch.set_num_threads(before)
    assert [(r.token_ids, r.logprobs) for r in one] == [(r.token_ids, r.logprobs) for r in two]
