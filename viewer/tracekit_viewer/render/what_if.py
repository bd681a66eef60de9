"""A run as it was and as it could be: two strips of lanes with one time axis."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tracekit_viewer.door import Finding, WhatIf, duration
from tracekit_viewer.render.axis import axis_line
from tracekit_viewer.render.bars import Pieces, draw
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.findings import places_of
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.lanes import LaneRow, bars_of, lanes_of
from tracekit_viewer.render.names import SIGNS, hint_of, name_of
from tracekit_viewer.render.text import cells, fit
from tracekit_viewer.render.window import Window

__all__ = ["Comparison", "compared", "comparison_rows"]

_TIME = 10
_LEAST_LABEL, _MOST_LABEL = 24, 48
_LEAST_HINT = 6
_LEAST_LANES = 2
_CLOSE = 4
"""Where what changes is within a part of the run that is so many times shorter, only that part is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The drawing: the run as it was and as it could be, and the lanes of the findings."""

    forest: Forest
    what_if: WhatIf
    lanes: Sequence[LaneRow]
    now_ns: int


def compared(forest: Forest, findings: Sequence[Finding], what_if: WhatIf, now_ns: int) -> Comparison:
    """Choose what is drawn of `findings`: the agents that they are about, the one above them, and tools without agents."""
    spans = tuple(dict.fromkeys(id for finding in findings for id in finding.spans))
    places = places_of(forest, (what_if.node.id, *spans))
    agents = list(forest.hues)
    wanted = {forest.agent_of(place) for place in places.values()}
    tools: list[int] = []
    for id in spans:
        place = places.get(id)
        if place is None or id == what_if.node.id:
            continue
        within = agents[bisect_left(agents, place) : bisect_left(agents, forest.ends[place])]
        wanted.update(within)
        if forest.nodes[place].kind == "tool" and not within:
            tools.append(place)
    lanes = [lane for lane in lanes_of(forest) if lane.place in wanted]
    lanes += [_tool_lane(forest, place) for place in tools]
    return Comparison(forest, what_if, sorted(lanes, key=lambda lane: lane.place), now_ns)


def _tool_lane(forest: Forest, place: int) -> LaneRow:
    agent = forest.agent_of(place)
    depth = sum(each in forest.hues for each in forest.path(place))
    return LaneRow(place, name_of(forest, place), depth, forest.hues.get(agent, 0), [forest.nodes[place]])


def comparison_rows(comparison: Comparison, width: int, height: int) -> list[Pieces]:
    """The two strips on lines of `width` cells, cut to `height` lines as far as that makes sense."""
    label = max(_LEAST_LABEL, min(_MOST_LABEL, width // 3))
    bar = max(0, width - label - _TIME - 2)
    window = _window(comparison)
    lanes = comparison.lanes[: max(_LEAST_LANES, (height - 3) // 2)]
    if len(lanes) == len(comparison.lanes) - 1:
        lanes = comparison.lanes
    made = comparison.what_if
    axis = axis_line(window, made.was.start_ns, bar) if bar else ""
    rows = [_head("as it was", made.was.end_ns - made.was.start_ns, label, [(axis, "quiet")])]
    rows += [_lane(comparison, lane, window, label, bar, could=False) for lane in lanes]
    rows.append(
        _head("as it could be", made.could.end_ns - made.could.start_ns, label, _measure(comparison, window, bar))
    )
    rows += [_lane(comparison, lane, window, label, bar, could=True) for lane in lanes]
    if len(lanes) < len(comparison.lanes):
        rows.append([(f"   and {len(comparison.lanes) - len(lanes)} more lanes in each", "quiet")])
    return rows


def _window(comparison: Comparison) -> Window:
    """The whole run, or the part of it in which something changes, where that is far shorter."""
    made = comparison.what_if
    whole = Window(made.was.start_ns, made.was.end_ns)
    node = made.node
    end_ns = comparison.now_ns if node.end_ns is None else node.end_ns
    if _CLOSE * (end_ns - node.start_ns) >= whole.length_ns:
        return whole
    margin = max(1, (end_ns - node.start_ns) // 20)
    return Window(node.start_ns - margin, end_ns + margin)


def _head(title: str, took_ns: int, label: int, beside: Pieces) -> Pieces:
    return [(f"   {title:<{label - 3}}", "strong"), (f"{duration(took_ns):>{_TIME}}", "strong"), ("  ", ""), *beside]


def _measure(comparison: Comparison, window: Window, bar: int) -> Pieces:
    """The difference: between the two ends of the run, where these are seen and there is room."""
    made = comparison.what_if
    text = f"{duration(made.saved_ns)} less"
    first, last = (window.position(at_ns, bar) for at_ns in (made.could.end_ns, made.was.end_ns))
    last = min(last, bar) - 1
    if made.was.end_ns > window.end_ns or last < 0:
        return [(text, "open")]
    if last - first >= len(text) + 3:
        return [(" " * first, ""), (f"├{f' {text} ':─^{last - first - 1}}┤", "open")]
    rule = f"├{'─' * (last - first - 1)}┤" if first < last else "┤"
    before = last - len(rule) - len(text)
    return [(" " * before, ""), (f"{text} {rule}", "open")] if before >= 0 else [(text[:bar], "open")]


def _lane(comparison: Comparison, lane: LaneRow, window: Window, label: int, bar: int, *, could: bool) -> Pieces:
    forest, made = comparison.forest, comparison.what_if
    node = forest.nodes[lane.place]
    least = min(each.depth for each in comparison.lanes)
    indent = "  " * min(lane.depth - least, 4)
    room = max(1, label - 5 - len(indent))
    name = fit(lane.name, room)
    hint = fit(hint_of(forest.nodes[max(0, forest.parents[lane.place])]), room - cells(name) - 2)
    return [
        ("   ", ""),
        (f"{indent}{SIGNS.get(node.kind, SIGNS['span'])} ", f"hue{lane.hue}"),
        (name, ""),
        (fitted(f"  {hint}" if cells(hint) >= _LEAST_HINT else "", room - cells(name)), "quiet"),
        (f"{_took(comparison, lane, could=could):>{_TIME}}", "quiet"),
        ("  ", ""),
        *draw(bars_of(lane, forest, comparison.now_ns, made.times if could else None), window, bar),
    ]


def _took(comparison: Comparison, lane: LaneRow, *, could: bool) -> str:
    node = comparison.forest.nodes[lane.place]
    if not could:
        return duration(node.duration_ns(comparison.now_ns))
    at = comparison.what_if.times.get(node.id)
    return "" if at is None else duration(at.end_ns - at.start_ns)
