"""What a task is: the engine it asks, the page task that reads, and the entry that describes any task."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo
    from dsvl2.pipelines.documents import Notice, PageImage, PageResult

T = TypeVar("T")
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Engine(Protocol):
    """What a task needs of the model's engine; tests pass a scripted one."""

    @property
    def info(self) -> ModelInfo: ...

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]: ...


class Task(Protocol):
    """Turns pages into results."""

    @property
    def name(self) -> str:
        """The word that commands and results know it by."""
        ...

    def read(self, pages: Sequence[PageImage], engine: Engine) -> Sequence[PageResult]:
        """Return one result per page, in the same order; a page that fails is a result with `error`.

        What one page gives must not depend on the others in the call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Prompts:
    """What the user's turn says, with `{name}` where a value goes.

    page   for a whole-page checkpoint: the form the released ones were trained on, `<image>` for each image
    nano   for a model that reads by bands; most ask about the text read before (`{page}`); "": the task needs no question
    """

    page: str
    nano: str = ""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """What a parser made of a model's answer, and a notice for everything it had to drop or mend."""

    value: T
    dropped: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskSpec(Generic[T]):
    """One entry of the registry.

    `parse` turns one answer of the model into a value; it accepts any text and never raises.
    `result` is the frozen dataclass that the command's --json prints; `schema` overrides the schema derived from it.
    `batch` is "module:attribute" of the BatchTask class that runs it over many documents; None: it cannot.
    """

    name: str
    summary: str
    prompts: Prompts
    parse: Callable[[str], Parsed[Any]]
    result: type[T]
    schema: Callable[[], dict[str, Any]] | None = None
    version: int = 1
    batch: str | None = None

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema (draft 2020-12) of the result as JSON."""
        if self.schema is not None:
            return self.schema()
        from dsvl2.pipelines.tasks.schemas import schema_of

        return schema_of(self.result, name=self.name, version=self.version, title=self.summary)

    def record(self, value: T) -> dict[str, Any]:
        """Return a result as the JSON object that the schema describes."""
        from dsvl2.pipelines.tasks.schemas import record_of

        return {"schema": f"dsvl2/{self.name}/v{self.version}", **record_of(value)}


def fill(template: str, **values: str) -> str:
    """Put values in the places of a prompt; braces inside a value are left alone.

    Raises:
        KeyError: the template has a place that no value was given for.
    """
    return _PLACE.sub(lambda match: values[match[1]], template)
