"""Workers in a Ray cluster: readers are actors that pull from a desk, files are opened by CPU tasks wherever there is room.

Pixels go from the tasks to the readers through Ray's object store; this process, which alone writes the manifest, only holds
references to them. Needs the extra `dsvl2[ray]`, and inputs that every node can open under the same path or URL.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import Any, cast
from uuid import uuid4

from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.endings import EngineFailed
from dsvl2.pipelines.batch.ray_desk import DecodeSpec, remote_parts
from dsvl2.pipelines.batch.ray_seats import PAUSE, Actor, Caller, Seat, unstartable
from dsvl2.pipelines.batch.reader import EngineMaker
from dsvl2.pipelines.batch.work import BatchOptions, Hand
from dsvl2.pipelines.documents import PageError

SEATS = 2
"""Requests in flight for each reader: one that it works at, one that it has taken ahead."""
_AGAIN = PageError("worker_crashed", "the Ray cluster lost the batch's queue", "run the same command again: it goes on")


class RayHands:
    """A desk, `readers` actors (each with a GPU of its own, if `gpus`), and tasks."""

    def __init__(self, options: BatchOptions, *, readers: int, gpus: bool) -> None:
        self._options = options
        self._number, self._gpus = readers, gpus
        self._spec = DecodeSpec(options.source, options.decode_memory, options.decode_seconds)
        self._parts = remote_parts()
        self._name = f"dsvl2-desk-{uuid4().hex}"
        self._desk = self._parts.desk.options(name=self._name).remote()
        self._news = self._desk.news.remote()
        self._tickets = count(1)
        self._seats: dict[int, Seat] = {}
        self._actors: list[Actor] = []
        self._stamps: Header | None = None
        self._loading: list[Seat] = []

    def decoder(self) -> Caller:
        """Return a place for one call of the decoding task at a time."""
        return Caller(self._parts.decode, self._spec)

    def reader(self, maker: EngineMaker) -> Seat:
        """Return a place for one request on the desk; the first one starts the actors, all with the same maker."""
        if not self._actors:
            resources = {"num_gpus": 1, "num_cpus": 1} if self._gpus else {"num_cpus": 1}
            task = (self._options.task, dict(self._options.task_options))
            for number in range(self._number):
                made = self._parts.reader.options(**resources).remote(number, self._name, maker, task, self._spec)
                self._actors.append(Actor(number, made))
        seat = Seat(self)
        if self._stamps is not None:
            seat.inbox.append((self._stamps, []))
        else:
            self._loading.append(seat)
        return seat

    @property
    def pids(self) -> list[int]:
        """Processes of the readers that have said so."""
        return [actor.pid for actor in self._actors if actor.pid]

    def put(self, seat: Seat, header: Header, blobs: Sequence[Any]) -> int:
        """Lay a request on the desk and return its ticket."""
        ticket = next(self._tickets)
        self._seats[ticket] = seat
        self._desk.put.remote(ticket, header, list(blobs))
        return ticket

    def withdraw(self, ticket: int) -> None:
        """Forget a request."""
        if self._seats.pop(ticket, None) is not None:
            self._desk.withdraw.remote(ticket)

    def kill(self, number: int) -> None:
        """End a reader; Ray starts it anew."""
        import ray

        ray.kill(self._actors[number].handle, no_restart=False)

    def wait(self, hands: Sequence[Hand], seconds: float) -> list[Hand]:
        """Wait for what the cluster has to say."""
        import ray

        mine = cast("Sequence[Seat | Caller]", hands)
        until = time.monotonic() + seconds
        for actor in self._actors:
            actor.go()
        while not (ready := [hand for hand in mine if hand.inbox]):
            callers = {hand.told: hand for hand in mine if isinstance(hand, Caller) and hand.told is not None}
            actors = {ref: actor for actor in self._actors for ref in (actor.load, actor.work) if ref is not None}
            refs = [self._news, *callers, *actors]
            done, _ = ray.wait(refs, num_returns=1, timeout=max(0.0, until - time.monotonic()))
            if not done:
                return []
            done, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
            for ref in done:
                if ref is self._news or ref == self._news:
                    self._hear()
                elif ref in callers:
                    callers[ref].hear()
                else:
                    self._hear_actor(actors[ref], ref)
        return list(ready)

    def close(self) -> None:
        """End actors and desk."""
        import ray

        for handle in (*(actor.handle for actor in self._actors), self._desk):
            ray.kill(handle)

    def _hear(self) -> None:
        import ray

        try:
            news = ray.get(self._news)
        except ray.exceptions.RayError as error:
            raise EngineFailed(unstartable(error) or _AGAIN) from error
        self._news = self._desk.news.remote()
        for kind, ticket, *rest in news:
            seat = self._seats.get(ticket)
            if seat is None:
                continue
            if kind == "begun":
                seat.begun(rest[0])
            else:
                del self._seats[ticket]
                seat.inbox.append((rest[0], rest[1]))

    def _hear_actor(self, actor: Actor, ref: Any) -> None:
        import ray

        try:
            told = ray.get(ref)
        except ray.exceptions.RayError as error:
            failure = unstartable(error)
            if failure is not None:
                raise EngineFailed(failure) from error
            self._died(actor, ref)
            return
        if ref == actor.work:
            self._died(actor, ref)
        elif ref == actor.load:
            actor.load, actor.pid, actor.pause = None, told.pop("pid", 0), PAUSE
            self._stamps = self._stamps or told
            for seat in self._loading:
                seat.inbox.append((told, []))
            self._loading.clear()

    def _died(self, actor: Actor, ref: Any) -> None:
        """An actor is gone and will be started anew: what it worked at is lost, and it will be sent to work again."""
        import ray

        actor.rest()
        if ref == actor.load:
            actor.load = None
            return
        actor.work = None
        ticket = ray.get(self._desk.lost.remote(actor.number))
        seat = self._seats.pop(ticket, None)
        if seat is not None:
            seat.inbox.append(None)
        actor.lives += 1
