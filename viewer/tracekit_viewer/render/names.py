"""The name of a node on its row."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit_viewer.door import Node, duration, semconv, telling_argument
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.text import plain

__all__ = ["SIGNS", "hint_of", "matches", "name_of"]

SIGNS = {"agent": "◆", "llm": "✦", "tool": "■", "attempt": "↻", "span": "∙"}
"""A sign for each kind; a run and a turn say what they are."""

_LONGEST = 200


def name_of(forest: Forest, index: int) -> str:
    """The name of the node at `index`, fit for a row."""
    node = forest.nodes[index]
    if node.kind == "turn":
        return f"turn {forest.turn_number(index)}"
    if node.kind == "attempt":
        number = node.attributes.get(semconv.HTTP_RESEND_COUNT)
        return f"attempt {number + 1 if isinstance(number, int) else 1}"
    return plain(_own_name(node), _LONGEST)


def hint_of(node: Node, beside: Sequence[Node] = ()) -> str:
    """Return a few words beside the name: the telling argument of a tool, the wait before an attempt."""
    if node.kind == "attempt":
        wait = node.attributes.get(semconv.WAIT_MS)
        return f"after {duration(round(wait * 1e6))}" if isinstance(wait, (int, float)) and wait > 0 else ""
    return telling_argument(node, beside) if node.kind == "tool" else ""


def matches(node: Node, query: str) -> bool:
    """Return whether the name or the kind of `node` contains `query`, which is in lower case."""
    return query in _own_name(node).lower() or query in node.name.lower() or query == node.kind


def _own_name(node: Node) -> str:
    if node.kind == "agent":
        return node.agent or node.name
    if node.kind == "llm":
        return node.model or node.name
    if node.kind == "tool":
        return str(node.attributes.get(semconv.TOOL_NAME, node.name))
    return node.name
