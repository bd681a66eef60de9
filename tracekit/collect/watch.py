"""Keep a list of runs up to date: the past from the store, the present from growing journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit.analysis.structure import Structurer
from tracekit.collect.look import Listing, damage_in, list_runs
from tracekit.collect.scan import scan
from tracekit.errors import TracekitError
from tracekit.journal.follow import Follower
from tracekit.journal.home import runs_folder
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.tree import Run
from tracekit.store.rows import File

__all__ = ["Watch"]

_MANY = 40
"""So many runs that changed at once are listed anew rather than each read from its journals."""


class Watch:
    """The newest runs, and every older one that is seen to grow.

    Attributes:
        total: How many runs there are on the disk, listed or not.
    """

    def __init__(self, limit: int | None) -> None:
        self.total = 0
        self._limit = limit
        self._is_listed = False
        self._found: Mapping[str, Sequence[File]] = {}
        self._runs: dict[str, RunSummary] = {}
        self._warnings: list[str] = []
        self._live: dict[str, _Live] = {}
        self._problems: dict[str, list[str]] = {}

    def widen(self, limit: int | None) -> None:
        """List the newest `limit` runs from the next look on; None for all."""
        if limit != self._limit:
            self._limit = limit
            self._is_listed = False

    def poll(self) -> Listing | None:
        """Return the present runs, newest recorded first; None if nothing changed since the last call.

        Raises:
            HomeError: The folder for journals is a file, or cannot be read.
        """
        found = scan(runs_folder())
        before, self._found, self.total = self._found, found, len(found)
        grown = [id for id, files in found.items() if files != before.get(id)]
        if not self._is_listed or len(grown) > _MANY:
            self._list(found)
            grown = []
        gone = before.keys() - found.keys()
        for id in gone:
            self._forget(id)
        for id in grown:
            self._live.setdefault(id, _Live(id))
        changed = [id for id in list(self._live) if self._look(id)]
        if self._is_listed and not changed and not gone:
            return None
        self._is_listed = True
        return self._listing()

    def _list(self, found: Mapping[str, Sequence[File]]) -> None:
        runs, self._warnings = list_runs(self._limit, replays=True, found=found)
        self._is_listed = False
        self._runs = {run.id: run for run in runs}
        self._problems = {id: said for id, said in self._problems.items() if id in self._live}
        for run in runs:
            if run.status == "open" and run.id in found:
                self._live.setdefault(run.id, _Live(run.id))
        for id, live in self._live.items():
            if live.summary is not None:
                self._runs[id] = live.summary

    def _look(self, id: str) -> bool:
        """Read new events of a growing run; return whether there were any."""
        live = self._live[id]
        try:
            changed = live.poll()
        except TracekitError as error:
            self._problems[id] = [f"run {id[:8]}: {error}"]
            del self._live[id]
            return True
        if changed and live.run is not None and live.summary is not None:
            self._runs[id] = live.summary
            self._problems[id] = damage_in(live.run)
        if not live.is_alive:
            del self._live[id]
        return changed

    def _forget(self, id: str) -> None:
        for known in (self._runs, self._live, self._problems):
            known.pop(id, None)

    def _listing(self) -> Listing:
        runs = sorted(self._runs.values(), key=lambda run: (run.recorded_at_ns, run.id), reverse=True)
        warnings = [*self._warnings, *(said for each in self._problems.values() for said in each)]
        return Listing(runs, list(dict.fromkeys(warnings)))


class _Live:
    """A run that is being recorded, or was a moment ago."""

    def __init__(self, id: str) -> None:
        self.run: Run | None = None
        self.summary: RunSummary | None = None
        self._follower = Follower(id)
        self._structurer = Structurer()

    @property
    def is_alive(self) -> bool:
        """True while one of the run's processes lives."""
        return self.run is not None and any(segment.alive for segment in self.run.recording.segments)

    def poll(self) -> bool:
        """Read new events; return whether they change the run's line in the list."""
        recording = self._follower.poll()
        if recording is None:
            return False
        before, self.run = self.run, self._structurer.structure(recording)
        if before is not None and before.root is self.run.root:
            return False
        self.summary = summary_of(self.run)
        return True
