"""A replay within a program: ``with tracekit.replay("run.jsonl") as replay:``."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tracekit.analysis.structure import structure
from tracekit.configure import hook_in, init
from tracekit.errors import ReplayDivergence, ReplayError, ReplayImpossible
from tracekit.instrument.greenlets import green_library
from tracekit.instrument.lanes import running_asyncio, standing_for
from tracekit.instrument.live import new_run_id, new_span_id
from tracekit.instrument.processes import when_entered
from tracekit.instrument.protocols import RunSink
from tracekit.instrument.recorder import Recorder, active, install
from tracekit.journal.catalog import find_run
from tracekit.journal.reader import read_run
from tracekit.model.events import ReplayMode, SpanBegin, SpanEnd
from tracekit.model.recording import Recording
from tracekit.model.run import ProcessRoot, RunInfo, Session
from tracekit.model.tree import Run
from tracekit.privacy import is_redacted, project_privacy, recorded_privacy
from tracekit.replayer import closed
from tracekit.replayer.blocked import blocked_in, note_blocked
from tracekit.replayer.children import close_children, release_children
from tracekit.replayer.clock import VirtualClock
from tracekit.replayer.divergence import Divergence, places
from tracekit.replayer.earlier import EarlierConnections
from tracekit.replayer.environment import Closing, api_hosts
from tracekit.replayer.hooks import Hooks
from tracekit.replayer.keys import Keys
from tracekit.replayer.loops import Loops
from tracekit.replayer.memory import MemorySink
from tracekit.replayer.outside import Looks
from tracekit.replayer.player import Player
from tracekit.replayer.processes import refuse_calls
from tracekit.replayer.redacting import RedactingSink
from tracekit.replayer.script import Script
from tracekit.replayer.threads import Threads
from tracekit.replayer.unsupported import unsupported
from tracekit.system_clock import wall_ns

__all__ = ["Replay", "Stage", "load_recording", "replay", "replayed_root", "root_end_ns"]


_RUNTIME = "tracekit.runtime.threads"
"""Its `run_sync` keeps a loop. It is loaded only where a program uses it."""


def replay(
    source: str | Path | Run | Recording,
    *,
    ignore: Sequence[str] = (),
    speed: float | None = None,
    block_network: bool = False,
) -> Replay:
    r"""Replay a recording to the code in the block: ``with tracekit.replay("run.jsonl") as replay:``.

    Args:
        source: A file that `tracekit export` wrote, a run's id, the beginning of one, its name, `last`, or a run.
        ignore: What may differ in requests: paths such as ``metadata.user_id`` and patterns such as ``/run \\d+/``,
            besides those that the recording names itself.
        speed: How many seconds pass in a real one; by default no real time passes.
        block_network: Whether all connections are refused, and not only those to the API's hosts.

    Raises:
        ReplayError: The recording cannot be replayed, or another replay is at work.
        TracekitError: It cannot be found or read.
    """
    return Replay(load_recording(source), ignore=ignore, speed=speed, block_network=block_network)


def load_recording(source: str | Path | Run | Recording) -> Recording:
    """The recording that `source` means.

    Raises:
        TracekitError: It means none, or it cannot be read.
    """
    if isinstance(source, Recording):
        return source
    if isinstance(source, Run):
        return source.recording
    return read_run(find_run(str(source)).paths, is_lazy=True)


class Stage:
    """The parts of a replay in one process: the player, its clock, and the functions that they replace.

    `folder` is where the processes that it does not reach note what they ask.

    Raises:
        ReplayError: The recording cannot be replayed.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        ignore: Sequence[str] = (),
        speed: float | None = None,
        block_network: bool = False,
        tell: Callable[[Divergence | str], None] | None = None,
        folder: str = "",
    ) -> None:
        if speed is not None and not speed > 0:
            raise ReplayError(f"a speed is a number above 0, not {speed!r}; 1 replays in real time")
        self.script = Script(recording, Keys([*ignore, *recording.ignore], recording.redaction))
        self.clock = VirtualClock(self.script.start_ns, speed)
        looks = Looks()
        self._loops = Loops(self.clock, looks)
        self.player = Player(self.script, self.clock, self._loops, tell)
        self.clock.room_ns = self.player.room_ns
        self._hooks = Hooks(self._loops, Threads(self.clock, looks), self.player, looks)
        self._block_network = block_network
        self.folder = folder
        self._loop_before: Any = None
        self._earlier: EarlierConnections | None = None

    def hosts(self) -> set[str]:
        """The API's hosts of the recording."""
        hosts = {exchange.request.host for exchange in self.script.recording.exchanges.values()}
        # One that a rule of redaction took away cannot be told.
        return {host for host in hosts if not is_redacted(host)}

    def enter(self, sink: RunSink, process: RunInfo | None, *, hooked: bool = False) -> Recorder:
        """Begin the replay in this process, on this thread; what happens goes to `sink`.

        `hooked` says that the processes which this one starts begin a replay of their own.
        """
        recorded = recorded_privacy(self.script.recording.redaction)
        recorder = Recorder(
            RedactingSink(sink, recorded),
            self.clock,
            Session(process, "") if process is not None else None,
            upstream=self.player,
            privacy=(recorded, project_privacy()),
        )
        install(recorder)
        hook_in()
        runtime = sys.modules.get(_RUNTIME)
        self._loop_before = runtime.change_loop() if runtime is not None else None
        self._hooks.put_in()
        self._close(hooked=hooked)
        return recorder

    def _close(self, *, hooked: bool) -> None:
        closing = Closing(tuple(sorted(self.hosts() | api_hosts(os.environ))), self._block_network, self.folder)
        hosts = closed.refuse(closing, self.player)
        close_children()
        if not hooked:
            when_entered(functools.partial(refuse_calls, closing))
        self._earlier = EarlierConnections(
            lambda host, port: hosts.has(host, port, unsure=True) or (self._block_network and not hosts.is_local(host))
        )
        self._earlier.take()

    def leave(self) -> None:
        """End the replay."""
        for where in self._earlier.give_back() if self._earlier is not None else ():
            self.player.connected_before(where)
        for asked in blocked_in(Path(self.folder)) if self.folder else ():
            self.player.unanswered(asked)
        closed.allow()
        release_children()
        when_entered(init)
        self._hooks.take_out()
        runtime = sys.modules.get(_RUNTIME)
        own = runtime.change_loop(self._loop_before) if runtime is not None else None
        if runtime is not None and own is not None:
            runtime.end_loop(own)

    def on_running_loop(self) -> AbstractContextManager[None] | None:
        """Puts the event loop that runs on this thread on the clock; None if none does."""
        try:
            return self._loops.on_clock(asyncio.get_running_loop())
        except RuntimeError:
            return None


