"""The list of runs: newest first, those that live moving, filtered as one types."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState
from typing_extensions import override

from tracekit_viewer.door import (
    Listing,
    Run,
    RunSummary,
    TracekitError,
    Watch,
    home,
    runs_folder,
)
from tracekit_viewer.messages import RunChosen, RunHighlighted, RunsNeeded, SortAsked
from tracekit_viewer.render.paint import text_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.runs import Order, summary_line, title_of
from tracekit_viewer.render.text import plain
from tracekit_viewer.screens.filtered import FilteredScreen, FoundRuns
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.sql import SqlScreen
from tracekit_viewer.source import RunSource, source_of
from tracekit_viewer.widgets.keys import KeyLine
from tracekit_viewer.widgets.runs_list import RunsHeader, RunsList

__all__ = ["RunsScreen"]

_FIRST = 50
"""Runs that are listed at once; the others follow when they are scrolled to, sorted or filtered."""

_PLACEHOLDER = "a name, or agent: model: tool: status: said: code: source: since:7d cost>0.5 time>1m retries>2"

_PAUSE_S = 1.0
_SHARE = 15
"""The time between two looks is this many times what a look takes."""

_NOTHING = """\
Nothing is recorded yet in {home}.

To see what a recorded run looks like:
    tracekit demo

To record a program as it is:
    tracekit run agent.py

To record from within your own code:
    import tracekit
    tracekit.init()

