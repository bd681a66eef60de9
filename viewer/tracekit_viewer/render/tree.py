"""The visible rows of a run, and the row of the cursor."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.forest import Forest

__all__ = ["Tree", "is_fault", "is_retried"]

ALL_LEVELS = 10_000


class Tree:
    """A run with folds and a cursor; both stay with their nodes while the run grows.

    Folds are a level from which all is folded, and the exceptions to it, so that nodes that come later follow the
    user's last word.
    """

    def __init__(self, run: Run) -> None:
        self.forest = Forest(run)
        self.cursor = 0
        self._level = ALL_LEVELS
        self._opened: set[str] = set()
        self._closed: set[str] = set()
        self.visible: Sequence[int] = range(len(self.forest))

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

    def row_of(self, index: int) -> int:
        """The row of the node at `index`, or of the folded one that hides it."""
        return max(0, bisect_right(self.visible, index) - 1)

    def to_row(self, row: int) -> None:
        """Put the cursor on `row`, or on the nearest that there is."""
        self.cursor = self.visible[max(0, min(row, len(self.visible) - 1))]

    def reveal(self, index: int) -> None:
        """Put the cursor on the node at `index`, and unfold what hides it."""
        above = [place for place in self.forest.path(index)[:-1] if self.is_folded(place)]
        for place in above:
            self._set(place, folded=False)
        self.cursor = index
        if above:
            self._refold()

    def parent(self) -> int:
        """The place of the parent of the node under the cursor; its own if it is the root."""
        return max(0, self.forest.parents[self.cursor])

    def sibling(self, step: int) -> int:
        """Return the place of the next (`step` 1) or previous (-1) sibling, or the node's own."""
        forest, here = self.forest, self.cursor
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

        The node under the cursor is looked at last, or first if `here`.
        """
        nodes, count = self.forest.nodes, len(self.forest)
        first = 0 if here else 1
        for away in range(first, count + first):
            index = (self.cursor + step * away) % count
            if wanted(nodes[index]):
                return index
        return None

    # ── folds ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def is_folded(self, index: int) -> bool:
        """Return whether the nodes below the node at `index` are hidden."""
        if not self.forest.has_children(index):
            return False
        id = self.forest.nodes[index].id
        return id in self._closed or self._is_deep(index, id)

    def _is_deep(self, index: int, id: str) -> bool:
        return self._level < ALL_LEVELS and self.forest.depth(index) >= self._level - 1 and id not in self._opened

    def fold(self, *, folded: bool, below: bool = False) -> None:
        """Fold or unfold the node under the cursor; with `below`, all below it as well."""
        last = self.forest.ends[self.cursor] if below else self.cursor + 1
        for index in range(self.cursor, last):
            self._set(index, folded=folded)
        self._refold()

    def fold_to(self, level: int) -> None:
        """Show `level` levels of the tree and fold what is deeper."""
        self._level = level
        self._opened.clear()
        self._closed.clear()
        self._refold()
        self.cursor = self.visible[self.row]

    def _set(self, index: int, *, folded: bool) -> None:
        if not self.forest.has_children(index):
            return
        id = self.forest.nodes[index].id
        (self._closed if folded else self._opened).add(id)
        (self._opened if folded else self._closed).discard(id)

    def _refold(self) -> None:
        forest, count = self.forest, len(self.forest)
        if not self._closed and self._level >= ALL_LEVELS:
            self.visible = range(count)
            return
        visible, index = array("i"), 0
        while index < count:
            visible.append(index)
            index = forest.ends[index] if self.is_folded(index) else index + 1
        self.visible = visible


def is_fault(node: Node) -> bool:
    """Return whether an error or interruption began at `node`, not below it. Attempts count as their call."""
    if node.kind == "attempt" or node.status not in ("error", "interrupted"):
        return False
    return not any(child.status in ("error", "interrupted") for child in node.children if child.kind != "attempt")


def is_retried(node: Node) -> bool:
    """Return whether `node` is a call with more than one attempt."""
    return node.kind == "llm" and node.retries > 0
