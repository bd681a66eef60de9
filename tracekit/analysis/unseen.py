"""The time of a tool whose execution was not recorded: only its bounds are known.

The bounds are the end of the response that requested the tool and the begin of the request that returns its result. An
unseen tool has no time of its own. It may have run wherever no sibling ran, so these *gaps* of its bounds stay as they
are when the siblings are moved.

A long gap at the end of the bounds may mean that the tool was started earlier and ran beside its siblings. Then it
counts from the earliest time at which the program can have started it: after all its siblings, where the program ran them
in the lane of the request, one after another; else after those that were requested before it and blocked the event loop;
else from the begin of its bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from tracekit import semconv
from tracekit.analysis.timing.overlap import SLOT_NS, TOLERANCE_NS, Interval, union
from tracekit.model.tree import Node

__all__ = ["Slot", "Unseen", "is_unseen"]


class Slot(NamedTuple):
    """A stretch of time in which the child `node` ran, or, if it is unseen, may have run."""

    id: str
    start_ns: int
    end_ns: int
    node: Node


def is_unseen(node: Node) -> bool:
    """Return whether only the bounds of `node` are known: nothing of it was recorded but its result."""
    return bool(node.attributes.get(semconv.INFERRED_BOUNDS)) and not node.children


@dataclass(frozen=True)
class Unseen:
    """Lays out children of which some are unseen.

    `end` returns when a node ended; `requested` returns the ids of the tool calls that the response of a turn
    requested, in order.
    """

    end: Callable[[Node], int]
    requested: Callable[[Node], Sequence[str]] = lambda _: ()

    def slots(self, parent: Node) -> list[Slot]:
        """Return the slots of the children of `parent`.

        An unseen child has a slot without length at its begin, and one for each gap.
        """
        seen = [child for child in parent.children if not is_unseen(child)]
        unseen = [child for child in parent.children if is_unseen(child)]
        slots = [Slot(child.id, child.start_ns, self.end(child), child) for child in seen]
        slots += [Slot(child.id, child.start_ns, child.start_ns, child) for child in unseen]
        # Unseen tools of one response have the same bounds, and the same gaps.
        gaps = {gap: child for child in reversed(unseen) for gap in self._gaps(parent, child, seen)}
        return slots + [Slot(f"{child.id} {number}", *gap, child) for number, (gap, child) in enumerate(gaps.items())]

    def _gaps(self, parent: Node, child: Node, seen: Sequence[Node]) -> list[Interval]:
        bounds = Interval(child.start_ns, self.end(child))
        beside = [each for each in seen if each.start_ns < bounds.end_ns and self.end(each) > bounds.start_ns]
        gaps = list(_gaps_between(bounds, [Interval(each.start_ns, self.end(each)) for each in beside]))
        if not beside or not gaps or gaps[-1].end_ns < bounds.end_ns or _length_ns(gaps[-1]) <= SLOT_NS:
            return gaps
        if all(_lane(each) == child.lane for each in beside):
            return gaps
        id = child.attributes.get(semconv.TOOL_CALL_ID)
        before = set(takewhile(lambda other: other != id, self.requested(parent)))
        held = [each for each in beside if each.attributes.get(semconv.TOOL_CALL_ID) in before and _blocks(each)]
        return [Interval(max([bounds.start_ns, *map(self.end, held)]), bounds.end_ns)]


def _gaps_between(bounds: Interval, intervals: Sequence[Interval]) -> Iterator[Interval]:
    """Return the parts of `bounds` that none of `intervals` covers, in order."""
    at_ns = bounds.start_ns
    for start_ns, end_ns in (*union(intervals), Interval(bounds.end_ns, bounds.end_ns)):
        gap = Interval(at_ns, min(start_ns, bounds.end_ns))
        if _length_ns(gap) > TOLERANCE_NS:
            yield gap
        at_ns = max(at_ns, end_ns)


def _length_ns(interval: Interval) -> int:
    return interval.end_ns - interval.start_ns


def _lane(node: Node) -> str:
    """Return the lane of the first call at or below `node`, else the lane of `node` itself."""
    return next((each.lane for each in node.walk() if each.kind == "llm"), node.lane)


def _blocks(node: Node) -> bool:
    """Return whether something at or below `node` blocked an event loop."""
    return any(each.attributes.get(semconv.SYNC_IN_EVENT_LOOP) for each in node.walk())
