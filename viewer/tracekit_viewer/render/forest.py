"""A run's nodes as one flat sequence in tree order, so that a row is found by number."""

from __future__ import annotations

from array import array

from tracekit_viewer.door import LEAST_ALIKE, LINKS, AlikeNodes, Node, Run, grouped
from tracekit_viewer.render.palette import HUES

__all__ = ["CALL", "CHAIN", "GROUP", "JOIN", "Forest"]

CHAIN, CALL, GROUP, JOIN = 1, 2, 3, 4
"""Shapes of rows: one call is all that it leads to; its attempts are in its bar; it stands for many; a tool that only
hands on to an agent, which has no row of its own. The first three are folded at first."""


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
        shapes: The shape of each row (`CHAIN`, `CALL`, `GROUP`, `JOIN`); 0 for an ordinary one.
        joined: 1 for each agent that is shown in the row of its tool.
        calls_count: The number of calls.
        first_ns: The earliest begin of any node.
        below_ns: The latest begin or end of any node but the root.
        work_ns: The begin of the first agent or call; of the run, where there is none.
        last_ns: The latest begin or end of any node.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.nodes: list[Node] = []
        self.parents = array("i")
        self.hues: dict[int, int] = {}
        self.works = array("i")
        self.calls_count = 0
        self.first_ns = self.last_ns = self.below_ns = self.work_ns = run.root.start_ns
        self.shapes = bytearray()
        self._flatten()
        self.ends = self._ends()
        self.joined = bytearray(len(self.nodes))
        self._numbered: tuple[int, dict[int, int]] = (-1, {})

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def agents_count(self) -> int:
        """Return the number of agents."""
        return len(self.hues)

    def depth(self, index: int) -> int:
        """Return the number of rows above the node at `index` that it is below of."""
        depth, parents, joined = 0, self.parents, self.joined
        while (index := parents[index]) >= 0:
            depth += not joined[index]
        return depth

    def agent_of(self, index: int) -> int:
        """Return the place of the agent around the node at `index`, or of the node itself; -1 without one."""
        while index >= 0 and index not in self.hues:
            index = self.parents[index]
        return index

    def chain(self, index: int) -> range:
        """The places of the chain that begins at `index`, down to its call; only `index` where there is none."""
        last = index
        while self.shapes[last] == CHAIN:
            last += 1
        return range(index, last + 1)

    def row(self, index: int, *, folded: bool) -> range:
        """The places of the nodes that the row of the node at `index` shows."""
        if self.shapes[index] == JOIN and self.joined[index + 1]:
            return range(index, index + 2)
        return self.chain(index) if folded else range(index, index + 1)

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
        first, last, calls, index, work = self.first_ns, self.last_ns, 0, -1, 0
        shaped: list[tuple[int, int]] = []
        groups: set[int] = set()
        stack, above = [self.run.root], [-1]
        while stack:
            node = stack.pop()
            index += 1
            nodes.append(node)
            parents.append(above.pop())
            if node.start_ns < first:  # noqa: PLR1730  a call of min() takes three times as long, for every node
                first = node.start_ns
            if (end := node.end_ns or node.start_ns) > last and index:
                last = end
            kind, children = node.kind, node.children
            if groups and id(node) in groups:
                shaped.append((index, GROUP))
                stack += children[::-1]
                above += [index] * len(children)
                continue
            if kind == "llm":
                calls += 1
                works.append(index)
                if not work or node.start_ns < work:
                    work = node.start_ns
                children = _shown_children(children)
                if children:
                    shaped.append((index, CALL))
            elif kind == "tool":
                works.append(index)
            elif kind == "agent":
                hues[index] = len(hues) % HUES
                if not work or node.start_ns < work:
                    work = node.start_ns
            if children:
                if len(children) >= LEAST_ALIKE:
                    few = grouped(children)
                    if few is not children:
                        children = few
                        groups.update(id(child) for child in few if type(child) is AlikeNodes)
                stack += children[::-1]
                above += [index] * len(children)
        self.shapes = bytearray(len(nodes))
        for place, shape in shaped:
            self.shapes[place] = shape
        root = self.run.root
        self.first_ns, self.below_ns, self.calls_count = first, last, calls
        self.last_ns = max(last, root.end_ns or root.start_ns)
        self.work_ns = max(self.run.root.start_ns, work)

    def _ends(self) -> array[int]:
        """Return where the subtree of each node ends, and mark the chains that lead to one call."""
        count = len(self.nodes)
        ends = array("i", range(1, count + 1))
        parents, nodes, shapes = self.parents, self.nodes, self.shapes
        for index in range(count - 1, 0, -1):
            parent, end = parents[index], ends[index]
            if end > index + 1 and ends[index + 1] == end and nodes[index].kind in LINKS and not shapes[index]:
                if shapes[index + 1] == CHAIN or nodes[index + 1].kind == "llm":
                    shapes[index] = CHAIN
                elif nodes[index].kind == "tool" and nodes[index + 1].kind == "agent":
                    shapes[index] = JOIN
            if end > ends[parent]:  # noqa: PLR1730
                ends[parent] = end
        return ends


def _shown_children(children: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the children of a call, without a single attempt that adds nothing to the call."""
    if len(children) == 1:
        only = children[0]
        return () if only.kind == "attempt" and only.status not in ("error", "interrupted") else children
    attempts = [child for child in children if child.kind == "attempt"]
    if len(attempts) != 1 or attempts[0].status in ("error", "interrupted"):
        return children
    return tuple(child for child in children if child.kind != "attempt")
