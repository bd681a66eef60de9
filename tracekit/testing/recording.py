"""Records what a test does as one run of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tracekit import __version__
from tracekit.analysis.structure import structure
from tracekit.configure import DISABLED_VARIABLE, init
from tracekit.errors import RunNotFoundError
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.lanes import standing_for
from tracekit.instrument.live import new_run_id, new_span_id
from tracekit.instrument.recorder import Recorder, active, install
from tracekit.journal.catalog import all_runs, segments_of
from tracekit.journal.export import export
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Failure, SpanBegin, SpanEnd
from tracekit.model.recording import RecordedSpan, Recording
from tracekit.model.run import ProcessRoot, RunInfo, Session
from tracekit.model.tree import Run
from tracekit.model.unrecorded import in_words

__all__ = ["TestRecording"]


class TestRecording:
    """Records all that this process does until `stop` as the run `name`, then restores the state before.

    ``TRACEKIT_HOME`` is where it goes. Lanes are counted from here, so that a test has the same ones whatever ran
    before it.

    Raises:
        RunNotFoundError: Recording is switched off.
        SettingsError: The project's rules of redaction cannot be used.
    """

    __test__ = False  # it is no test, whatever its name begins with

    def __init__(self, name: str, argv: tuple[str, ...]) -> None:
        if os.environ.get(DISABLED_VARIABLE) == "1":
            raise RunNotFoundError(
                f"nothing is recorded: {DISABLED_VARIABLE}=1 stops the record; unset it for this test"
            )
        clock = AnchoredClock()
        now_ns = clock.now_ns()
        self._root = ProcessRoot(new_span_id(), now_ns, argv)
        self._info = RunInfo(new_run_id(), name, now_ns, self._root)
        self._before = active()
        self._clock = clock
        self._sink = JournalSink({"tracekit": __version__})
        self._end: SpanEnd | None = None
        self._lanes = ExitStack()
        self._lanes.enter_context(standing_for("m"))
        self._recorder = Recorder(self._sink, clock, Session(self._info, ""))
        install(self._recorder)
        init()

    @property
    def run(self) -> Run:
        """Return the record so far as a run that ends now, or the only run that the test began.

        Raises:
            RunNotFoundError: Nothing has been.
        """
        paths = segments_of(self._info.id)
        if paths:
            return structure(self._as_ended(read_run(paths)))
        runs = all_runs(1)
        if not runs:
            raise RunNotFoundError(f"nothing is recorded: {self._no_call()}, and it has started no agent")
        return structure(read_run(runs[0].paths))

    def stop(self, error: BaseException | None = None) -> None:
        """Record no further. `error` is how the test failed. Harmless twice."""
        if self._end is not None:
            return
        failure = Failure(type(error).__qualname__, str(error)) if error is not None else None
        self._end = SpanEnd(self._root.id, self._clock.now_ns(), "error" if failure else "ok", failure)
        if segments_of(self._info.id):
            self._sink.write(self._info, SpanBegin(self._root.id, None, "run", self._info.name, self._root.at_ns, "m"))
            self._sink.write(self._info, self._end)
        self._recorder.exit()
        self._lanes.close()
        if active() is self._recorder:
            install(self._before)

    def export(self, path: Path) -> None:
        """Write the run to the file `path`, whose folder is made.

        Raises:
            RunNotFoundError: Nothing was recorded.
            SecretsError: It holds what looks like a credential.
            JournalError: It cannot be written.
        """
        paths = segments_of(self._info.id)
        if not paths:
            raise RunNotFoundError(f"there is nothing to keep: {self._no_call()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        export(paths, path, shared=True)

    def _no_call(self) -> str:
        """Say that the test made no call, or none that is recorded."""
        missed = in_words(self._recorder.misses)
        if missed:
            return f"no call of the test went through the anthropic SDK; {missed}"
        return "the test has made no call to Claude"

    def _as_ended(self, recording: Recording) -> Recording:
        """`recording` with its root, which is written at the end, as it would be now."""
        if self._root.id in recording.spans:
            return recording
        ended = RecordedSpan(
            self._root.id,
            None,
            "run",
            self._info.name,
            self._root.at_ns,
            self._clock.now_ns(),
            "ok",
            None,
            {},
            "m",
            0,
            "",
        )
        return replace(recording, spans={self._root.id: ended, **recording.spans})
