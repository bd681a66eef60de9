"""The critical path by agent: the time that each agent decided, and its avoidable part according to findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tracekit.analysis.timing.critical import CriticalStep
from tracekit.model.finding import Finding, is_at_least
from tracekit.model.tree import Node

__all__ = ["Share", "shares_of"]


class Share(NamedTuple):
    """The part of the critical path that agents of one name decided, in nanoseconds; None for time of no agent."""

    agent: str | None
    time_ns: int
    avoidable_ns: int


def shares_of(root: Node, steps: Sequence[CriticalStep], findings: Iterable[Finding]) -> list[Share]:
    """Return the shares of agents in `steps`, the path through the run with this `root`; the largest first.

    A finding that is likely or certain makes a part of `steps` avoidable: those at and below its spans. What it saves is
    spread over the agents there by their times. No step counts for two findings: the one that saves more has it.
    """
    times, avoidable = Counter[str | None](), Counter[str | None]()
    for step in steps:
        times[_name(step)] += step.end_ns - step.start_ns
    taken: set[int] = set()
    for saved_ns, places in _places_of(root, steps, findings):
        if not taken.isdisjoint(places):
            continue
        taken |= places
        parts = Counter[str | None]()
        for place in places:
            parts[_name(steps[place])] += steps[place].end_ns - steps[place].start_ns
        whole_ns = parts.total()
        for name, time_ns in parts.items():
            avoidable[name] += min(saved_ns, whole_ns) * time_ns // whole_ns
    shares = [Share(name, time_ns, avoidable[name]) for name, time_ns in times.items()]
    return sorted(shares, key=lambda share: -share.time_ns)


def _name(step: CriticalStep) -> str | None:
    return None if step.agent is None else step.agent.agent or step.agent.name


def _places_of(root: Node, steps: Sequence[CriticalStep], findings: Iterable[Finding]) -> list[tuple[int, set[int]]]:
    """Return the saving of each finding with the places of its `steps`, the largest saving first.

    The steps of a finding are those at and below its spans. A span with other spans of the same finding below it only
    shows where these are.
    """
    saving = [each for each in findings if each.saved_ms and is_at_least(each.confidence, "likely")]
    saving.sort(key=lambda finding: -(finding.saved_ms or 0.0))
    about: dict[str, list[int]] = {}
    for number, finding in enumerate(saving):
        for id in dict.fromkeys(finding.spans):
            about.setdefault(id, []).append(number)
    of_node: dict[str, list[int]] = {}
    for place, step in enumerate(steps):
        of_node.setdefault(step.node.id, []).append(place)
    # By finding and span the places of steps whose nearest span of the finding it is.
    places: dict[tuple[int, str], set[int]] = {}
    around: set[tuple[int, str]] = set()
    stack: list[tuple[Node, dict[int, str]]] = [(root, {})] if saving else []
    while stack:
        node, nearest = stack.pop()
        if node.id in about:
            own = dict.fromkeys(about[node.id], node.id)
            around.update((number, nearest[number]) for number in own if number in nearest)
            nearest = {**nearest, **own}
        for key in nearest.items() if node.id in of_node else ():
            places.setdefault(key, set()).update(of_node[node.id])
        stack.extend((child, nearest) for child in node.children)
    found: list[set[int]] = [set() for _ in saving]
    for key in places.keys() - around:
        found[key[0]] |= places[key]
    return [(round((each.saved_ms or 0.0) * 1e6), own) for each, own in zip(saving, found, strict=True) if own]
