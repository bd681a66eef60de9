"""A screen that tells of a run what was found in it: findings, what-if, agents, the critical path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from tracekit_viewer.door import Finding, Run, WhatIf, counted, default_findings, what_if
from tracekit_viewer.messages import AgentsLeft, FindingsLeft, SpanWanted, WhatIfWanted
from tracekit_viewer.render.agents import agent_rows
from tracekit_viewer.render.findings import marks_of, places_of
from tracekit_viewer.render.path import CriticalPath, path_of
from tracekit_viewer.render.what_if import compared
from tracekit_viewer.screens.playing import PlayingScreen
from tracekit_viewer.source import RunSource
from tracekit_viewer.widgets.agents import AgentsPane
from tracekit_viewer.widgets.findings import FindingsPane
from tracekit_viewer.widgets.run_title import RunTitle
from tracekit_viewer.widgets.timeline import Timeline

__all__ = ["CheckedScreen"]

_LOOKING = Binding.Group("Looking")


class CheckedScreen(PlayingScreen):
    """Works out in threads what takes time, and shows it in panes and in the timeline.

    Args:
        source: Where the run comes from.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "findings", "Findings", group=_LOOKING, tooltip="Avoidable delays and costs, with the reasons"),
        Binding("A", "agents", "Agents", group=_LOOKING, tooltip="Agents by name and calls by model, as a table"),
        Binding("C", "path", "Critical path", group=_LOOKING, tooltip="Light what decided when the run ended"),
    ]

    def __init__(self, source: RunSource) -> None:
        super().__init__()
        self._source = source
        self._run: Run | None = None
        self._found: Sequence[Finding] | None = None
        self._path: CriticalPath | None = None
        self._is_lit = False

    @property
    def timeline(self) -> Timeline:
        """The rows."""
        return self.query_one(Timeline)

    def _tell_title(self) -> None:
        """Show the title of the run anew."""
        raise NotImplementedError

    def _takes(self) -> dict[str, Callable[[Any], None]]:
        """Return the function that takes a thread's result, by the thread's name."""
        return {
            "check": self._checked,
            "what-if": self._compared,
            "path": self._path_found,
            "agents": self.query_one(AgentsPane).show,
        }

    # ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        """Check the run for findings, in a worker."""
        if self._run is not None:
            self.query_one(FindingsPane).tell("checking …")
            self._in_thread("check", partial(default_findings, self._run))

    def _in_thread(self, name: str, work: Callable[[], Any]) -> None:
        # Without a description Textual makes one of all that the work is given, which is a whole run. What was asked
        # before, and is still at it, is of no use any more.
        self.run_worker(work, name=name, description=name, group=name, exclusive=True, thread=True, exit_on_error=False)

    def _checked(self, found: Sequence[Finding]) -> None:
        self._found = found
        many = counted(len(found), "finding") if found else "nothing found"
        so_far = " so far; it is looked for anew when the run ends" if self._source.live else ""
        pane = self.query_one(FindingsPane)
        pane.tell(many + so_far)
        pane.show(found)
        self.timeline.mark(marks_of(self.timeline.forest, found))
        self._tell_title()
        if self._run is not None and (self._is_lit or self.has_class("-tall")):
            self._in_thread("path", partial(path_of, self._run, found))

    def action_findings(self) -> None:
        """Show what was found, or close it."""
        pane = self.query_one(FindingsPane)
        if self.has_class("-findings") and pane.has_focus:
            self._leave_findings()
            return
        if self._source.live:
            self._check()
        self.remove_class("-agents").add_class("-findings")
        pane.focus()

    @on(FindingsLeft)
    def _leave_findings(self) -> None:
        self.remove_class("-findings")
        self.timeline.focus()

    def action_agents(self) -> None:
        """Show the table of agents, or close it."""
        if self.has_class("-agents") and self.query_one(AgentsPane).has_focus:
            self._leave_agents()
        elif self._run is not None:
            self._in_thread("agents", partial(agent_rows, self._run, self.timeline.view.now_ns))
            self.remove_class("-findings").add_class("-agents")
            self.query_one(AgentsPane).focus()

    @on(AgentsLeft)
    def _leave_agents(self) -> None:
        self.remove_class("-agents")
        self.timeline.focus()

    @on(SpanWanted)
    def _span_wanted(self, message: SpanWanted) -> None:
        place = places_of(self.timeline.forest, (message.id,)).get(message.id)
        if place is not None:
            self.timeline.go_to(place)

    @on(WhatIfWanted)
    def _what_if_wanted(self, message: WhatIfWanted) -> None:
        if self._run is not None:
            self._in_thread("what-if", partial(_worked_out, self._run, message.findings))

    def _compared(self, worked_out: tuple[Sequence[Finding], WhatIf]) -> None:
        findings, could = worked_out
        timeline = self.timeline
        self.query_one(FindingsPane).compare(findings, compared(timeline.forest, findings, could, timeline.view.now_ns))

    # ── the critical path ────────────────────────────────────────────────────────────────────────────────────────────

    def action_path(self) -> None:
        """Light the critical path, or everything again."""
        self._is_lit = not self._is_lit
        if self._is_lit and self._path is None and self._run is not None:
            self._in_thread("path", partial(path_of, self._run, self._found or ()))
        self._light()

    def _path_found(self, path: CriticalPath) -> None:
        self._path = path
        self._light()

    def _light(self) -> None:
        path = self._path
        self.timeline.light(path.stretches if path is not None and self._is_lit else None)
        is_told = path is not None and (self._is_lit or self.has_class("-tall"))
        self.query_one(RunTitle).tell_path(path.line if path is not None and is_told else "")


def _worked_out(run: Run, findings: Sequence[Finding]) -> tuple[Sequence[Finding], WhatIf]:
    """`findings` with `run` as it would have been without all of them."""
    return findings, what_if(run, [each.change for each in findings if each.change is not None])
