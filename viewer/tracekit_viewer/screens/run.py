"""One run: lanes above, its tree and waterfall, what the cursor stands on beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.worker import Worker, WorkerState
from typing_extensions import override

from tracekit_viewer.door import ContentIndex, Run, count_likely
from tracekit_viewer.messages import (
    AgentChosen,
    NodeHighlighted,
    RangeChosen,
    RangeMarked,
    SearchChanged,
    SearchEnded,
    TimeChosen,
    ViewChanged,
)
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.window import outside
from tracekit_viewer.screens.layout import SPLIT_CSS
from tracekit_viewer.screens.taking import TakingScreen
from tracekit_viewer.source import RunSource
from tracekit_viewer.widgets.agents import AgentsPane
from tracekit_viewer.widgets.axis import Axis
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.findings import FindingsPane
from tracekit_viewer.widgets.keys import KeyLine
from tracekit_viewer.widgets.lanes import LaneStrip
from tracekit_viewer.widgets.minimap import MinimapStrip
from tracekit_viewer.widgets.player import Playback, PlayerBar
from tracekit_viewer.widgets.run_title import RunTitle
from tracekit_viewer.widgets.search import SearchBar
from tracekit_viewer.widgets.timeline import Timeline

__all__ = ["RunScreen"]

_TICK_S = 0.5
_SETTLE_S = 0.12
"""The detail waits until the cursor has stood still for this long, so that a held key doesn't wait for it."""

_JUMPING = Binding.Group("Jumping")
_FOLDING = Binding.Group("Folding")
_TIME = Binding.Group("Time")
_LOOKING = Binding.Group("Looking")


