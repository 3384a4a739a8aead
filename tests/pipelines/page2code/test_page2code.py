"""Pages as HTML: placed from what was read; what a model writes is made safe, and what was taken out is told."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.page2code import page_from_image, page_from_reading, parse_html, safe_html
from dsvl2.pipelines.page2code.place import look_of, placed_html
from tests.pipelines.answering import Answering

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def line(text: str, x: float, y: float, wide: float, kind: Any = "paragraph", **more: Any) -> Block:
    box = Box(x, y, x + wide, y + 16)
    return Block(kind, text, box, lines=(Line(text, box),), **more)


def screen() -> tuple[PageResult, Image.Image]:
    image = Image.new("RGB", (640, 480), (250, 250, 240))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 40, 640, 70), fill=(20, 60, 120))
    pen.text((20, 45), "WHITE ON BLUE", fill=(255, 255, 255))
    pen.text((20, 105), "dark text", fill=(10, 10, 10))
    pen.ellipse((400, 200, 600, 400), fill=(200, 30, 30))
    rows = (("a", "b & c"), ("1", "2"))
    blocks = (
        line("WHITE ON BLUE", 20, 45, 160, "heading", level=1),
        line("dark <text>", 20, 105, 70),
        line("first item", 20, 130, 80, "list_item"),
        Block("table", "a\tb & c\n1\t2", Box(20, 200, 220, 260), rows=rows),
        Block("figure", "", Box(400, 200, 600, 400)),
    )
    return PageResult(1, blocks, 640, 480, 96.0), image


def test_blocks_stand_where_they_stood() -> None:
    html = page_from_reading("a.png", [screen()]).html
    assert '<main style="width:640px;height:480px;background:#fafaf0' in html
    style = r"left:20px;top:45px;font-size:[\d.]+px;color:#\w+;background:#143c78"
    assert re.search(f'<h1 style="{style}">WHITE ON BLUE</h1>', html)
    assert ">dark &lt;text&gt;</p>" in html and ">• first item</p>" in html
    assert "<td>b &amp; c</td>" in html
    assert html.count("data:image/") == 1 and "http" not in html
    assert "<title>WHITE ON BLUE</title>" in html


def test_a_page_without_text_is_an_empty_page() -> None:
    html = placed_html(PageResult(1, (), 50, 40, 96.0), Image.new("L", (50, 40), 255))
    assert html.count("<") == 2


def test_the_image_may_be_drawn_at_another_size() -> None:
    page, image = screen()
    assert placed_html(page, image.resize((1280, 960))).count("data:image/") == 1


def test_ground_and_ink_are_seen() -> None:
    _, image = screen()
    import numpy as np

    assert look_of(np.asarray(image)[40:70]).ground == "#143c78"
    assert look_of(np.zeros((4, 4, 3), np.uint8)).ink == "#ffffff"


HOSTILE = """<!DOCTYPE html><html><head><title>Shop</title><base href="http://evil/"><link rel=stylesheet href=//evil/x.css>
<meta http-equiv=refresh content="0;url=http://evil/"><style>@import url(//evil/y.css); p{background:url(http://evil/z.png);color:red}
b{background:u\\72l(http://evil/e)} i{width:expression(alert(1))}</style>
<script>document.body.id='owned'</script></head><body onload="document.body.id='owned'" bgcolor=red>
<p onclick=alert(1) style="background-image:url('http://evil/s.png');color:blue" class=x>Hello <b>you</b></p>
<img src=http://evil/i.png onerror="document.body.id='owned'"><img src="data:image/png;base64,AAAA" alt=ok>
<img srcset="//evil/a 1x" src="javascript:alert(1)"><a href="javascript:document.body.id='owned'">a</a><a href="#top">top</a>
<iframe src=http://evil/></iframe><object data=http://evil/></object>
<svg><style><img src=x onerror="document.body.id='owned'"></style>
<path d="M0 0" onmouseover=alert(1) /><use href="http://evil/#x"></svg><form action=http://evil/><input name=q></form>
<math><mtext><style><!--</style><img title="--&gt;&lt;img src=1 onerror=document.body.id='owned'&gt;"></mtext></math>
<noscript><p title="</noscript><img src=x onerror=document.body.id='owned'>"></noscript><!-- <script>x</script> -->
<scr<script>ipt>document.body.id='owned'</script>&lt;script&gt;shown&lt;/script&gt;<marquee>kept</marquee></body></html>"""


def test_hostile_html_is_disarmed_and_told() -> None:
    parsed = parse_html(HOSTILE)
    page = parsed.value
    body = page.replace("&lt;script&gt;", "").lower()
    for word in (
        "<script",
        "onload",
        "onclick",
        "onerror=",
        "javascript:",
        "evil",
        "<iframe",
        "<object",
        "@import",
        "expression(",
    ):
        assert word not in body, word
    assert "Content-Security-Policy" in page and "<title>Shop</title>" in page
    assert "Hello <b>you</b>" in page and "color:blue" in page and "color:red" in page and 'href="#top"' in page
    assert 'src="data:image/png;base64,AAAA"' in page and "kept" in page and "shown" in page
    assert {notice.code for notice in parsed.dropped} >= {
        "html_script",
        "html_external",
        "html_unknown_tag",
        "html_comment",
    }


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_nothing_runs_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(parse_html(HOSTILE).value)
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*command, f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=900, check=False
    )
    assert "<title>Shop</title>" in done.stdout and 'id="owned"' not in done.stdout
    assert "Hello <b>you</b>" in done.stdout


@pytest.mark.parametrize(
    ("output", "inside", "codes"),
    [
        ("```html\n<p>a</p>\n```", "<p>a</p>", []),
        ("Sure, here you are:\n```html\n<p>a</p>\n```\nEnjoy!", "<p>a</p>", ["talk_dropped"]),
        ("```html\n<html><body><p>never closed", "<p>never closed</p>", []),
        ("<!DOCTYPE html><html><body>b</body></html><|end|>", "b", []),
        ("no html at all", "no html at all", ["no_html"]),
        ("", "<body>\n\n</body>", ["no_html"]),
        ("```\nx = 1\n```\n```html\n<b>y</b>\n```", "<b>y</b>", ["talk_dropped"]),
        ("<ul><li>a<li>b</ul></div><table><tr><td>c", "<td>c</td></tr></table>", []),
        ("a < b && c > d <br/>", "a &lt; b &amp;&amp; c &gt; d <br>", []),
        ("\ud800<p>x</p>", "<p>x</p>", ["talk_dropped"]),
    ],
)
def test_the_html_is_found_in_what_the_model_says(output: str, inside: str, codes: list[str]) -> None:
    parsed = parse_html(output)
    assert inside in parsed.value
    assert parsed.value.startswith("<!doctype html>") and parsed.value.endswith("</html>\n")
    if codes != ["talk_dropped"] or "\ud800" not in output:
        assert [notice.code for notice in parsed.dropped] == codes


@pytest.mark.parametrize(
    "text", ["<![", "<!x[", "<![CDATA[x", "<!DOCTYPE [<!", "<?php ", "</", "<a href='", "<!--", "<style>", "<script>x"]
)
def test_broken_markup_is_no_error(text: str) -> None:
    assert safe_html(text + "tail").value.count("<body>") == 1


def test_a_page_without_end_is_cut() -> None:
    parsed = safe_html("<p>" * 300_000)
    assert "html_too_long" in [notice.code for notice in parsed.dropped]


def test_a_checkpoint_is_asked_once_and_unsafe_keeps_its_words() -> None:
    engine = Answering(lambda request: "```html\n<script>x()</script><p>hi</p>\n```", mode="page")
    safe, raw = (page_from_image("a.png", 1, Image.new("L", (9, 9)), engine, unsafe=unsafe) for unsafe in (False, True))
    assert "<script" not in safe.html and "<p>hi</p>" in safe.html and safe.notices
    assert raw.html == "<script>x()</script><p>hi</p>\n"
