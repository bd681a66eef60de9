"""The columns of a span. The store's table and views, and the JSON of `show`, derive from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from tracekit import semconv
from tracekit.model.columns import column, row
from tracekit.model.events import Failure, Kind
from tracekit.model.summary import TOKENS_IN
from tracekit.model.tree import Node, RunTree, Status, Tokens

__all__ = ["PlacedNode", "SpanRow", "placed", "tree_of"]

_EVERY = "spans agents llm_calls attempts tools"
_SUMMED = "spans agents llm_calls tools"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """A node in its tree.

    `agent` is the nearest agent, `number` counts the attempts of a call from 1, and `requested` are the ids of the tool calls
    that the response of a call requested, in order.
    """

    node: Node
    parent: Node | None = None
    position: int = 0
    depth: int = 0
    agent: Node | None = None
    number: int | None = None
    requested: tuple[str, ...] | None = None


def placed(run: RunTree) -> Iterator[PlacedNode]:
    """Yield the nodes of a run in order, parents before children."""
    positions = count()
    stack: list[tuple[Node, Node | None, int, Node | None, int | None]] = [(run.root, None, 0, None, None)]
    while stack:
        node, parent, depth, agent, number = stack.pop()
        if node.kind == "agent":
            agent = node
        yield PlacedNode(node, parent, next(positions), depth, agent, number, run.requested.get(node.id))
        attempts = sum(child.kind == "attempt" for child in node.children)
        for child in reversed(node.children):
            number = attempts if child.kind == "attempt" else None
            attempts -= child.kind == "attempt"
            stack.append((child, node, depth + 1, agent, number))


def _of(
    doc: str,
    get: Callable[[PlacedNode], T],
    *,
    views: str = "spans",
    moment: str = "",
    json: str = "",
) -> T:
    """Declare a column whose value is computed from a node in its tree."""
    declared: T = column(doc, get, views=views, moment=moment, json=json)
    return declared


def _json_of(doc: str, get: Callable[[PlacedNode], object], *, views: str) -> Any:
    """Declare a column that holds the computed value as JSON."""
    return column(doc, get, views=views, holds_json=True)


def _word(name: str, *kinds: Kind) -> Callable[[PlacedNode], str | None]:
    """Return a getter of the text of an attribute, for nodes of `kinds` or of any kind."""

    def get(at: PlacedNode) -> str | None:
        value = at.node.attributes.get(name) if not kinds or at.node.kind in kinds else None
        return None if value is None else str(value)

    return get


def _http_status(at: PlacedNode) -> int | None:
    status = at.node.attributes.get(semconv.HTTP_STATUS) if at.node.kind == "attempt" else None
    return status if isinstance(status, int) else None


def _wait_ms(at: PlacedNode) -> float | None:
    wait = at.node.attributes.get(semconv.WAIT_MS) if at.node.kind == "attempt" else None
    return float(wait) if isinstance(wait, (int, float)) else None


_tool_name = _word(semconv.TOOL_NAME, "tool")


def _tool(at: PlacedNode) -> str | None:
    return (_tool_name(at) or at.node.name) if at.node.kind == "tool" else None


@row
class SpanRow:
    """A node of the tree, in the order in which views show the columns.

    `views` names the views that show a column. `position` counts from the root down, parents before children.
    """

    id: str = _of("the span's id, unique within its run", lambda at: at.node.id, views=_EVERY, json="id")
    parent: str | None = _of(
        "the id of the span above", lambda at: None if at.parent is None else at.parent.id, views=_EVERY
    )
    depth: int = _of("how many spans stand above it", lambda at: at.depth)
    position: int = _of("its place in the tree, from the root down, 0 first", lambda at: at.position)
    number: int | None = _of("1 for the first attempt of its call", lambda at: at.number, views="attempts")
    kind: Kind = _of("run, agent, turn, llm, attempt, tool or span", lambda at: at.node.kind, json="kind")
    name: str = _of("the span's name", lambda at: at.node.name, json="name")
    tool: str | None = _of("the tool's name", _tool, views="tools")
    tool_call_id: str | None = _of(
        "the id of the tool_use block that it serves", _word(semconv.TOOL_CALL_ID, "tool"), views="tools"
    )
    agent: str | None = _of(
        "the agent at work: the nearest one, itself included",
        lambda at: None if at.agent is None else at.agent.agent or "",
        views=_EVERY,
    )
    agent_id: str | None = _of(
        "the id of that agent's span",
        lambda at: None if at.agent is None else at.agent.id,
        views="spans llm_calls tools",
    )
    model: str | None = _of(
        "the model in the response, else the model in the request",
        lambda at: at.node.model,
        views="spans llm_calls",
        json="model",
    )
    lane: str = _of(
        "the path of tasks, jobs and threads from the root to the caller", lambda at: at.node.lane, views=_EVERY
    )
    status: Status = _of(
        "ok, error, open, or interrupted: its process ended before it did",
        lambda at: at.node.status,
        views=_EVERY,
        json="status",
    )
    error_type: str | None = _of(
        "the type of the error that it ended with",
        lambda at: None if at.node.failure is None else at.node.failure.type,
        views=_EVERY,
    )
    error_message: str | None = _of(
        "its message", lambda at: None if at.node.failure is None else at.node.failure.message, views=_EVERY
    )
    stop_reason: str | None = _of("why the model stopped", _word(semconv.STOP_REASON), views="llm_calls")
    http_status: int | None = _of("the status of the answer; null if none came", _http_status, views="attempts")
    wait_ms: float | None = _of("milliseconds that the SDK decided to wait before it", _wait_ms, views="attempts")
    request_id: str | None = _of("the API's id of the request", _word(semconv.REQUEST_ID, "attempt"), views="attempts")
    outcome: str | None = _of(
        "how it ended if it was not plainly read: closed, cancelled, incomplete …",
        _word(semconv.OUTCOME),
        views="llm_calls attempts",
    )
    inferred: bool = _of(
        "whether it was concluded from requests and responses",
        lambda at: at.node.inferred,
        views="spans agents tools",
        json="inferred",
    )
    start_ns: int = _of(
        "when it began", lambda at: at.node.start_ns, views=_EVERY, moment="started_at", json="start_ns"
    )
    end_ns: int | None = _of(
        "when it ended; null while it is open",
        lambda at: at.node.end_ns,
        views=_EVERY,
        moment="ended_at",
        json="end_ns",
    )
    input_tokens: int = _of(
        f"of it and all below: {TOKENS_IN}", lambda at: at.node.tokens.input, views=_SUMMED, json="tokens.input"
    )
    output_tokens: int = _of(
        "of it and all below: tokens out, as far as known; null if nothing is",
        lambda at: at.node.tokens.output,
        views=_SUMMED,
        json="tokens.output",
    )
    cache_read_tokens: int = _of(
        "of it and all below: tokens read from the cache",
        lambda at: at.node.tokens.cache_read,
        views=_SUMMED,
        json="tokens.cache_read",
    )
    cache_write_tokens: int = _of(
        "of it and all below: tokens written to the cache",
        lambda at: at.node.tokens.cache_write,
        views=_SUMMED,
        json="tokens.cache_write",
    )
    is_output_partial: bool = _of(
        "of it and all below: whether a call's output is not known", lambda at: at.node.tokens.is_partial, views=""
    )
    cost_usd: float | None = _of(
        "of it and all below: the known prices in US dollars; null if none is known, 0 for a replay",
        lambda at: at.node.cost_usd,
        views=_SUMMED,
        json="cost_usd",
    )
    cost_complete: bool = _of(
        "of it and all below: whether every price is known", lambda at: at.node.cost_complete, views=_SUMMED
    )
    retries: int = _of(
        "of it and all below: attempts beyond the first of a call",
        lambda at: at.node.retries,
        views=_SUMMED,
        json="retries",
    )
    requested: str | None = _json_of(
        "the ids of the tool calls that its response requested, in order", lambda at: at.requested, views=""
    )
    attributes: str = _json_of("all that was recorded with it", lambda at: at.node.attributes, views=_EVERY)


def tree_of(rows: Iterable[SpanRow]) -> Node:
    """Return the tree whose nodes stand in `rows`, parents before children."""
    children: dict[str, list[Node]] = {}
    for each in reversed([*rows]):
        node = _node(each, tuple(reversed(children.pop(each.id, []))))
        if each.parent is None:
            return node
        children.setdefault(each.parent, []).append(node)
    raise LookupError("a tree without a root")


def _node(at: SpanRow, children: tuple[Node, ...]) -> Node:
    attributes: Mapping[str, Any] = json.loads(at.attributes)
    return Node(
        id=at.id,
        kind=at.kind,
        name=at.name,
        agent=at.agent if at.kind == "agent" else None,
        start_ns=at.start_ns,
        end_ns=at.end_ns,
        status=at.status,
        failure=Failure(at.error_type, at.error_message or "") if at.error_type is not None else None,
        inferred=at.inferred,
        model=at.model,
        lane=at.lane,
        attributes=attributes,
        tokens=Tokens(
            at.input_tokens, at.output_tokens, at.cache_read_tokens, at.cache_write_tokens, at.is_output_partial
        ),
        retries=at.retries,
        cost_usd=at.cost_usd,
        cost_complete=at.cost_complete,
        children=children,
    )
