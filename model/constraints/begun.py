"""The smallest constraint: an answer that has at least one token, whatever else it says."""

from __future__ import annotations

import torch
from torch import Tensor

from dsvl2.model.constraints.vocabulary import Vocabulary


class NotEmpty:
    """Keeps a model from ending before it has begun: what it would say if it had to say something."""

    def start(self, vocabulary: Vocabulary, limit: int) -> Begun:
        """Begin an answer; there is one for every limit."""
        return Begun(len(vocabulary), vocabulary.eos)


class Begun:
    """An answer under `NotEmpty`."""

    def __init__(self, size: int, eos: int) -> None:
        self.finished = self.closing = False
        self._every = torch.ones(size, dtype=torch.bool)
        self._first = self._every.clone()
        self._first[eos] = False
        self._eos, self._taken = eos, 0

    def allowed(self) -> Tensor:
        """All tokens, but for the end token in the first place."""
        return self._every if self._taken else self._first

    def accept(self, token: int) -> bool:
        """Take any token."""
        if token == self._eos:
            self.finished = True
        else:
            self._taken += 1
        return True

    def rewind(self, count: int) -> None:
        """Take back the last tokens."""
        self._taken -= count

    def close(self) -> None:
        """Nothing has to follow."""
        self.finished = True
