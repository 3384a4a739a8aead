"""`dsvl2 batch requests.jsonl -o results.jsonl`: OpenAI's batch file format in and out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch.requests import open_request, plan_requests
from dsvl2.pipelines.errors import BadRequest
from dsvl2.pipelines.sources import SourceOptions
from dsvl2_cli.exit_codes import Exit

Make = Callable[..., Path]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


def request(name: str, *parts: Any, **body: Any) -> str:
    messages = body.pop("messages", [{"role": "user", "content": list(parts)}])
    record = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions"}
    return json.dumps({**record, "body": {"model": "gpt-4o", "messages": messages, **body}})


def text(words: str) -> Any:
    return {"type": "text", "text": words}


def image(url: str) -> Any:
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


@pytest.fixture
def requests(png: Make, pdf: Make, tmp_path: Path) -> Path:
    """Four good requests and five bad ones."""
    data = base64.b64encode(png("a.png", size=(120, 80)).read_bytes()).decode()
    png("below/b.png", size=(90, 60))
    lines = [
        request("data", text("What is it?"), image(f"data:image/png;base64,{data}"), max_tokens=50),
        request("path", image("below/b.png"), text("And this?"), temperature=0, logprobs=True),
        request("url", image((tmp_path / "below" / "b.png").as_uri()), text("two"), image("a.png")),
        "",
        request("tools", text("x"), tools=[{"type": "function"}]),
        request("absent", image("nowhere.png")),
        request("web", image("https://example.org/a.png")),
        request("damaged", image("data:image/png;base64,AAAA")),
        "{not json",
        request("pdf", image(str(pdf("two.pdf", widths=(100, 110)))), text("both pages")),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "in.jsonl"


def test_answers_have_the_ids_and_form_of_the_requests(
    dsvl2: Any, scripted: Any, requests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    words = ("batch", requests, "-o", tmp_path / "out.jsonl", "--jobs", "1", "--json")
    done = dsvl2(*words)
    assert done.code == Exit.PARTIAL, done.err
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    found = {line["custom_id"]: line for line in lines}
    assert list(found) == ["data", "path", "url", "tools", "absent", "web", "damaged", "line 9", "pdf"]
    good = found["path"]["response"]
    assert (good["status_code"], found["path"]["error"]) == (200, None)
    assert good["body"]["choices"][0]["message"]["content"] == "# A page\n\nIt is 90 by 60 pixels.\n"
    assert good["body"]["usage"] == {"prompt_tokens": 9, "completion_tokens": 33, "total_tokens": 42}
    assert len(good["body"]["choices"][0]["logprobs"]["content"]) == 33
    assert len({line["id"] for line in lines if line["error"] is None}) == 4
    for name, told in (("tools", "body.tools"), ("absent", "nowhere.png"), ("web", "fetched"), ("line 9", "JSON")):
        assert (found[name]["response"]["status_code"], told in found[name]["error"]["message"]) == (400, True)
    before = (tmp_path / "out.jsonl").read_bytes()
    again = json.loads(dsvl2(*words).out)
    assert (again["pages_done"], again["reused"], (tmp_path / "out.jsonl").read_bytes()) == (0, 4, before)


def test_images_stand_where_the_request_has_them(requests: Path) -> None:
    by_name = {file.name: file for file in plan_requests(requests)}
    page = open_request(by_name["url"].url or "", "url", SourceOptions(color=True))
    assert page.body is not None and page.body["messages"][0]["content"] == "<image>\ntwo\n<image>"
    assert [one.size for one in page.images] == [(90, 60), (120, 80)]
    assert len(open_request(by_name["pdf"].url or "", "pdf", SourceOptions(dpi=72)).images) == 2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"messages": []}, "no messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "no role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "not the user's"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_audio"),
        ({"messages": [{"role": "user", "content": "x"}], "n": 3}, "body.n "),
        ({"messages": [{"role": "user", "content": "x"}], "max_tokens": "many"}, "max_tokens"),
        ({"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}, "out of range"),
    ],
)
def test_what_is_not_supported_is_said(tmp_path: Path, body: Any, told: str) -> None:
    (tmp_path / "in.jsonl").write_text(request("a", **body) + "\n")
    (file,) = plan_requests(tmp_path / "in.jsonl")
    assert file.problem is not None and (file.problem.code, told in file.problem.message) == ("bad_request", True)
    with pytest.raises(BadRequest):
        open_request(file.url or "", "a", SourceOptions())


def test_mistakes_around_requests_are_told(dsvl2: Any, scripted: Any, requests: Path, tmp_path: Path) -> None:
    assert "results.jsonl" in dsvl2("batch", requests, "-o", tmp_path / "out/").err
    assert "no file of requests" in dsvl2("batch", requests, tmp_path / "gone", "-o", tmp_path / "out.jsonl").err


def test_failed_requests_have_ids_of_their_own(tmp_path: Path) -> None:
    from dsvl2.pipelines.batch.completions import result_record
    from dsvl2.pipelines.documents import Document, PageError
    from dsvl2.pipelines.tasks import Finished

    error = PageError("out_of_memory", "no room", "a smaller image")
    records = [result_record(Finished(Document(name, ()), (), None, error)) for name in ("a", "b")]
    assert records[0]["id"] != records[1]["id"]
    assert records[0]["response"]["status_code"] == 500 and records[0]["error"]["code"] == "out_of_memory"
