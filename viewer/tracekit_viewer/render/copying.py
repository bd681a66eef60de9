"""A node in the forms in which one takes it elsewhere: text, JSON, a command line, a program."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pprint import pformat
from typing import Any

from tracekit_viewer.door import Exchange, Node, Run, answer_of, calls_below, pytest_text, semconv, transcript_of

__all__ = ["copied_forms", "text_of_node"]

_WIDTH = 100
_PYTEST = "pytest test of the run"
_LEFT_OUT = frozenset(("host", "content-length", "connection", "accept-encoding", "x-api-key", "authorization"))
"""Headers that `curl` sets itself, and credentials, which no recording has."""


def copied_forms(run: Run, node: Node) -> dict[str, Callable[[], str]]:
    """Return the forms that `node` has, each with the function that makes it."""
    exchange = _exchange(run, node)
    forms: dict[str, Callable[[], str]] = {"text": lambda: text_of_node(run, node)}
    if exchange is None:
        return {**forms, "JSON": lambda: _json(_object(node)), _PYTEST: lambda: pytest_text(run)}
    forms["JSON"] = lambda: _json({"request": _body(exchange), "response": _response(exchange)})
    if isinstance(_body(exchange), dict):
        forms["curl"] = lambda: _curl(exchange)
        forms["Python"] = lambda: _python(exchange)
    return {**forms, _PYTEST: lambda: pytest_text(run)}


def text_of_node(run: Run, node: Node) -> str:
    """Return the messages in `node`: a tool's input and result, else the messages of the calls below."""
    parts: list[str] = []
    if node.kind == "tool":
        for name in (semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT):
            value = node.attributes.get(name)
            if value is not None:
                parts.append(value if isinstance(value, str) else _json(value))
    calls = {call.id for call in calls_below(node, other_agents=True)} | ({node.id} if node.kind == "llm" else set())
    for entry in transcript_of(run, calls=calls) if calls else ():
        row = entry.row
        label = f"calls {entry.tool}" if row.block.endswith("tool_use") else entry.tool or row.role
        agent = "" if entry.agent is None else f"{entry.agent.agent}: "
        parts.append(f"[{agent}{label}]\n{row.text or ''}")
    return "\n\n".join(parts) or f"{node.kind} {node.name}"


def _exchange(run: Run, node: Node) -> Exchange | None:
    """Return the exchange of an attempt, or of the last attempt of a call or a turn."""
    if node.kind == "turn":
        node = next((child for child in node.children if child.kind == "llm"), node)
    if node.kind == "attempt":
        return run.recording.exchanges.get(node.id)
    return run.exchange_of(node) if node.kind == "llm" else None


def _object(node: Node) -> dict[str, Any]:
    """Return the facts and attributes of a node that is no call."""
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "agent": node.agent,
        "status": node.status,
        "start_ns": node.start_ns,
        "end_ns": node.end_ns,
        "attributes": dict(node.attributes),
    }


def _body(exchange: Exchange) -> Any:
    try:
        return json.loads(exchange.request.body or b"null")
    except ValueError:
        return (exchange.request.body or b"").decode("utf-8", "replace")


def _response(exchange: Exchange) -> Any:
    answer = answer_of(exchange.body, exchange.headers.get("content-type", ""))
    return answer.message if answer.message is not None else exchange.body.decode("utf-8", "replace")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _curl(exchange: Exchange) -> str:
    request = exchange.request
    query = f"?{request.query}" if request.query else ""
    lines = [f"curl {shlex.quote(f'{_origin(request.host)}{request.path}{query}')}"]
    lines.append('-H "x-api-key: $ANTHROPIC_API_KEY"')
    for name, value in request.headers.items():
        if name.lower() not in _LEFT_OUT and not name.lower().startswith("x-stainless"):
            lines.append(f"-H {shlex.quote(f'{name}: {value}')}")
    lines.append(f"--data-binary {shlex.quote(_json(_body(exchange)))}")
    return " \\\n  ".join(lines) + "\n"


def _origin(host: str) -> str:
    return host if "://" in host else f"https://{host}"


def _python(exchange: Exchange) -> str:
    body = dict(_body(exchange))
    is_stream = bool(body.pop("stream", False))
    arguments = ",\n    ".join(
        f"{name}={_indented(value)}" if name.isidentifier() else f"**{{{name!r}: {value!r}}}"
        for name, value in body.items()
    )
    call = f"client.messages.create(\n    {arguments},\n)"
    head = "import anthropic\n\nclient = anthropic.Anthropic()\n"
    if is_stream:
        call = call.replace("messages.create", "messages.stream", 1)
        return f"{head}with {call} as stream:\n    print(stream.get_final_message())\n"
    return f"{head}print({call})\n"


def _indented(value: Any) -> str:
    return pformat(value, width=_WIDTH, sort_dicts=False).replace("\n", "\n    ")
