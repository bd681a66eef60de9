"""The critical path: the work that decided when the run ended.

From a node's end, the child that ended last is on the path; from that child's begin on, the child that ended last
before it; and so on. Children are clipped to their parent, so background work that outlives it counts up to its end.
What no child covers is the node's own time. (As in Jaeger's critical path, which compares each child with each other;
here the children are sorted by their ends once, which makes it O(n log n).)
"""

from __future__ import annotations

from typing import NamedTuple

from tracekit.model.tree import Node

__all__ = ["Step", "critical_path"]


class Step(NamedTuple):
    """A stretch of time that `node` itself, and none of its children, decided."""

    node: Node
    start_ns: int
    end_ns: int


def critical_path(root: Node, last_ns: int) -> list[Step]:
    """The path through `root`, earliest step first. `last_ns` ends what is open."""
    steps: list[Step] = []
    stack: list[tuple[Node, int, int]] = [(root, root.start_ns, _end(root, last_ns))]
    while stack:
        node, start_ns, at_ns = stack.pop()
        below: list[tuple[Node, int, int]] = []
        for child in sorted(node.children, key=lambda child: _end(child, last_ns), reverse=True):
            end_ns, begin_ns = min(_end(child, last_ns), at_ns), max(child.start_ns, start_ns)
            if child.start_ns >= at_ns or begin_ns >= end_ns or (_end(child, last_ns) > at_ns and below):
                # It overlaps with what is already on the path, or takes no time.
                continue
            if end_ns < at_ns:
                steps.append(Step(node, end_ns, at_ns))
            below.append((child, begin_ns, end_ns))
            at_ns = begin_ns
        if start_ns < at_ns:
            steps.append(Step(node, start_ns, at_ns))
        stack.extend(below)
    return sorted(steps, key=lambda step: step.start_ns)


def _end(node: Node, last_ns: int) -> int:
    return max(node.start_ns, last_ns if node.end_ns is None else node.end_ns)
