"""A run in the Trace Event Format, which Perfetto (https://ui.perfetto.dev) and `chrome://tracing` open.

Each agent has a track with its turns, calls, attempts and tools. What ran beside something on that track, without lying
wholly within it, stands on a further track of the agent, since the events of one track must nest. Arrows lead from the
tool that started a subagent to the subagent.

The format: "Trace Event Format" of the Chromium project. Times are microseconds since the run began.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from tracekit.model.tree import Node, RunTree

__all__ = ["perfetto"]

_PROCESS = 1
_NS_PER_US = 1000


def perfetto(run: RunTree) -> str:
    """Return `run` as the text of a JSON file."""
    events = [_named("process_name", 0, run.name), *_events(run)]
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, ensure_ascii=False, separators=(",", ":"))


def _events(run: RunTree) -> Iterator[dict[str, Any]]:
    number = 0
    track_of: dict[str, int] = {}
    agents = [run.root, *(node for node in run.root.walk() if node.kind == "agent" and node is not run.root)]
    for agent in agents:
        own = list(_own(agent))
        tracks = _tracks(own, run.last_ns)
        for place in range(max(tracks.values()) + 1):
            title = _title(agent) if place == 0 else f"{_title(agent)} · beside {place}"
            yield _named("thread_name", number + place, title)
            yield {
                **_event("M", "thread_sort_index", number + place),
                "args": {"sort_index": number + place},
            }
        for node in own:
            track_of[node.id] = number + tracks[node.id]
            yield _slice(node, run, track_of[node.id])
        number += max(tracks.values()) + 1
    yield from _arrows(run, track_of)


def _own(agent: Node) -> Iterator[Node]:
    """Yield `agent` and what is below it, but not below another agent."""
    stack = [agent]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(child for child in reversed(node.children) if child.kind != "agent")


def _tracks(nodes: Sequence[Node], last_ns: int) -> dict[str, int]:
    """Return a number of a track for each of `nodes`; the nodes of one track nest or follow each other.

    A node stands on the track of its parent where it lies within what is open there, else on the first track that is
    free, and its children with it.
    """
    parents = {child.id: node.id for node in nodes for child in node.children}
    found: dict[str, int] = {}
    open_until: list[list[int]] = []
    busy: list[tuple[int, int]] = []
    free: list[int] = []
    for node in sorted(nodes, key=lambda node: (node.start_ns, -_end_ns(node, last_ns))):
        end_ns = _end_ns(node, last_ns)
        while busy and busy[0][0] <= node.start_ns:
            heappush(free, heappop(busy)[1])
        place = found.get(parents.get(node.id, ""), -1)
        if place < 0 or not _lies_within(open_until[place], node.start_ns, end_ns):
            if not free:
                heappush(free, len(open_until))
                open_until.append([])
            place = heappop(free)
            open_until[place].clear()
            heappush(busy, (end_ns, place))
        open_until[place].append(end_ns)
        found[node.id] = place
    return found


def _lies_within(ends: list[int], start_ns: int, end_ns: int) -> bool:
    """Return whether a node lies within the innermost open node of a track; drop the nodes that have ended."""
    while ends and ends[-1] <= start_ns:
        ends.pop()
    return bool(ends) and end_ns <= ends[-1]


def _slice(node: Node, run: RunTree, track: int) -> dict[str, Any]:
    event = _event("X", _title(node), track)
    event["cat"] = node.kind
    event["ts"] = _us(node.start_ns - run.root.start_ns)
    event["dur"] = _us(_end_ns(node, run.last_ns) - node.start_ns)
    event["args"] = {key: value for key, value in _facts(node).items() if value is not None}
    return event


def _facts(node: Node) -> dict[str, Any]:
    facts: dict[str, Any] = {"id": node.id, "status": node.status, "model": node.model}
    if node.kind in ("agent", "llm", "run"):
        tokens = node.tokens
        facts |= {"input tokens": tokens.input, "output tokens": tokens.output, "cost in USD": node.cost_usd}
        facts["retries"] = node.retries or None
    if node.failure is not None:
        facts["error"] = node.failure.type
    if node.inferred:
        facts["inferred"] = True
    return facts


def _arrows(run: RunTree, track_of: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the two ends of an arrow from each node that an agent hangs under to that agent."""
    for node in run.root.walk():
        for child in node.children:
            if child.kind == "agent" and node.kind in ("tool", "turn", "agent"):
                for phase, end in (("s", node), ("f", child)):
                    event = _event(phase, "starts", track_of[end.id])
                    event |= {"cat": "starts", "id": child.id, "ts": _us(end.start_ns - run.root.start_ns)}
                    if phase == "f":
                        event["bp"] = "e"
                    yield event


def _title(node: Node) -> str:
    if node.kind == "agent" and node.agent:
        return node.agent
    return node.name


def _named(what: str, track: int, name: str) -> dict[str, Any]:
    return {**_event("M", what, track), "args": {"name": name}}


def _event(phase: str, name: str, track: int) -> dict[str, Any]:
    return {"ph": phase, "name": name, "pid": _PROCESS, "tid": track}


def _end_ns(node: Node, last_ns: int) -> int:
    return max(node.start_ns, last_ns if node.end_ns is None else node.end_ns)


def _us(nanoseconds: int) -> float:
    return nanoseconds / _NS_PER_US
