"""Page lists in qpdf's grammar: `1-3,8`, `r2` (second from the end), `z` (last), `5-z:even`, `1-z,x4-6`.

    range = [group ("," group)*] [":odd" | ":even"]
    group = ["x"] end ["-" end]
    end   = number | "r" number | "z"

A group with `x` takes its pages out of the last group without one. `:odd` and `:even` look at places in the list, not
at page numbers, as qpdf does. No group at all (`:even`) means every page. Pages are read in document order and once
each, whatever the order they were asked for.
"""

from __future__ import annotations

import re

from dsvl2.pipelines.errors import PageMissing, PageRangeError

_END = r"(?:[0-9]+|r[0-9]+|z)"
_GROUP = re.compile(rf"(?P<exclude>x?)(?P<first>{_END})(?:-(?P<last>{_END}))?")
_ANY_COUNT = 10**9


def check_pages(text: str) -> None:
    """Check the grammar alone, before any document is opened.

    Raises:
        PageRangeError: names the token that does not parse.
    """
    _split(text)


def parse_pages(text: str, count: int) -> tuple[int, ...]:
    """Return the pages `text` names in a document of `count` pages: 1-based, ascending, each once.

    Raises:
        PageRangeError: the text does not parse, or nothing is left after the exclusions.
        PageMissing: a page outside 1..count; the message names the token and the count.
    """
    groups, parity = _split(text)
    if not groups:
        groups = [(False, "1", "z", "1-z")]
    chosen: list[int] = []
    group: list[int] = []
    for exclude, first, last, token in groups:
        pages = _expand(_resolve(first, count, token), _resolve(last, count, token))
        if exclude:
            group = [page for page in group if page not in pages]
        else:
            chosen += group
            group = list(pages)
    chosen += group
    if parity:
        chosen = chosen[0 if parity == "odd" else 1 :: 2]
    if not chosen:
        raise PageRangeError(f"page list '{text}' leaves no page of {count}")
    return tuple(sorted(set(chosen)))


def _split(text: str) -> tuple[list[tuple[bool, str, str, str]], str]:
    """Split into (exclude, first, last, token) groups and the parity word."""
    body, colon, parity = "".join(text.split()).lower().partition(":")
    if colon and parity not in ("odd", "even"):
        raise PageRangeError(f"page list '{text}': ':{parity}' is neither ':odd' nor ':even'")
    if not body and not colon:
        raise PageRangeError("the page list is empty")
    groups: list[tuple[bool, str, str, str]] = []
    for token in body.split(",") if body else ():
        match = _GROUP.fullmatch(token)
        if match is None:
            raise PageRangeError(f"page list '{text}': '{token}' is no page or range of pages")
        if match["exclude"] and not groups:
            raise PageRangeError(
                f"page list '{text}': '{token}' takes pages away, but there is no range before it",
                hint=f"say what to take them from: 1-z,{token}",
            )
        for end in (match["first"], match["last"] or ""):
            if end.lstrip("r") and end != "z" and not 1 <= int(end.lstrip("r")[:10]) <= _ANY_COUNT:
                raise PageRangeError(f"page list '{text}': '{token}' is out of reach: pages are counted from 1")
        groups.append((bool(match["exclude"]), match["first"], match["last"] or match["first"], token))
    return groups, parity


def _resolve(end: str, count: int, token: str) -> int:
    if end == "z":
        return count
    page = count + 1 - int(end[1:]) if end.startswith("r") else int(end)
    if 1 <= page <= count:
        return page
    has = "1 page" if count == 1 else f"{count} pages"
    asked = f"page {page}" if not end.startswith("r") else f"page '{end}'"
    context = "" if token == end else f" (in '{token}')"
    raise PageMissing(f"{asked}{context} does not exist: the document has {has}")


def _expand(first: int, last: int) -> range:
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)