class Replay:
    """A replay, from the beginning of its block, with its result after the end.

    Attributes:
        run: The run that was recorded while replaying; None before the end, and if nothing was asked.
        mode: ``followed``, ``projected`` or ``diverged``; None before the end, and where nothing could be tested.
        divergence: The first place where the program left the recording, None if it did not.
        unplayed: Where the recorded calls stand that were never made.
        notes: What a reader should know besides, such as that the order of threads is not proven.
    """

    def __init__(self, recording: Recording, **options: Any) -> None:
        self.run: Run | None = None
        self.mode: ReplayMode | None = None
        self.divergence: Divergence | None = None
        self.unplayed: list[str] = []
        self.notes: list[str] = []
        self._recording = recording
        self._pid = os.getpid()
        self._stage = Stage(recording, tell=self._left, **options)
        self._sink = MemorySink()
        self._stack = ExitStack()
        self._recorder: Recorder | None = None

    def __repr__(self) -> str:
        return f"Replay(of={self._recording.id[:8]!r}, mode={self.mode!r})"

    def __enter__(self) -> Self:
        before = active()
        if before is not None and not before.upstream.is_live:
            raise ReplayError(
                "a replay is already running here, and a replay cannot start another replay; end that one first"
            )
        if self._recorder is not None:
            raise ReplayError("this replay is over; call tracekit.replay(…) again for another one")
        library = green_library()
        if library is not None:
            raise ReplayError(unsupported(library))
        self._stack = ExitStack()
        try:
            self._stage.folder = tempfile.mkdtemp(prefix="tracekit-")
            self._stack.callback(shutil.rmtree, self._stage.folder, ignore_errors=True)
            self._stack.enter_context(self._stage.clock.taking_part())
            self._stack.callback(install, before)
            self._stack.enter_context(
                standing_for(self._stage.script.task_lane if running_asyncio() is not None else "m")
            )
            self._stack.callback(self._stage.leave)
            self._recorder = self._stage.enter(self._sink, replayed_root(self._recording))
            loop = self._stage.on_running_loop()
            if loop is not None:
                self._stack.enter_context(loop)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        player = self._stage.player
        if error is None:
            player.play_out()
        self._stack.close()
        if error is None:
            player.finish()
        self._conclude(player)
        if isinstance(error, (ReplayDivergence, ReplayImpossible, ReplayError)):
            return
        if player.impossible:
            raise ReplayImpossible(player.impossible) from error
        if player.divergence is not None:
            raise ReplayDivergence(str(player.divergence)) from error
        if error is None and not player.asked:
            raise ReplayError("the program sent no request, so nothing was replayed; call your agent within the block")

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _left(self, what: Divergence | str) -> None:
        """Report a divergence to the block's process, if this is a fork of that process."""
        if os.getpid() != self._pid and isinstance(what, Divergence):
            note_blocked(self._stage.folder, what.asked or what.why)

    def _conclude(self, player: Player) -> None:
        self.mode, self.divergence = None if player.impossible else player.mode, player.divergence
        paths = places(player.script) if player.unplayed else {}
        self.unplayed = [paths[call.number] for call in player.unplayed]
        self.notes = notes_of(player, self._stage.clock)
        recorder = self._recorder
        if recorder is not None and recorder.process is not None and recorder.process.run is not None:
            _write_root(self._sink, recorder.process.run.info, self._recording, player)
        recording = self._sink.recording(self.mode, player.last_ns)
        self.run = structure(recording) if recording is not None else None


