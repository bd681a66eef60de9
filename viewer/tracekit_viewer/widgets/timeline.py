"""The tree of a run and its waterfall, on the same rows."""

from __future__ import annotations

from textual.widgets import OptionList

from tracekit_viewer.door import Node, Run
from tracekit_viewer.messages import NodeHighlighted
from tracekit_viewer.render.text import plain

__all__ = ["Timeline"]


class Timeline(OptionList):
    """The rows of a run."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._rows: list[Node] = []

    def show(self, run: Run) -> None:
        """Draw `run`."""
        self._rows = list(run.root.walk())
        self.set_options([plain(node.name) for node in self._rows])

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(NodeHighlighted(self._rows[event.option_index]))
