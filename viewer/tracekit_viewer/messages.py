"""What widgets tell their screen: every message that crosses a widget's border."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from tracekit_viewer.door import Node

__all__ = ["NodeHighlighted"]


@dataclass
class NodeHighlighted(Message):
    """The timeline's cursor stands on `node`."""

    node: Node

    def can_replace(self, message: Message) -> bool:
        """Only the last of a flood of moves matters."""
        return isinstance(message, NodeHighlighted)
