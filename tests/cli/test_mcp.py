"""`dsvl2 mcp`: the protocol, line by line, and what an assistant may and may not reach.

The official Python client (mcp 2.3.0) lists and calls these tools in both of its modes; it is not needed here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsvl2_cli.mcp_server import Server, Tool, ToolAnswer

Make = Callable[..., Path]


def told(*lines: str | dict[str, Any]) -> list[dict[str, Any]]:
    """Send lines to a server with one tool that doubles a number; return what it answers."""
    sent: list[dict[str, Any]] = []

    def double(given: dict[str, Any]) -> ToolAnswer:
        server.progress(1, 2)
        return ToolAnswer(str(2 * given["n"]), {"n": 2 * given["n"]})

    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    server = Server("test", "1", [Tool("double", "Doubles.", schema, double)], sent.append)
    for line in lines:
        server.line(line if isinstance(line, str) else json.dumps({"jsonrpc": "2.0", **line}))
    return sent


def test_the_handshake_agrees_on_a_version() -> None:
    for asked, got in (("2025-03-26", "2025-03-26"), ("2099-01-01", "2025-11-25")):
        (answer,) = told({"id": 1, "method": "initialize", "params": {"protocolVersion": asked}})
        assert answer["id"] == 1
        assert answer["result"]["protocolVersion"] == got
        assert answer["result"]["capabilities"] == {"tools": {}}


def test_notifications_empty_lines_and_answers_get_none() -> None:
    assert told({"method": "notifications/initialized"}, "", {"id": 5, "result": {}}) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [("{", -32700), ("[]", -32600), ('{"id": 1}', -32600), ('{"jsonrpc": "2.0", "id": 1, "method": "x/y"}', -32601)],
)
def test_what_is_no_message_is_refused_by_the_book(line: str, code: int) -> None:
    (answer,) = told(line)
    assert answer["error"]["code"] == code


def test_a_tool_is_called_and_tells_how_far_it_is_if_asked() -> None:
    call = {"name": "double", "arguments": {"n": 4}}
    (answer,) = told({"id": 2, "method": "tools/call", "params": call})
    assert answer["result"] == {
        "content": [{"type": "text", "text": "8"}],
        "isError": False,
        "structuredContent": {"n": 8},
    }
    progress, _ = told({"id": 2, "method": "tools/call", "params": {**call, "_meta": {"progressToken": "t"}}})
    assert progress["params"] == {"progressToken": "t", "progress": 1, "total": 2}


def test_wrong_arguments_are_told_to_the_assistant() -> None:
    (answer,) = told({"id": 2, "method": "tools/call", "params": {"name": "double", "arguments": {"n": "four"}}})
    assert answer["result"]["isError"]
    assert "n: 'four' is not of type 'integer'" in answer["result"]["content"][0]["text"]
    (answer,) = told({"id": 2, "method": "tools/call", "params": {"name": "halve"}})
    assert (answer["error"]["code"], "there are double" in answer["error"]["message"]) == (-32602, True)


@pytest.fixture
def talk(dsvl2: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Call tools one after the other: `talk((name, arguments), ...)`; the folder is docs/. Returns their results."""
    (tmp_path / "docs").mkdir(exist_ok=True)
    monkeypatch.setattr("dsvl2_cli.offline.forbid_network", lambda: None)  # it would stay for the other tests

    def call(*calls: tuple[str, dict[str, Any]], more: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        lines = [
            json.dumps(
                {"jsonrpc": "2.0", "id": k, "method": "tools/call", "params": {"name": name, "arguments": given}}
            )
            for k, (name, given) in enumerate(calls)
        ]
        stream = io.BytesIO("\n".join(lines).encode())
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream, isatty=lambda: False))
        done = dsvl2("mcp", tmp_path / "docs", "--dpi", "72", *more)
        assert done.code == 0, done.err
        return [json.loads(line)["result"] for line in done.out.splitlines()]

    return call


def words(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


def test_documents_are_listed_inspected_and_read_once(talk: Any, pdf: Make, scripted: Any, tmp_path: Path) -> None:
    pdf("docs/below/a.pdf", widths=(100, 110, 120))
    scripted.ScriptedEngine.calls = 0
    read = ("read_document", {"path": "below/a.pdf"})
    listed, inspected, first, again, one = talk(
        ("list_documents", {}),
        ("inspect_document", {"path": str(tmp_path / "docs/below/a.pdf")}),
        read,
        read,
        ("read_document", {"path": "below/a.pdf", "pages": "z", "format": "text"}),
        more=("--most", "2"),
    )
    assert listed["structuredContent"] == {"documents": [str(tmp_path / "docs/below/a.pdf")], "complete": True}
    assert "3 pages; scanned" in words(inspected)
    assert words(first).startswith("<!-- page 1 -->\n\n# A page\n\nIt is 100 by 90 pixels.")
    assert words(first).endswith("[pages 1-2 of 3; go on with pages 3]\n")
    assert first == again
    assert "120 by 90" in words(one)
    assert scripted.ScriptedEngine.calls == 3


def test_nothing_outside_the_folders_is_reached(talk: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("secret.pdf")
    (tmp_path / "docs" / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    for path in ("../secret.pdf", str(tmp_path / "secret.pdf"), "link.pdf", "~/x.pdf", "/etc/passwd"):
        (result,) = talk(("read_document", {"path": path}))
        assert result["isError"]
        assert "outside the folders that may be read" in words(result)
    (result,) = talk(("list_documents", {"folder": ".."}))
    assert result["isError"]


def test_what_goes_wrong_is_told_with_the_remedy_and_the_server_goes_on(talk: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("docs/a.pdf")
    (tmp_path / "docs" / "bad.pdf").write_bytes(b"%PDF-1.4 damaged")
    (tmp_path / "form.json").write_text("{}")
    results = talk(
        ("read_document", {"path": "gone.pdf"}),
        ("read_document", {"path": "bad.pdf"}),
        ("read_document", {"path": "a.pdf", "pages": "7"}),
        ("ask_document", {"path": "a.pdf", "questions": [" "]}),
        ("extract_fields", {"path": "a.pdf", "fields": str(tmp_path / "form.json")}),
        ("read_document", {"path": "a.pdf"}),
    )
    assert [result["isError"] for result in results] == [True] * 5 + [False]
    codes = [result["structuredContent"]["code"] for result in results[:5]]
    assert codes == ["file_missing", "file_unreadable", "page_missing", "bad_question", "usage"]
    assert "list_documents names" in words(results[0])


def test_a_person_is_told_how_an_assistant_starts_it(
    dsvl2: Any, scripted: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    done = dsvl2("mcp", tmp_path)
    assert (done.code, '"command": "dsvl2", "args": ["mcp"' in done.err) == (2, True)
    assert dsvl2("mcp", tmp_path / "gone").code == 2


@pytest.mark.slow
def test_the_embedded_model_answers_and_extracts(process: Any, sample_scan: Path) -> None:
    calls = [
        ("ask_document", {"path": "scan.pdf", "questions": ["How much does the larger pump deliver?"]}),
        ("extract_fields", {"path": "scan.pdf", "fields": "engineer"}),
    ]
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": k, "method": "tools/call", "params": {"name": name, "arguments": given}})
        for k, (name, given) in enumerate(calls)
    ]
    done = process("mcp", sample_scan.parent, stdin="\n".join(lines).encode())
    asked, extracted = (json.loads(line)["result"] for line in done.out.splitlines())
    assert [answer["question"] for answer in asked["structuredContent"]["answers"]] == calls[0][1]["questions"]
    assert extracted["structuredContent"]["data"].keys() == {"engineer"}
