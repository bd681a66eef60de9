"""Spans and runs while they are open in this process."""

from __future__ import annotations

import os
from typing import Any

from tracekit import semconv
from tracekit.instrument.lanes import Lane
from tracekit.model.events import Failure, Kind
from tracekit.model.run import RunInfo

__all__ = ["LiveRun", "LiveSpan", "known_run", "new_run_id", "new_span_id"]


def new_span_id() -> str:
    """16 random hex digits. Not from `random`, whose state is the user's."""
    return os.urandom(8).hex()


def new_run_id() -> str:
    """32 random hex digits."""
    return os.urandom(16).hex()


class LiveRun:
    """A run that this process takes part in.

    `held` says that the run is open as long as the process is, whether or not a span is; `written`, that something of
    interest has happened in it; `is_declared`, that the program or its user declared the run. `lanes` are the ids of
    the lanes that the record of the run contains.
    """

    __slots__ = ("__weakref__", "held", "info", "is_declared", "lanes", "open", "written")

    def __init__(self, info: RunInfo, *, held: bool = False) -> None:
        self.info = info
        self.held = held
        self.is_declared = False
        self.written = False
        self.open: set[str] = set()
        self.lanes: set[str] = set()


class LiveSpan:
    """A span that has begun in this process; its begin is written late if its trace may be irrelevant.

    `attributes` are those that have not been written yet.

    `numbering` is how its lane stood, where a run that begins here begins anew.
    `exported` says that our own exporter takes it, since no provider of the application's does.

    `end_ns` is when it ends, once that has been asked; an upstream is asked once.

    `holds_call` says that a call was made right in it.

    `leaked` says that it ended in another context than it began in, where it stays current though it is over.
    """

    __slots__ = (
        "attributes",
        "attributes_at_begin",
        "begin_ns",
        "end_ns",
        "ended",
        "exported",
        "failure",
        "holds_call",
        "id",
        "kind",
        "lane",
        "leaked",
        "name",
        "numbering",
        "otel",
        "parent",
        "pid",
        "run",
        "trace",
        "written",
    )

    def __init__(
        self,
        kind: Kind,
        name: str,
        *,
        id: str,
        trace: str,
        parent: LiveSpan | None,
        begin_ns: int,
        lane: Lane,
        attributes: dict[str, Any],
        otel: Any = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.id = id
        self.trace = trace
        self.parent = parent
        self.run: LiveRun | None = None
        self.begin_ns = begin_ns
        self.end_ns: int | None = None
        self.lane = lane
        self.attributes = attributes
        self.attributes_at_begin = attributes
        self.otel = otel
        self.failure: Failure | None = None
        self.numbering: Any = None
        self.pid = os.getpid()
        self.written = False
        self.ended = False
        self.exported = False
        self.holds_call = False
        self.leaked = False

    @property
    def can_end(self) -> bool:
        """True while it is open, in the process in which it began. No other process writes its end."""
        return not self.ended and self.pid == os.getpid()

    @property
    def is_applications(self) -> bool:
        """Return whether the application or another instrumentation makes this span current, rather than tracekit."""
        return self.kind == "span" or semconv.ADOPTED_FROM in self.attributes_at_begin


def known_run(live: LiveSpan | None) -> LiveRun | None:
    """Return the run of `live` or of the nearest span above it that has one."""
    while live is not None:
        if live.run is not None:
            return live.run
        live = live.parent
    return None
