"""The OpenAI batch file format: JSON lines of chat requests, each a document of one page; images are opened by decoders.

    {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [...], "max_tokens": 300}}

Images are data: URIs or paths (also file://; relative ones are looked for beside the file of requests, or for standard input
in the current folder). Nothing is fetched.
What is asked for and not supported here is an error of that request; nothing is ignored in silence but `model` and labels.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from dsvl2.pipelines.batch.folder import STDIN_FILE
from dsvl2.pipelines.batch.rows import FileFacts, PlannedFile
from dsvl2.pipelines.documents import PageImage, UnreadablePage
from dsvl2.pipelines.errors import BadRequest, page_error
from dsvl2.pipelines.sources import SourceOptions, open_source

if TYPE_CHECKING:
    from PIL.Image import Image

URL = "/v1/chat/completions"
LABELS = frozenset({"model", "user", "metadata", "store", "service_tier", "safety_identifier"})
NUMBERS = {"max_tokens": int, "max_completion_tokens": int, "temperature": float, "top_p": float, "seed": int}
LEAST = {"max_tokens": 1, "max_completion_tokens": 1, "top_p": 1e-6, "seed": -(2**63)}
MOST = {"top_p": 1}
HARMLESS: dict[str, tuple[Any, ...]] = {
    "n": (1,), "stream": (False,), "frequency_penalty": (0,), "presence_penalty": (0,), "logit_bias": ({},), "tools": ([],),
}  # fmt: skip
"""Knobs that are not supported, and the values at which they do nothing."""
KNOWN = LABELS | NUMBERS.keys() | {"messages", "stop", "logprobs", "response_format"}
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_PLACE = re.compile(r"request:(\d+)\+(\d+):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RequestPage(PageImage):
    """A request in the place of a page: its body, with `<image>` for each of `images` in the texts of its messages."""

    body: Mapping[str, Any] | None = None
    images: tuple[Image, ...] = ()


def plan_requests(path: Path) -> Iterator[PlannedFile]:
    """Yield the requests of a file, in order; a line that is none is a document with a problem."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                mark = int.from_bytes(hashlib.sha256(line).digest()[:7], "big")
                place = f"request:{offset}+{len(line)}:{path}"
                name, problem = f"line {number}", None
                try:
                    name = _checked(line)["custom_id"]
                except BadRequest as error:
                    name, problem = _name_of(line) or name, page_error(error)
                facts = FileFacts(len(line), mark)
                yield PlannedFile(path, name, Path(str(number)), problem=problem, url=place, listed=facts)
            offset += len(line)


def is_request(url: str) -> bool:
    """Whether a document's place is a request of a file."""
    return url.startswith("request:")


def looks_like_requests(path: Path) -> bool:
    """Whether a file is in this format, by its first line."""
    try:
        with path.open("rb") as file:
            record = json.loads(next(line for line in file if line.strip()))
    except (OSError, ValueError, StopIteration):
        return False
    return isinstance(record, dict) and "custom_id" in record and "body" in record


def request_digest(url: str) -> str:
    """Return the hash of what decides an answer: the body, and the files that it names.

    Raises:
        BadRequest, OSError.
    """
    body, folder = _read(url)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode())
    for given in _image_urls(body):
        if not given.startswith("data:"):
            digest.update(hashlib.sha256(_bytes_of(given, folder)).digest())
    return digest.hexdigest()


def open_request(url: str, name: str, options: SourceOptions) -> RequestPage:
    """Return a request with its images; every page of a PDF or TIFF is one.

    Raises:
        BadRequest; what opening an image raises.
    """
    from PIL import Image as Images

    body, folder = _read(url)
    images: list[Image] = []
    messages = [
        {"role": ROLES[message["role"]], "content": _content(message["content"], images, folder, name, options)}
        for message in body["messages"]
    ]
    shown = images[0] if images else Images.new("L", (1, 1), 255)
    return RequestPage(1, shown, 72.0, source=name, body={**body, "messages": messages}, images=tuple(images))


