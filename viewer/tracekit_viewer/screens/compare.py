"""Two runs, compared: their bars on one axis, and the differences of the row under the cursor."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static
from textual.worker import Worker, WorkerState
from typing_extensions import override

from tracekit_viewer.door import Run, compare_runs
from tracekit_viewer.render.block import Block
from tracekit_viewer.render.compare import ComparedRuns, compared_runs
from tracekit_viewer.render.notes import note
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.word_diff import change_blocks, report_block
from tracekit_viewer.screens.playing import PlayingScreen
from tracekit_viewer.widgets.compare import ComparedView, RowHighlighted
from tracekit_viewer.widgets.document import Document
from tracekit_viewer.widgets.keys import KeyLine
from tracekit_viewer.widgets.player import Playback, PlayerBar

__all__ = ["CompareScreen"]

_LOOKING = Binding.Group("Looking")


class CompareScreen(PlayingScreen):
    """Compares run `b` with run `a`; for a replay, `a` is its recording.

    Args:
        a: The run that the differences are from.
        b: The other run.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", group=_LOOKING, tooltip="Back to the rows, then to the screen before"),
        Binding("enter", "read", "Read", group=_LOOKING, tooltip="Go to the differences of this row"),
    ]
    DEFAULT_CSS = """
    CompareScreen {
        #body { height: 1fr; layout: vertical; }
        ComparedView { height: 3fr; }
        Document { height: 2fr; border-top: solid $foreground 15%; }
        #state { height: 1; padding: 0 1; color: $text-muted; display: none; }
        #state.-shown { display: block; }
        &.-wide {
            #body { layout: horizontal; }
            ComparedView { height: 1fr; width: 3fr; }
            Document { height: 1fr; width: 2fr; border-top: none; border-left: solid $foreground 15%; }
        }
    }
    """

    def __init__(self, a: Run, b: Run) -> None:
        super().__init__()
        self._a, self._b = a, b
        self._runs: ComparedRuns | None = None

    @override
    def compose(self) -> ComposeResult:
        yield Static("comparing …", id="state", markup=False, classes="-shown")
        with Container(id="body"):
            yield ComparedView()
            yield Document()
        yield PlayerBar()
        yield KeyLine()

    def on_mount(self) -> None:
        """Compare in a thread: texts are compared word by word."""
        self.query_one(ComparedView).focus()
        # Without a description Textual makes one of both runs.
        self.run_worker(self._compare, name="compare", description="compare", thread=True, exit_on_error=False)

    def _compare(self) -> ComparedRuns:
        return compared_runs(compare_runs(self._a, self._b))

    @on(Worker.StateChanged)
    def _compared(self, message: Worker.StateChanged) -> None:
        worker: Worker[Any] = message.worker
        state = self.query_one("#state", Static)
        if message.state == WorkerState.ERROR:
            state.update(f"! these runs cannot be compared: {plain(str(worker.error), 300)}")
        elif message.state == WorkerState.SUCCESS:
            state.remove_class("-shown")
            self._runs = runs = cast("ComparedRuns", worker.result)
            self.query_one(ComparedView).show(runs)

    @on(RowHighlighted)
    def _row_highlighted(self, message: RowHighlighted) -> None:
        row = message.row
        blocks: list[Block] = [report_block(row.report)] if row.report else []
        blocks += change_blocks(row.changes)
        if not blocks:
            blocks = [note("same", "The same in both.", bare=True)]
        self.query_one(Document).show(blocks, same=False)

    # ── playback ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def whole_run(self) -> Run | None:
        runs = self._runs
        if runs is None:
            return None
        lengths = self._a.last_ns - runs.starts[0], self._b.last_ns - runs.starts[1]
        return self._a if lengths[0] >= lengths[1] else self._b

    @override
    def show_moment(self, run: Run, player: Playback | None) -> None:
        runs, view = self._runs, self.query_one(ComparedView)
        if player is None or runs is None:
            view.show_moment(None)
        else:
            view.show_moment(player.at_ns - runs.starts[0 if self.whole_run() is self._a else 1])

    # ── what the user asks ───────────────────────────────────────────────────────────────────────────────────────────

    def action_read(self) -> None:
        """Go to the differences."""
        self.query_one(Document).focus()

    def action_back(self) -> None:
        """Go back one step: to the rows, to the whole runs, to the screen before."""
        view = self.query_one(ComparedView)
        if not view.has_focus:
            view.focus()
        elif self.player is not None:
            self.leave_playback()
        else:
            self.dismiss()