Runs appear here by themselves as they begin."""


_LOOKING = Binding.Group("Looking")
_COMPARING = Binding.Group("Comparing")


class _Look(NamedTuple):
    """The result of looking for runs, and the time of the next look."""

    listing: Listing | None
    problem: str
    pause_s: float


class RunsScreen(FilteredScreen):
    """The runs, newest first. Opens a `RunScreen`.

    Args:
        clock: Nanoseconds since the epoch, up to which runs that live have lasted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before any widget, so that what is typed right after it goes into the filter.
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            priority=True,
            group=_LOOKING,
            tooltip="Show only some runs: a name, agent: model: tool: status: said: cost> …",
        ),
        Binding("s", "sort", "Sort", group=_LOOKING, tooltip="Sort by the next column"),
        Binding("S", "turn", "Reverse", group=_LOOKING, tooltip="Sort the other way round"),
        Binding("m", "mark", "Mark", group=_COMPARING, tooltip="Mark the run, or unmark it; two are compared"),
        Binding(
            "D",
            "compare",
            "Compare",
            group=_COMPARING,
            tooltip="Compare two marked runs, or a replay with its recording",
        ),
        Binding("colon", "sql", "SQL", key_display=":", group=_LOOKING, tooltip="Ask all runs in SQL"),
        Binding("escape", "clear", "Show all", group=_LOOKING, tooltip="Show all runs again"),
    ]
    DEFAULT_CSS = """
    RunsScreen #title { height: 1; padding: 0 1; }
    RunsScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    RunsScreen #nothing { display: none; height: 1fr; padding: 0 4; content-align: center middle; color: $text-muted; }
    RunsScreen #warnings { display: none; height: auto; max-height: 3; padding: 0 1; color: $text-warning; }
    RunsScreen #at { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    RunsScreen.nothing #nothing { display: block; }
    RunsScreen.nothing #list { display: none; }
    RunsScreen.has-warnings #warnings { display: block; }
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__()
        self._clock = clock
        self._watch = Watch(_FIRST)
        self._listing: Listing | None = None
        self._problem = ""
        self._order = Order()
        self._is_looking = False
        self._is_opening = False
        self._shows_all = False

    @override
    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield Input(id="filter", placeholder=_PLACEHOLDER, compact=True)
        with Vertical(id="list"):
            yield RunsHeader()
            yield RunsList(self._clock)
        yield Static(id="nothing", markup=False)
        yield Static(id="warnings", markup=False)
        yield Static(id="at", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Look for runs, from now on."""
        self.query_one("#title", Static).update("tracekit  looking for runs …")
        self.query_one(RunsList).focus()
        self._look()

    def on_screen_resume(self) -> None:
        """Say what happened while another screen was there."""
        self._look()

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Look for news in a thread of its own, unless one is at it."""
        # A screen below another is still `is_current`, and would have the whole of that one drawn again and again.
        if self._is_looking or not self.is_active:
            return
        self._is_looking = True
        self.run_worker(self._poll, name="look", thread=True, exit_on_error=False)

    def _poll(self) -> _Look:
        began = time.monotonic()
        listing, problem = None, ""
        try:
            listing = self._watch.poll()
        except TracekitError as error:
            problem = str(error)
        return _Look(listing, problem, max(_PAUSE_S, _SHARE * (time.monotonic() - began)))

    @on(Worker.StateChanged)
    def _thread_ended(self, message: Worker.StateChanged) -> None:
        """Show the result of a thread. An error is reported, and the screen stays."""
        if message.state not in (WorkerState.SUCCESS, WorkerState.ERROR):
            return
        worker: Worker[Any] = message.worker
        failed = message.state == WorkerState.ERROR
        fault = f"{type(worker.error).__name__}: {worker.error}"
        if worker.name == "look":
            self._looked(_Look(None, fault, _PAUSE_S * _SHARE) if failed else cast("_Look", worker.result))
        elif worker.name == "search":
            self.searched(fault if failed else cast("FoundRuns", worker.result))
        elif worker.name == "compare":
            self.compared(fault if failed else cast("tuple[Run, Run] | str", worker.result))
        elif worker.name == "open":
            self._opened(fault if failed else cast("RunSource | str", worker.result))

    def _looked(self, look: _Look) -> None:
        self._is_looking = False
        if look.listing is not None:
            self._listing = look.listing
        if look.listing is not None or look.problem != self._problem:
            self._problem = look.problem
            self.show_list()
            if self.query_text and look.listing is not None:
                self.search_soon()
        self.set_timer(look.pause_s, self._look)

    @on(RunsNeeded)
    def _widen(self) -> None:
        """List all runs, in the background, when more than the newest are asked for."""
        if not self._shows_all and self._listing is not None and self._watch.total > len(self._listing.runs):
            self._shows_all = True
            self._watch.widen(None)
            self._look()

    # ── showing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def show_list(self, *, to_top: bool = False) -> None:
        runs = self._listing.runs if self._listing is not None else []
        now_ns = self._clock()
        shown = self._order.sort(self.matching(runs), now_ns)
        header, rows = self.query_one(RunsHeader), self.query_one(RunsList)
        rows.show(shown, to_top=to_top)
        header.order, header.scale = self._order, rows.scale
        self._say_what_there_is(runs, shown)
        self.show_warnings()

    def _say_what_there_is(self, runs: list[RunSummary], shown: list[RunSummary]) -> None:
        live = sum(run.status == "open" for run in runs)
        total = max(self._watch.total, len(runs))
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        title = title_of(total, live, shown, is_filtered=bool(self.query_text))
        self.query_one("#title", Static).update(text_of(title, palette))
        nothing = ""
        if not runs and self._problem:
            nothing = plain(self._problem)
        elif not runs:
            nothing = _NOTHING.format(home=plain(str(home())))
        elif not shown and self.found_for == self.query_text:
            nothing = f"No run matches {plain(self.query_text)!r}.\nesc shows all."
        self.query_one("#nothing", Static).update(nothing)
        self.set_class(bool(nothing), "nothing")

    @override
    def show_warnings(self) -> None:
        listing = self._listing or Listing([], [])
        warnings = [plain(line.replace(f"{runs_folder()}/", "")) for line in listing.warnings]
        for text in filter(None, (self.behind, self.wrong)):
            warnings.insert(0, plain(text, 1000))
        if self._problem and listing.runs:
            warnings.insert(0, plain(self._problem))
        more = f"  (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
        self.query_one("#warnings", Static).update(f"! {warnings[0]}{more}" if warnings else "")
        self.set_class(bool(warnings), "has-warnings")

    @on(RunHighlighted)
    def _tell_of(self, message: RunHighlighted) -> None:
        run = message.run
        self.query_one("#at", Static).update("" if run is None else summary_line(run))

    # ── filter and order ─────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        is_filtering = self.is_mounted and self.query_one("#filter", Input).display
        return is_filtering if action == "clear" else not is_filtering if action == "filter" else True

    def action_filter(self) -> None:
        """Let the user type which runs to show."""
        box = self.query_one("#filter", Input)
        box.display = True
        # At once, so that what is typed next goes into it.
        self.set_focus(box)
        self.refresh_bindings()

    def action_clear(self) -> None:
        """Show all runs again."""
        box = self.query_one("#filter", Input)
        box.value = ""
        box.display = False
        self.refresh_bindings()
        self.set_focus(self.query_one(RunsList))

    @on(Input.Changed, "#filter")
    def _filter(self, event: Input.Changed) -> None:
        if event.value != self.query_text:
            self.query_text = event.value.strip()
            self._widen()
            self.search_soon()

    @on(Input.Submitted, "#filter")
    def _keep_filter(self) -> None:
        if not self.query_text:
            self.action_clear()
        self.set_focus(self.query_one(RunsList))

    def on_key(self, event: events.Key) -> None:
        """From the filter, the arrows lead into the list."""
        if event.key in ("down", "up") and self.focused is self.query_one("#filter"):
            event.stop()
            self.set_focus(self.query_one(RunsList))

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._sort(self._order.next())

    def action_sql(self) -> None:
        """Ask all runs in SQL."""
        self.app.push_screen(SqlScreen())

    def action_turn(self) -> None:
        """Sort the other way round."""
        self._sort(self._order.turned())

    @on(SortAsked)
    def _sort_by(self, message: SortAsked) -> None:
        is_same = message.key == self._order.key
        self._sort(self._order.turned() if is_same else Order.by(message.key))

    def _sort(self, order: Order) -> None:
        self._order = order
        self._widen()
        self.show_list()

    # ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @on(RunChosen)
    def _open(self, message: RunChosen) -> None:
        if self._is_opening:
            return
        self._is_opening = True
        self.query_one("#at", Static).update(f"reading {plain(message.run.name)} …")
        self.run_worker(partial(_source, message.run.id), name="open", thread=True, exit_on_error=False)

    def _opened(self, source: RunSource | str) -> None:
        self._is_opening = False
        if isinstance(source, str):
            self.query_one("#at", Static).update(f"! it cannot be opened: {plain(source)}")
        else:
            self.app.push_screen(RunScreen(source))


def _source(run: str) -> RunSource | str:
    """The source of a run, or why there is none."""
    try:
        return source_of(run)
    except TracekitError as error:
        return str(error)
