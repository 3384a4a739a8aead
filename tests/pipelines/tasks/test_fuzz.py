"""Parsers on mutated model outputs: no exception, nothing impossible in what they return, every drop reported.

The default run is short; LONG_TESTS=1 runs 100,000 mutations for every task of the registry.
"""

from __future__ import annotations

import os
import random
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.layout import tokens
from dsvl2.pipelines.layout.types import BandText
from dsvl2.pipelines.tasks import Parsed, task_names, task_spec

SEEDS: dict[str, tuple[str, ...]] = {
    "bands": (
        "<|y_3|>The larger pump delivered\n<|y_9|>412 litres per second.\n\n<|y_20|>Yours faithfully,",
        "no place\n<|y_5|>a <|y_6|> b\n\n",
        f"<|y_{'9' * 5000}|>far",
    ),
    "table": ("<table><tr><td>a</td></tr><![CDATA[x", "<![<table><tr><td>1"),
    "ask": (
        "412 litres per second",
        "A: 5,200 pounds\nQ: and then?",
        "Not in the document.",
        "J. R. Whitcombe,\nEngineer <|end|>",
        "",
    ),
    "ground": (
        "<|ref|>The giraffe at the back.<|/ref|><|det|>[[580, 270, 999, 900]]<|/det|>",
        "Throw it into <|ref|>the bin<|/ref|><|det|>[[1, 2, 30, 40]]<|/det|>,"
        " by <|ref|>a door<|/ref|><|det|>[[5,2,70,40],[3,4,5,6]]<|/det|>.",
        "<|det|>[[-5, 0, 1200.5, 99], [9, 9, 1, 1], [1,2]]<|/det|>",
    ),
    "page2code": (
        "Here:\n```html\n<!DOCTYPE html><html><head><style>p{color:red;background:url(x.png)}</style></head><body onload=x()>"
        '<p class="a">Hi <b>you</b></p><img src="http://e/x.png"><script>y()</script></body></html>\n```',
        '<table><tr><td rowspan=2>a</td><td style="color:blue">b</td></table>'
        '<a href="javascript:z()">c</a><!-- d --><svg><path d="M0"/></svg>',
    ),
}
COMMON = (
    "# Report\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$$x^2$$\n",
    '{"title": "Sales", "x": ["a", "b"], "series": [{"name": "s", "values": [1, 2.5, null]}]}',
    "<table><tr><th>a</th><th>b</th></tr><tr><td colspan=2>1</td></tr></table>",
    r"\frac{a}{b} + \left( \sqrt{x_1^2} \right) \begin{matrix} 1 & 2 \\ 3 & 4 \end{matrix}",
    "Year,Sales\n2001,12\n2002,13.5\n",
)
NOISE = (
    "<|y_7|>", "<|y_", "|>",
    "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "[[", "]]", "[", "]", ",", "-1", "99999999999", "1e309", "nan",
    "<", ">", "</", "<!", "<![CDATA[", "<!--", "-->", "<script>", "</script>", "<style>", "</style>", " onclick=a()",
    "url(//x)", "&#x", "&lt;", "\\", "{", "}", "$", "\\begin{matrix}", "\\end", "|", "\n", "\n\n", "```",
    "```html\n", "Q: ", "A: ", "\x00", "\x1b[31m", "\ud800", "\u202e", "é", "\U0001f600",
    "<\uff5cend\u2581of\u2581sentence\uff5c>", "<image>", "\t", "\"", "'", "null", "not in the document",
)  # fmt: skip
LONG = "LONG_TESTS" in os.environ
PARSERS = (*task_names(), "bands")
EXAMPLES = 100_000

Edit = tuple[str, int, int, str]
edits = st.lists(
    st.tuples(
        st.sampled_from(("delete", "insert", "repeat", "truncate", "move", "flood")),
        st.integers(0, 10_000),
        st.integers(1, 40),
        st.one_of(st.sampled_from(NOISE), st.text(max_size=6)),
    ),
    max_size=8,
)


def mutated(text: str, changes: list[Edit]) -> str:
    """Apply edits to a text; places count modulo its length."""
    for kind, place, size, noise in changes:
        at = place % (len(text) + 1)
        part = text[at : at + size]
        if kind == "delete":
            text = text[:at] + text[at + size :]
        elif kind == "insert":
            text = text[:at] + noise + text[at:]
        elif kind == "repeat":
            text = text[:at] + part * 3 + text[at:]
        elif kind == "truncate":
            text = text[:at]
        elif kind == "move":
            text = text[at + size :] + part + text[:at]
        else:
            text = text[:at] + noise * (size * 8) + text[at:]
    return text[:20_000]


def outputs(name: str) -> st.SearchStrategy[str]:
    seeds = st.sampled_from(SEEDS.get(name, ()) + COMMON)
    return st.builds(mutated, seeds, edits)


def letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def check_ask(output: str, parsed: Parsed[Any]) -> None:
    """An answer that lacks letters of the output says so, unless it declines."""
    if parsed.value is None:
        return
    assert isinstance(parsed.value, str) and parsed.value.strip() == parsed.value != ""
    parsed.value.encode()
    whole = re.sub(r"^\s*(a|answer)\s*:", "", output, count=1, flags=re.IGNORECASE)
    if letters(whole) != letters(parsed.value):
        assert parsed.dropped or letters(output) == letters(parsed.value)


