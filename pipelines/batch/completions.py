"""Chat requests answered: by a whole-page checkpoint as they stand; a model that reads by bands reads the images first.

The embedded model cannot talk: its answer is what stands in the pages (`ask`), fields by a schema (`extract`), or the text of
the pages as Markdown, if the request asks for that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from dsvl2.model import (
    GenerationRequest,
    GenerationResult,
    GrammarConstraint,
    Message,
    ModelInfo,
    SamplingParams,
    Usage,
)
from dsvl2.pipelines.batch.requests import RequestPage
from dsvl2.pipelines.documents import Document, PageError, PageImage, PageResult, sum_usage
from dsvl2.pipelines.errors import BadRequest, SchemaError
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.tasks.base import Engine, Parsed, Prompts, TaskSpec
from dsvl2.pipelines.tasks.batching import BatchTask, Finished, PageReading, TaskOptions, ValueFormat, json_formats
from dsvl2.pipelines.tasks.ocr import OcrTask, failed_page
from dsvl2.pipelines.tasks.plain import from_plain, to_plain

if TYPE_CHECKING:
    from dsvl2.pipelines.extract import Form
    from dsvl2.pipelines.sources import SourceOptions

MOST_TOKENS = 2048
NOT_HERE = "not in the document"
_READ = re.compile(r"\b(ocr|transcri\w+|markdown|convert|read (?:the|this|all|every)\w*)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer to a chat request."""

    content: str
    finish_reason: Literal["stop", "length"]
    model: str
    fingerprint: str
    prompt_tokens: int
    completion_tokens: int
    logprobs: tuple[tuple[str, float], ...] = field(
        default=(), metadata={"help": "Tokens with logarithms, if asked for."}
    )


@dataclass(slots=True)
class _Counted:
    """An engine that adds up what its answers cost."""

    engine: Engine
    usage: list[Usage | None] = field(default_factory=list)

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        answers = self.engine.generate(requests)
        self.usage += [answer.usage for answer in answers]
        return answers


class RequestsBatch(BatchTask):
    """Takes no options."""

    name = "requests"
    reading = "requests"
    reads_text = False

    def __init__(self, options: TaskOptions) -> None:
        super().__init__()

    def source(self, options: SourceOptions) -> SourceOptions:
        """Return the options with colour, and every image as it looks."""
        return replace(options, color=True, text_layer="ignore")

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageReading]:
        """Answer the requests; those of a whole-page model go to it together."""
        if engine.info.reading.mode == "bands":
            return [_guarded(page, lambda page: _read_first(page, engine)) for page in pages]
        requests = [_request(page) for page in pages]
        answers = engine.generate(requests)
        return [_reading(page, _completion(page, answer, engine)) for page, answer in zip(pages, answers, strict=True)]

    def formats(self) -> tuple[ValueFormat, ...]:
        """The lines of OpenAI's result files, errors included."""
        lines, _ = json_formats(lambda done: [result_record(done)], single=True)
        return (replace(lines, failures=True),)


def _guarded(page: PageImage, read: Any) -> PageReading:
    try:
        found: PageReading = read(page)
        return found
    except Exception as error:  # one bad request must not stop the others
        return PageReading(failed_page(page, error))


def _body(page: PageImage) -> Mapping[str, Any]:
    assert isinstance(page, RequestPage) and page.body is not None
    return page.body


def _images(page: PageImage) -> Sequence[Any]:
    return page.images if isinstance(page, RequestPage) else ()


def _request(page: PageImage) -> GenerationRequest:
    body, left, messages = _body(page), list(_images(page)), []
    for message in body["messages"]:
        count = message["content"].count("<image>")
        messages.append(Message(message["role"], message["content"], tuple(left[:count])))
        del left[:count]
    form = _form(body)
    constraint = None
    if form is not None:
        from dsvl2.pipelines.extract.grammar import grammar_of

        constraint = GrammarConstraint(grammar_of(form))
    sampling = SamplingParams(
        max_new_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or MOST_TOKENS,
        temperature=float(body.get("temperature") or 0.0),
        top_p=float(body.get("top_p") or 1.0),
        seed=int(body.get("seed") or 0),
        constraint=constraint,
    )
    return GenerationRequest(tuple(messages), sampling)


def _form(body: Mapping[str, Any]) -> Form | None:
    wanted = body.get("response_format") or {"type": "text"}
    if wanted.get("type") == "text":
        return None
    schema = (wanted.get("json_schema") or {}).get("schema")
    if wanted.get("type") != "json_schema" or not isinstance(schema, dict):
        raise BadRequest(f"response_format {wanted.get('type')!r} is not supported", hint="give a json_schema")
    from dsvl2.pipelines.extract import read_schema

    try:
        return read_schema(schema)
    except SchemaError as error:
        raise BadRequest(f"response_format: {error}", hint=error.hint) from error


