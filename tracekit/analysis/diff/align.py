"""Align the nodes of two runs.

Nodes with equal content are paired first. Of the rest, turns and calls keep their order (a longest common subsequence,
weighted by likeness), while tools and agents, which may begin in any order, are paired by name and likeness.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from tracekit.analysis.diff.node_content import NodeContent, label_of
from tracekit.model.tree import Node

__all__ = ["ALIKE", "Pair", "align", "by_likeness"]

ALIKE = 0.5
"""The likeness from which a node under another name or in another place counts as the same."""

_IN_ORDER = ("turn", "llm", "attempt")
_MOST_CELLS = 250_000
"""Above this many comparisons, nodes are paired in order: by then nobody reads the difference."""


class Pair(NamedTuple):
    """A node of each run; None where one has none."""

    a: Node | None
    b: Node | None


class _Sibling(NamedTuple):
    """A node among its siblings."""

    place: int
    node: Node


def align(
    a: Sequence[Node], b: Sequence[Node], contents: Mapping[str, NodeContent], contents_b: Mapping[str, NodeContent]
) -> list[Pair]:
    """Pair the children of two nodes, in the order of the first; children of `b` alone come where they fall."""
    anchors = _anchors([contents[node.id].key for node in a], [contents_b[node.id].key for node in b])
    found = dict(anchors)
    left, right = _rest(a, found), _rest(b, set(found.values()))
    for label in dict.fromkeys(_label(place.node) for place in left):
        ours = [place for place in left if _label(place.node) == label]
        theirs = [place for place in right if _label(place.node) == label]
        if label[0] in _IN_ORDER:
            found.update(_in_order(ours, theirs, anchors, contents, contents_b))
        else:
            found.update(by_likeness(ours, theirs, contents, contents_b, least=0.0))
    left, right = _rest(a, found), _rest(b, set(found.values()))
    for kind in dict.fromkeys(place.node.kind for place in left):
        ours = [place for place in left if place.node.kind == kind]
        theirs = [place for place in right if place.node.kind == kind]
        found.update(by_likeness(ours, theirs, contents, contents_b, least=ALIKE))
    return list(_pairs(a, b, found))


def _anchors(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of indices with equal content, in order."""
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return [(block.a + offset, block.b + offset) for block in blocks for offset in range(block.size)]


def _rest(nodes: Sequence[Node], found: Iterable[int]) -> list[_Sibling]:
    known = set(found)
    return [_Sibling(index, node) for index, node in enumerate(nodes) if index not in known]


def _label(node: Node) -> tuple[str, str]:
    return node.kind, label_of(node)


def by_likeness(
    a: Sequence[tuple[int, Node]],
    b: Sequence[tuple[int, Node]],
    contents: Mapping[str, NodeContent],
    contents_b: Mapping[str, NodeContent],
    *,
    least: float,
) -> Iterator[tuple[int, int]]:
    """Return pairs of indices, the most alike first, ties in order; none below the likeness `least`."""
    if len(a) * len(b) > _MOST_CELLS:
        yield from ((one[0], other[0]) for one, other in zip(a, b, strict=False))
        return
    ranked = sorted(
        (-_likeness(contents[one.id], contents_b[other.id]), abs(x - y), x, y, place, place_b)
        for x, (place, one) in enumerate(a)
        for y, (place_b, other) in enumerate(b)
    )
    taken: set[int] = set()
    taken_b: set[int] = set()
    for unlike, _, _, _, place, place_b in ranked:
        if -unlike >= least and place not in taken and place_b not in taken_b:
            taken.add(place)
            taken_b.add(place_b)
            yield place, place_b


def _likeness(one: NodeContent, other: NodeContent) -> float:
    return 2.0 if one.key == other.key else one.likeness(other)


def _in_order(
    a: Sequence[_Sibling],
    b: Sequence[_Sibling],
    anchors: Sequence[tuple[int, int]],
    contents: Mapping[str, NodeContent],
    contents_b: Mapping[str, NodeContent],
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of indices with the greatest total likeness that keep their order, also relative to `anchors`."""
    ours, theirs = [x for x, _ in anchors], [y for _, y in anchors]
    gaps: defaultdict[int, tuple[list[_Sibling], list[_Sibling]]] = defaultdict(lambda: ([], []))
    for place in a:
        gaps[bisect(ours, place.place)][0].append(place)
    for place in b:
        gaps[bisect(theirs, place.place)][1].append(place)
    for left, right in gaps.values():
        yield from _best_chain(left, right, lambda x, y: contents[x.node.id].likeness(contents_b[y.node.id]))


def _best_chain(
    a: Sequence[_Sibling], b: Sequence[_Sibling], likeness: Callable[[_Sibling, _Sibling], float]
) -> Iterator[tuple[int, int]]:
    if len(a) == len(b) or len(a) * len(b) > _MOST_CELLS:
        yield from ((one.place, other.place) for one, other in zip(a, b, strict=False))
        return
    # best[x][y]: what the first x and y of both are worth together. Any pair is worth more than none.
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    worth = [[0.1 + likeness(one, other) for other in b] for one in a]
    for x in range(1, len(a) + 1):
        for y in range(1, len(b) + 1):
            best[x][y] = max(best[x - 1][y], best[x][y - 1], best[x - 1][y - 1] + worth[x - 1][y - 1])
    x, y = len(a), len(b)
    while x and y:
        if best[x][y] == best[x - 1][y - 1] + worth[x - 1][y - 1]:
            x, y = x - 1, y - 1
            yield a[x].place, b[y].place
        elif best[x][y] == best[x - 1][y]:
            x -= 1
        else:
            y -= 1


def _pairs(a: Sequence[Node], b: Sequence[Node], found: Mapping[int, int]) -> Iterator[Pair]:
    """Yield all nodes of both, in the order of `a`; a node of `b` alone precedes its successor there."""
    matched = set(found.values())
    seen = 0
    for index, node in enumerate(a):
        place = found.get(index)
        if place is not None:
            while seen <= place:
                if seen not in matched:
                    yield Pair(None, b[seen])
                seen += 1
        yield Pair(node, b[place] if place is not None else None)
    for index in range(seen, len(b)):
        if index not in matched:
            yield Pair(None, b[index])
