"""The visible rows of a run, and the row of the cursor."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.forest import CALL, CHAIN, JOIN, Forest

__all__ = ["Tree", "is_fault", "is_retried"]

ALL_LEVELS = 10_000


class Tree:
    """A run with folds and a cursor; both stay with their nodes while the run grows.

    Folds are a level from which all is folded, and the exceptions to it, so that nodes that come later follow the
    user's last word. While it is `compact`, chains, attempts and groups are folded until they are opened one by one.
    The cursor may be on a node in a chain; the row of the chain is then the cursor's.
    """

    def __init__(self, run: Run) -> None:
        self.forest = Forest(run)
        self.cursor = 0
        self.compact = True
        self._level = ALL_LEVELS
        self._opened: set[str] = set()
        self._closed: set[str] = set()
        self._split: set[str] = set()
        self.visible: Sequence[int] = ()
        self._refold()

    def grow(self, run: Run) -> None:
        """Go on with `run`, a later state of the same run."""
        if run.root is self.forest.run.root:
            # More of its answers has arrived; no span began or ended.
            self.forest.run = run
            return
        here = self.node.id
        self.forest = Forest(run)
        self.cursor = self.forest.place_of(here) or 0
        self._refold()

    # ── the cursor ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def node(self) -> Node:
        """The node under the cursor."""
        return self.forest.nodes[self.cursor]

    @property
    def row(self) -> int:
        """The row of the cursor."""
        return self.row_of(self.cursor)

    @property
    def shown(self) -> int:
        """The place of the node whose row the cursor is on."""
        return self.visible[self.row]

    def row_of(self, index: int) -> int:
        """The row of the node at `index`, or of the folded one that hides it."""
        return max(0, bisect_right(self.visible, index) - 1)

    def to_row(self, row: int) -> None:
        """Put the cursor on `row`, or on the nearest that there is."""
        self.cursor = self.visible[max(0, min(row, len(self.visible) - 1))]

    def reveal(self, index: int) -> None:
        """Put the cursor on the node at `index`, and unfold the rows that hide it, but not its chain."""
        within = self.forest.shapes
        above = [
            place
            for place in self.forest.path(index)[:-1]
            if self.is_folded(place) and within[place] not in (CHAIN, CALL)
        ]
        for place in above:
            self._set(place, folded=False)
        self.cursor = index
        if above:
            self._refold()

    def row_place(self, index: int) -> int:
        """The place of the node whose row shows the node at `index`, once what hides that row is unfolded."""
        forest = self.forest
        for place in forest.path(index)[:-1]:
            if forest.shapes[place] in (CHAIN, CALL) and self.is_folded(place):
                return place
        return forest.parents[index] if forest.joined[index] else index

    def parent(self) -> int:
        """The place of the parent of the row under the cursor; its own if it is the root."""
        return max(0, self.forest.parents[self.shown])

    def sibling(self, step: int) -> int:
        """Return the place of the next (`step` 1) or previous (-1) sibling, or the node's own."""
        forest, here = self.forest, self.shown
        parent = forest.parents[here]
        if parent < 0:
            return here
        if step > 0:
            return forest.ends[here] if forest.ends[here] < forest.ends[parent] else here
        place, before = parent + 1, here
        while place < here:
            before, place = place, forest.ends[place]
        return before

    def find(self, wanted: Callable[[Node], bool], step: int, *, here: bool = False) -> int | None:
        """The place of the next node that is `wanted`, forwards or backwards, around the end; None if there is none.

        The row under the cursor is looked at last, or first if `here`.
        """
        nodes, count = self.forest.nodes, len(self.forest)
        first, own = 0 if here else 1, None if here else self.row_place(self.cursor)
        within = None
        for away in range(first, count + first):
            index = (self.cursor + step * away) % count
            if wanted(nodes[index]):
                if own is None or self.row_place(index) != own:
                    return index
                within = index if within is None else within
        return within

    def rows_of(self, wanted: Callable[[Node], bool]) -> list[int]:
        """The places of all rows that show a node that is `wanted`, in order."""
        nodes = self.forest.nodes
        return sorted({self.row_place(index) for index, node in enumerate(nodes) if wanted(node)})

    # ── folds ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def is_folded(self, index: int) -> bool:
        """Return whether the nodes below the node at `index` are hidden."""
        if not self.forest.has_children(index):
            return False
        id = self.forest.nodes[index].id
        if id in self._closed or id in self._opened:
            return id in self._closed
        if self.compact and self.forest.shapes[index] not in (0, JOIN):
            return True
        return self._level < ALL_LEVELS and self.forest.depth(index) >= self._level - 1

    def fold(self, *, folded: bool, below: bool = False) -> None:
        """Fold or unfold the row under the cursor; with `below`, all below it as well."""
        here = self.shown
        last = self.forest.ends[here] if below else here + 1
        for index in range(here, last):
            self._set(index, folded=folded)
            if below and self.forest.shapes[index] == JOIN:
                (self._split.discard if folded else self._split.add)(self.forest.nodes[index].id)
        if folded:
            self.cursor = here
        self._refold()

    def fold_to(self, level: int) -> None:
        """Show `level` levels of the tree and fold what is deeper; all levels also unfold chains and groups."""
        self._level, self.compact = level, level < ALL_LEVELS
        self._opened.clear()
        self._closed.clear()
        self._split.clear()
        self._refold()
        self.cursor = self.visible[self.row]

    def fold_steps(self, *, compact: bool) -> None:
        """Fold chains, attempts and groups, or show every step of them."""
        self.compact = compact
        self._opened.clear()
        self._split.clear()
        self._refold()

    def _set(self, index: int, *, folded: bool) -> None:
        if not self.forest.has_children(index):
            return
        id = self.forest.nodes[index].id
        (self._closed if folded else self._opened).add(id)
        (self._opened if folded else self._closed).discard(id)

    def _refold(self) -> None:
        forest, count = self.forest, len(self.forest)
        ends, shapes, compact = forest.ends, forest.shapes, self.compact
        forest.joined = bytearray(count)
        if compact:
            self._join(forest)
        is_level = self._level < ALL_LEVELS
        if not self._closed and not is_level and not compact:
            self.visible = range(count)
            return
        visible, index, joined = array("i"), 0, forest.joined
        is_plain = not is_level and not self._closed
        while index < count:
            if not joined[index]:
                visible.append(index)
            if is_plain and not (compact and shapes[index]):
                index += 1
            else:
                index = ends[index] if self.is_folded(index) else index + 1
        self.visible = visible

    def _join(self, forest: Forest) -> None:
        """Show each tool that only hands on in one row with its agent, unless all below it has been unfolded."""
        place = forest.shapes.find(JOIN)
        while place >= 0:
            forest.joined[place + 1] = forest.nodes[place].id not in self._split
            place = forest.shapes.find(JOIN, place + 1)


def is_fault(node: Node) -> bool:
    """Return whether an error or interruption began at `node`, not below it. Attempts count as their call."""
    if node.kind == "attempt" or node.status not in ("error", "interrupted"):
        return False
    return not any(child.status in ("error", "interrupted") for child in node.children if child.kind != "attempt")


def is_retried(node: Node) -> bool:
    """Return whether `node` is a call with more than one attempt."""
    return node.kind == "llm" and node.retries > 0