def check_ground(output: str, parsed: Parsed[Any]) -> None:
    """Boxes lie on the grid; as many as the model wrote, less those that the notices count."""
    boxes = [box for mention in parsed.value.mentions for box in mention.boxes]
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= 999 and 0 <= box.y0 < box.y1 <= 999
    parsed.value.text.encode()
    lost = sum(
        int(notice.message.split()[0])
        for notice in parsed.dropped
        if notice.code in ("box_malformed", "box_inside_out", "box_repeated", "box_too_many")
    )
    regions = re.findall(r"<\|det\|>(.*?)(?=<\|/?det\|>|<\|ref\|>|$)", output, flags=re.DOTALL)
    written = sum(max(len([i for i in re.findall(r"\[([^\[\]]*)\]", region) if i.strip()]), 1) for region in regions)
    assert len(boxes) + lost == written


class Reader(HTMLParser):
    """Collects what a browser would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "link", "base"):
            self.bad.append(tag)
        for name, value in attrs:
            address = (value or "").strip().lower()
            outside = name in ("src", "href") and not address.startswith(("#", "data:image/"))
            if name.startswith("on") or outside or name in ("srcset", "action", "srcdoc"):
                self.bad.append(name)


def check_page2code(output: str, parsed: Parsed[Any]) -> None:
    """One complete file that runs and fetches nothing."""
    reader = Reader()
    reader.feed(parsed.value)
    assert reader.bad == []
    parsed.value.encode()
    assert parsed.value.startswith("<!doctype html>") and "Content-Security-Policy" in parsed.value
    if "<script" in output.lower() and "<script" in parsed.value.lower():
        raise AssertionError("a script was kept")


def check_bands(output: str) -> None:
    """What the embedded model prints for a band: no letter is lost, every one keeps its probability."""
    pieces = tuple(output[k : k + 3] for k in range(0, len(output), 3))
    lines = tokens.parse(BandText(output, pieces, tuple(-float(k) for k in range(len(pieces)))))
    bodies = tokens.LOCATION.split(output)[::2]
    written = "".join(tokens.SPECIAL.sub("", piece) for body in bodies for piece in body.split("\n"))
    assert letters("".join(line.text for line in lines)) == letters(written)
    assert all(len(line.logprobs) == len(line.text) for line in lines)
    assert all(line.text.strip() and "\n" not in line.text for line in lines)


CHECKS = {"ask": check_ask, "ground": check_ground, "page2code": check_page2code}


def survives(name: str, output: str) -> None:
    if name == "bands":
        check_bands(output)
        return
    parsed = task_spec(name).parse(output)
    assert isinstance(parsed, Parsed)
    assert all(isinstance(notice, Notice) and notice.code and notice.message for notice in parsed.dropped)
    if name in CHECKS:
        CHECKS[name](output, parsed)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_parsers_survive_mutated_outputs(name: str, data: st.DataObject) -> None:
    survives(name, data.draw(outputs(name)))


# What a model that runs in circles writes: marks that are opened thousands of times and never closed.
FLOODS = (
    "\\\\[", "\\sqrt[", "\\sqrt", "\\frac", "\\over", "\\text{", "\\(", "\\begin{matrix}", "{", "}", "$", "$$", "'", "`", "```",
    "**a ", "_a ", "![", "[[", "[a](", "| a ", "\n", "\n- ", "<td>", "<table>", "<!--", "<a href=", "<|det|>", "[[1, 2, 3, 4]]",
)  # fmt: skip


@pytest.mark.parametrize("name", task_names())
def test_a_flood_of_open_marks_is_parsed_at_once(name: str) -> None:
    """10,000 characters, seconds of processor time only if the work grows with the square of the length."""
    parse = task_spec(name).parse
    parse("warm up: modules are imported")
    for flood in FLOODS:
        for lead in ("", "Here is what you asked for: ")[: 1 + (flood == "'")]:
            started = time.process_time()
            assert isinstance(parse(lead + flood * (10_000 // len(flood))), Parsed)
            assert time.process_time() - started < 3, (name, lead, flood)


def some_edits(draw: random.Random) -> list[Edit]:
    """Edits as hypothesis makes them, a hundred times faster."""
    kinds = ("delete", "insert", "repeat", "truncate", "move", "flood")
    return [
        (
            draw.choice(kinds),
            draw.randrange(10_000),
            draw.randint(1, 40),
            draw.choice((*NOISE, chr(draw.randrange(0x3000)))),
        )
        for _ in range(draw.randrange(9))
    ]


@pytest.mark.slow
@pytest.mark.skipif(not LONG, reason="takes minutes: set LONG_TESTS=1")
@pytest.mark.parametrize("name", PARSERS)
def test_parsers_survive_100_000_mutated_outputs(name: str) -> None:
    """A failure names the seed of its output."""
    seeds = SEEDS.get(name, ()) + COMMON
    for seed in range(EXAMPLES):
        draw = random.Random(f"{name} {seed}")
        output = mutated(draw.choice(seeds), some_edits(draw))
        try:
            survives(name, output)
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}: {output!r}") from error