def _completion(page: PageImage, answer: GenerationResult, engine: Engine) -> Completion:
    body, usage, text = _body(page), answer.usage, answer.text
    stops = body.get("stop") or []
    cut = min((text.find(stop) for stop in ([stops] if isinstance(stops, str) else stops) if stop in text), default=-1)
    told = tuple(zip(answer.pieces, map(float, answer.logprobs), strict=False)) if body.get("logprobs") else ()
    reason: Literal["stop", "length"] = "stop" if cut >= 0 or answer.finish_reason == "stop" else "length"
    content = text if cut < 0 else text[:cut]
    info = engine.info
    return Completion(
        content, reason, info.name, info.fingerprint, usage.prompt_tokens, usage.completion_tokens, told
    )  # fmt: skip


def _reading(page: PageImage, found: Completion) -> PageReading:
    width, height = page.image.size
    usage = Usage(found.prompt_tokens, 0, found.completion_tokens, 0)
    return PageReading(PageResult(1, (), width, height, page.dpi, usage=usage), to_plain(found))


def _read_first(page: PageImage, engine: Engine) -> PageReading:
    """Read the images by bands, and answer from their text."""
    from dsvl2.pipelines.ask import AskPage, ask_text, check_question
    from dsvl2.pipelines.extract import extract, pages_of
    from dsvl2.pipelines.extract.asking import Asker
    from dsvl2.pipelines.extract.types import Options

    images, body, counted = _images(page), _body(page), _Counted(engine)
    if not images:
        raise BadRequest("the embedded model answers from page images, and the request shows none")
    shown = [PageImage(number, image, page.dpi, source=page.source) for number, image in enumerate(images, 1)]
    read = OcrTask().read(shown, counted)
    failed = next((result.error for result in read if result.error is not None), None)
    if failed is not None:
        return PageReading(replace(failed_page(page, RuntimeError()), error=failed))
    form = _form(body)
    asked = " ".join(body["messages"][-1]["content"].replace("<image>", " ").split())
    if form is not None:
        asker = Asker(counted, form, Options())
        found = extract(
            page.source, pages_of([one for one in read if not one.blank], asker.room), counted, form, asker=asker
        )
        content = json.dumps(found.data, ensure_ascii=False)
    elif not asked or (_READ.search(asked) and "?" not in asked):
        content = get_format("markdown").render(Document(page.source, tuple(read)))
    else:
        known = [AskPage(page.source, one.number, one, lambda: images[0]) for one in read]
        (answer,) = ask_text(known, [check_question(asked)], counted)
        content = answer.answer or NOT_HERE
    usage = sum_usage(counted.usage) or Usage(0, 0, 0, 0)
    info = engine.info
    done = Completion(content, "stop", info.name, info.fingerprint, usage.prompt_tokens, usage.completion_tokens)
    return _reading(page, done)


def result_record(done: Finished) -> dict[str, Any]:
    """Return the line of a result file; what was wrong with a request stands both in the response and beside it."""
    key = (done.document.sha256 or hashlib.sha256(done.document.source.encode("utf-8", "replace")).hexdigest())[:24]
    page = done.pages[0] if done.pages else None
    error = done.error or (page.result.error if page else None)
    if error is not None or page is None:
        told = error or PageError("internal", "there is no answer")
        status = 400 if told.code not in SERVER_ERRORS else 500
        kind = "invalid_request_error" if status == 400 else "server_error"
        message = f"{told.message} ({told.hint})" if told.hint else told.message
        body: dict[str, Any] = {"error": {"message": message, "type": kind, "param": None, "code": told.code}}
        failure = {"code": told.code, "message": message}
    else:
        status, body, failure = 200, completion_record(from_plain(Completion, page.value), key), None
    response = {"status_code": status, "request_id": f"req_{key}", "body": body}
    return {"id": f"batch_req_{key}", "custom_id": done.document.source, "response": response, "error": failure}


SERVER_ERRORS = frozenset({"internal", "out_of_memory", "timeout", "worker_crashed", "model_error"})


def completion_record(found: Completion, key: str) -> dict[str, Any]:
    """Return a chat.completion object. It holds no time: the same request gives the same bytes."""
    told: list[Any] = [
        {"token": token, "logprob": value, "bytes": None, "top_logprobs": []} for token, value in found.logprobs
    ]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": found.content, "refusal": None},
        "logprobs": {"content": told, "refusal": None} if told else None,
        "finish_reason": found.finish_reason,
    }
    usage = {
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "total_tokens": found.prompt_tokens + found.completion_tokens,
    }
    head = {"id": f"chatcmpl-{key}", "object": "chat.completion", "created": 0, "model": found.model}
    return {**head, "choices": [choice], "usage": usage, "system_fingerprint": found.fingerprint[:16]}


SPEC = TaskSpec(
    name="requests",
    summary="Answer chat requests in OpenAI's batch file format",
    prompts=Prompts(page="<image>\n{question}", nano="{page}\nQ: {question}"),
    parse=lambda output: Parsed(output),
    result=Completion,
    batch="dsvl2.pipelines.batch.completions:RequestsBatch",
)
