"""Nodes that no span records: made beside a recorded node, marked with their evidence."""

from __future__ import annotations

from tracekit import semconv
from tracekit.sources.otlp.dialects.table import SpanLevel
from tracekit.sources.otlp.nodes import SpanNode

__all__ = ["inferred_agent", "inferred_node", "settle"]


def inferred_node(level: SpanLevel, name: str, at: SpanNode, suffix: str, evidence: str) -> SpanNode:
    """Return a node beside `at`, from whose id its own comes."""
    node = SpanNode(f"{at.id}.{suffix}", level, name, at.start_ns, at.end_ns, inferred=evidence, dialect=at.dialect)
    node.attributes = {semconv.INFERRED: True, semconv.INFERRED_FROM: evidence}
    return node


def inferred_agent(name: str, at: SpanNode, suffix: str, evidence: str) -> SpanNode:
    """Return an agent called `name` beside `at`."""
    agent = inferred_node("agent", f"{semconv.Operation.INVOKE_AGENT} {name}", at, suffix, evidence)
    agent.attributes |= {semconv.OPERATION_NAME: semconv.Operation.INVOKE_AGENT, semconv.AGENT_NAME: name}
    return agent


def settle(node: SpanNode) -> None:
    """Set the times of an added node from those below it."""
    node.start_ns = min(child.start_ns for child in node.children)
    ends = [child.end_ns for child in node.children]
    node.end_ns = None if None in ends else max(end for end in ends if end is not None)
