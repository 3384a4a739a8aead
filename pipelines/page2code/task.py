"""A page as HTML in the way of the model, and the registry's entry."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsvl2.model import GenerationRequest, Message, SamplingParams
from dsvl2.pipelines.documents import Notice, PageResult
from dsvl2.pipelines.page2code.place import document_html, placed_html
from dsvl2.pipelines.page2code.sanitize import safe_html
from dsvl2.pipelines.tasks.base import Engine, Parsed, Prompts, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

MOST_TOKENS = 2000
_FENCE = re.compile(r"```[ \t]*([A-Za-z0-9]*)[ \t]*\n(.*?)(?:\n[ \t]*```|$)", re.DOTALL)
_PAGE = re.compile(r"<!doctype html.*?(?:</html\s*>|$)|<html\b.*?(?:</html\s*>|$)", re.DOTALL | re.IGNORECASE)
_SPECIAL = re.compile(r"<[|｜][^<>\n]{0,40}[|｜]>")


@dataclass(frozen=True, slots=True)
class PageCode:
    """A page as one self-contained HTML file."""

    source: str
    page: int
    html: str
    notices: tuple[Notice, ...] = ()


def extract_html(output: str) -> Parsed[str]:
    """Return the HTML in an answer, without the fence and the talk around it. Never raises."""
    text = _SPECIAL.sub("", output)
    found = text
    fences = [match for match in _FENCE.finditer(text) if "<" in match[2]]
    if fences:
        best = max(fences, key=lambda match: (match[1].lower() == "html", len(match[2])))
        found = best[2]
    if page := _PAGE.search(found):
        found = page[0]
    rest = re.sub(r"\s|`|html", "", text.replace(found, "", 1), flags=re.IGNORECASE)
    dropped: tuple[Notice, ...] = ()
    if rest:
        dropped = (Notice("talk_dropped", f"{len(rest)} characters beside the HTML were dropped"),)
    if "<" not in found:
        dropped += (Notice("no_html", "the model wrote no HTML; its words are kept as text"),)
    return Parsed(found.strip(), dropped)


def parse_html(output: str, *, title: str = "") -> Parsed[str]:
    """Return an answer as a complete and safe HTML file (see `safe_html`). Never raises."""
    found = extract_html(output.encode("utf-8", "replace").decode())
    safe = safe_html(found.value, title=title)
    return Parsed(safe.value, found.dropped + safe.dropped)


SPEC = TaskSpec(
    name="page2code",
    summary="Turn a screenshot into one HTML file",
    prompts=Prompts(page="<image>\nWrite this page as one self-contained HTML file with inline CSS."),
    parse=parse_html,
    result=PageCode,
    batch="dsvl2.pipelines.page2code.batch:PageCodeBatch",
)


def page_from_reading(source: str, pages: Sequence[tuple[PageResult, Image]]) -> PageCode:
    """Return pages that were read as one file, each block in its place."""
    title = next((block.text for page, _ in pages for block in page.blocks if block.kind == "heading"), source)
    mains = [placed_html(page, image) for page, image in pages]
    return PageCode(source, pages[0][0].number, document_html(" ".join(title.split()), mains))


def page_from_image(source: str, number: int, image: Image, engine: Engine, *, unsafe: bool = False) -> PageCode:
    """Ask a whole-page checkpoint for the page's HTML. `unsafe` keeps scripts and references as the model wrote them."""
    message = Message("user", SPEC.prompts.page, (image,), shared=len("<image>"))
    request = GenerationRequest((message,), SamplingParams(max_new_tokens=MOST_TOKENS))
    (answer,) = engine.generate([request])
    parsed = extract_html(answer.text) if unsafe else parse_html(answer.text, title=source)
    code = PageCode(source, number, parsed.value.rstrip("\n") + "\n", parsed.dropped)
    if answer.truncated:
        cut = Notice(
            "truncated", f"the model {answer.ending} (limit {MOST_TOKENS} tokens): the end of the page is missing"
        )
        code = replace(code, notices=(*code.notices, cut))
    return code
