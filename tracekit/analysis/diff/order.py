"""Compare the order and the overlaps of the tools and agents that two runs share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from tracekit.analysis.diff.changes import NodeChange, PathStep
from tracekit.analysis.unseen import is_unseen
from tracekit.model.tree import Node

__all__ = ["order_changes", "overlap_ns"]

_MOST = 200
"""Number of tools and agents within one agent that are compared in pairs; further ones are not."""

_LEAST_SHARE = 0.05
"""Share of the shorter one's time from which two count as running at once."""


class _Unit(NamedTuple):
    """A tool or agent that both runs have, with its begin and end in each."""

    a: Node
    b: Node
    name: str
    times: tuple[int, int]
    times_b: tuple[int, int]

    @property
    def is_seen(self) -> bool:
        """True if both runs recorded its times, and not only bounds."""
        return not (is_unseen(self.a) or is_unseen(self.b))


def overlap_ns(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Return how long both ran at once; 0 where one only hands over to the other."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    shorter = min(one[1] - one[0], other[1] - other[0])
    return both if both > 0 and both >= shorter * _LEAST_SHARE else 0


def order_changes(
    pairs: Sequence[tuple[Node, Node]], paths: Mapping[str, tuple[PathStep, ...]], last_ns: int, last_ns_b: int
) -> Iterator[NodeChange]:
    """Yield the pairs of an agent's tools and agents whose order, or whose overlap, changed."""
    for units in _units_by_agent(pairs, paths, last_ns, last_ns_b).values():
        for one, other in combinations(units[:_MOST], 2):
            together = overlap_ns(one.times, other.times)
            together_b = overlap_ns(one.times_b, other.times_b)
            path, name = paths[one.a.id], other.name
            if not together and not together_b:
                if (one.times < other.times) != (one.times_b < other.times_b):
                    was, is_now = ("before", "after") if one.times < other.times else ("after", "before")
                    yield NodeChange(path, "order", "changed", f"{was} {name}", f"{is_now} {name}", one.a.id, one.b.id)
            elif bool(together) != bool(together_b) and one.is_seen and other.is_seen:
                was, is_now = (_together(name, ns) for ns in (together, together_b))
                yield NodeChange(path, "overlap", "changed", was, is_now, one.a.id, one.b.id, counts=False)


def _together(name: str, overlap: int) -> str:
    return f"at once with {name}, {overlap / 1e9:.3g} s" if overlap else f"apart from {name}"


def _units_by_agent(
    pairs: Sequence[tuple[Node, Node]], paths: Mapping[str, tuple[PathStep, ...]], last_ns: int, last_ns_b: int
) -> Mapping[tuple[PathStep, ...], list[_Unit]]:
    """Return the tools and agents that both runs have, by the agent, else the run, that requested them."""
    units: defaultdict[tuple[PathStep, ...], list[_Unit]] = defaultdict(list)
    seen: set[tuple[PathStep, ...]] = set()
    for a, b in pairs:
        path = paths[a.id]
        # An agent that a tool stands for has the tool's path, and is the same unit.
        if a.kind not in ("tool", "agent") or len(path) < 2 or path in seen:
            continue
        seen.add(path)
        above = path[:-1]
        while len(above) > 1 and above[-1].kind not in ("tool", "agent"):
            above = above[:-1]
        times = (a.start_ns, last_ns if a.end_ns is None else a.end_ns)
        times_b = (b.start_ns, last_ns_b if b.end_ns is None else b.end_ns)
        units[above].append(_Unit(a, b, path[-1].name, times, times_b))
    return units
