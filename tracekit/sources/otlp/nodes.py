"""Spans as nodes of a tree, each with its dialect, its level, and its attributes under our names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from tracekit import semconv
from tracekit.model.adopted import Adopted, adopt, canonical, json_in
from tracekit.model.events import Failure
from tracekit.semconv import Level
from tracekit.sources.otlp.dialects import dialect_of
from tracekit.sources.otlp.dialects.logfire import is_pending
from tracekit.sources.otlp.dialects.own import OWN
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel, no_extras
from tracekit.sources.otlp.span import SourceSpan
from tracekit.sources.otlp.usage import cost_in, usage_in

__all__ = ["SpanNode", "linked", "read_node"]

_LEVELS: tuple[Level, ...] = get_args(Level)
_ERROR = 2
_LISTED = (semconv.FINISH_REASONS,)
_TOOL_FAILED = ("gen_ai.tool.status", "tool.status")
_EXPORTED = (semconv.KIND, semconv.RUN_ID, semconv.RUN_NAME, semconv.COST_USD)
"""Attributes that tracekit adds when it exports a span."""
_OBJECTS = (semconv.ITERATIONS, semconv.TOOL_ANNOTATIONS, semconv.TOOL_CALL_ARGUMENTS)
"""Attributes of ours that an export writes as JSON."""


@dataclass(slots=True, eq=False)
class SpanNode:
    """A node of the tree: a span, or what was concluded from spans.

    `usage` and `cost` are those that the span records, whatever its level is. `folded` are the ids of the spans that
    record the same and have no node of their own, and `scopes` are the scopes of these; `inferred` names the evidence of a node that no span records.
    """

    id: str
    level: SpanLevel
    name: str
    start_ns: int
    end_ns: int | None
    span: SourceSpan | None = None
    dialect: Dialect = OWN
    attributes: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    cost: float | None = None
    failure: Failure | None = None
    inferred: str = ""
    folded: list[str] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    parent: SpanNode | None = None
    children: dict[SpanNode, None] = field(default_factory=dict)

    def adopt(self, child: SpanNode) -> None:
        """Move `child` under this node."""
        child.detach()
        child.parent = self
        self.children[child] = None

    def detach(self) -> None:
        """Take the node out of the tree, with all below it."""
        if self.parent is not None:
            del self.parent.children[self]
            self.parent = None

    def walk(self) -> Iterator[SpanNode]:
        """Yield this node and all below it, parents before children, in the order of their begins."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            if node.children:
                stack.extend(sorted(node.children, key=lambda child: (child.start_ns, child.id), reverse=True))

    def above(self) -> Iterator[SpanNode]:
        """Yield the nodes above this one, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def within(self) -> Iterator[SpanNode]:
        """Yield the nodes below this one that belong to it: down to agents and tools, which are yielded, too."""
        for child in self.children:
            stack = [child]
            while stack:
                node = stack.pop()
                yield node
                if node.level not in ("agent", "tool"):
                    stack.extend(node.children)

    def assume(self, assumption: str) -> None:
        """Note that the node rests on an assumption."""
        self.attributes[semconv.ASSUMED] = [*self.attributes.get(semconv.ASSUMED, ()), assumption]


def read_node(span: SourceSpan) -> SpanNode:
    """Return the node of `span` by itself."""
    dialect = dialect_of(span)
    adopted = adopt(span.name, span.attributes)
    level = dialect.level(span) or (adopted.level if adopted is not None else "span")
    if is_pending(span):
        # Logfire copies the spans of every scope.
        level = "pending"
    attributes = _own(span) if dialect is OWN else _foreign(span, level, adopted, dialect)
    usage = usage_in(attributes if dialect.extras is not no_extras else span.attributes, dialect)
    assumed = usage.pop(semconv.ASSUMED, [])
    if assumed and level in ("llm", "outer"):
        attributes[semconv.ASSUMED] = assumed
    if span.dropped:
        attributes[semconv.DROPPED] = span.dropped
    is_open = span.attributes.get(semconv.INTERRUPTED) is True and dialect is OWN
    end_ns = None if is_open else max(span.start_ns, span.end_ns)
    node = SpanNode(span.id, level, span.name, span.start_ns, end_ns, span, dialect, attributes, usage)
    node.cost = cost_in(attributes, dialect)
    node.failure = None if is_open else _failure(span, level)
    if span.end_ns < span.start_ns and dialect is not OWN:
        attributes[semconv.INFERRED_BOUNDS] = True
    return node


def _own(span: SourceSpan) -> dict[str, Any]:
    kept = {name: value for name, value in span.attributes.items() if name not in _EXPORTED}
    kept.pop(semconv.INTERRUPTED, None)
    if span.attributes.get(semconv.KIND) == "llm":
        kept.pop(semconv.AGENT_NAME, None)
    return {name: json_in(value) if name in _OBJECTS else value for name, value in kept.items()}


def _foreign(span: SourceSpan, level: SpanLevel, adopted: Adopted | None, dialect: Dialect) -> dict[str, Any]:
    found = dict(span.attributes)
    for ours, names in dialect.names.items():
        value = next((span.attributes[name] for name in names if span.attributes.get(name) not in (None, "")), None)
        if value is not None and not ours.startswith("gen_ai.usage."):
            found[ours] = value
    by_level = next((each for each in _LEVELS if each == ("llm" if level == "outer" else level)), None)
    if by_level is not None:
        found |= canonical(Adopted(by_level, adopted.by if adopted else "name"), span.name, found)
    found |= dialect.extras(span)
    found = {name: value for name, value in found.items() if value is not None}
    for name in _LISTED:
        if name in found:
            value = json_in(found[name])
            found[name] = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    found[semconv.DIALECT] = dialect.name
    return found


def _failure(span: SourceSpan, level: SpanLevel) -> Failure | None:
    """Return the failure that the span records, in any of the ways in which tools record one."""
    attributes = span.attributes
    raised = next((event.attributes for event in span.events if event.name == "exception"), {})
    is_tools = level == "tool" and any(str(attributes.get(name)).lower() == "error" for name in _TOOL_FAILED)
    is_noted = attributes.get("langfuse.observation.level") == "ERROR" or _is_high(attributes.get("logfire.level_num"))
    if span.status != _ERROR and not is_tools and not is_noted:
        return None
    kind = attributes.get(semconv.ERROR_TYPE) or raised.get("exception.type") or ("tool_error" if is_tools else "error")
    message = span.message or raised.get("exception.message") or attributes.get("langfuse.observation.status_message")
    return Failure(str(kind), str(message or ""))


def _is_high(level: Any) -> bool:
    return isinstance(level, int | float) and not isinstance(level, bool) and level >= 17


def linked(spans: Iterable[SourceSpan]) -> SpanNode:
    """Return a root with the nodes of `spans` below it, each under its parent.

    A node whose parent is not among them stands under the root; so does one that would be its own ancestor.
    """
    root = SpanNode("", "run", "", 0, None)
    nodes = {span.id: read_node(span) for span in spans}
    above: dict[str, str] = {}
    for span_id, node in nodes.items():
        assert node.span is not None
        parent_id = node.span.parent
        parent = nodes.get(parent_id)
        if parent is None:
            if parent_id:
                node.attributes.setdefault(semconv.REMOTE_PARENT, parent_id)
            root.adopt(node)
        elif _topmost(parent_id, above) == span_id:
            node.attributes[semconv.ORPHAN] = True
            root.adopt(node)
        else:
            above[span_id] = parent_id
            parent.adopt(node)
    _add_times(root)
    return root


def _add_times(root: SpanNode) -> None:
    """Put each span without times at the begin of its parent, or of the trace."""
    first = min((node.start_ns for node in root.walk() if node.start_ns), default=0)
    for node in root.walk():
        if not node.start_ns and node.parent is not None:
            node.start_ns = node.parent.start_ns or first
            node.end_ns = None if node.end_ns is None else max(node.start_ns, node.end_ns)
            node.attributes[semconv.INFERRED_BOUNDS] = True


def _topmost(id: str, above: dict[str, str]) -> str:
    """Return the topmost ancestor of the span `id`; paths are shortened on the way."""
    while (higher := above.get(id)) is not None:
        above[id] = above.get(higher, higher)
        id = higher
    return id
