"""Every error of every layer has an exit code, and the table says what each means."""

from __future__ import annotations

from typing import Any

import pytest

from dsvl2.model import errors as model_errors
from dsvl2.pipelines import errors as document_errors
from dsvl2_cli import errors as cli_errors
from dsvl2_cli.console import Problem
from dsvl2_cli.exit_codes import MEANINGS, Exit, code_of, exit_for, known_codes, table


def error_classes() -> list[type[BaseException]]:
    modules = (model_errors, document_errors, cli_errors)
    found = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return [kind for kind in found if issubclass(kind, Exception) and hasattr(kind, "code")]


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_class_has_an_exit_code(kind: Any) -> None:
    assert kind.code in known_codes()
    assert exit_for(kind.code) is not Exit.OK


def test_every_exit_code_has_a_meaning_and_no_two_the_same() -> None:
    assert set(MEANINGS) == set(Exit)
    assert len(set(MEANINGS.values())) == len(MEANINGS)
    assert len(table().splitlines()) == len(Exit)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (document_errors.Encrypted("a.pdf is encrypted"), Exit.ENCRYPTED),
        (document_errors.OutputExists("out.md exists"), Exit.OUTPUT),
        (document_errors.PageRangeError("page 9"), Exit.USAGE),
        (model_errors.ModelNotFound("no model"), Exit.MODEL),
        (MemoryError(), Exit.OUT_OF_MEMORY),
        (TimeoutError("page 3"), Exit.TIMEOUT),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (ZeroDivisionError("division by zero"), Exit.INTERNAL),
    ],
)
def test_an_error_becomes_its_exit_code(error: BaseException, code: Exit) -> None:
    assert Problem.of(error).exit is code


def test_out_of_memory_on_a_gpu_is_known_by_name() -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    assert code_of(OutOfMemoryError("CUDA out of memory")) == "out_of_memory"


def test_a_message_is_always_one_line_with_a_remedy() -> None:
    problem = Problem.of(ValueError("first\nsecond"))
    assert problem.message == "ValueError: first second"
    assert "--debug" in problem.hint


def test_a_foreign_code_attribute_is_not_taken_for_ours() -> None:
    class Foreign(Exception):
        code = "E42"

    assert code_of(Foreign()) == "internal"
