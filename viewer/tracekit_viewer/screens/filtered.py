"""A list of runs that is filtered, and of which two runs are compared."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from textual.timer import Timer
from textual.widgets import Static

from tracekit_viewer.door import (
    FilterError,
    Run,
    RunFilter,
    RunSummary,
    TracekitError,
    find,
    parse_filter,
    read_entry,
    search_runs,
)
from tracekit_viewer.render.text import plain
from tracekit_viewer.screens.compare import CompareScreen
from tracekit_viewer.widgets.keys import KeyLineScreen
from tracekit_viewer.widgets.runs_list import RunsList

__all__ = ["FilteredScreen", "FoundRuns"]

_PAIR = 2
_AGAIN_S = 1.0
_TYPING_S = 0.1
"""The search waits until nothing has been typed for this long."""

_COLLECTING_S = 10.0
"""Seconds for which a search puts runs into the store that are not there yet."""

_MOST_SEARCHES = 5
"""A search that warns, as of runs that are not in the store yet, is repeated so often at most."""


class FoundRuns(NamedTuple):
    """The runs that fit a filter."""

    query: str
    runs: list[RunSummary]
    warnings: list[str]


class FilteredScreen(KeyLineScreen):
    """Searches all runs with the language of `tracekit ls`, in threads, and opens comparisons."""

    def __init__(self) -> None:
        super().__init__()
        self.query_text = ""
        self.found_for: str | None = None
        self.wrong = ""
        self.behind = ""
        self._found: list[RunSummary] = []
        self._searches = 0
        self._searching: Timer | None = None

    def show_list(self, *, to_top: bool = False) -> None:
        """Show the runs anew."""
        raise NotImplementedError

    def show_warnings(self) -> None:
        """Show the warnings anew."""
        raise NotImplementedError

    # ── the filter ───────────────────────────────────────────────────────────────────────────────────────────────────

    def search_soon(self) -> None:
        """Search once nothing has been typed for a moment."""
        self.wrong, self._searches = "", 0
        if self._searching is not None:
            self._searching.stop()
        self._searching = self.set_timer(_TYPING_S, self.search)

    def search(self) -> None:
        """Search all runs in a thread; a filter that is wrong so far is explained, and the list stays."""
        self.wrong = self.behind = ""
        if not self.query_text:
            self.found_for = None
            self.show_list(to_top=True)
            return
        try:
            wanted = parse_filter(self.query_text)
        except FilterError as error:
            self.wrong = str(error)
            self.show_warnings()
            return
        search = partial(_search_for, self.query_text, wanted)
        self.run_worker(search, name="search", group="search", exclusive=True, thread=True, exit_on_error=False)

    def searched(self, found: FoundRuns | str) -> None:
        """Take the result of a search, or why it failed."""
        if isinstance(found, str):
            self.wrong = found
            self.show_warnings()
        elif found.query == self.query_text:
            is_new, self.found_for, self._found = found.query != self.found_for, found.query, found.runs
            self._searches += 1
            self.behind = found.warnings[0] if found.warnings else ""
            self.show_list(to_top=is_new)
            if found.warnings and self._searches < _MOST_SEARCHES:
                self._searching = self.set_timer(_AGAIN_S, self.search)

    def matching(self, runs: list[RunSummary]) -> list[RunSummary]:
        """Return the runs that were found, as the list knows them, which sees them grow; without a filter, all."""
        if self.found_for is None:
            return runs
        newest = {run.id: run for run in runs}
        return [newest.get(run.id, run) for run in self._found]

    # ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_mark(self) -> None:
        """Mark the run under the cursor, or unmark it; of three marks the first goes."""
        self.query_one(RunsList).mark()

    def action_compare(self) -> None:
        """Compare the two marked runs, a marked one with that under the cursor, or a replay with its recording."""
        rows = self.query_one(RunsList)
        here = rows.at
        ids = list(rows.marked)
        if len(ids) < _PAIR and here is not None and here.id not in ids:
            ids.append(here.id)
        if len(ids) < _PAIR and here is not None and here.replay_of is not None:
            ids = [here.replay_of, here.id]
        if len(ids) < _PAIR:
            self.notify("m marks a run; mark two, and D compares them", timeout=4)
            return
        self.query_one("#at", Static).update("reading both runs …")
        self.run_worker(partial(_both, *ids[:_PAIR]), name="compare", group="compare", thread=True, exit_on_error=False)

    def compared(self, runs: tuple[Run, Run] | str) -> None:
        """Open the comparison of `runs`, or tell why they cannot be read."""
        if isinstance(runs, str):
            self.query_one("#at", Static).update(f"! they cannot be compared: {plain(runs)}")
        else:
            self.app.push_screen(CompareScreen(*runs))


def _search_for(query: str, wanted: RunFilter) -> FoundRuns:
    return FoundRuns(query, *search_runs(wanted, replays=True, budget_s=_COLLECTING_S))


def _both(a: str, b: str) -> tuple[Run, Run] | str:
    """The runs `a` and `b`, the recording of a replay first; or why they cannot be read."""
    try:
        one, other = read_entry(find(a)), read_entry(find(b))
    except TracekitError as error:
        return str(error)
    return (other, one) if one.replay_of == other.id else (one, other)