class RunScreen(TakingScreen):
    """Shows the run of `source`, and follows it while it is live.

    Args:
        source: Where the run comes from.
        clock: What time it is, in nanoseconds since the epoch.
    """

    DEFAULT_CSS = (
        """
    RunScreen {
        #body { height: 1fr; layout: vertical; }
        #timelines { height: 2fr; }
        DetailPane { display: none; height: 3fr; border-top: solid $foreground 15%; }
        DetailPane.-maximized { width: 100% !important; height: 100% !important; border: none !important; }
        LaneStrip { max-height: 3; display: none; }
        &.-tall LaneStrip { max-height: 9; display: block; }
        &.-detail DetailPane, &.-wide DetailPane { display: block; }
        &.-wide {
            #body { layout: horizontal; }
            #timelines { height: 1fr; width: 3fr; }
            DetailPane { height: 1fr; width: 2fr; border-top: none; border-left: solid $foreground 15%; }
        }
        FindingsPane { display: none; }
        &.-findings {
            FindingsPane { display: block; }
            Timeline { height: 2fr; }
            &.-narrow DetailPane { display: none; }
            &.-short LaneStrip { display: none; }
            &.-tall FindingsPane { height: 3fr; max-height: 26; }
            &.-short FindingsPane { height: 3fr; }
            FindingsPane.-empty { height: 3; }
        }
        &.-agents { AgentsPane { display: block; } Timeline { height: 2fr; } &.-narrow DetailPane { display: none; } }
        &.-lanes LaneStrip { display: block; }
        &.-no-detail DetailPane { display: none; }
        &.-no-lanes LaneStrip { display: none; }
    }
    """
        + SPLIT_CSS
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "read", "Read", group=_LOOKING, tooltip="Go to the detail pane"),
        Binding(
            "t", "transcript", "Transcript", show=False, group=_LOOKING, tooltip="The whole conversation of all agents"
        ),
        Binding("escape", "back", "Back", group=_LOOKING, tooltip="Back to the timeline, then to the runs"),
        Binding("slash", "search", "Search", key_display="/", group=_JUMPING, tooltip="Search in names and content"),
        Binding("n", "timeline('match(1)')", "Next match", show=False, group=_JUMPING),
        Binding("N", "timeline('match(-1)')", "Previous match", show=False, group=_JUMPING),
        Binding("e", "timeline('fault(1)')", "Error", group=_JUMPING, tooltip="Next error"),
        Binding("E", "timeline('fault(-1)')", "Previous error", show=False, group=_JUMPING),
        Binding("r", "timeline('retry(1)')", "Retry", group=_JUMPING, tooltip="Next retried call"),
        Binding("ctrl+r", "timeline('retry(-1)')", "Previous retried call", show=False, group=_JUMPING),
        Binding("p", "timeline('parent')", "Parent", show=False, group=_JUMPING),
        Binding("J,shift+down", "timeline('sibling(1)')", "Next sibling", show=False, group=_JUMPING),
        Binding("K,shift+up", "timeline('sibling(-1)')", "Previous sibling", show=False, group=_JUMPING),
        Binding("f", "timeline('follow')", "Follow", group=_JUMPING, tooltip="Stay with what began last"),
        Binding("c", "timeline('below(\"fold\")')", "Fold all below", show=False, group=_FOLDING),
        Binding("o", "timeline('below(\"unfold\")')", "Unfold all below", show=False, group=_FOLDING),
        *(
            Binding(
                str(level),
                f"timeline('level({level})')",
                f"Show {level} levels",
                show=False,
                group=_FOLDING,
                tooltip="Show so many levels",
            )
            for level in range(1, 9)
        ),
        Binding("9", "timeline('level(10000)')", "Show all levels", show=False, group=_FOLDING),
        Binding("plus,equals_sign", "timeline('zoom(1)')", "Zoom in", key_display="+", show=False, group=_TIME),
        Binding("minus", "timeline('zoom(-1)')", "Zoom out", key_display="-", show=False, group=_TIME),
        Binding("0", "timeline('zoom_all')", "The whole time", show=False, group=_TIME),
        Binding("z", "timeline('zoom_here')", "Zoom to the cursor's span", show=False, group=_TIME),
        Binding("shift+left,H", "timeline('pan(-0.25)')", "Earlier", show=False, group=_TIME),
        Binding("shift+right,L", "timeline('pan(0.25)')", "Later", show=False, group=_TIME),
        Binding("d", "hide('detail')", "Detail", group=_LOOKING, tooltip="Show or hide the detail pane"),
        Binding("a", "hide('lanes')", "Show or hide the agents' lanes", show=False, group=_LOOKING),
    ]

    _settling: Timer

    def __init__(self, source: RunSource, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__(source)
        self._clock = clock
        self._search_origin = 0
        self._searched = ""
        self._content: ContentIndex | None = None
        self._forest: Forest | None = None

    @override
    def compose(self) -> ComposeResult:
        yield RunTitle()
        with Container(id="body"):
            with Vertical(id="timelines"):
                yield MinimapStrip()
                yield LaneStrip()
                yield Axis()
                yield Timeline()
                yield FindingsPane()
                yield AgentsPane()
            yield DetailPane()
        yield PlayerBar()
        yield SearchBar()
        yield KeyLine()

    # ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        """Show the run, and look again while it may grow."""
        self.restore_layout()
        self._settling = self.set_interval(_SETTLE_S, self._settled, pause=True)
        self.timeline.focus()
        run = self._source.poll()
        if run is not None:
            self._show(run)
        if self._source.live:
            self.set_timer(self._source.pause_s, self._look_again)
            self.set_interval(_TICK_S, self._tick)
        else:
            self.call_after_refresh(self._check)

    def _look_again(self) -> None:
        """Poll in a worker, because a long run takes time. Wait while another screen is shown."""
        if not self.is_active:
            self.set_timer(_TICK_S, self._look_again)
            return
        self.run_worker(self._source.poll, name="poll", thread=True, exit_on_error=False)

    @on(Worker.StateChanged)
    def _thread_ended(self, message: Worker.StateChanged) -> None:
        """Show the result of a thread. An error is reported, and earlier content stays."""
        worker: Worker[Any] = message.worker
        if message.state == WorkerState.ERROR:
            told = {"poll": "this run can't be followed", "check": "this run can't be checked"}
            said = f"{told.get(worker.name, 'this cannot be drawn')}: {worker.error}"
            self.notify(plain(said, 300), severity="error", timeout=10, markup=False)
        elif message.state == WorkerState.SUCCESS:
            takes: dict[str, Callable[[Any], None]] = {
                "poll": self._polled,
                "content": self._content_read,
                **self._takes(),
            }
            take = takes.get(worker.name)
            if take is not None:
                take(worker.result)

    def _polled(self, run: Run | None) -> None:
        if run is not None:
            self._show(run)
        if self._source.live:
            self.set_timer(self._source.pause_s, self._look_again)
        elif self._run is not None:
            if run is None:
                self._show(self._run)
            # A run that has ended is not followed any more.
            self.refresh_bindings()
            self._check()

    def _show(self, run: Run) -> None:
        self._run = run
        self.timeline.show(
            run, self._clock() if self._source.live else None, growing=self._source.live and run.root.end_ns is None
        )
        self.query_one(LaneStrip).show(self.timeline.forest)
        self._tell_title()

    @override
    def whole_run(self) -> Run | None:
        return None if self._source.live else self._run

    @override
    def show_moment(self, run: Run, player: Playback | None) -> None:
        timeline = self.timeline
        if self._forest is None:
            # The minimap goes on to show the whole run, with a mark at the moment.
            self._forest = timeline.forest
            timeline.hold(timeline.bounds)
        if player is None:
            self._forest = None
            timeline.hold(None)
        timeline.show(run, None if player is None else player.at_ns)
        self.query_one(LaneStrip).show(timeline.forest)
        self._tell_title()
        self._settled()

    def _tick(self) -> None:
        if self.is_active and self._run is not None and self._source.live and self._run.root.end_ns is None:
            self.timeline.tick(self._clock())
            self._tell_title()

    def _tell_title(self) -> None:
        assert self._run is not None
        timeline = self.timeline
        self.query_one(RunTitle).show(
            timeline.forest,
            timeline.view.now_ns,
            live=self._source.live,
            following=timeline.following,
            note=self._source.note,
            findings=count_likely(self._found or ()),
        )

    # ── what the widgets ask ─────────────────────────────────────────────────────────────────────────────────────────

    @on(ViewChanged)
    def _view_changed(self) -> None:
        if self._run is None:
            return
        view = self.timeline.view
        self.query_one(LaneStrip).look(view)
        bounds = self.timeline.bounds
        note = self.timeline.searched or ("" if self._source.live else outside(self.timeline.forest, bounds))
        head_ns = None if self.player is None else self.player.at_ns
        self.query_one(MinimapStrip).look(self._forest or self.timeline.forest, bounds, view, head_ns)
        self.query_one(Axis).look(view, bounds.start_ns, bounds.length_ns, note)

    @on(NodeHighlighted)
    def _node_highlighted(self) -> None:
        forest = self.timeline.forest
        self.query_one(LaneStrip).point_at(forest.agent_of(self.timeline.cursor))
        self._settling.reset()
        self._settling.resume()

    def _settled(self) -> None:
        """The cursor has stood still for a moment."""
        self._settling.pause()
        pane = self.query_one(DetailPane)
        if self._run is not None and pane.display:
            pane.show(self.timeline.forest.run, self.timeline.detail_node)

    @on(TimeChosen)
    def _time_chosen(self, message: TimeChosen) -> None:
        self.timeline.look(message.window)

    @on(AgentChosen)
    def _agent_chosen(self, message: AgentChosen) -> None:
        self.timeline.go_to(message.place)

    @on(RangeMarked)
    def _range_marked(self, message: RangeMarked) -> None:
        self.query_one(Axis).mark(message.cells)

    @on(RangeChosen)
    def _range_chosen(self, message: RangeChosen) -> None:
        self.timeline.look_at_cells(*message.cells)

    @on(SearchChanged)
    def _search_changed(self, message: SearchChanged) -> None:
        self._searched = message.query
        known = self._content
        is_known = known is not None and self._run is not None and known.root is self._run.root
        self._show_hits(known.find(message.query) if known is not None and is_known else None)
        if message.query and not is_known and self._run is not None:
            self._in_thread("content", partial(ContentIndex, self._run))

    def _content_read(self, content: ContentIndex) -> None:
        self._content = content
        if self._searched:
            self._show_hits(content.find(self._searched))

    def _show_hits(self, content: frozenset[str] | None) -> None:
        """Show the rows that have what is searched; without `content`, which is being read, only those named so."""
        self.timeline.search(self._searched, self._search_origin, content or frozenset())
        number, many = self.timeline.hits
        told = f"{number}/{many}" if many else "not found" if content is not None else "…"
        self.query_one(SearchBar).tell(f"{told}   ⏎ stay, then n and N   esc go back" if self._searched else "")

    @on(SearchEnded)
    def _search_ended(self, message: SearchEnded) -> None:
        if not message.found:
            self._searched = ""
            self.timeline.search("", self._search_origin)
            self.timeline.go_to(self._search_origin)
        self.timeline.focus()

    # ── what the user asks ───────────────────────────────────────────────────────────────────────────────────────────

    async def action_timeline(self, action: str) -> None:
        """Let the timeline do `action`, whatever has the focus."""
        await self.timeline.run_action(action)
        self._tell_title()

    def action_read(self) -> None:
        """Go to the detail pane."""
        self.add_class("-detail").remove_class("-no-detail")
        if not self.has_class("-wide"):
            # There is room for one of them.
            self.remove_class("-findings", "-agents")
        self._settled()
        self.query_one(DetailPane).focus()

    def action_transcript(self) -> None:
        """Read the whole conversation of the run."""
        self.timeline.go_to(0)
        self.query_one(DetailPane).read_whole()
        self.action_read()

    async def action_back(self) -> None:
        """Go back one step: to the timeline, then to the whole run, then to the list of runs."""
        if not self.timeline.has_focus:
            self.timeline.focus()
        elif self.player is not None:
            self.leave_playback()
        else:
            await self.app.run_action("leave")

    async def action_search(self) -> None:
        """Search in names and content."""
        self._search_origin = self.timeline.cursor
        await self.query_one(SearchBar).open()

    def action_hide(self, what: str) -> None:
        """Hide the detail pane or the lanes, or show them again."""
        is_shown = self.query_one(DetailPane if what == "detail" else LaneStrip).display
        self.set_class(not is_shown, f"-{what}").set_class(is_shown, f"-no-{what}")
        self.keep_layout(what, not is_shown)
        if what == "detail":
            self._settled()
            self.timeline.focus()

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # Only a run that grows can be followed.
        return not (action == "timeline" and parameters == ("follow",)) or self._source.live
