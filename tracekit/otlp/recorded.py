"""The spans of a recorded run, with their recorded ids and times. Inferred nodes have ids that never change."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.model.events import Failure
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run
from tracekit.otlp.span_data import SpanData

__all__ = ["told_of", "trace_of"]


def told_of(run: Run, *, content: bool) -> Iterator[SpanData]:
    """Return every span of `run`, parents before children, with its messages if `content` is true.

    A span whose end is not known ends with the last that is known of anything below it.
    """
    trace, last = trace_of(run), _last_times(run.root)
    stack: list[tuple[Node, str | None, str | None]] = [(run.root, _remote_parent(run.root), None)]
    while stack:
        node, parent, agent = stack.pop()
        agent = node.agent or agent
        stack.extend((child, node.id, agent) for child in reversed(node.children))
        yield _told(run, node, trace, parent, agent, last[id(node)], run.exchange_of(node) if content else None)


def trace_of(run: Run) -> str:
    """The trace of `run`: that of its spans, if they have one and the same; else the run's own id."""
    recorded = {span.trace for span in run.recording.spans.values() if span.trace}
    return recorded.pop() if len(recorded) == 1 else run.id


def _remote_parent(root: Node) -> str | None:
    """The span of another process under which the run hangs, or all that is below its root does."""
    own = root.attributes.get(semconv.REMOTE_PARENT)
    if own is not None or not root.inferred:
        return str(own) if own is not None else None
    found = {node.attributes.get(semconv.REMOTE_PARENT) for node in root.walk() if node is not root} - {None}
    return str(found.pop()) if len(found) == 1 else None


def _told(
    run: Run, node: Node, trace: str, parent: str | None, agent: str | None, last_ns: int, exchange: Exchange | None
) -> SpanData:
    attributes = dict(node.attributes)
    if node.inferred:
        attributes[semconv.INFERRED] = True
    failure = node.failure or (Failure("error") if node.status == "error" else None)
    if node.end_ns is None:
        attributes[semconv.INTERRUPTED] = True
        failure = failure or (Failure("interrupted") if node.status == "interrupted" else None)
    return SpanData(
        run.id,
        run.name,
        trace,
        node.id,
        parent,
        node.kind,
        node.name,
        node.start_ns,
        last_ns if node.end_ns is None else node.end_ns,
        failure,
        attributes,
        exchange,
        agent,
    )


def _last_times(root: Node) -> dict[int, int]:
    """By node: the latest time that is known of it or of anything below it."""
    last: dict[int, int] = {}
    for node in reversed(list(root.walk())):
        below = [last[id(child)] for child in node.children]
        last[id(node)] = max(node.start_ns, node.end_ns or 0, *below) if below else max(node.start_ns, node.end_ns or 0)
    return last
