"""The registry: every task has an entry whose prompts, parser, result and schema fit together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.errors import UnknownTask
from dsvl2.pipelines.tasks import Parsed, Prompts, TaskSpec, fill, record_of, task_names, task_spec

ODD = ["", "\x00", "{", "[[", "<|det|>[[1,2", "# A\n\n|x|\n|-|\n", "\ud800", "9" * 5000, "```", "nan,inf,-1e999"]


@pytest.mark.parametrize("name", task_names())
def test_every_entry_is_whole(name: str) -> None:
    spec = task_spec(name)
    assert spec.name == name
    assert spec.summary and not spec.summary.endswith(".")
    assert "<image>" in spec.prompts.page
    Draft202012Validator.check_schema(spec.json_schema())
    assert spec.json_schema()["title"]


@pytest.mark.parametrize("text", ODD, ids=repr)
@pytest.mark.parametrize("name", task_names())
def test_no_parser_raises(name: str, text: str) -> None:
    parsed = task_spec(name).parse(text)
    assert isinstance(parsed, Parsed)
    assert all(notice.code and notice.message for notice in parsed.dropped)


def test_an_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(UnknownTask) as caught:
        task_spec("juggle")
    assert "ocr" in caught.value.hint


def test_values_are_put_into_prompts_once() -> None:
    assert fill("{page}\nQ: {question}", page="{question}", question="{page}?") == "{question}\nQ: {page}?"
    with pytest.raises(KeyError):
        fill("{question}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of it."""

    box: Box | None
    kind: Literal["a", "b"]
    places: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """All of it."""

    score: float | None = field(metadata={"help": "0..1"})
    parts: tuple[Part, ...]
    names: dict[str, int]
    size: tuple[int, int] | None = None


SPEC = TaskSpec("whole", "Do it all", Prompts("<image>"), lambda text: Parsed(None), Whole)


@pytest.mark.parametrize(
    "value",
    [
        Whole(None, (), {}),
        Whole(0.123456, (Part(Box(1, 2, 3.555, 4), "a", ((1, "x"),)), Part(None, "b")), {"n": 1}, (3, 4)),
        Whole(float("nan"), (), {}),
    ],
)
def test_what_is_written_fits_the_derived_schema(value: Whole) -> None:
    Draft202012Validator(SPEC.json_schema()).validate(SPEC.record(value))


@pytest.mark.parametrize("change", [{"score": "high"}, {"parts": [{"kind": "c"}]}, {"size": [1]}, {"extra": 1}])
def test_the_derived_schema_refuses_what_does_not_fit(change: dict[str, Any]) -> None:
    record = SPEC.record(Whole(0.5, (), {})) | change
    assert not Draft202012Validator(SPEC.json_schema()).is_valid(record)


def test_help_becomes_a_description() -> None:
    schema = SPEC.json_schema()
    assert schema["properties"]["score"] == {"description": "0..1", "type": ["number", "null"]}
    assert schema["$defs"]["Part"]["description"] == "A part of it."
    assert schema["$id"] == "urn:dsvl2:schema:whole:v1"


def test_a_box_is_four_numbers() -> None:
    assert record_of(Box(0, 1.006, 2, 3)) == [0, 1.01, 2, 3]
