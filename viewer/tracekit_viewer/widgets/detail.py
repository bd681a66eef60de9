"""What the cursor stands on: what was said, attempts, usage, attributes."""

from __future__ import annotations

from textual.widgets import Static

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.text import plain

__all__ = ["DetailPane"]


class DetailPane(Static, can_focus=True):
    """Tells all about one node."""

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, run: Run, node: Node) -> None:
        """Draw `node` of `run`."""
        self.update(plain(f"{node.kind} {node.name} of {run.name}"))
