"""A run's nodes as one flat sequence in tree order, so that a row is found by number."""

from __future__ import annotations

from array import array

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.palette import HUES

__all__ = ["Forest"]


class Forest:
    """The nodes of `run` that have a row, parents before children.

    An attempt has a row where its call had more than one, or where it failed. Two numbers a node and little else, so
    that a run of 100,000 spans costs a megabyte beside the run itself, and is laid out before one notices.

    Attributes:
        nodes: The nodes, by their place.
        parents: The place of each node's parent; -1 for the root.
        ends: The place after the last node below each.
        hues: The number of the colour of each agent, by its place.
        works: The places of the calls and the tools.
        calls_count: How many of these are calls.
        first_ns: The earliest begin of any node.
        last_ns: The latest begin or end of any node.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.nodes: list[Node] = []
        self.parents = array("i")
        self.hues: dict[int, int] = {}
        self.works = array("i")
        self.calls_count = 0
        self.first_ns = self.last_ns = run.root.start_ns
        self._flatten()
        self.ends = self._ends()
        self._numbered: tuple[int, dict[int, int]] = (-1, {})

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def agents_count(self) -> int:
        """Return the number of agents."""
        return len(self.hues)

    def depth(self, index: int) -> int:
        """Return the number of ancestors of the node at `index`."""
        depth, parents = 0, self.parents
        while (index := parents[index]) >= 0:
            depth += 1
        return depth

    def agent_of(self, index: int) -> int:
        """Return the place of the agent around the node at `index`, or of the node itself; -1 without one."""
        while index >= 0 and index not in self.hues:
            index = self.parents[index]
        return index

    def has_children(self, index: int) -> bool:
        """Return whether the node at `index` has rows below it."""
        return self.ends[index] > index + 1

    def is_last(self, index: int) -> bool:
        """Return whether the node at `index` is the last child of its parent."""
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
        """Return the number of the turn at `index` among its parent's turns, from 1."""
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
        nodes, parents, hues, works = self.nodes, self.parents, self.hues, self.works
        first, last, calls, index = self.first_ns, self.last_ns, 0, -1
        stack, above = [self.run.root], [-1]
        while stack:
            node = stack.pop()
            index += 1
            nodes.append(node)
            parents.append(above.pop())
            if node.start_ns < first:  # noqa: PLR1730  a call of min() takes three times as long, for every node
                first = node.start_ns
            if (end := node.end_ns or node.start_ns) > last:
                last = end
            kind, children = node.kind, node.children
            if kind == "llm":
                calls += 1
                works.append(index)
                children = _told(children)
            elif kind == "tool":
                works.append(index)
            elif kind == "agent":
                hues[index] = len(hues) % HUES
            if children:
                stack += children[::-1]
                above += [index] * len(children)
        self.first_ns, self.last_ns, self.calls_count = first, last, calls

    def _ends(self) -> array[int]:
        ends = array("i", range(1, len(self.nodes) + 1))
        parents = self.parents
        for index in range(len(ends) - 1, 0, -1):
            parent, end = parents[index], ends[index]
            if end > ends[parent]:  # noqa: PLR1730
                ends[parent] = end
        return ends


def _told(children: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the children of a call, without a single attempt that adds nothing to the call."""
    if len(children) == 1:
        only = children[0]
        return () if only.kind == "attempt" and only.status not in ("error", "interrupted") else children
    attempts = [child for child in children if child.kind == "attempt"]
    if len(attempts) != 1 or attempts[0].status in ("error", "interrupted"):
        return children
    return tuple(child for child in children if child.kind != "attempt")
