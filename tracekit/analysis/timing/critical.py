"""The critical path of a run, which decided when it ended, and the slack and the drag of each span.

What waits for what is as in `Schedule`, so a drag agrees with the savings that rules predict:

- A child began when its parent had begun and the siblings before it had ended. What passed from the last of these to
  its begin is its own delay, and stays. Nobody recorded that it really waited for all of these: it is assumed.
- A node ended a fixed time after the last of its children. It did not wait for a child that outlived it.

From a node's end, the child that ended last is on the path; from that child's begin, the last of those that it waited
for; and so on. What no child covers is the node's own time. The parts of the path join without gap or overlap, so they
sum up to the time of the run.

The *slack* of a span is how much later it could end without a longer run; None where nothing waited for it. Its *drag*
is by how much the run would be shorter if the span had taken no time: 0 beside the path, and on it never more than the
slack of what ran at the same time. Both are None for a tool of which only the bounds are known: see `unseen`.

The time of a run begins with its first agent or call. What the program did before, as importing its modules, is not
part of the path and has no drag.

With c children of a node, slack and path take O(c log c), so a run of n spans takes O(n log n), however deep it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from tracekit.analysis.timing.overlap import Interval
from tracekit.analysis.timing.schedule import ChildRow, Schedule
from tracekit.analysis.unseen import is_unseen
from tracekit.model.tree import Node, first_work_ns

__all__ = ["CriticalStep", "Margin", "critical_path", "margins", "time_of"]


class CriticalStep(NamedTuple):
    """A part of the path: a stretch of time that `node` itself, and none of its children, decided.

    `agent` is the innermost agent around it. Times are nanoseconds since the epoch.
    """

    node: Node
    agent: Node | None
    start_ns: int
    end_ns: int


class Margin(NamedTuple):
    """The slack and the drag of a span, in nanoseconds."""

    slack_ns: int | None
    drag_ns: int | None


def time_of(root: Node, schedule: Schedule) -> Interval:
    """Return the time of the run with this `root`: from its first agent or call on."""
    end_ns = schedule.end(root)
    return Interval(min(first_work_ns(root), end_ns), end_ns)


def critical_path(root: Node, schedule: Schedule) -> list[CriticalStep]:
    """Return the parts of the path through the run with this `root`, the earliest first."""
    begin_ns, end_ns = time_of(root, schedule)
    steps: list[CriticalStep] = []
    # Of what is on the path, the time that it decided. Later parts are found first.
    stack: list[tuple[Node, Node | None, int, int]] = [(root, None, begin_ns, end_ns)]
    while stack:
        node, agent, start_ns, at_ns = stack.pop()
        agent = node if node.kind == "agent" else agent
        if not node.children:
            steps.append(CriticalStep(node, agent, start_ns, at_ns))
            continue
        children = _Children.of(node, schedule)
        for number in reversed(children.path):
            child = children.row.children[number]
            child_end_ns = min(child.end_ns, at_ns)
            child_begin_ns = max(child.start_ns, start_ns)
            if child_begin_ns >= child_end_ns:
                continue
            steps.append(CriticalStep(node, agent, child_end_ns, at_ns))
            stack.append((child.node, agent, child_begin_ns, child_end_ns))
            at_ns = child_begin_ns
        steps.append(CriticalStep(node, agent, start_ns, at_ns))
    return sorted((step for step in steps if step.start_ns < step.end_ns), key=lambda step: step.start_ns)


def margins(root: Node, schedule: Schedule) -> Mapping[str, Margin]:
    """Return the slack and the drag of each node of the run with this `root`, by its id."""
    begin_ns, end_ns = time_of(root, schedule)
    found: dict[str, Margin] = {}
    # Beside each node its slack, and the most that the run can be shorter by what changes in it.
    stack: list[tuple[Node, int | None, int]] = [(root, 0, end_ns - begin_ns)]
    while stack:
        node, slack_ns, most_ns = stack.pop()
        if is_unseen(node):
            found[node.id] = Margin(None, None)
            continue
        lasts_ns = max(0, schedule.end(node) - max(node.start_ns, begin_ns))
        found[node.id] = Margin(slack_ns, min(lasts_ns, most_ns))
        if node.children:
            children = _Children.of(node, schedule)
            limits = dict(children.limits()) if most_ns else {}
            for number, (child, own_ns) in enumerate(zip(children.row.children, children.slacks, strict=True)):
                less_ns = min(most_ns, limits.get(number, 0))
                whole_ns = None if slack_ns is None or own_ns is None else slack_ns + own_ns
                stack.append((child.node, whole_ns, less_ns))
    return found


@dataclass(frozen=True, slots=True)
class _Children:
    """The children of a node as the schedule lays them out.

    Attributes:
        row: The children.
        begin_ns: When the node began.
        finishes: When each ends.
        slacks: How much later each could end without a later end of the node; None where nothing waited for it.
        path: The numbers of those that decided the end of the node, in order.
    """

    row: ChildRow
    begin_ns: int
    finishes: Sequence[int]
    slacks: Sequence[int | None]
    path: Sequence[int]

    @classmethod
    def of(cls, node: Node, schedule: Schedule) -> _Children:
        """Lay out the children of `node`."""
        row, finishes = schedule.row(node), schedule.laid_out(node)
        path = _path(row, finishes, node.start_ns)
        return cls(row, node.start_ns, finishes, _slacks(row, finishes, node.start_ns), path)

    def limits(self) -> Iterator[tuple[int, int]]:
        """Yield each child on the path with the most by which changes in it can shorten the node.

        Once the path is shorter by the slack of a child that ran beside it, that child decides.
        """
        row, path = self.row, self.path
        places = _places(row)
        ends, waited = [places[number] for number in path], [row.waited[number] for number in path]
        least: list[int | None] = [None] * len(path)
        following = list(range(len(path) + 1))
        on_path = set(path)
        beside = [(slack, n) for n, slack in enumerate(self.slacks) if slack is not None and n not in on_path]
        for slack_ns, number in sorted(beside):
            # Those on the path for which it did not wait, and that did not wait for it: they stand in a row.
            at, last = bisect_left(ends, row.waited[number]), bisect_right(waited, places[number])
            while (at := _first(following, at)) < last:
                least[at], following[at] = slack_ns, at + 1
        for number, limit_ns in zip(path, least, strict=True):
            within_ns = max(0, self.finishes[number] - self.begin_ns)
            yield number, within_ns if limit_ns is None else min(within_ns, limit_ns)


def _places(row: ChildRow) -> list[int]:
    """Return the place of each child among the ends."""
    places = [0] * len(row.ends)
    for place, number in enumerate(row.ends):
        places[number] = place
    return places


def _path(row: ChildRow, finishes: Sequence[int], begin_ns: int) -> list[int]:
    """Return the numbers of the children that decided the end of their parent, in order; of equal ends the longest."""

    def later(one: int, other: int) -> int:
        return min(one, other, key=lambda number: (-finishes[number], number))

    latest = list(accumulate(row.ends, later))
    path: list[int] = []
    number = min(row.inside, key=lambda number: (-finishes[number], number), default=None)
    while number is not None and finishes[number] > begin_ns:
        path.append(number)
        number = latest[row.waited[number] - 1] if row.waited[number] else None
    return path[::-1]


def _slacks(row: ChildRow, finishes: Sequence[int], begin_ns: int) -> list[int | None]:
    """Return by how much each child could end later without a later end of its parent."""
    count = len(row.children)
    inside, places = set(row.inside), _places(row)
    last_ns = max([begin_ns, *(finishes[number] for number in row.inside)])
    # For each number, when the readiness of it or one after it would have to come, at the latest.
    needed: list[int | None] = [None] * (count + 1)
    slacks: list[int | None] = [None] * count
    for number in range(count - 1, -1, -1):
        waits = bisect_right(row.waited, places[number])
        latest_ns = _least(needed[waits], last_ns if number in inside else None)
        if latest_ns is not None:
            slacks[number] = latest_ns - finishes[number]
            child = row.children[number]
            ready_ns = latest_ns - (child.end_ns - child.start_ns) - row.delays[number]
            needed[number] = _least(needed[number + 1], ready_ns)
        else:
            needed[number] = needed[number + 1]
    return slacks


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _first(following: list[int], at: int) -> int:
    """Follow `following` from `at` to a place that points to itself, and shorten the way for the next time."""
    end = at
    while following[end] != end:
        end = following[end]
    while following[at] != end:
        following[at], at = end, following[at]
    return end
