"""The exit codes, and the one place where an error becomes one.

Errors are known by their stable `code` word, not their class: nothing heavy is imported to say "no such file".
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command. The first eleven fit the practice of OCRmyPDF, those from 130 on that of shells."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    PARTIAL = 3
    BAD_INPUT = 4
    OUTPUT = 5
    NOTHING_TO_DO = 6
    MODEL = 7
    ENCRYPTED = 8
    CONFIG = 9
    LOW_CONFIDENCE = 10
    OUT_OF_MEMORY = 11
    TIMEOUT = 12
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


MEANINGS: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.INTERNAL: "internal error; please report it",
    Exit.USAGE: "the command line is wrong: unknown option, format, value or page list",
    Exit.PARTIAL: "some pages or files failed, the rest is written",
    Exit.BAD_INPUT: "bad input: missing, damaged, unsupported or over a limit",
    Exit.OUTPUT: "the output exists already or cannot be written",
    Exit.NOTHING_TO_DO: "nothing to do: no documents found",
    Exit.MODEL: "the model is missing or fails verification",
    Exit.ENCRYPTED: "encrypted: a password is needed or wrong",
    Exit.CONFIG: "bad configuration file, variable or schema",
    Exit.LOW_CONFIDENCE: "low confidence, failed validation, no chart found, or readings that differ (compare)",
    Exit.OUT_OF_MEMORY: "out of memory",
    Exit.TIMEOUT: "out of time",
    Exit.INTERRUPTED: "interrupted; finished pages are kept",
    Exit.PIPE_CLOSED: "the reader of standard output went away",
    Exit.TERMINATED: "a batch was told to end by SIGTERM; finished pages are kept",
}

_BY_CODE: dict[str, Exit] = {
    # the command line and configuration
    "usage": Exit.USAGE,
    "offline": Exit.USAGE,
    "bad_settings": Exit.CONFIG,
    # dsvl2.pipelines.errors
    "document_error": Exit.INTERNAL,
    "input_error": Exit.BAD_INPUT,
    "file_missing": Exit.BAD_INPUT,
    "file_empty": Exit.BAD_INPUT,
    "file_unreadable": Exit.BAD_INPUT,
    "file_unsupported": Exit.BAD_INPUT,
    "too_large": Exit.BAD_INPUT,
    "too_many_pages": Exit.BAD_INPUT,
    "box_outside": Exit.BAD_INPUT,
    "bad_request": Exit.BAD_INPUT,
    "bad_question": Exit.USAGE,
    "bad_corrections": Exit.BAD_INPUT,
    "bad_lexicon": Exit.BAD_INPUT,
    "bad_reading": Exit.BAD_INPUT,
    "no_documents": Exit.NOTHING_TO_DO,
    "file_encrypted": Exit.ENCRYPTED,
    "wrong_password": Exit.ENCRYPTED,
    "page_range": Exit.USAGE,
    "page_missing": Exit.BAD_INPUT,
    "output_error": Exit.OUTPUT,
    "output_exists": Exit.OUTPUT,
    "output_unwritable": Exit.OUTPUT,
    "output_collision": Exit.OUTPUT,
    "run_error": Exit.OUTPUT,
    "run_missing": Exit.BAD_INPUT,
    "run_busy": Exit.OUTPUT,
    "run_damaged": Exit.OUTPUT,
    "run_unwritable": Exit.OUTPUT,
    "unknown_format": Exit.USAGE,
    "bad_schema": Exit.CONFIG,
    "schema_unfillable": Exit.CONFIG,
    "bad_rule": Exit.USAGE,
    "unknown_task": Exit.USAGE,
    # dsvl2.pipelines.evaluation and training
    "evaluation_set": Exit.BAD_INPUT,
    "evaluation_engine": Exit.USAGE,
    "benchmark": Exit.PARTIAL,
    "reader_unavailable": Exit.USAGE,
    "training_pairs": Exit.BAD_INPUT,
    # dsvl2.pipelines.batch, of pages
    "worker_crashed": Exit.BAD_INPUT,
    # dsvl2.model.errors
    "model_error": Exit.INTERNAL,
    "model_not_found": Exit.MODEL,
    "adapter_not_found": Exit.MODEL,
    "bad_adapter": Exit.MODEL,
    "bad_config": Exit.MODEL,
    "unknown_quantization": Exit.MODEL,
    "bad_weights": Exit.MODEL,
    "bad_tokenizer": Exit.MODEL,
    "bad_prompt": Exit.INTERNAL,
    "bad_image": Exit.BAD_INPUT,
    "bad_constraint": Exit.BAD_INPUT,
    "context_overflow": Exit.BAD_INPUT,
    "bad_device": Exit.USAGE,
    "bad_dtype": Exit.USAGE,
    "bad_scheme": Exit.USAGE,
    "not_enough_memory": Exit.OUT_OF_MEMORY,
    "bad_destination": Exit.OUTPUT,
    "disk_full": Exit.OUTPUT,
    "download_failed": Exit.MODEL,
    "library_missing": Exit.USAGE,
    # raised by Python or a library
    "out_of_memory": Exit.OUT_OF_MEMORY,
    "timeout": Exit.TIMEOUT,
    "interrupted": Exit.INTERRUPTED,
    "internal": Exit.INTERNAL,
}


def known_codes() -> frozenset[str]:
    """Every error code that has an exit code of its own."""
    return frozenset(_BY_CODE)


def exit_for(code: str) -> Exit:
    """Return the exit code for an error's code word; an unknown word is an internal error."""
    return _BY_CODE.get(code, Exit.INTERNAL)


def code_of(error: BaseException) -> str:
    """Return the code word of any exception: its own `code` if it has one, else by kind.

    PyTorch's out-of-memory error is known by name, since importing torch to ask would cost a second.
    """
    own = getattr(error, "code", None)
    if isinstance(own, str) and own in _BY_CODE:
        return own
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, MemoryError) or "OutOfMemoryError" in names:
        return "out_of_memory"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "internal"


def table() -> str:
    """The table as printed at the end of `dsvl2 --help`, one code a line."""
    return "\n".join(f"{int(code):>3}  {meaning}" for code, meaning in MEANINGS.items())
