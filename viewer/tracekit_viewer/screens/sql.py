"""SQL over all runs: one SELECT over the documented views, with the history of `tracekit sql`."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, cast

from prompt_toolkit.history import FileHistory
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Input, Static
from textual.worker import Worker, WorkerState
from typing_extensions import override

from tracekit_viewer.door import QueryAnswer, TracekitError, counted, decimals, home, query_runs, view_listing
from tracekit_viewer.messages import RunIdChosen
from tracekit_viewer.render.text import plain
from tracekit_viewer.widgets.keys import KeyLine, KeyLineScreen

__all__ = ["SqlScreen"]

_MOST_ROWS = 1000
_LONGEST_CELL = 200
_COLLECTING_S = 10.0
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_FIRST = "SELECT name, status, cost_usd FROM runs ORDER BY recorded_at DESC LIMIT 20"


class SqlScreen(KeyLineScreen):
    """Asks the store. ⏎ on a row that names a run opens the run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Back to the query, then to the runs"),
    ]
    DEFAULT_CSS = """
    SqlScreen {
        Input { height: 1; border: none; padding: 0 1; background: $surface; }
        #state { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
        #views { height: 1fr; padding: 0 1; color: $text-muted; }
        DataTable { height: 1fr; display: none; background: $background; }
        &.-answered { DataTable { display: block; } #views { display: none; } }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._earlier: list[str] = []
        self._place = -1

    @override
    def compose(self) -> ComposeResult:
        yield Input(placeholder=_FIRST, compact=True)
        yield Static("⏎ asks, ↑ and ↓ go through earlier queries; these are the views and their columns:", id="state")
        with VerticalScroll(id="views", can_focus=False):
            yield Static("\n".join(view_listing()), markup=False)
        yield DataTable(cursor_type="row", zebra_stripes=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Let the user type."""
        self._earlier = self._history()
        self.query_one(Input).focus()

    def _history(self) -> list[str]:
        """Return earlier queries, the newest first, each once and on one line."""
        try:
            strings = FileHistory(home() / "sql-history").load_history_strings()
            return list(dict.fromkeys(" ".join(text.split()).rstrip(";") for text in strings))
        except (OSError, TracekitError):
            return []

    def on_key(self, event: events.Key) -> None:
        """The arrows go through earlier queries, or from the query into the rows."""
        field = self.query_one(Input)
        if self.focused is not field or event.key not in ("up", "down"):
            return
        event.stop()
        step = 1 if event.key == "up" else -1
        if self._place + step < 0 and self.has_class("-answered"):
            self.query_one(DataTable).focus()
            return
        self._place = max(-1, min(self._place + step, len(self._earlier) - 1))
        field.value = self._earlier[self._place] if self._place >= 0 else ""
        field.cursor_position = len(field.value)

    @on(Input.Submitted)
    def _asked(self, event: Input.Submitted) -> None:
        query = event.value.strip() or _FIRST
        self.query_one("#state", Static).update("asking …")
        with suppress(OSError, TracekitError):
            path = home() / "sql-history"
            path.touch(mode=0o600)
            FileHistory(path).store_string(f"{query};")
        self._earlier = [query, *(each for each in self._earlier if each != query)]
        self._place = -1
        ask = partial(query_runs, query, most=_MOST_ROWS, budget_s=_COLLECTING_S)
        self.run_worker(ask, name="sql", group="sql", exclusive=True, thread=True, exit_on_error=False)

    @on(Worker.StateChanged)
    def _answered(self, message: Worker.StateChanged) -> None:
        worker: Worker[Any] = message.worker
        state = self.query_one("#state", Static)
        if message.state == WorkerState.ERROR:
            state.update(f"! {plain(str(worker.error), 400)}")
        elif message.state == WorkerState.SUCCESS:
            answer = cast("QueryAnswer", worker.result)
            more = ", the first of more: `tracekit sql` has all" if answer.is_cut else ""
            notes = "".join(f"   ! {plain(said, 200)}" for said in answer.warnings[:1])
            state.update(f"{counted(len(answer.rows), 'row')}{more}{notes}")
            self._show(answer)

    def _show(self, answer: QueryAnswer) -> None:
        table = self.query_one(DataTable)
        table.clear(columns=True)
        for number, name in enumerate(answer.columns):
            table.add_column(plain(name, 40), key=str(number))
        for row in answer.rows:
            table.add_row(*(_cell(value) for value in row))
        self.add_class("-answered")
        if answer.rows:
            table.focus()

    @on(DataTable.RowSelected)
    def _chosen(self, event: DataTable.RowSelected) -> None:
        cells = self.query_one(DataTable).get_row(event.row_key)
        run = next((str(cell) for cell in cells if _RUN_ID.fullmatch(str(cell))), None)
        if run is None:
            self.notify("no run is named in this row: select the column run, or id of the runs", timeout=4)
        else:
            self.post_message(RunIdChosen(run))

    def action_back(self) -> None:
        """Go back to the query, then to the runs."""
        field = self.query_one(Input)
        if self.focused is not field:
            field.focus()
        else:
            self.dismiss()


def _cell(value: Any) -> Any:
    """Return a value fit for a table: nothing in it is markup, or acts on the terminal."""
    if isinstance(value, float):
        return Text(decimals(value))
    return Text(plain("" if value is None else str(value), _LONGEST_CELL))
