"""One lane an agent: when its model answered, when its tools ran, when it waited for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tracekit_viewer.door import Node
from tracekit_viewer.render.bars import HEAVY, LIGHT, WAIT, Bar
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.names import name_of
from tracekit_viewer.render.waterfall import cap_of

__all__ = ["LaneRow", "bare_lanes_of", "bars_of", "lanes_of", "with_work"]


@dataclass(slots=True)
class LaneRow:
    """An agent's lane: its place in the forest, its name, and how many agents stand above it."""

    place: int
    name: str
    depth: int
    hue: int
    work: list[Node] = field(default_factory=list)
    """Its calls, and its tools that are no agents."""


def lanes_of(forest: Forest) -> list[LaneRow]:
    """The lanes of a run with the work of their agents, in the order of its tree."""
    return with_work(bare_lanes_of(forest), forest)


def bare_lanes_of(forest: Forest) -> list[LaneRow]:
    """The lanes of a run without the work of their agents, which takes the most time to be shared out."""
    lanes: dict[int, LaneRow] = {}
    for place, hue in forest.hues.items():
        parent = forest.parents[place]
        above = lanes.get(forest.agent_of(parent)) if parent >= 0 else None
        lanes[place] = LaneRow(place, name_of(forest, place), above.depth + 1 if above else 0, hue)
    return list(lanes.values())


def with_work(bare: Sequence[LaneRow], forest: Forest) -> list[LaneRow]:
    """Return the lanes, each with the calls and the tools of its agent."""
    lanes = {lane.place: replace(lane, work=[]) for lane in bare}
    nodes, parents = forest.nodes, forest.parents
    above_last, lane = -1, None
    for place in forest.works:
        node, parent = nodes[place], parents[place]
        if parent != above_last:
            # What one turn asked for stands side by side, and is the same agent's.
            above_last, lane = parent, lanes.get(forest.agent_of(parent))
        if lane is not None and (node.kind == "llm" or not _is_handed_on(node)):
            lane.work.append(node)
    return list(lanes.values())


def bars_of(
    lane: LaneRow, forest: Forest, now_ns: int, times: Mapping[str, tuple[int, int]] | None = None
) -> list[Bar]:
    """Return the bars of `lane`: dotted for the agent, light for its tools, heavy for its model.

    With `times`, by ids, it shows what has one, when that says.
    """
    wanted = [(forest.nodes[lane.place], WAIT, "quiet")]
    for kind, weight in (("tool", LIGHT), ("llm", HEAVY)):
        wanted += [
            (node, weight, "error" if node.status == "error" else f"hue{lane.hue}")
            for node in lane.work
            if node.kind == kind
        ]
    bars = []
    for node, weight, style in wanted:
        at = (node.start_ns, now_ns if node.end_ns is None else node.end_ns) if times is None else times.get(node.id)
        if at is not None:
            bars.append(Bar(*at, weight, style, cap_of(node)))
    return bars


def _is_handed_on(tool: Node) -> bool:
    return bool(tool.children) and any(child.kind == "agent" for child in tool.children)
