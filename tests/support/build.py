"""Builds recordings without running anything: calls at given times, in given lanes, with given words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tracekit import semconv
from tracekit.model.events import Kind, Request
from tracekit.model.recording import Exchange, Piece, RecordedLane, RecordedSpan, Recording, Segment
from tracekit.model.tree import Node

MS = 1_000_000


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def said(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(id: str, name: str, /, **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def result(id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


class Builder:
    """A recording in the making. Times are milliseconds."""

    def __init__(self, *, alive: bool = False, exited: bool = True) -> None:
        self.spans: dict[str, RecordedSpan] = {}
        self.exchanges: dict[str, Exchange] = {}
        self.lanes: dict[tuple[int, str], RecordedLane] = {}
        self._segment = Segment("x", "ab" * 16, "test", 0, "h", 1, alive=alive, exited=exited)

    def span(
        self,
        id: str,
        kind: Kind,
        start: int,
        end: int | None,
        parent: str | None = None,
        lane: str = "m",
        *,
        name: str = "",
        attributes: dict[str, Any] | None = None,
    ) -> str:
        self.spans[id] = RecordedSpan(
            id,
            parent,
            kind,
            name or kind,
            start * MS,
            None if end is None else end * MS,
            "open" if end is None else "ok",
            None,
            dict(attributes or {}),
            lane,
            0,
            "",
        )
        return id

    def lane(self, id: str, function: str) -> str:
        """A task, thread or job that runs `function` of the program."""
        self.lanes[0, id] = RecordedLane(0, id, id.rpartition(".")[0] or None, "task", 0, function)
        return id

    def count(
        self,
        id: str,
        start: int,
        end: int,
        messages: Sequence[dict[str, Any]],
        *,
        parent: str | None = None,
        lane: str = "m",
        path: str = "/v1/messages/count_tokens",
    ) -> str:
        """A request that counts the tokens of `messages`."""
        self.span(id, "span", start, end, parent, lane, name="anthropic.messages.count_tokens")
        attempt = self.span(f"{id}-a", "attempt", start, end, id, lane)
        body = json.dumps({"model": "claude-sonnet-5", "messages": list(messages)}).encode()
        request = Request("POST", "http://x", path, "", {}, body)
        pieces = (Piece(end * MS, b'{"input_tokens": 7}'),)
        self.exchanges[attempt] = Exchange(
            attempt, request, id, 200, {"content-type": "application/json"}, None, pieces
        )
        return id

    def agent(
        self, id: str, start: int, end: int | None, parent: str | None = None, lane: str = "m", name: str = ""
    ) -> str:
        attributes = {semconv.AGENT_NAME: name or id}
        return self.span(
            id, "agent", start, end, parent, lane, name=f"invoke_agent {name or id}", attributes=attributes
        )

    def tool(
        self,
        id: str,
        name: str,
        start: int,
        end: int,
        parent: str | None = None,
        *,
        arguments: Any = None,
        call_id: str = "",
        effects: Mapping[str, Any] | None = None,
    ) -> str:
        attributes: dict[str, Any] = {semconv.TOOL_NAME: name, **(effects or {})}
        if arguments is not None:
            attributes[semconv.TOOL_CALL_ARGUMENTS] = arguments
        if call_id:
            attributes[semconv.TOOL_CALL_ID] = call_id
        return self.span(id, "tool", start, end, parent, attributes=attributes)

    def call(
        self,
        id: str,
        start: int,
        end: int | None,
        messages: Sequence[dict[str, Any]],
        answer: Sequence[dict[str, Any]] = (),
        *,
        parent: str | None = None,
        lane: str = "m",
        stop: str | None = None,
        system: str = "",
        callers: Sequence[str] = (),
        **fields: Any,
    ) -> str:
        self.span(id, "llm", start, end, parent, lane, attributes={semconv.CALLERS: [*callers]} if callers else {})
        attempt = self.span(f"{id}-a", "attempt", start, end, id, lane)
        body = {
            "model": "claude-sonnet-5",
            "messages": list(messages),
            **({"system": system} if system else {}),
            **fields,
        }
        stop = stop or ("tool_use" if any(block["type"] == "tool_use" for block in answer) else "end_turn")
        message = {
            "id": f"msg_{id}",
            "type": "message",
            "role": "assistant",
            "content": list(answer),
            "stop_reason": stop,
        }
        request = Request("POST", "http://x", "/v1/messages", "", {}, json.dumps(body).encode())
        digest = hashlib.sha256(request.body or b"").hexdigest()
        pieces = () if end is None else (Piece(end * MS, json.dumps(message).encode()),)
        self.exchanges[attempt] = Exchange(
            attempt, request, digest, 200, {"content-type": "application/json"}, None, pieces
        )
        return id

    def recording(self) -> Recording:
        return Recording("ab" * 16, "test", 0, (self._segment,), self.lanes, self.spans, self.exchanges)


def tree(node: Node, depth: int = 0) -> list[str]:
    """The tree, a line a node: kind, name (a call's id), and ~ where inferred; attempts are left out."""
    name = {"agent": node.agent, "tool": node.attributes.get(semconv.TOOL_NAME), "llm": node.id, "span": node.id}.get(
        node.kind
    )
    lines = [f"{'  ' * depth}{node.kind}{f' {name}' if name else ''}{' ~' if node.inferred else ''}"]
    for child in node.children:
        if child.kind != "attempt":
            lines += tree(child, depth + 1)
    return lines
