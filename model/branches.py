"""The language parts of an engine: the checkpoint's own, and perhaps a second one for requests of text alone.

Questions about a text that was read are another task than reading it: what teaches the one costs the other, in a small
model. A checkpoint may bring an adapter for them; with it the language part exists twice, over one tower and one table of
embeddings. Which of the two answers a request is decided here, by `Branches.of`, and nowhere else.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import Protocol, TypeVar

import torch

from dsvl2.model.lanes import Lanes
from dsvl2.model.request import GenerationRequest
from dsvl2.model.vl2 import DeepseekVL2


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A network with the schedulers that run on it, which have caches, graphs and compiled steps of their own.

    name: part of the key of what is kept of its prompts.
    """

    name: str
    network: DeepseekVL2
    lanes: Lanes


class Planned(Protocol):
    """Something that belongs to a request."""

    @property
    def request(self) -> GenerationRequest: ...


P = TypeVar("P", bound=Planned)


class Branches:
    """The language part that the checkpoint has, and the one for text, which is made when the first request needs it."""

    def __init__(
        self, network: DeepseekVL2, lanes: Callable[[DeepseekVL2], Lanes], text: Callable[[], DeepseekVL2] | None
    ) -> None:
        self.own = Branch("own", network, lanes(network))
        self._lanes, self._make, self._lock = lanes, text, Lock()
        self._text: Branch | None = None

    def of(self, request: GenerationRequest) -> Branch:
        """The part that answers a request; what making it raises, such as WeightsError, is raised here."""
        return self._for_text() if self._apart(request) else self.own

    def groups(self, plans: Iterable[P]) -> Iterator[tuple[Branch, list[P]]]:
        """What the parts have to do, each with all of its own."""
        sides: dict[bool, list[P]] = {}
        for plan in plans:
            sides.setdefault(self._apart(plan.request), []).append(plan)
        for side in sides.values():
            yield self.of(side[0].request), side

    def runs(self, plans: Iterable[P]) -> Iterator[tuple[Branch, Iterator[P]]]:
        """What comes, as it comes: as many in a row as one part answers. A run has to be used up before the next one."""
        if self._make is None:
            yield self.own, iter(plans)
            return
        for apart, run in groupby(plans, lambda plan: self._apart(plan.request)):
            yield (self._for_text() if apart else self.own), run

    def _apart(self, request: GenerationRequest) -> bool:
        return self._make is not None and request.text_only

    def _for_text(self) -> Branch:
        with self._lock:
            if self._text is None:
                assert self._make is not None  # asked by whoever has looked
                try:
                    network = self._make()
                except torch.OutOfMemoryError:  # of a GPU, whose caches take a share of what was free
                    self.own.lanes.release()
                    network = self._make()
                self._text = Branch("text", network, self._lanes(network))
            return self._text
