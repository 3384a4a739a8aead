"""The error tree: codes are unique, hints are there, any exception becomes a page's error."""

from __future__ import annotations

import inspect

import pytest

from dsvl2.pipelines import errors
from dsvl2.pipelines.errors import DocumentError, UnreadableFile, page_error

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, DocumentError)]


def test_codes_are_unique_snake_case() -> None:
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(code.islower() and code.replace("_", "").isalpha() for code in codes)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_drawn_in_the_tree(kind: type[DocumentError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_a_hint_given_wins_over_the_usual_one() -> None:
    assert UnreadableFile("x").hint == UnreadableFile.default_hint
    assert UnreadableFile("x", hint="y").hint == "y"
    assert UnreadableFile("x", hint="").hint == ""


def test_any_exception_becomes_a_page_error() -> None:
    assert page_error(UnreadableFile("it is\nbad", hint="h")) == errors.PageError("file_unreadable", "it is bad", "h")
    assert page_error(KeyError()).code == "internal"
    assert page_error(ZeroDivisionError("1/0")).message == "ZeroDivisionError: 1/0"
    assert page_error(MemoryError()).code == "out_of_memory"
    with_int_code = SystemExit(3)
    assert page_error(with_int_code).code == "internal"
