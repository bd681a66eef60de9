"""Record a whole process: its session before, its root span after."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tracekit import __version__, semconv
from tracekit.cli.child import hash_variable
from tracekit.configure import SESSION_VARIABLE, exporter_for, service_name
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.live import new_run_id, new_span_id
from tracekit.instrument.remote import Remote, incoming
from tracekit.journal.home import HOME_VARIABLE, home, make_home, runs_folder
from tracekit.journal.missed import missed_in, note_missed
from tracekit.journal.process import HASH_SEED_VARIABLE, boot_id, file_host, hash_seed
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Failure, SpanBegin, SpanEnd
from tracekit.model.run import ProcessRoot, RunInfo, Session
from tracekit.model.unrecorded import Misses
from tracekit.notes import StartedSession, sessions_in
from tracekit.otlp.losses import note_abandoned

__all__ = ["ProcessRecording"]


class ProcessRecording:
    """One process run, from before its program starts until after it has ended."""

    def __init__(self, name: str, argv: Sequence[str]) -> None:
        """Begin to record `argv` as a run called `name`.

        Raises:
            HomeError: There is no folder to record in.
            SettingsError: The project's rules of redaction cannot be used.
        """
        make_home()
        self._hash_seed = hash_seed() if os.environ.get(HASH_SEED_VARIABLE) else int.from_bytes(os.urandom(4))
        self._sink = JournalSink({"tracekit": __version__}, lambda: service_name(name), self._hash_seed)
        self._clock = AnchoredClock()
        now_ns = self._clock.now_ns()
        root = ProcessRoot(new_span_id(), now_ns, tuple(argv))
        self.run = RunInfo(new_run_id(), name, now_ns, root)
        hello = tempfile.mkdtemp(prefix="tracekit-")
        self.session = Session(self.run, hello, boot=boot_id(), offset_ns=self._clock.offset_ns)
        self._remote = incoming(os.environ)
        self._exporter = exporter_for(name, self._remote, self._sink.privacy, is_quiet=True)
        self._begin = self._root_begin(root)
        if self._exporter is not None:
            self._exporter.write(self.run, self._begin)

    @property
    def variables(self) -> dict[str, str]:
        """The variables for our hook, the hash seed, and any exporter of the program."""
        # A child may be given neither the variable nor those by which the platform finds its folder.
        note = {
            SESSION_VARIABLE: self.session.dumps(),
            HOME_VARIABLE: str(home()),
            **hash_variable(self._hash_seed),
        }
        if self._exporter is None:
            return note
        trace, is_sampled = self._exporter.trace_of(self.run, self._begin.id)
        remote = Remote(trace, self._begin.id, is_sampled, self._remote.state if self._remote else "")
        return {**note, **remote.variables()}

    def finish(self, return_code: int) -> None:
        """Write the root span of the program, which ended with `return_code`, if anything was recorded."""
        root = self.run.root
        assert root is not None
        if self.run.id not in self.recorded_runs():
            return
        self._sink.write(self.run, self._begin)
        end_ns = self._clock.now_ns()
        failure = _failure(return_code)
        status: Literal["ok", "error"] = "error" if failure else "ok"
        end = SpanEnd(root.id, end_ns, status, failure, {semconv.EXIT_CODE: return_code})
        self._sink.write(self.run, end)
        self._sink.release(self.run)
        if self._exporter is not None:
            self._exporter.write(self.run, end)
            self._exporter.exit(end_ns)

    def _root_begin(self, root: ProcessRoot) -> SpanBegin:
        attributes: dict[str, Any] = {semconv.COMMAND_ARGS: list(root.argv)}
        trace = ""
        if self._remote is not None:
            trace = self._remote.trace
            attributes[semconv.REMOTE_PARENT] = self._remote.span
        return SpanBegin(root.id, None, "run", self.run.name, root.at_ns, "m", trace, attributes)

    def said_hello(self) -> bool:
        """Return whether a process of the program has loaded the hook."""
        return bool(self._processes())

    def _processes(self) -> list[str]:
        """The ids of the processes that have loaded the hook."""
        return [path.name for path in Path(self.session.hello).iterdir() if path.name.isdigit()]

    def recorded_runs(self) -> list[str]:
        """Return the ids of the runs of the program's processes, this run first if it is among them."""
        patterns = [f"*/{self.run.id}.*.jsonl"]
        patterns += [f"*/*.{file_host()}.{pid}*.jsonl" for pid in self._processes()]
        found = {
            path.name.partition(".")[0]
            for pattern in patterns
            for path in runs_folder().glob(pattern)
            # A pid is used again, by programs of other days.
            if path.stat().st_mtime_ns >= self.run.recorded_at_ns
        }
        return sorted(found, key=lambda id: id != self.run.id)

    def started_sessions(self) -> list[StartedSession]:
        """Return the sessions of other tools that the program started."""
        return list(sessions_in(Path(self.session.hello)))

    def missed(self) -> Misses:
        """Return the program's requests to Claude that are not recorded, and note them for `tracekit doctor`."""
        found = missed_in(Path(self.session.hello))
        note_missed(self.run.name, found)
        return found

    def unsent(self) -> tuple[int, str]:
        """Count the spans of this run that its processes ended without sending; returns their number, and where to."""
        found = [each for each in note_abandoned(home()) if self.run.id in each.runs]
        return sum(each.lost for each in found), found[-1].endpoint if found else ""

    def close(self) -> None:
        """Remove files that were needed only while the program ran."""
        if self._exporter is not None:
            self._exporter.exit(self._clock.now_ns())
        shutil.rmtree(self.session.hello, ignore_errors=True)


def _failure(return_code: int) -> Failure | None:
    if return_code == 0:
        return None
    if return_code < 0:
        try:
            return Failure(signal.Signals(-return_code).name, "the program was ended by a signal")
        except ValueError:
            return Failure(f"signal {-return_code}", "the program was ended by a signal")
    return Failure(f"exit {return_code}", f"the program ended with exit code {return_code}")
