"""The tree while it is being built."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum
from typing import Any

from tracekit import semconv
from tracekit.cost import price_usd
from tracekit.model.events import Failure, Kind
from tracekit.model.recording import RecordedSpan
from tracekit.model.tree import Node, Status, Tokens
from tracekit.semconv import Level

__all__ = ["Draft", "inferred", "recorded"]


@dataclass(eq=False, slots=True)
class Draft:
    """A node whose place is not settled yet. `order` is its place in the recording; it decides between equal begins.

    `level` is the level that the application's own span declares, if any.
    """

    id: str
    kind: Kind
    name: str
    start_ns: int
    end_ns: int | None
    status: Status
    lane: str
    segment: int
    order: int
    attributes: dict[str, Any]
    failure: Failure | None = None
    inferred: bool = False
    level: Level | None = None
    parent: Draft | None = None
    children: dict[Draft, None] = field(default_factory=dict)
    """The children in the order of arrival; removing any of thousands is as fast as removing the last."""

    def adopt(self, child: Draft) -> None:
        """Move `child` under this node."""
        if child.parent is not None:
            del child.parent.children[child]
        child.parent = self
        self.children[child] = None

    @property
    def agent(self) -> str | None:
        """An agent's bare name."""
        return str(self.attributes.get(semconv.AGENT_NAME, self.name)) if self.kind == "agent" else None

    def settle(self) -> Node:
        """Return the node as it stands now, with everything below it."""
        ready: dict[int, Node] = {}
        for draft in reversed(self.walk()):
            in_order = sorted(draft.children, key=lambda child: (child.start_ns, child.order))
            children = tuple(ready.pop(id(child)) for child in in_order)
            ready[id(draft)] = draft._node(children)  # noqa: SLF001  the class's own
        return ready[id(self)]

    def walk(self) -> list[Draft]:
        """Return this node and all below it, parents before children."""
        order, stack = [], [self]
        while stack:
            draft = stack.pop()
            order.append(draft)
            stack.extend(draft.children)
        return order

    def _node(self, children: tuple[Node, ...]) -> Node:
        tokens, retries, known = Tokens(), 0, [child.cost_usd for child in children if child.cost_usd is not None]
        complete = all(child.cost_complete for child in children) and semconv.USAGE_MISSING not in self.attributes
        model = self.attributes.get(semconv.RESPONSE_MODEL) or self.attributes.get(semconv.REQUEST_MODEL)
        if self.kind == "llm":
            tokens = _tokens(self.attributes)
            attempts = sum(child.kind == "attempt" for child in children)
            retries = attempts - 1 if attempts else _count(self.attributes, semconv.HTTP_RESEND_COUNT)
            cost, complete = _cost(self, str(model))
            known = [cost] if cost is not None else []
        elif semconv.USAGE_MISSING in self.attributes:
            tokens = Tokens(is_partial=True)
        for child in children:
            tokens += child.tokens
            retries += child.retries
        return Node(
            self.id,
            self.kind,
            self.name,
            self.agent,
            self.start_ns,
            self.end_ns,
            self.status,
            self.failure,
            self.inferred,
            str(model) if model else None,
            self.lane,
            self.attributes,
            tokens,
            retries,
            fsum(known) if known else None,
            complete,
            children,
        )


def recorded(span: RecordedSpan, status: Status, order: int) -> Draft:
    """Return the draft of the recorded span at place `order`."""
    return Draft(
        span.id,
        span.kind,
        span.name,
        span.start_ns,
        span.end_ns,
        status,
        span.lane,
        span.segment,
        order,
        dict(span.attributes),
        span.failure,
        inferred=span.attributes.get(semconv.INFERRED) is True,
    )


def inferred(kind: Kind, name: str, at: Draft, *, suffix: str, attributes: dict[str, Any]) -> Draft:
    """Return an inferred draft beside the recorded one `at`, from whose id its own is derived."""
    return Draft(
        f"{at.id}.{suffix}",
        kind,
        name,
        at.start_ns,
        at.end_ns,
        at.status,
        at.lane,
        at.segment,
        at.order,
        attributes,
        inferred=True,
    )


def _count(attributes: dict[str, Any], name: str) -> int:
    value = attributes.get(name, 0)
    return value if isinstance(value, int) else 0


def _tokens(attributes: dict[str, Any]) -> Tokens:
    return Tokens(
        _count(attributes, semconv.INPUT_TOKENS),
        _count(attributes, semconv.OUTPUT_TOKENS),
        _count(attributes, semconv.CACHE_READ_TOKENS),
        _count(attributes, semconv.CACHE_WRITE_TOKENS),
        is_partial=semconv.INPUT_TOKENS in attributes and semconv.OUTPUT_TOKENS not in attributes,
    )


def _cost(llm: Draft, model: str) -> tuple[float | None, bool]:
    """Return the cost of the call in US dollars, and whether that is its whole cost.

    A call that failed without a response costs nothing. A call that was cut off has used output that nobody counted.
    """
    if semconv.INPUT_TOKENS not in llm.attributes:
        return None, llm.status == "error"
    price = price_usd(llm.attributes, model, llm.start_ns)
    return (None if price is None else float(price)), price is not None and semconv.OUTPUT_TOKENS in llm.attributes
