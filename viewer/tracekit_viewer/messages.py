"""What widgets tell their screen: every message that crosses a widget's border."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from tracekit_viewer.door import Node, RunSummary

__all__ = ["NodeHighlighted", "RunChosen", "RunHighlighted", "RunsNeeded", "SortAsked"]


@dataclass
class NodeHighlighted(Message):
    """The timeline's cursor stands on `node`."""

    node: Node

    def can_replace(self, message: Message) -> bool:
        """Only the last of a flood of moves matters."""
        return isinstance(message, NodeHighlighted)


@dataclass
class RunHighlighted(Message):
    """The list's cursor stands on `run`; None where the list is empty."""

    run: RunSummary | None

    def can_replace(self, message: Message) -> bool:
        """Only the last of a flood of moves matters."""
        return isinstance(message, RunHighlighted)


@dataclass
class RunChosen(Message):
    """The user wants to see `run`."""

    run: RunSummary


@dataclass
class RunsNeeded(Message):
    """The end of the list comes into view."""

    def can_replace(self, message: Message) -> bool:
        """Once is enough."""
        return isinstance(message, RunsNeeded)


@dataclass
class SortAsked(Message):
    """The user wants the list sorted by the column `key`, or the other way round if it is."""

    key: str
