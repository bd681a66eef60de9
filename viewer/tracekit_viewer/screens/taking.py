"""A screen of a run that hands a node on: to the clipboard, to a pager, to an editor."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType

from tracekit_viewer.door import Node, Run
from tracekit_viewer.outside import show_outside
from tracekit_viewer.render.copying import copied_forms, text_of_node
from tracekit_viewer.render.text import plain
from tracekit_viewer.screens.copying import CopyScreen
from tracekit_viewer.screens.layout import LayoutScreen
from tracekit_viewer.screens.replaying import ReplayingScreen

__all__ = ["TakingScreen"]

_TAKING = Binding.Group("Taking elsewhere")
_LONGEST_COPY = 1_000_000


class TakingScreen(ReplayingScreen, LayoutScreen):
    """Copies the node under the cursor as text, JSON, `curl` or Python, and opens it in $PAGER or $EDITOR."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("Y", "copy_as", "Copy as …", show=False, group=_TAKING, tooltip="Copy as text, JSON, curl or Python"),
        Binding("v", "show_in('PAGER')", "Open in $PAGER", show=False, group=_TAKING),
        Binding("V", "show_in('EDITOR')", "Open in $EDITOR", show=False, group=_TAKING),
    ]

    def _taken(self) -> tuple[Run, Node] | None:
        return None if self._run is None else (self.timeline.forest.run, self.timeline.detail_node)

    def action_copy_as(self) -> None:
        """Choose a form, and copy the node under the cursor in it."""
        taken = self._taken()
        if taken is not None:
            run, node = taken
            title = plain(f"copy {node.kind} {node.agent or node.name}", 40)
            self.app.push_screen(CopyScreen(title, list(copied_forms(run, node))), partial(self._copy, run, node))

    def _copy(self, run: Run, node: Node, form: str | None) -> None:
        if form is None:
            return
        text = copied_forms(run, node)[form]()
        if len(text) > _LONGEST_COPY:
            self.notify("Too long for a clipboard: v opens it in $PAGER.", severity="warning")
            return
        self.app.copy_to_clipboard(text.encode("utf-8", "replace").decode())
        self.notify(f"Copied as {form}, {len(text):,} characters.", markup=False)

    def action_show_in(self, variable: Literal["PAGER", "EDITOR"]) -> None:
        """Show the messages of the node under the cursor in another program."""
        taken = self._taken()
        if taken is not None:
            problem = show_outside(self.app, text_of_node(*taken), variable)
            if problem:
                self.notify(plain(problem, 200), timeout=6, markup=False)
