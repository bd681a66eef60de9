"""A recorded run as it stood at a moment: what had begun, what was open, what had arrived."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import attrgetter

from typing_extensions import override

from tracekit import semconv
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run, Tokens, first_work_ns

__all__ = ["Moments"]

_KNOWN_AT_THE_END = frozenset((semconv.TOOL_CALL_RESULT, semconv.OUTCOME, semconv.AGENT_STOP_REASON))


class Moments:
    """The moments of `run`: its tree, inferred from the whole record, cut off at a time.

    To look at a moment takes time for what was open then and for its children, not for all that had ended before.

    Attributes:
        run: The whole run.
        first_ns: The begin of the first agent or call, from which there is something to see.
        last_ns: The end of the last span, or the latest known time of a span without an end.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        nodes = list(run.root.walk())
        self.first_ns = first_work_ns(run.root)
        self._latest: dict[str, int] = {}
        for node in reversed(nodes):
            own_ns = run.last_ns if node.end_ns is None else node.end_ns
            self._latest[node.id] = max(own_ns, *(self._latest[child.id] for child in node.children), node.start_ns)
        below = [self._latest[child.id] for child in run.root.children]
        self.last_ns = max(self.first_ns + 1, max(below, default=self._latest[run.root.id]))
        times = {node.start_ns for node in nodes} | {node.end_ns for node in nodes if node.end_ns is not None}
        self._events = sorted(time for time in times if self.first_ns <= time <= self.last_ns)

    def at(self, at_ns: int) -> Run:
        """Return the run as it stood at `at_ns`; the whole run from its last moment on."""
        if at_ns >= self.last_ns:
            return self.run
        root = self._cut(at_ns)
        recording = replace(self.run.recording, exchanges=_Arrived(self.run.recording.exchanges, at_ns))
        return replace(self.run, root=root, status=root.status, last_ns=at_ns, recording=recording)

    def event(self, at_ns: int, step: int) -> int:
        """Return the time of the next begin or end of a span (`step` 1), or of the previous one (-1)."""
        if step > 0:
            place = bisect_right(self._events, at_ns)
            return self._events[place] if place < len(self._events) else self.last_ns
        place = bisect_left(self._events, at_ns) - 1
        return self._events[place] if place >= 0 else self.first_ns

    def _cut(self, at_ns: int) -> Node:
        """The root at `at_ns`. Nodes are cut from the leaves up, without recursion."""
        order: list[Node] = []
        stack = [self.run.root]
        while stack:
            node = stack.pop()
            order.append(node)
            stack += [child for child in node.children if child.start_ns <= at_ns < self._latest[child.id]]
        cut: dict[str, Node] = {}
        for node in reversed(order):
            children = tuple(cut.get(child.id, child) for child in node.children if child.start_ns <= at_ns)
            cut[node.id] = _standing(node, children, at_ns)
        return cut[self.run.root.id]


def _standing(node: Node, children: tuple[Node, ...], at_ns: int) -> Node:
    """Return `node` with `children` as it stood at `at_ns`; its totals are those of the children until it has ended."""
    if node.end_ns is not None and node.end_ns <= at_ns:
        return replace(node, children=children) if node.kind == "llm" else _with_totals(node, children)
    attributes = {key: value for key, value in node.attributes.items() if key not in _KNOWN_AT_THE_END}
    still = replace(node, end_ns=None, status="open", failure=None, attributes=attributes)
    if node.kind == "llm":
        tried = sum(child.kind == "attempt" for child in children)
        retries = max(0, tried - 1)
        return replace(still, children=children, tokens=Tokens(), cost_usd=None, cost_complete=True, retries=retries)
    return _with_totals(still, children)


def _with_totals(node: Node, children: tuple[Node, ...]) -> Node:
    costs = [child.cost_usd for child in children if child.cost_usd is not None]
    return replace(
        node,
        children=children,
        tokens=sum((child.tokens for child in children), Tokens()),
        retries=sum(child.retries for child in children),
        cost_usd=sum(costs) if costs else None,
        cost_complete=all(child.cost_complete for child in children),
    )


class _Arrived(Mapping[str, Exchange]):
    """Exchanges with what had arrived of their answers at `at_ns`."""

    def __init__(self, exchanges: Mapping[str, Exchange], at_ns: int) -> None:
        self._exchanges = exchanges
        self._at_ns = at_ns

    @override
    def __getitem__(self, attempt: str) -> Exchange:
        exchange, at_ns = self._exchanges[attempt], self._at_ns
        if exchange.answered_ns is None or exchange.answered_ns > at_ns:
            return replace(exchange, status=0, headers={}, answered_ns=None, pieces=())
        arrived = bisect_right(exchange.pieces, at_ns, key=attrgetter("at_ns"))
        return exchange if arrived == len(exchange.pieces) else replace(exchange, pieces=exchange.pieces[:arrived])

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._exchanges)

    @override
    def __len__(self) -> int:
        return len(self._exchanges)
