"""How things end that no engine read: pages given up or taken from the text layer, and runs without an engine."""

from __future__ import annotations

from dsvl2.pipelines.batch.codec import Header, pack_result, unpack_notices
from dsvl2.pipelines.batch.ladder import text_result
from dsvl2.pipelines.batch.reader import summary
from dsvl2.pipelines.batch.work import PageWork
from dsvl2.pipelines.documents import PageError, PageResult


class EngineFailed(Exception):
    """An engine could not be loaded; `code` and `hint` are those of its error."""

    def __init__(self, error: PageError) -> None:
        super().__init__(error.message)
        self.code = error.code
        self.hint = error.hint


def failed_ending(page: PageWork, error: PageError) -> tuple[Header, bytes]:
    """Return the summary and the packed result of a page that is given up."""
    result = _shell(page, error)
    return summary(result, 0.0), pack_result(result, page.document.row.name)


def text_ending(page: PageWork) -> tuple[Header, bytes]:
    """Return the summary and the packed result of a page whose text layer stands in for a reading."""
    error = page.first_error
    assert error is not None and page.image is not None
    result = text_result(_shell(page, None), page.image["text_layer"], error)
    facts = {**summary(result, 0.0), "status": "fallback", "error": [error.code, error.message, error.hint]}
    return facts, pack_result(result, page.document.row.name)


def exit_words(code: int | None) -> str:
    """Say how a process ended."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _shell(page: PageWork, error: PageError | None) -> PageResult:
    image = page.image
    if image is None:
        return PageResult(page.number, error=error)
    width, height = image["size"]
    notices = unpack_notices(image["notices"])
    return PageResult(page.number, (), width, height, image["dpi"], warnings=notices, error=error)
