"""Makes runs of the traces that arrive, and keeps them up to date while spans come."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracekit.errors import HomeError
from tracekit.origin import pass_on
from tracekit.privacy import Privacy
from tracekit.sources.importing import import_session, import_sessions, imported_before, runs_recorded_here
from tracekit.sources.otlp.seen_calls import SeenCalls
from tracekit.sources.otlp.session import TraceSession
from tracekit.sources.otlp.source import Otlp
from tracekit.sources.writing import SessionWriter
from tracekit.system_clock import steady_ns, wall_ns

__all__ = ["TraceRuns"]

_MOST_LIVE = 200
"""Traces whose journals are held open."""
_QUIET_NS = 60_000_000_000
"""A minute: a trace without new spans for so long counts as ended, until more come."""
_SHARE = 10
"""A trace is translated again after so many times the time that its translation took, so that its growth stays cheap."""
_WAIT_NS = 300_000_000
_AGAIN_NS = 30_000_000_000
"""A journal that the disk did not take is written again after half a minute."""
_BARE_WAIT_NS = 3_000_000_000
_RECOVERED_NS = 7 * 86_400_000_000_000
"""A week: a receiver that was killed is started again within this time."""


@dataclass(slots=True)
class _LiveTrace:
    """A trace that is growing. `due_ns` is the time of its next translation, None while nothing is new."""

    session: TraceSession
    writer: SessionWriter
    before: Path | None
    heard_ns: int
    due_ns: int | None = None
    cost_ns: int = field(default=0)


class TraceRuns:
    """Translates traces in a thread of its own, those with new spans soon after these came.

    `problems` hears about a trace that cannot be translated. Spans are on the disk already, so nothing is lost with it.
    """

    def __init__(self, privacy: Privacy, calls: SeenCalls, problems: Callable[[str], None]) -> None:
        self._privacy = privacy
        self._calls = calls
        self._problems = problems
        self._live: OrderedDict[str, _LiveTrace] = OrderedDict()
        self._waiting: dict[str, int] = {}
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="otlp-runs")
        self._before: dict[str, Path] = {}
        self._here: set[str] = set()

    def start(self) -> None:
        """Translate the traces whose newest spans are in no run yet, and begin to listen for more.

        Raises:
            HomeError: The folder for journals cannot be used.
            SettingsError: The rules of redaction cannot be used.
            OSError: A journal cannot be written.
        """
        source = Otlp(self._calls)
        import_sessions(source, source.folders(), wall_ns() - _RECOVERED_NS)
        self._before = {key: path for key, (path, _) in imported_before(source).items()}
        self._here = runs_recorded_here()
        self._thread.start()

    def add(self, traces: Mapping[str, int]) -> None:
        """Note the `traces` that have new spans."""
        now = steady_ns()
        with self._changed:
            for trace, number in traces.items():
                if number:
                    self._waiting.setdefault(trace, now)
            self._changed.notify()

    def stop(self) -> None:
        """Translate what is waiting, close all journals, and end the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._ending:
                    self._changed.wait(self._patience_s())
                waiting, self._waiting = self._waiting, {}
                ending = self._ending
            for trace, heard_ns in waiting.items():
                self._note(trace, heard_ns)
            for trace in self._calls.late():
                self._note(trace, steady_ns())
            self._translate_due(everything=ending)
            self._let_go(everything=ending)
            if ending:
                return

    def _patience_s(self) -> float | None:
        """Return the seconds until something has to be done for a trace, or None."""
        now = steady_ns()
        times = [live.due_ns if live.due_ns is not None else live.heard_ns + _QUIET_NS for live in self._live.values()]
        return max(0.0, (min(times) - now) / 1e9) + 0.01 if times else None

    def _note(self, trace: str, heard_ns: int) -> None:
        live = self._live.get(trace)
        if live is None:
            session = TraceSession(trace, self._calls)
            session.is_live = True
            live = self._live[trace] = _LiveTrace(
                session, SessionWriter(self._privacy), self._before.get(session.key), heard_ns
            )
        live.heard_ns = heard_ns
        self._live.move_to_end(trace)
        if live.due_ns is None:
            live.due_ns = heard_ns + max(_WAIT_NS, _SHARE * live.cost_ns)

    def _translate_due(self, *, everything: bool) -> None:
        for live in self._live.values():
            if live.due_ns is not None and (everything or live.due_ns <= steady_ns()):
                self._translate(live)

    def _translate(self, live: _LiveTrace) -> None:
        started, live.due_ns = steady_ns(), None
        if live.session.is_live and live.session.is_bare and started - live.heard_ns < _BARE_WAIT_NS:
            # Another record of the same call may be on its way.
            live.due_ns = live.heard_ns + _BARE_WAIT_NS
            return
        try:
            run = live.session.run
            path = import_session(live.session, live.writer, live.before) if run not in self._here else None
            if path is not None:
                live.before = self._before[live.session.key] = path
            elif live.session.is_repeated:
                self._before.pop(live.session.key, None)
                live.before = None
        except Exception as error:  # noqa: BLE001  a stranger's spans must not end the receiver
            pass_on(error)
            self._problems(f"trace {live.session.trace[:8]} is not shown: {type(error).__name__}: {error}")
            if isinstance(error, OSError | HomeError):
                # The journal may end in the middle of a line.
                live.writer.forget()
                live.due_ns = started + _AGAIN_NS
        live.cost_ns = steady_ns() - started

    def _let_go(self, *, everything: bool) -> None:
        now = steady_ns()
        for trace, live in list(self._live.items()):
            is_quiet = live.due_ns is None and now - live.heard_ns > _QUIET_NS
            if everything or is_quiet or len(self._live) > _MOST_LIVE:
                live.session.is_live = False
                if live.session.is_waiting or live.due_ns is not None:
                    self._translate(live)
                live.writer.close()
                live.session.close()
                del self._live[trace]
