"""The runs of this process: to which one a span belongs, and which ones are open."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary, ref

from tracekit import semconv
from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveRun, LiveSpan, known_run, new_run_id
from tracekit.instrument.open_spans import OpenSpans
from tracekit.instrument.program import program_name
from tracekit.instrument.upstream import Upstream
from tracekit.model.run import RunInfo

__all__ = ["Runs"]

_MOST_RUNS = 256
"""How many runs are remembered before those that are over are forgotten."""


class Runs:
    """Finds the run of each span. `now_ns` tells the time at which a new run is recorded, unless `upstream` does.

    `applications` are the application's open spans.
    """

    def __init__(self, upstream: Upstream, now_ns: Callable[[], int], applications: OpenSpans) -> None:
        self._upstream = upstream
        self._now_ns = now_ns
        self._applications = applications
        self._of_lanes: WeakKeyDictionary[Lane, LiveRun] = WeakKeyDictionary()
        # Without a callback: what a signal handler raises in one is lost.
        self._known: dict[str, ref[LiveRun]] = {}

    def new(self, name: str, *, rootless: bool = False, unit: str = "") -> LiveRun:
        """Make a run that begins now."""
        at_ns = self._upstream.recorded_at_ns()
        at_ns = self._now_ns() if at_ns is None else at_ns
        replay_of = self._upstream.replay_of
        return LiveRun(RunInfo(new_run_id(), name, at_ns, rootless=rootless, replay_of=replay_of, unit=unit))

    def begin(self, live: LiveSpan) -> None:
        """Begin the run of the `run` block `live`; the surrounding run is named by its id."""
        outer = live.parent.run if live.parent is not None else None
        if outer is not None:
            live.attributes[semconv.PARENT_RUN_ID] = outer.info.id
        live.parent = None
        live.run = self.new(live.name)
        live.run.is_declared = True
        live.numbering = live.lane.begin_anew()

    def of(self, live: LiveSpan) -> LiveRun:
        """Return the run of `live`, decided now if it is not yet."""
        if live.run is None:
            if live.parent is not None:
                live.run = self.of(live.parent)
            elif live.kind not in ("llm", "agent") and live.lane in self._of_lanes:
                live.run = self._of_lanes[live.lane]
            elif live.kind == "llm" and (root := self._applications.root_around(live.lane)) is not None:
                live.run = self.of(root)
            else:
                live.run = self.new(_name_of_run(live), rootless=live.kind == "llm")
                if live.kind == "agent":
                    live.numbering = live.lane.begin_anew()
        if live.kind == "llm" and live.parent is None:
            self._of_lanes[live.lane] = live.run
        return live.run

    def of_lane(self, lane: Lane) -> LiveRun | None:
        """Return the run of the last call without a parent in `lane`."""
        return self._of_lanes.get(lane)

    def holds(self, live: LiveSpan) -> bool:
        """Return whether `live` belongs to a run without beginning one."""
        run = known_run(live)
        # A program or a unit of work is a run once there is something of interest in it.
        return live.lane in self._of_lanes if run is None else run.is_declared or run.written

    def remember(self, run: LiveRun) -> None:
        """Something is about to be written in `run` for the first time."""
        if len(self._known) >= _MOST_RUNS:
            self._known = {id: known for id, known in list(self._known.items()) if known() is not None}
        self._known[run.info.id] = ref(run)

    def written(self) -> list[LiveRun]:
        """Return the runs in which this process has written, as far as anybody still holds them."""
        return [run for known in list(self._known.values()) if (run := known()) is not None]

    def forked(self) -> None:
        """This process is a fresh fork: what is open belongs to the parent."""
        for run in self.written():
            run.open.clear()
            run.lanes.clear()
        self._known.clear()
        self._of_lanes.clear()


def _name_of_run(root: LiveSpan) -> str:
    """Return the name of a run that begins with `root`: an agent, the application's own span, or a single call."""
    if root.kind == "agent":
        return str(root.attributes.get(semconv.AGENT_NAME, root.name))
    if root.kind == "span":
        return root.name
    return program_name()
