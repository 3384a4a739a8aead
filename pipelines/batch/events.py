"""What a batch tells while it works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dsvl2.pipelines.batch.places import Place
from dsvl2.pipelines.documents import Notice, PageError


@dataclass(slots=True)
class Counts:
    """Sums over the documents of a run. `reused` pages had a result before this session.

    `elsewhere` are documents that other processes of a shared batch did; `answers` those that were asked as a whole.
    """

    documents: int = 0
    documents_done: int = 0
    documents_failed: int = 0
    pages: int = 0
    pages_done: int = 0
    pages_failed: int = 0
    pages_fallback: int = 0
    pages_blank: int = 0
    reused: int = 0
    characters: int = 0
    tokens: int = 0
    answers: int = 0
    outputs: int = 0
    elsewhere: int = 0
    first_error: PageError | None = None


class Reporter(Protocol):
    """Told what happens; must be quick. `counts` is the live object.

    `notices` say what was noticed while a document was opened, none where that was told by an earlier session; `doubts`
    what speaks against a page's text, in the words of `pipelines/doubts.py`. `output` comes before the end of a document of
    whose output something is to be said.
    """

    def begin(self, counts: Counts) -> None: ...
    def document(self, name: str, pages: int, notices: Sequence[str]) -> None: ...
    def page(
        self, name: str, number: int, status: str, error: PageError | None, characters: int, doubts: Sequence[str]
    ) -> None: ...
    def retry(self, name: str, number: int, rung: str, error: PageError) -> None: ...
    def output(self, name: str, notices: Sequence[Notice]) -> None: ...
    def document_end(self, name: str, status: str, output: Place | None, error: PageError | None) -> None: ...


class Quiet:
    """Says nothing."""

    def begin(self, counts: Counts) -> None:
        pass

    def document(self, name: str, pages: int, notices: Sequence[str]) -> None:
        pass

    def page(
        self, name: str, number: int, status: str, error: PageError | None, characters: int, doubts: Sequence[str]
    ) -> None:
        pass

    def retry(self, name: str, number: int, rung: str, error: PageError) -> None:
        pass

    def output(self, name: str, notices: Sequence[Notice]) -> None:
        pass

    def document_end(self, name: str, status: str, output: Place | None, error: PageError | None) -> None:
        pass