def notes_of(player: Player, clock: VirtualClock) -> list[str]:
    """Return the notes on a replay, such as an order of threads that is not proven."""
    notes = []
    if not clock.is_proven:
        notes.append(
            "order not proven: threads waited for each other in a way that tracekit cannot see, such as a lock"
        )
    if clock.is_beside_others:
        notes.append(
            "order not proven: a process or a connection ran in real time beside the replay, as fast as it is "
            "on this machine"
        )
    if player.live_tools:
        listed = ", ".join(sorted(player.live_tools))
        notes.append(f"ran live, since the recording has no JSON result for them: {listed}")
    return notes


def replayed_root(recording: Recording) -> RunInfo | None:
    """The run of a whole process for a replay of `recording`, if that was one."""
    root = recording.process_root
    if root is None:
        return None
    made = ProcessRoot(new_span_id(), root.at_ns, root.argv)
    return RunInfo(new_run_id(), recording.name, wall_ns(), made, replay_of=recording.id)


def root_end_ns(recording: Recording, mode: ReplayMode, last_ns: int) -> int:
    """Return the end of a replay's process: as recorded, or the same time after its last event."""
    root = recording.process_root
    recorded = recording.spans.get(root.id) if root is not None else None
    if recorded is None or recorded.end_ns is None:
        return last_ns
    if mode == "followed":
        return recorded.end_ns
    ends = [span.end_ns or span.start_ns for span in recording.spans.values() if span.id != recorded.id]
    return last_ns + recorded.end_ns - max(ends, default=recorded.end_ns)


def _write_root(sink: MemorySink, run: RunInfo, recording: Recording, player: Player) -> None:
    root, recorded_root = run.root, recording.process_root
    if root is None or recorded_root is None:
        return
    recorded = recording.spans.get(recorded_root.id)
    attributes = dict(recorded.attributes) if recorded is not None else {}
    sink.write(run, SpanBegin(root.id, None, "run", run.name, root.at_ns, "m", "", attributes))
    sink.write(run, SpanEnd(root.id, root_end_ns(recording, player.mode, player.last_ns), "ok"))
