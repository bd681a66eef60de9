"""Relations in a run's tree: the turn and the agent of a node, and an agent's calls."""

from __future__ import annotations

from tracekit_viewer.door import Kind, Node, Run, calls_below, semconv

__all__ = ["Family", "calls_below"]


class Family:
    """The tree of one run, upwards."""

    def __init__(self, run: Run) -> None:
        self.root = run.root
        self._parents: dict[str, Node] = {}
        for node in run.root.walk():
            for child in node.children:
                self._parents[child.id] = node

    def above(self, node: Node, kind: Kind) -> Node | None:
        """The nearest node of `kind`: `node` itself, or one that it is in."""
        found: Node | None = node
        while found is not None and found.kind != kind:
            found = self._parents.get(found.id)
        return found

    def parent(self, node: Node) -> Node | None:
        """The parent of `node`; None for the root."""
        return self._parents.get(node.id)

    def home(self, node: Node) -> Node:
        """The agent that `node` belongs to, else the run."""
        return self.above(node, "agent") or self.root

    def tool(self, node: Node, call_id: str) -> Node | None:
        """The tool node that serves the tool use `call_id` of the turn that `node` is in."""
        turn = self.above(node, "turn") or self._parents.get(node.id)
        for child in turn.children if turn is not None else ():
            if child.kind == "tool" and child.attributes.get(semconv.TOOL_CALL_ID) == call_id:
                return child
        return None