def _content(content: Any, images: list[Image], folder: Path, name: str, options: SourceOptions) -> str:
    """The text of a message; its images are added to `images`."""
    if isinstance(content, str):
        return content.replace("<image>", "< image>")
    texts: list[str] = []
    for part in content:
        if part["type"] == "text":
            texts.append(part["text"].replace("<image>", "< image>"))
            continue
        with open_source(_bytes_of(_url_of(part), folder), replace(options, pages=None), name=name) as source:
            for page in source:
                if isinstance(page, UnreadablePage):
                    raise BadRequest(f"{name}: {page.error.message}", hint=page.error.hint)
                assert isinstance(page, PageImage)
                images.append(page.image)
                texts.append("<image>")
    return "\n".join(texts)


def _read(url: str) -> tuple[dict[str, Any], Path]:
    """The body of a request, and the folder that its file lies in."""
    match = _PLACE.fullmatch(url)
    assert match is not None
    path = Path(match[3])
    with path.open("rb") as file:
        file.seek(int(match[1]))
        record = _checked(file.read(int(match[2])))
    body: dict[str, Any] = record["body"]
    return body, Path.cwd() if path.name == STDIN_FILE else path.parent


def _checked(line: bytes) -> dict[str, Any]:
    """Parse a line, and look at everything that can be known without opening an image."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the line is no JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("custom_id"), str) or not record["custom_id"]:
        raise BadRequest("the request has no custom_id", hint="give every line its own, a string")
    if record.get("method", "POST") != "POST" or record.get("url", URL) != URL:
        raise BadRequest(f"{record.get('method')} {record.get('url')} is not known here", hint=f"POST {URL} is")
    body = record.get("body")
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        raise BadRequest("the body has no messages")
    for key, value in body.items():
        if key not in KNOWN and (key not in HARMLESS or value not in (None, *HARMLESS[key])):
            raise BadRequest(f"body.{key} is not supported here", hint="leave it out")
        kind = NUMBERS.get(key)
        if kind is not None and value is not None and (isinstance(value, bool) or not isinstance(value, (int, kind))):
            raise BadRequest(f"body.{key} is {value!r}, which is no number of its kind")
        if kind is not None and value is not None and not LEAST.get(key, 0) <= value <= MOST.get(key, value):
            raise BadRequest(f"body.{key} is {value!r}, which is out of range")
    for message in body["messages"]:
        _check_message(message)
    if body["messages"][-1]["role"] != "user":
        raise BadRequest("the last message is not the user's")
    return record


def _check_message(message: Any) -> None:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise BadRequest("a message has no role that is known here", hint=f"known roles: {', '.join(ROLES)}")
    content = message.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise BadRequest("a message has no content", hint="a text, or a list of text and image_url parts")
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            continue
        if kind != "image_url" or not _url_of(part):
            raise BadRequest(f"a part of type {kind!r} is not known here", hint="known parts: text, image_url")
        if message["role"] != "user":
            raise BadRequest("only the user can show images")


def _url_of(part: Any) -> str:
    given = part.get("image_url")
    url = given.get("url") if isinstance(given, dict) else given
    return url if isinstance(url, str) else ""


def _image_urls(body: Mapping[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        if isinstance(message["content"], list):
            yield from (_url_of(part) for part in message["content"] if part["type"] == "image_url")


def _bytes_of(url: str, folder: Path) -> bytes:
    """What an image_url holds or names."""
    if url.startswith("data:"):
        head, comma, data = url.partition(",")
        try:
            return (
                base64.b64decode(data, validate=True) if head.endswith(";base64") else unquote(data).encode("latin-1")
            )
        except (binascii.Error, ValueError) as error:
            raise BadRequest(f"an image_url is no data: URI: {error if comma else 'no comma in it'}") from error
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        raise BadRequest(f"{url[:100]} would have to be fetched", hint="give a data: URI or a path")
    path = folder / (unquote(parts.path) if parts.scheme else url)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _name_of(line: bytes) -> str | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    found = record.get("custom_id") if isinstance(record, dict) else None
    return found if isinstance(found, str) and found else None
