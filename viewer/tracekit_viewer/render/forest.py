"""A run's nodes as one flat sequence in the order of its tree, so that a row is found by its number."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.palette import HUES

__all__ = ["Forest"]


class Forest:
    """The nodes of `run` that have a row, parents before children.

    An attempt has a row where its call had more than one, or where it failed. Four numbers a node and nothing else,
    so that a run of 100,000 spans costs a few megabytes beside the run itself.

    Attributes:
        nodes: The nodes, by their place.
        parents: The place of each node's parent; -1 for the root.
        depths: How many nodes stand above each.
        ends: The place after the last node below each.
        agents: The place of the agent at whose work each node is, itself if it is one; -1 where there is none.
        hues: The number of the colour of each agent, by its place.
        first_ns: The earliest begin of any node.
        last_ns: The latest begin or end of any node.
        calls_count: How many calls of the model there are.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.nodes: list[Node] = []
        self.parents = array("i")
        self.depths = array("i")
        self.agents = array("i")
        self._flatten()
        places = (index for index, node in enumerate(self.nodes) if node.kind == "agent")
        self.hues = {place: number % HUES for number, place in enumerate(places)}
        self.ends = self._ends()
        self.calls_count = sum(node.kind == "llm" for node in self.nodes)
        self.first_ns = min(node.start_ns for node in self.nodes)
        self.last_ns = max(node.end_ns or node.start_ns for node in self.nodes)
        self._numbered: tuple[int, dict[int, int]] = (-1, {})

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def agents_count(self) -> int:
        """How many agents there are."""
        return len(self.hues)

    def has_children(self, index: int) -> bool:
        """Whether any row is below that of the node at `index`."""
        return self.ends[index] > index + 1

    def is_last(self, index: int) -> bool:
        """Whether the node at `index` is the last child of its parent."""
        parent = self.parents[index]
        return parent < 0 or self.ends[parent] == self.ends[index]

    def path(self, index: int) -> list[int]:
        """The places of the nodes from the root to that at `index`, itself included."""
        path = []
        while index >= 0:
            path.append(index)
            index = self.parents[index]
        return path[::-1]

    def turn_number(self, index: int) -> int:
        """Which of its parent's turns the turn at `index` is, from 1."""
        parent = self.parents[index]
        if self._numbered[0] != parent:
            siblings = self.nodes[parent].children if parent >= 0 else ()
            turns = (child for child in siblings if child.kind == "turn")
            self._numbered = (parent, {id(turn): number for number, turn in enumerate(turns, 1)})
        return self._numbered[1].get(id(self.nodes[index]), 1)

    def place_of(self, id: str) -> int | None:
        """The place of the node called `id`."""
        return next((index for index, node in enumerate(self.nodes) if node.id == id), None)

    def _flatten(self) -> None:
        nodes, parents, depths, agents = self.nodes, self.parents, self.depths, self.agents
        stack, above = [self.run.root], [-1]
        while stack:
            node, parent = stack.pop(), above.pop()
            index = len(nodes)
            nodes.append(node)
            parents.append(parent)
            depths.append(depths[parent] + 1 if index else 0)
            agents.append(index if node.kind == "agent" else agents[parent] if index else -1)
            if node.children:
                told = node.children if node.kind != "llm" else _told(node.children)
                stack.extend(reversed(told))
                above.extend([index] * len(told))

    def _ends(self) -> array[int]:
        ends = array("i", range(1, len(self.nodes) + 1))
        parents = self.parents
        for index in range(len(ends) - 1, 0, -1):
            parent = parents[index]
            ends[parent] = max(ends[parent], ends[index])
        return ends


def _told(children: Sequence[Node]) -> Sequence[Node]:
    """What is below a call, less an only attempt that says no more than its call does."""
    attempts = sum(child.kind == "attempt" for child in children)
    if attempts != 1:
        return children
    return [child for child in children if child.kind != "attempt" or child.status in ("error", "interrupted")]
