"""The messages from widgets to their screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message
from typing_extensions import override

from tracekit_viewer.door import Finding, Node, RunSummary
from tracekit_viewer.render.window import Window

__all__ = [
    "AgentChosen",
    "AgentsLeft",
    "FindingsLeft",
    "MomentChosen",
    "NodeHighlighted",
    "RangeChosen",
    "RangeMarked",
    "RunChosen",
    "RunHighlighted",
    "RunIdChosen",
    "RunsNeeded",
    "SearchChanged",
    "SearchEnded",
    "SortAsked",
    "SpanWanted",
    "SplitMoved",
    "TimeChosen",
    "ViewChanged",
    "WhatIfWanted",
]


# A node's repr and equality go through all below it, so messages that carry one have neither.
@dataclass(eq=False, repr=False)
class NodeHighlighted(Message):
    """The timeline's cursor stands on `node`."""

    node: Node

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, NodeHighlighted)


class ViewChanged(Message):
    """The timeline shows other columns, another part of time, or a later end of what is open."""

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ViewChanged)


@dataclass
class RangeMarked(Message):
    """The mouse is marking from one cell of the bars to another; None when it lets go."""

    cells: tuple[int, int] | None

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RangeMarked)


@dataclass
class RangeChosen(Message):
    """The user wants to see the time from one cell of the bars to another."""

    cells: tuple[int, int]


@dataclass
class TimeChosen(Message):
    """The user wants to see the time of `window`."""

    window: Window


@dataclass
class MomentChosen(Message):
    """The user points at a moment of the run, in nanoseconds since the epoch."""

    at_ns: int


@dataclass
class AgentChosen(Message):
    """The user wants to see the agent at `place`."""

    place: int


@dataclass
class SearchChanged(Message):
    """The user looks for `query`, and is still typing."""

    query: str


@dataclass
class SearchEnded(Message):
    """The user has found what was looked for, or has given up."""

    found: bool


# ── the list of runs ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class RunHighlighted(Message):
    """The list's cursor stands on `run`; None where the list is empty."""

    run: RunSummary | None

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunHighlighted)


@dataclass
class RunChosen(Message):
    """The user wants to see `run`."""

    run: RunSummary


@dataclass
class RunIdChosen(Message):
    """The user wants to see the run `id`."""

    id: str


@dataclass
class RunsNeeded(Message):
    """The end of the list comes into view."""

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsNeeded)


@dataclass
class SortAsked(Message):
    """The user wants the list sorted by the column `key`, or the other way round if it is."""

    key: str


# ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class SpanWanted(Message):
    """The user wants to see the span `id` of a finding, span `number` of `many`, counted from 1."""

    id: str
    number: int
    many: int


@dataclass(eq=False, repr=False)
class WhatIfWanted(Message):
    """The user wants to see the run as it would have been without all of `findings`."""

    findings: Sequence[Finding]


class FindingsLeft(Message):
    """The user has seen the findings."""


@dataclass
class SplitMoved(Message):
    """The mouse drags the line between the tree and the detail pane to this cell of the screen."""

    x: int
    y: int

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SplitMoved)


class AgentsLeft(Message):
    """The user has seen the agents."""
