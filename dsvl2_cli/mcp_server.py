"""The Model Context Protocol over standard input and output: JSON-RPC 2.0, one message a line. Knows nothing of documents.

Source: modelcontextprotocol.io, revisions 2024-11-05 to 2025-11-25 (tools only). Messages are answered in their order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
Send = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool gives: text for the assistant, and the same as data; `failed` where the text says why there is none."""

    text: str
    data: dict[str, Any] | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it does in words, the JSON Schema of its arguments, and the function behind it."""

    name: str
    description: str
    arguments: dict[str, Any]
    call: Callable[[dict[str, Any]], ToolAnswer]


class Server:
    """Answers messages. `progress` is where a running tool may tell how far it is: (done, of)."""

    def __init__(self, name: str, version: str, tools: Iterable[Tool], send: Send) -> None:
        self._about = {"name": name, "version": version}
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self._send = send
        self._token: str | int | None = None

    def progress(self, done: int, total: int) -> None:
        """Tell how far the running tool is, if the assistant asked for that."""
        if self._token is not None:
            params = {"progressToken": self._token, "progress": done, "total": total}
            self._send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def line(self, text: str | bytes) -> None:
        """Take one line of input and send what there is to answer."""
        if not text.strip():
            return
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            self._refuse(None, PARSE_ERROR, "this line is no JSON")
            return
        for one in message if isinstance(message, list) and message else [message]:  # batches: 2025-03-26 has them
            self._message(one)

    def _message(self, message: Any) -> None:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self._refuse(None, INVALID_REQUEST, "this is no JSON-RPC 2.0")
            return
        key, method = message.get("id"), message.get("method")
        if method is None:  # an answer to something that was never asked
            return
        if key is None:  # a notification: nothing to answer, and none that matters here
            return
        params = message.get("params")
        self._request(key, str(method), params if isinstance(params, dict) else {})

    def _request(self, key: str | int, method: str, params: dict[str, Any]) -> None:
        if method == "initialize":
            asked = params.get("protocolVersion")
            version = asked if asked in VERSIONS else VERSIONS[0]
            self._answer(key, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": self._about})
        elif method == "ping":
            self._answer(key, {})
        elif method == "tools/list":
            self._answer(key, {"tools": [_described(tool) for tool in self._tools.values()]})
        elif method == "tools/call":
            self._call(key, params)
        else:
            self._refuse(key, UNKNOWN_METHOD, f"no method {method[:80]}")

    def _call(self, key: str | int, params: dict[str, Any]) -> None:
        tool = self._tools.get(str(params.get("name")))
        if tool is None:
            known = ", ".join(self._tools)
            self._refuse(key, INVALID_PARAMS, f"no tool {str(params.get('name'))[:80]!r}; there are {known}")
            return
        meta = params.get("_meta")
        self._token = meta.get("progressToken") if isinstance(meta, dict) else None
        try:
            answer = self._checked(tool, params.get("arguments") or {})
        finally:
            self._token = None
        result: dict[str, Any] = {"content": [{"type": "text", "text": answer.text}], "isError": answer.failed}
        if answer.data is not None:
            result["structuredContent"] = answer.data
        self._answer(key, result)

    def _checked(self, tool: Tool, arguments: Any) -> ToolAnswer:
        """Call a tool whose arguments fit; what is wrong with them is said so that the assistant can mend it."""
        import jsonschema

        error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(tool.arguments).iter_errors(arguments))
        if error is not None:
            place = ".".join(map(str, error.absolute_path))
            return ToolAnswer(f"wrong arguments: {place + ': ' if place else ''}{error.message}", failed=True)
        return tool.call(arguments)

    def _answer(self, key: str | int, result: dict[str, Any]) -> None:
        self._send({"jsonrpc": "2.0", "id": key, "result": result})

    def _refuse(self, key: str | int | None, code: int, message: str) -> None:
        self._send({"jsonrpc": "2.0", "id": key, "error": {"code": code, "message": message}})


def _described(tool: Tool) -> dict[str, Any]:
    hints = {"readOnlyHint": True, "openWorldHint": False}
    return {"name": tool.name, "description": tool.description, "inputSchema": tool.arguments, "annotations": hints}
