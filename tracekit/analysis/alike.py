"""Draw a run in few rows: chains that lead to one call, and groups of children that are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tracekit import semconv
from tracekit.model.tree import Node, Status, Tokens

__all__ = ["LEAST_ALIKE", "LINKS", "AlikeNodes", "chain_of", "failed_in", "grouped"]

LEAST_ALIKE = 8
"""Children of one kind and name that become a group."""

LINKS = frozenset(("tool", "agent", "turn"))
"""The kinds of nodes that say nothing beside the one call that they lead to."""

_SHARED = frozenset((semconv.TOOL_NAME,))
_ALONE = frozenset(("turn", "llm", "attempt", "run"))
_FAILED = frozenset(("error", "interrupted"))


@dataclass(frozen=True, slots=True)
class AlikeNodes(Node):
    """A node that stands for its children, which are alike. No span was recorded for it."""


def grouped(children: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return `children` with each set of similar nodes replaced by a group, at the place of its first node."""
    if {child.kind for child in children} <= _ALONE:
        return children
    counts = Counter([(child.kind, child.name) for child in children if child.kind not in _ALONE])
    many = {key for key, number in counts.items() if number >= LEAST_ALIKE}
    if not many:
        return children
    alike: dict[tuple[str, str], list[Node]] = {}
    order: list[Node | tuple[str, str]] = []
    for child in children:
        key = child.kind, child.name
        if key not in many:
            order.append(child)
        elif key in alike:
            alike[key].append(child)
        else:
            alike[key] = [child]
            order.append(key)
    return tuple(_group(alike[each]) if isinstance(each, tuple) else each for each in order)


def chain_of(node: Node) -> tuple[Node, ...]:
    """Return the nodes that one row can show: from `node` down to its one call, or to its agent."""
    members = [node]
    while members[-1].kind in LINKS and len(members[-1].children) == 1 and not isinstance(node, AlikeNodes):
        members.append(members[-1].children[0])
    if members[-1].kind == "llm":
        return tuple(members)
    return tuple(members[:2]) if node.kind == "tool" and len(members) > 1 and members[1].kind == "agent" else (node,)


def failed_in(group: AlikeNodes) -> int:
    """The number of members that failed or were interrupted."""
    return sum(child.status in _FAILED for child in group.children)


def _group(members: Sequence[Node]) -> AlikeNodes:
    """The group of `members`, the slowest first; those without an end before all others."""
    first = members[0]
    costs = [child.cost_usd for child in members if child.cost_usd is not None]
    status: Status = "open" if any(child.status == "open" for child in members) else "ok"
    last_ns = max(child.end_ns or child.start_ns for child in members)
    return AlikeNodes(
        id=f"group:{first.id}",
        kind=first.kind,
        name=first.name,
        agent=first.agent,
        start_ns=min(child.start_ns for child in members),
        end_ns=None if status == "open" else last_ns,
        status=status,
        failure=None,
        inferred=all(child.inferred for child in members),
        model=None,
        lane="",
        attributes={key: value for key, value in first.attributes.items() if key in _SHARED},
        tokens=sum((child.tokens for child in members), Tokens()),
        retries=sum(child.retries for child in members),
        cost_usd=sum(costs) if costs else None,
        cost_complete=all(child.cost_complete for child in members),
        children=tuple(sorted(members, key=lambda child: -child.duration_ns(last_ns + 1))),
    )
